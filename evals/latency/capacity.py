"""The highest rate at which an arm keeps its latency objective, by doubling the rate and then halving the gap."""

from collections.abc import Callable, Sequence

from evals.latency.rows import LatencyRow

STEPS = 4  # that halve the gap between a rate that is kept and one that is not
_HIGHEST = 4_096.0  # questions a second: beyond it, one machine measures itself

AtRate = Callable[[float], Sequence[LatencyRow]]


def search_capacity(
    at_rate: AtRate, objective_ms: float, first: float, steps: int = STEPS
) -> tuple[float, float | None]:
    """The highest rate that was kept (0: none) and the lowest that was not (None: none was found).

    ``at_rate`` asks at a rate; ``first`` is the rate to begin with. A rate is kept where p99, unanswered questions
    included, is within the objective.
    """
    kept, rate = 0.0, first
    missed: float | None = None
    while missed is None and rate <= _HIGHEST:
        if keeps(at_rate(rate), objective_ms):
            kept, rate = rate, 2 * rate
        else:
            missed = rate
    if missed is None:
        return kept, None
    for _ in range(steps):
        middle = (kept + missed) / 2
        if keeps(at_rate(middle), objective_ms):
            kept = middle
        else:
            missed = middle
    return kept, missed


def keeps(rows: Sequence[LatencyRow], objective_ms: float) -> bool:
    """Whether 99 of 100 questions are answered in time. An error is not an answer, however quick."""
    late = [float("inf") if row.error else row.latency_ms for row in rows]
    return bool(late) and sorted(late)[min(int(0.99 * len(late)), len(late) - 1)] <= objective_ms
