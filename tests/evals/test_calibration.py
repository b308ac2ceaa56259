"""Calibration: by hand, and against what the simplest forecasters must score."""

import numpy as np
import pytest

from evals.calibration import aurc, auroc, brier, ece, reliability, risk_coverage


def test_a_calibrated_forecaster_has_no_error_and_an_overconfident_one_has() -> None:
    told = [0.25] * 4 + [0.75] * 4
    right = [1, 0, 0, 0, 1, 1, 1, 0]
    assert ece(told, right) == pytest.approx(0)
    assert ece([0.95] * 8, right) == pytest.approx(0.45)


def test_ece_weighs_bins_by_their_answers() -> None:
    # Four answers at 0.95, all right: off by 0.05. One at 0.55, wrong: off by 0.55.
    assert ece([0.95] * 4 + [0.55], [1] * 4 + [0]) == pytest.approx(0.8 * 0.05 + 0.2 * 0.55)


def test_the_ends_have_their_bins() -> None:
    assert ece([1.0, 0.0], [1, 0]) == 0.0
    assert [it["n"] for it in reliability([1.0, 0.99, 0.0], [1, 1, 0])] == [1, 2]


def test_brier_by_hand() -> None:
    assert brier([0.8, 0.4], [1, 0]) == pytest.approx((0.04 + 0.16) / 2)


def test_auroc_by_hand_with_ties_and_where_it_is_not_defined() -> None:
    assert auroc([0.9, 0.7, 0.7, 0.1], [1, 1, 0, 0]) == pytest.approx(3.5 / 4)
    assert auroc([0.1, 0.9], [1, 0]) == 0.0
    assert auroc([0.1, 0.9], [1, 1]) is None


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    chance = np.random.default_rng(3)
    told, right = chance.random(60).round(1), chance.integers(0, 2, 60)
    pairs = [(a > b) + (a == b) / 2 for a in told[right == 1] for b in told[right == 0]]
    assert auroc(told, right) == pytest.approx(np.mean(pairs))


def test_risk_falls_where_confidence_tells_right_from_wrong() -> None:
    told, right = [0.9, 0.8, 0.3, 0.2], [1, 1, 0, 1]
    assert risk_coverage(told, right) == [
        {"coverage": 0.25, "risk": 0.0},
        {"coverage": 0.5, "risk": 0.0},
        {"coverage": 0.75, "risk": pytest.approx(1 / 3)},
        {"coverage": 1.0, "risk": 0.25},
    ]
    assert aurc(told, right) == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert aurc(told, right) < aurc(told[::-1], right)


def test_equal_confidence_takes_no_advantage_of_the_order() -> None:
    assert aurc([0.5] * 4, [1, 1, 0, 0]) == aurc([0.5] * 4, [0, 0, 1, 1]) == 0.5
    assert risk_coverage([0.5] * 4, [1, 1, 0, 0]) == [{"coverage": 1.0, "risk": 0.5}]


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    curve = risk_coverage(np.linspace(1, 0, 1000), [1, 0] * 500)
    assert len(curve) == 101
    assert curve[-1] == {"coverage": 1.0, "risk": 0.5}
