"""What requests may hold. Responses are the command line's shapes, see ``kstore.shapes``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kstore.controls import MAX_K, MAX_QUESTION, Method
from kstore.service import BOTH

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
K = Annotated[int, Field(ge=1, le=MAX_K)]
Revision = Annotated[int, Field(ge=0, description="a revision of the store; the latest where it is left out")]


class Body(BaseModel):
    """A request body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """A place that is kept: as yet, only an empty object fits."""


class ControlsBody(Body):
    """What is set for one question over its preset; see ``kstore.controls``."""

    method: Method | None = None
    skim: bool | None = None
    glossary: bool | None = None
    feedback: bool | None = None
    rerank: bool | None = None
    threshold: float | None = None
    gap: float | None = None
    cumulative: float | None = None
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
    filters: Nothing | None = None
