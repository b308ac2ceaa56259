"""Figures of changes that the harness has nowhere else: the largest of some times, and a ratio of two sums."""

import math
from collections.abc import Sequence

from scipy import stats

from evals.rows import Estimate

_Z = float(stats.norm.ppf(0.975))


def largest(values: Sequence[float]) -> Estimate:
    """The largest seen, which says nothing of what was not seen: its interval is itself. ValueError without values."""
    return Estimate(max(values), max(values), max(values), len(values), len(values))


def ratio(pairs: Sequence[tuple[float, float]]) -> Estimate | None:
    """Sum over sum of (above, below), a pair a cluster; the interval by linearisation (Cochran 1977, section 6.4)."""
    below = sum(it for _, it in pairs)
    if below <= 0:
        return None
    n = len(pairs)
    value = sum(it for it, _ in pairs) / below
    squares = sum((one - value * other) ** 2 for one, other in pairs)
    half = _Z * math.sqrt(squares * n / max(n - 1, 1)) / below
    return Estimate(value, max(value - half, 0.0), value + half, n, n)
