"""Times of things that are to be compared: turn by turn, so that a busy machine slows them alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def in_turn(ways: Mapping[str, Callable[[Any], object]], inputs: Sequence[Any]) -> dict[str, list[float]]:
    """The milliseconds that each way takes for each input; the first input warms them up and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number, given in enumerate(inputs):
        for name, way in ways.items():
            began = time.perf_counter()
            way(given)
            if number:
                times[name].append((time.perf_counter() - began) * 1e3)
    return times


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each, in milliseconds."""
    return {name: round(statistics.median(of_one), 3) for name, of_one in times.items()}


def ratio(times: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """The median over the inputs of how many times as long ``one`` took as ``other``."""
    return round(statistics.median(a / b for a, b in zip(times[one], times[other], strict=True)), 3)


def percentile(times: Sequence[float], share: float) -> float:
    """The least time within which that share of all came."""
    ordered = sorted(times)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)
