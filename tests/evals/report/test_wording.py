"""What a report may say: no winner without evidence, and no figure where there is none."""

import math
from typing import Any

import pytest

from evals.report.wording import claim, duration, number, printable, probability, verdict, winner
from tests.evals.report.examples import contrast, estimate

NOT_SHOWN = [
    {"difference": estimate(0.04, half=0.05)},
    {"difference": {"value": 0.1, "ci": [0.0, 0.2], "n": 9, "clusters": 3}},
    {"difference": {"value": -0.1, "ci": [-0.2, 0.0], "n": 9, "clusters": 3}},
    {"difference": {"value": 0.1, "ci": [0.05, math.nan], "n": 9, "clusters": 3}},
    {"difference": None},
    {"p_holm": 0.0501},
    {"p_holm": None},
    {"p_holm": math.nan},
    {"winner": None},
    {"winner": "oracle"},
]


@pytest.mark.parametrize("changed", NOT_SHOWN, ids=str)
def test_no_winner_is_named_without_evidence_though_the_summary_may_name_one(changed: dict[str, Any]) -> None:
    found = contrast(0.3, **changed)
    assert winner(found) is None
    assert verdict(found) == "no difference shown; the smallest that this run could have shown is 0.062"
    assert "better" not in claim(found)


@pytest.mark.parametrize("changed", [{}, {"p_holm": 0.05}, {"difference": estimate(-0.3), "winner": "parametric"}])
def test_a_winner_is_named_where_the_interval_and_the_corrected_p_agree(changed: dict[str, Any]) -> None:
    found = contrast(0.3, **changed)
    assert winner(found) == found["winner"]
    assert verdict(found) == f"{found['winner']} is better"


def test_a_claim_gives_the_size_of_the_difference_as_the_winner_sees_it() -> None:
    assert claim(contrast(0.3)).startswith("f1: retrieval is better than parametric by 0.300 [0.250, 0.350]")
    lower = contrast(-0.3, metric="ece")
    assert claim(lower).startswith("ece: retrieval is better than parametric by 0.300 [0.250, 0.350]")


def test_without_an_mde_none_is_made_up() -> None:
    assert verdict(contrast(0.0, winner=None, mde=None)) == "no difference shown"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, "0.5", True])
def test_what_is_no_figure_is_not_defined(value: object) -> None:
    assert number(value) == "not defined"
    assert probability(value) == "not defined"


def test_figures_are_rounded_and_never_minus_nothing() -> None:
    said = {0: "0", 3500: "3,500", -0.0004: "0.000", 9.9996: "10.000", 48.26: "48.3", -12.5: "−12.5", 12345.6: "12,346"}
    assert {value: number(value) for value in said} == said


def test_a_p_value_is_never_nothing() -> None:
    assert probability(0.0) == "<\N{NO-BREAK SPACE}0.001"
    assert probability(1.0) == "1.000"


def test_durations_are_in_the_unit_of_their_size() -> None:
    assert [duration(it) for it in (0.0, 0.1, 1.0, 1000.0, 12000.0, 60000.0)] == [
        "0 ms", "0.1 ms", "1 ms", "1 s", "12 s", "1 min",
    ]  # fmt: skip


def test_text_of_others_is_shortened_and_its_control_characters_are_seen() -> None:
    assert printable("a\x00b\n\n c", 10) == "a\N{REPLACEMENT CHARACTER}b c"
    assert printable("x" * 11, 10) == "x" * 9 + "…"
