"""Intervals: known ones where samples are simple, wider ones where clusters agree within."""

import numpy as np
import pytest
from scipy import stats

from evals.freshness.figures import largest, quantile, ratio, share


def test_a_share_of_a_simple_sample_has_the_interval_of_wilson() -> None:
    """Every row its own cluster: the clustered variance is p(1 - p)/(n - 1), so the sample counts as n - 1."""
    estimate = share([(str(number), number < 12) for number in range(41)])
    assert estimate is not None
    known = stats.binomtest(12, 41).proportion_ci(method="wilson")
    assert (estimate.n, estimate.clusters) == (41, 41)
    assert estimate.value == pytest.approx(12 / 41)
    assert [estimate.low, estimate.high] == pytest.approx([known.low, known.high], abs=0.004)


def test_rows_that_always_agree_within_their_cluster_count_once() -> None:
    once = share([(str(number), number < 12) for number in range(40)])
    thrice = share([(str(number), number < 12) for number in range(40) for _ in range(3)])
    assert once is not None
    assert thrice is not None
    assert [thrice.low, thrice.high] == pytest.approx([once.low, once.high])
    assert (thrice.n, thrice.clusters) == (120, 40)


def test_where_all_agree_the_interval_still_is_one() -> None:
    estimate = share([(str(number), True) for number in range(30) for _ in range(5)])
    assert estimate is not None
    known = stats.binomtest(30, 30).proportion_ci(method="wilson")
    assert [estimate.value, estimate.low, estimate.high] == pytest.approx([1, known.low, 1])


def test_a_quantile_is_a_value_that_occurs_and_its_interval_covers() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) is not None
    draws = np.random.default_rng(0).exponential(size=(400, 60))
    truth = stats.expon.ppf(0.95)
    covered = 0
    for sample in draws:
        estimate = quantile(sample.tolist(), 0.95)
        assert estimate is not None
        assert estimate.value in sample
        covered += estimate.low <= truth <= estimate.high
    # Above the largest of 60 nothing is known, which is 4.6 % of the samples.
    assert 0.90 <= covered / 400 <= 0.99


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


def test_of_nothing_there_is_no_figure() -> None:
    assert [share([]), quantile([], 0.5), largest([]), ratio([]), ratio([(1, 0)])] == [None] * 5
