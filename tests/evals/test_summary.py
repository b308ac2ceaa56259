"""The summary: nothing is lost on the way from rows to figures, and no winner is named that the data do not show."""

import json
from typing import Any

import numpy as np
import pytest

from evals.cases import Question
from evals.contrasts import paired
from evals.rows import Row
from evals.scoring import METRICS
from evals.summary import headline, summarise

FACTS, PHRASINGS = 40, 2
CASES = {
    f"q{number}": Question(
        id=f"q{number}",
        fact=f"fact{number}",
        question=f"What is number {number}?",
        paraphrases=(f"Number {number} is what?",),
        answers=(f"answer{number}",),
        type="number" if number % 2 else "name",
    )
    for number in range(FACTS)
}
PLAIN = {"ranks": False, "cites": False}
TIMES = {"total": 10.0, "generate": 9.0, "first_token": 1.0, "wall": 10.5, "cpu": 12.0}


def row(arm: str, number: int, phrasing: int, right: bool | None, **more: Any) -> Row:
    """``right`` None: the arm failed."""
    case = CASES[f"q{number}"]
    said: dict[str, Any] = {"outcome": "errored", "error": "timeout", "reason": "it took too long"}
    if right is not None and case.answers:
        said = {"outcome": "scored", "answer": case.answers[0] if right else "wrong"}
    return Row(
        arm=arm,
        case=case.id,
        fact=case.cluster,
        phrasing=phrasing,
        question=case.phrasings[phrasing],
        timings_ms=TIMES,
        **said,
        **more,
    )


def asked(arm: str, skill: float, seed: int, **more: Any) -> list[Row]:
    chance = np.random.default_rng(seed)
    return [row(arm, n, p, bool(chance.random() < skill), **more) for n in range(FACTS) for p in range(PHRASINGS)]


def summary_of(*arms: list[Row]) -> dict[str, Any]:
    return summarise([it for rows in arms for it in rows], CASES, {}, {rows[0].arm: PLAIN for rows in arms}, 0)[0]


def test_figures_are_those_of_the_rows() -> None:
    rows = asked("good", 0.8, 1)
    found = summary_of(rows)["arms"]["good"]
    right = np.mean([it.answer != "wrong" for it in rows])
    assert found["exact_match"]["value"] == pytest.approx(right)
    assert found["exact_match"]["n"] == FACTS * PHRASINGS
    assert found["exact_match"]["clusters"] == FACTS
    assert found["latency_ms_p50"]["value"] == 10.0
    assert found["cpu_ms"]["value"] == 12.0
    assert found["right_per_second"]["value"] == pytest.approx(right / 0.01)
    assert list(found) == [name for name in METRICS if name in found]


def test_a_failure_is_counted_everywhere_and_lowers_the_mean() -> None:
    rows = asked("good", 1.0, 1)
    broken = [row("good", n, p, None if n < 10 else True) for n in range(FACTS) for p in range(PHRASINGS)]
    whole, found = summary_of(rows), summary_of(broken)
    assert found["counts"] == {"scored": 60, "declined": 0, "errored": 20, "total": 80}
    assert found["errors"] == {"good": {"timeout": 20}}
    assert whole["arms"]["good"]["exact_match"]["value"] == 1.0
    assert found["arms"]["good"]["exact_match"]["value"] == 0.75
    assert found["arms"]["good"]["exact_match"]["n"] == 80


def test_a_winner_needs_an_interval_without_zero_and_a_small_p() -> None:
    clear = summary_of(asked("a", 0.9, 1), asked("b", 0.4, 2))["contrasts"]
    assert {it["winner"] for it in clear if it["metric"] == "exact_match"} == {"a"}
    assert clear[0]["difference"]["ci"][0] > 0
    close = summary_of(asked("a", 0.6, 3), asked("b", 0.55, 5))["contrasts"]
    assert all(it["difference"]["value"] != 0 for it in close)
    assert {it["winner"] for it in close} == {None}
    assert all(it["mde"] > 0 for it in close)


def test_contrasts_are_paired_by_phrasing_not_by_place() -> None:
    a, b = asked("a", 0.7, 5), asked("b", 0.5, 6)
    found = summary_of(a, b[::-1])["contrasts"][0]
    scores = [[float(it.answer != "wrong") for it in rows] for rows in (a, b)]
    direct = paired(*scores, [it.cluster for it in a], seed=0)
    assert found["difference"] == direct.difference.shape()
    assert found["p"] == direct.p


def test_p_values_are_corrected_for_all_contrasts_together() -> None:
    found = summary_of(asked("a", 0.7, 7), asked("b", 0.6, 8), asked("c", 0.5, 9))["contrasts"]
    assert len(found) == 9  # three pairs of arms on three metrics
    assert all(it["p_holm"] >= it["p"] for it in found)
    assert max(it["p_holm"] / it["p"] for it in found) == pytest.approx(9)


def test_confidence_is_judged_where_it_was_told() -> None:
    rows = [it.model_copy(update={"confidence": 0.9 if it.answer != "wrong" else 0.2}) for it in asked("a", 0.7, 1)]
    found = summary_of(rows, asked("b", 0.5, 2))
    assert found["arms"]["a"]["auroc"]["value"] == 1.0
    assert "auroc" not in found["arms"]["b"]
    assert list(found["curves"]["reliability"]) == list(found["curves"]["risk_coverage"]) == ["a"]


def test_slices_hold_every_row_once() -> None:
    slices = summary_of(asked("a", 0.7, 1))["slices"]
    assert set(slices["type"]) == {"number", "name"}
    for dimension, values in slices.items():
        assert sum(arms["a"]["exact_match"]["n"] for arms in values.values()) == FACTS * PHRASINGS, dimension


def test_it_is_json_without_nan_and_the_headline_shows_each_arm() -> None:
    found = summary_of(asked("a", 1.0, 1), asked("b", 0.0, 2))
    json.dumps(found, allow_nan=False)
    lines = headline(found).splitlines()
    assert lines[1].split()[:2] == ["a", "1.000"]
    assert lines[2].split()[:2] == ["b", "0.000"]


def test_the_headline_tells_what_failed() -> None:
    rows = [row("good", number, 0, None if number < 3 else True) for number in range(FACTS)]
    assert headline(summary_of(rows)).splitlines()[-1] == "good failed in 3 of 40: timeout 3"
