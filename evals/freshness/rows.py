"""What a run writes: a row for each answer and one for each write, in the order in which they happened."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from evals.cases import Kind
from evals.freshness.verdict import Verdict
from evals.rows import Place

Role = Literal["target", "neighbour", "control"]
Phase = Literal["before", "after", "reverted"]
State = Literal["before", "after", "other"]


class _Record(BaseModel):
    """What all rows say. Within ``mode``, ``unit`` names what is written, asked about and taken back as one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mode: str
    unit: str
    phase: Phase
    timings_ms: dict[str, float] = {}


class FreshnessRow(_Record):
    """One answer of one arm, asked before the documents were changed, after it, or after the change was taken back.

    ``edit`` and ``kind`` are of the edit that is asked about or around, ``case`` is what is asked: the edit itself
    (``target``), a question about what stands near by (``neighbour``) or far away (``control``). Of the latter two the
    verdict ``new`` means that the answer is an accepted one, and ``unchanged`` whether it is the one given before.
    ``mixed``: it tells both what is new and what is old. ``as_of``: which state of the corpus the arm's own ``as_of``
    names, ``other`` for one of this store that is neither, None for one that is not of this store.

    ``timings_ms``: ``wall``, what passed for the caller. The first row of an arm about a target after a write also has
    ``written``, the length of the write, and ``visible`` and ``stale_gone``: from the call of the write to the first
    new and to the last old answer, ``stale_gone`` 0 where none was seen. Where one of the two is missing it was not
    reached before the asking ended. Everything but the timings is the same in each repetition.
    """

    record: Literal["answer"] = "answer"
    edit: str
    kind: Kind
    role: Role
    case: str
    phrasing: int
    question: str
    arm: str
    verdict: Verdict
    mixed: bool = False
    unchanged: bool | None = None
    answer: str | None = None
    reason: str | None = None
    error: str | None = None
    as_of: State | None = None
    citations: tuple[Place, ...] = ()


class WriteRow(_Record):
    """One write: the edits in it, what the receipt counts, the UTF-8 bytes that differ, and how long each stage took.

    ``timings_ms``: ``total`` and its stages; under load also ``meanwhile``, the mean length of an answer to the others.
    ``failed`` is why nothing was written, as for a commit that holds no text. The row that ``closes`` a unit is its
    last.
    """

    record: Literal["write"] = "write"
    edits: tuple[str, ...] = ()
    kind: Kind | None = None
    added: int = 0
    changed: int = 0
    deleted: int = 0
    encoded: int = 0
    changed_bytes: int = 0
    unanswered: int = 0
    failed: str | None = None
    closes: bool = False


class Line(RootModel[Annotated[FreshnessRow | WriteRow, Field(discriminator="record")]]):
    """A line of the file: one row of either kind."""

    model_config = ConfigDict(frozen=True)
