"""What requests may hold. Responses are the command line's shapes, see ``kstore.shapes``."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from kstore.controls import MAX_K, MAX_QUESTION, Method, Metric
from kstore.filters import EVERYTHING, Filter
from kstore.service import BOTH

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
K = Annotated[int, Field(ge=1, le=MAX_K)]
Revision = Annotated[int, Field(ge=0, description="a revision of the store; the latest where it is left out")]


class Body(BaseModel):
    """A request body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")


def _listed(value: object) -> object:
    """One value where a list of them is meant."""
    return value if isinstance(value, list) or value is None else [value]


Values = Annotated[list[str], BeforeValidator(_listed)]


class FilterBody(Body):
    """Which passages may be found; see ``kstore.filters``. One value may stand for a list of one."""

    documents: Values = Field(default=[], validation_alias=AliasChoices("documents", "document"))
    headings: Values = Field(default=[], validation_alias=AliasChoices("headings", "heading"))
    metadata: dict[str, Values] = {}

    def filter(self) -> Filter:
        """The same as the library has it."""
        return Filter.of(self.documents, self.headings, self.metadata)


class ControlsBody(Body):
    """What is set for one question over its preset; see ``kstore.controls``."""

    method: Method | None = None
    skim: bool | None = None
    confidence: float | None = None
    glossary: bool | None = None
    feedback: bool | None = None
    rerank: bool | None = None
    threshold: float | None = None
    gap: float | None = None
    cumulative: float | None = None
    metric: Metric | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    seed: int | None = None


class AskBody(Body):
    """One question, for one arm or both."""

    question: Question
    arm: str = BOTH
    k: K | None = None
    as_of: Revision | None = None
    preset: str | None = None
    controls: ControlsBody | None = None
    filters: FilterBody | None = None
    stream: Literal[False] = False


class DocumentBody(Body):
    """A document's text, for clients that send JSON."""

    text: str


class SearchBody(Body):
    """One query for passages."""

    query: Question
    k: K = 10
    method: Method = "hybrid"
    as_of: Revision | None = None
    filters: FilterBody | None = None


def filter_of(body: AskBody | SearchBody) -> Filter:
    """The filter of a request; without one, everything passes."""
    return body.filters.filter() if body.filters else EVERYTHING
