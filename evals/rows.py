"""What a run writes, one row for each case, phrasing and arm; and an estimate, what is measured from rows.

Neither can hold NaN or an infinity: what failed is a typed outcome and counts, what is not defined is not there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from kstore.types import Citation

Outcome = Literal["scored", "declined", "errored"]


class Place(BaseModel):
    """A span of a document that was found: ``document[start:end]``, in characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    start: int
    end: int


class Row(BaseModel):
    """One answer of one arm to one phrasing of one case, or its failure.

    ``outcome``: ``scored`` with a text in ``answer``, ``declined`` or ``errored`` without one and with its ``reason``;
    ``error`` is then the kind of failure (``timeout``, ``model_unavailable``, ...). ``hits`` are the passages found,
    best first, of an arm that ranks. ``tokens``: written by a generator. ``timings_ms``: ``total``, the arm's own, with
    its stages that add up to it; ``wall`` and ``cpu``, what passed for the caller and what all threads of this process
    spent. All but ``timings_ms`` is the same in each repetition of a run, where the arms are deterministic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    arm: str
    case: str
    phrasing: int
    question: str
    outcome: Outcome
    fact: str = ""
    answer: str | None = None
    reason: str | None = None
    error: str | None = None
    model: str = ""
    as_of: int | None = None
    confidence: float | None = None
    citations: tuple[Citation, ...] = ()
    hits: tuple[Place, ...] = ()
    tokens: int | None = None
    scores: dict[str, float] = {}
    timings_ms: dict[str, float] = {}

    @model_validator(mode="after")
    def _fits_its_outcome(self) -> Self:
        if (self.answer is not None) != (self.outcome == "scored"):
            raise ValueError(f"outcome {self.outcome!r} with answer {self.answer!r}")
        if (self.error is not None) != (self.outcome == "errored"):
            raise ValueError(f"outcome {self.outcome!r} with error {self.error!r}")
        return self

    def with_scores(self, scores: Mapping[str, float]) -> "Row":
        """The same with these scores; ValueError where one is no number, which ``model_copy`` would let by."""
        return Row.model_validate({**dict(self), "scores": dict(scores)})

    @property
    def cluster(self) -> str:
        """What the row is not independent of others about: the fact, or the case where none is named."""
        return self.fact or self.case

    @property
    def key(self) -> tuple[str, int, str]:
        """What the row answers: no two rows of a run have the same."""
        return self.case, self.phrasing, self.arm


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval, from ``n`` rows about ``clusters`` facts."""

    value: float
    low: float
    high: float
    n: int
    clusters: int

    def __post_init__(self) -> None:
        if not all(math.isfinite(it) for it in (self.value, self.low, self.high)):
            raise ValueError(f"not a figure: {self}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the interval does not hold its value: {self}")

    def shape(self) -> dict[str, Any]:
        """``{"value", "ci": [low, high], "n", "clusters"}``, as ``summary.json`` gives it."""
        return {"value": self.value, "ci": [self.low, self.high], "n": self.n, "clusters": self.clusters}
