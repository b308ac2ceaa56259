"""Figures with their intervals: shares and ratios clustered by edit, quantiles of times."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy import stats

from evals.rows import Estimate

_Z = float(stats.norm.ppf(0.975))


def share(outcomes: Sequence[tuple[str, bool]]) -> Estimate | None:
    """How often it is so, of (cluster, whether it is so); None where there is nothing to ask.

    Wilson's interval at the effective sample size, which is that of a simple sample with the variance that the
    clusters show (Dean and Pagano 2015); where all are alike the clusters are what counts.
    """
    if not outcomes:
        return None
    n = len(outcomes)
    value = sum(so for _, so in outcomes) / n
    sums: dict[str, float] = defaultdict(float)
    for cluster, so in outcomes:
        sums[cluster] += so - value
    clusters = len(sums)
    variance = sum(it * it for it in sums.values()) / n**2 * clusters / max(clusters - 1, 1)
    effective = min(value * (1 - value) / variance, n) if variance > 0 else clusters
    low, high = _wilson(value, effective)
    return Estimate(value, min(low, value), max(high, value), n, clusters)


def quantile(values: Sequence[float], at: float) -> Estimate | None:
    """A value that occurs, of one value a cluster; its interval by the order statistics, whatever the distribution."""
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    first, last = (int(stats.binom.ppf(level, n, at)) for level in (0.025, 0.975))
    value = float(np.quantile(ordered, at, method="inverted_cdf"))
    return Estimate(value, min(ordered[max(first - 1, 0)], value), max(ordered[min(last, n - 1)], value), n, n)


def largest(values: Sequence[float]) -> Estimate | None:
    """The largest seen, which says nothing of what was not seen: its interval is itself."""
    return Estimate(max(values), max(values), max(values), len(values), len(values)) if values else None


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


def _wilson(value: float, n: float) -> tuple[float, float]:
    middle = (value + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(value * (1 - value) / n + _Z**2 / (4 * n**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)
