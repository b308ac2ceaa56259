"""Asking an arm about a change until it tells what is new and no longer what is old, or patience ends.

The arms are asked one after the other, yet each has a clock of its own: it starts with the call of the write, runs
through the write and through this arm's own answers, and stands while others are asked.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.arms.protocol import Arm
from evals.freshness.bench import Bench, Said
from evals.freshness.inquiries import Inquiry
from evals.freshness.rows import FreshnessRow, State
from evals.freshness.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an arm is asked again for what it does not say yet; every phrasing is asked once in any case."""

    asks: int = 5
    ms: float = 2_000.0


def probe(
    bench: Bench,
    arm: Arm,
    inquiries: Sequence[Inquiry],
    states: Mapping[str, State],
    written_ms: float,
    patience: Patience,
    place: tuple[str, str],
) -> list[FreshnessRow]:
    """A row for the first answer to each phrasing, as ``FreshnessRow`` tells it; ``place`` is (mode, unit).

    What stays old is asked again, and everything as long as nothing was new.
    """
    clock = written_ms
    first: dict[Inquiry, Said] = {}
    last: dict[Inquiry, Verdict] = {}
    visible: float | None = None
    stale_gone = 0.0
    waiting = deque(inquiries)
    asks = 0
    while waiting:
        inquiry = waiting.popleft()
        if len(first) == len(inquiries):
            if asks >= patience.asks or clock - written_ms >= patience.ms:
                break
            if visible is not None and last[inquiry] != "old":
                continue
        said = bench.ask(arm, inquiry.question, states)
        asks += 1
        clock += said.wall_ms
        verdict, _ = inquiry.verdict(said)
        first.setdefault(inquiry, said)
        last[inquiry] = verdict
        if verdict == "new" and visible is None:
            visible = clock
        if verdict == "old":
            stale_gone = clock
        if verdict == "old" or (visible is None and inquiry.becomes_answerable):
            waiting.append(inquiry)
    times = {"written": written_ms}
    if visible is not None:
        times["visible"] = visible
    if "old" not in last.values():
        times["stale_gone"] = stale_gone
    return [
        inquiry.row(*place, "after", arm.name, said, timings=times if inquiry is inquiries[0] else None)
        for inquiry, said in first.items()
    ]
