"""Figures of changes: a ratio whose interval covers, and a largest that says nothing of more."""

import numpy as np
import pytest

from evals.freshness.figures import largest, ratio
from evals.rows import Estimate


def test_a_ratio_is_of_the_sums_and_its_interval_covers() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        below = generator.uniform(1, 10, size=80)
        above = 0.3 * below + generator.normal(size=80)
        estimate = ratio(list(zip(above.tolist(), below.tolist(), strict=True)))
        assert estimate is not None
        assert estimate.value == pytest.approx(above.sum() / below.sum())
        covered += estimate.low <= 0.3 <= estimate.high
    assert 0.91 <= covered / 300 <= 0.98


def test_the_largest_is_its_own_interval() -> None:
    assert largest([3.0, 7.5, 1.0]) == Estimate(7.5, 7.5, 7.5, 3, 3)


def test_of_nothing_there_is_no_figure() -> None:
    assert [ratio([]), ratio([(1, 0)])] == [None, None]
    with pytest.raises(ValueError, match="empty"):
        largest([])
