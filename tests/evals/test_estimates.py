"""Intervals: what they are by hand, where they are degenerate, and that they hold the truth as often as they say."""

import math

import numpy as np
import pytest

from evals.estimates import bootstrap, cluster_members, mean, quantile
from evals.rows import Estimate

PHRASINGS = 4
# Mean, facts, correlation of a fact's phrasings: 0 independent, 1 all alike.
SETTINGS = [
    (share, facts, alike)
    for share in (0.05, 0.2, 0.5, 0.85, 0.95)
    for facts in (60, 200, 850)
    for alike in (0.0, 0.4, 0.9)
    if share * (1 - share) * facts >= 5  # a dozen successes or failures, or so; see the test of what is rarer
]
REPEATED = 350


def test_an_interval_by_hand() -> None:
    # Two facts of two phrasings: deviations from 1/2 sum to 1/2 and -1/2, so the variance is (1/4 + 1/4) * 2 / 4^2.
    found = mean([1.0, 0.5, 0.5, 0.0], ["a", "a", "b", "b"], bounded=False)
    half = 12.706204736 * 0.25
    assert (found.value, found.n, found.clusters) == (0.5, 4, 2)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))


def test_without_clusters_it_is_the_textbook_interval() -> None:
    values = [3.0, 5.0, 4.0, 8.0, 6.5]
    error = np.std(values, ddof=1) / math.sqrt(5)
    found = mean(values, range(5), bounded=False)
    assert (found.low, found.high) == pytest.approx((5.3 - 2.776445 * error, 5.3 + 2.776445 * error), rel=1e-6)


def test_phrasings_that_always_agree_count_once() -> None:
    one = mean([1.0, 0.0, 1.0, 1.0, 0.0], range(5))
    four = mean(np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 4), np.repeat(range(5), 4))
    assert (four.low, four.high) == pytest.approx((one.low, one.high))
    as_if_independent = mean(np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 4), range(20))
    assert as_if_independent.high - as_if_independent.low < (four.high - four.low) / 1.5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_agree_the_interval_still_has_a_width_that_facts_narrow(value: float) -> None:
    few, many = (mean([value] * n, range(n)) for n in (10, 1000))
    assert few.high - few.low > 0.2 > 0.005 > many.high - many.low > 0.001
    assert 0 <= few.low <= few.high <= 1


def test_one_fact_tells_nothing_of_others() -> None:
    found = mean([1.0, 1.0, 0.0], ["a"] * 3)
    assert (found.low, found.high, found.clusters) == (0.0, 1.0, 1)


def test_there_is_no_figure_without_values() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean([], [])
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
    with pytest.raises(ValueError, match="2 values and 1 clusters"):
        mean([1.0, 0.0], ["a"])


def drawn(chance: np.random.Generator, share: float, facts: int, alike: float) -> np.ndarray:
    """Right or wrong answers, (facts, phrasings): each fact has a share of its own (a beta-binomial)."""
    if alike == 0:
        own = np.full(facts, share)
    else:
        own = chance.beta(share * (1 - alike) / alike, (1 - share) * (1 - alike) / alike, size=facts)
    return (chance.random((facts, PHRASINGS)) < own[:, None]).astype(float)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(20)
    held = []
    for share, facts, alike in SETTINGS:
        clusters = np.repeat(np.arange(facts), PHRASINGS).tolist()
        for _ in range(REPEATED):
            found = mean(drawn(chance, share, facts, alike).ravel(), clusters)
            held.append(found.low <= share <= found.high)
    assert len(held) > 12_000  # so that the share itself is known to 0.2 %
    assert 0.94 <= np.mean(held) <= 0.96


def test_phrasings_taken_for_independent_would_hold_it_too_rarely() -> None:
    """The mistake that the clusters are there to avoid, and that this simulation can see."""
    chance = np.random.default_rng(21)
    held = []
    for _ in range(400):
        values = drawn(chance, 0.5, 200, 0.9).ravel()
        found = mean(values, range(len(values)))
        held.append(found.low <= 0.5 <= found.high)
    assert np.mean(held) < 0.80


def test_a_rare_event_among_few_facts_is_held_at_least_as_often() -> None:
    chance = np.random.default_rng(22)
    found = [mean(drawn(chance, 0.02, 30, 0.0).ravel(), np.repeat(range(30), 4).tolist()) for _ in range(1000)]
    assert np.mean([it.low <= 0.02 <= it.high for it in found]) >= 0.94


def test_a_quantile_by_hand() -> None:
    # Of 1..100 the median's interval is from the 40th to the 61st: Binomial(100, 1/2) is below 40 with 1.76 %.
    assert quantile(range(1, 101), 0.5) == Estimate(50, 40, 61, 100, 100)
    assert quantile([3.0], 0.99) == Estimate(3.0, 3.0, 3.0, 1, 1)


def test_quantile_intervals_hold_the_truth_whatever_the_distribution() -> None:
    chance = np.random.default_rng(23)
    truth = math.exp(1.2815515655)
    found = [quantile(chance.lognormal(size=200), 0.9) for _ in range(2000)]
    assert 0.94 <= np.mean([it.low <= truth <= it.high for it in found]) <= 0.98


def test_a_bootstrap_of_a_mean_is_the_interval_of_the_mean() -> None:
    chance = np.random.default_rng(24)
    values = drawn(chance, 0.6, 300, 0.5).ravel()
    clusters = np.repeat(np.arange(300), PHRASINGS).tolist()
    found = bootstrap(lambda rows: float(values[rows].mean()), clusters, seed=1)
    exact = mean(values, clusters)
    assert found is not None
    assert found.value == pytest.approx(exact.value)
    assert found.high - found.low == pytest.approx(exact.high - exact.low, rel=0.12)
    assert found == bootstrap(lambda rows: float(values[rows].mean()), clusters, seed=1)


def test_a_statistic_that_is_mostly_undefined_has_no_estimate() -> None:
    assert bootstrap(lambda rows: None, [1, 2, 3], seed=0) is None
    assert bootstrap(lambda rows: 1.0 if len(set(rows)) == 3 else None, [1, 2, 3], seed=0) is None


def test_the_rows_of_a_cluster_are_drawn_together() -> None:
    assert [rows.tolist() for rows in cluster_members(["a", "b", "a"])] == [[0, 2], [1]]
