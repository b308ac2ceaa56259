"""What a latency run writes: a row for each question that was to be answered, whether it was or not."""

from pydantic import BaseModel, ConfigDict

from evals.rows import Outcome


class LatencyRow(BaseModel):
    """One question put to one arm in one ``mode``: ``cold``, ``closed-CLIENTS`` or ``open-RATE`` (a second).

    Times are milliseconds since the mode began: ``due`` when the question was to be put, ``started`` when somebody was
    free to put it, ``ended`` when its answer was there or was waited for no longer (``error`` ``timeout``). In a closed
    loop it is due when it is started. ``cpu_ms``: of all threads of this process, where nothing else ran in it.
    ``joules``: of the whole machine over the mode, told by the row that ``closes`` it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    arm: str
    mode: str
    number: int
    question: str
    outcome: Outcome
    error: str | None = None
    due: float
    started: float
    ended: float
    timings_ms: dict[str, float] = {}
    tokens: int | None = None
    cpu_ms: float | None = None
    joules: float | None = None
    closes: bool = False

    @property
    def latency_ms(self) -> float:
        """From the time at which the question was to be put: a queue is part of it."""
        return self.ended - self.due
