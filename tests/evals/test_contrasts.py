"""Paired contrasts: by hand, and that they err as rarely and see as much as they say."""

import numpy as np
import pytest

from evals.contrasts import holm, non_inferiority, paired

FACTS, PHRASINGS = 120, 4
CLUSTERS = np.repeat(np.arange(FACTS), PHRASINGS).tolist()


def scores(chance: np.random.Generator, gain: float = 0.0, facts: int = FACTS) -> tuple[np.ndarray, np.ndarray]:
    """Right or wrong answers of two arms, alike in difficulty, in skill but for ``gain``; phrasings of a fact alike."""
    hard = chance.beta(0.9, 0.6, size=(facts, 1))
    own = np.clip(hard + chance.normal(0, 0.2, size=(facts, 2)), 0.1, 0.9 - gain)
    first, second = (chance.random((facts, PHRASINGS)) < own[:, [arm]] + gain * (1 - arm) for arm in (0, 1))
    return first.ravel().astype(float), second.ravel().astype(float)


def test_a_contrast_by_hand() -> None:
    # Differences 1, 1 | 0, 0 | 1, 0 of three facts: sums 2, 0, 1; of the 2^2 ways to turn the signs 2 are as large.
    found = paired([1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0], ["a", "a", "b", "b", "c", "c"], seed=0)
    error = np.sqrt((1.0**2 + 1.0**2 + 0.0**2) * 3 / 2) / 6
    assert found.difference.value == pytest.approx(0.5)
    assert found.difference.high - found.difference.value == pytest.approx(4.302653 * error, rel=1e-6)
    assert found.p == 0.5
    assert found.mde == pytest.approx((4.302653 + 1.060660) * error, rel=1e-5)


def test_a_contrast_turns_round_with_its_arms() -> None:
    a, b = scores(np.random.default_rng(1))
    one, other = paired(a, b, CLUSTERS, seed=3), paired(b, a, CLUSTERS, seed=3)
    assert other.difference.value == -one.difference.value
    assert (other.difference.low, other.difference.high) == (-one.difference.high, -one.difference.low)
    assert other.p == one.p


def test_arms_that_agree_everywhere_do_not_differ() -> None:
    found = paired([1.0, 0.0, 1.0], [1.0, 0.0, 1.0], ["a", "b", "c"], seed=0)
    assert (found.difference.value, found.p, found.mde) == (0.0, 1.0, 0.0)


def test_pairing_sees_what_two_separate_means_would_not() -> None:
    hard = np.random.default_rng(5).random(400) < 0.5
    better = hard.copy()
    better[np.flatnonzero(~hard)[:12]] = True
    found = paired(better.astype(float), hard.astype(float), range(400), seed=0)
    assert found.difference.low > 0
    assert found.p < 0.01
    apart = 1.96 * np.sqrt(better.var() / 400 + hard.var() / 400)
    assert apart > found.difference.value


def test_scores_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="not paired"):
        paired([1.0], [1.0, 0.0], ["a"], seed=0)
    with pytest.raises(ValueError, match="no scores"):
        paired([], [], [], seed=0)


def test_holm_by_hand_and_in_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_without_a_difference_it_is_found_as_rarely_as_said() -> None:
    chance = np.random.default_rng(60)
    found = [paired(*scores(chance), CLUSTERS, seed=run, resamples=399) for run in range(4000)]
    assert 0.04 <= np.mean([it.p <= 0.05 for it in found]) <= 0.055


def test_intervals_of_differences_hold_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(61)
    found = [paired(*scores(chance), CLUSTERS, seed=0, resamples=1).difference for _ in range(12_000)]
    assert 0.94 <= np.mean([it.low <= 0 <= it.high for it in found]) <= 0.96


def test_what_is_called_detectable_is_detected_four_times_in_five() -> None:
    chance = np.random.default_rng(7)
    sums = chance.normal(size=(3000, FACTS))
    detectable = np.mean([paired(row, np.zeros(FACTS), range(FACTS), seed=0, resamples=1).mde for row in sums[:200]])
    shown = [paired(row + detectable, np.zeros(FACTS), range(FACTS), seed=0, resamples=1) for row in sums]
    assert 0.78 <= np.mean([it.difference.low > 0 for it in shown]) <= 0.82


def test_the_gate_catches_five_points_and_is_seldom_wrong() -> None:
    chance = np.random.default_rng(8)
    clusters = np.repeat(np.arange(850), PHRASINGS).tolist()
    alike = [non_inferiority(*scores(chance, 0.0, 850), clusters, 0.02) for _ in range(500)]
    worse = [non_inferiority(*reversed(scores(chance, 0.05, 850)), clusters, 0.02) for _ in range(200)]
    assert np.mean([not it.passed for it in alike]) <= 0.05
    assert np.mean([not it.passed for it in worse]) >= 0.8


def test_a_small_loss_that_is_known_well_passes_the_gate() -> None:
    lost = np.zeros(10_000)
    lost[:50] = -1.0
    found = non_inferiority(lost, np.zeros(10_000), range(10_000), 0.02)
    assert found.high < 0
    assert found.passed
    assert not non_inferiority(lost, np.zeros(10_000), range(10_000), 0.001).passed
