"""Verdicts: an answer tells what is new, what is old, or neither."""

import pytest

from evals.freshness.verdict import Verdict, judge

DARTMOUTH, PRINCETON = ("the Dartmouth workshop", "Dartmouth"), ("the Princeton workshop", "Princeton")


@pytest.mark.parametrize(
    ("answer", "old", "new", "verdict"),
    [
        ("Princeton", DARTMOUTH, PRINCETON, "new"),
        ("The name comes from the proposal for the **Dartmouth** workshop of 1956.", DARTMOUTH, PRINCETON, "old"),
        ("It was at Stanford.", DARTMOUTH, PRINCETON, "other"),
        (None, DARTMOUTH, PRINCETON, "declined"),
        # Whole words: neither sixteen holds six, nor 4,278 or 42.5 a 42.
        ("simmers for sixteen minutes", ("six",), ("sixteen",), "new"),
        ("has 4,278 parameters and 42.5 of something", ("42",), ("4278",), "new"),
        ("it is 42.5 metres tall", ("42",), ("45",), "other"),
        ("a drop of -0.5", ("-0.5",), ("0.5",), "old"),
        ("a drop of \u22120.5", ("-0.5",), ("0.5",), "old"),
        ("layers of 784-256-10", ("256",), ("-256",), "old"),
        # A name within a longer one of the other side does not count, on its own it does.
        ("at Dartmouth College", ("Dartmouth",), ("Dartmouth College",), "new"),
        ("at Dartmouth", ("Dartmouth",), ("Dartmouth College",), "old"),
        ("the residual connection", ("the residual connection",), ("residual",), "old"),
        # Code: punctuation ends a word, an underscore does not.
        ("model = LetterReader(len(vocabulary))", ("CharModel",), ("LetterReader",), "new"),
        ("def neighbour_counts(d):", ("neighbour_counts",), ("popularity",), "old"),
        ("a pre-training run", ("pretraining",), ("fine-tuning",), "old"),
        # What is unanswerable wants no answer.
        (None, None, ("40%",), "old"),
        ("above 40% of them", None, ("40%",), "new"),
        ("a leaky ReLU", None, ("40%",), "other"),
        (None, ("spikes",), None, "new"),
        ("it has no spikes", ("spikes",), None, "old"),
        ("a weighted sum", ("spikes",), None, "other"),
        # What both sides accept is not stale.
        ("391 steps", ("391 steps", "391"), ("391", "391 steps"), "new"),
        ("in 1871", ("1871", "the year 1871"), ("1871", "1872"), "new"),
        ("!?", ("1871",), ("1872",), "other"),
    ],
)
def test_verdicts(
    answer: str | None, old: tuple[str, ...] | None, new: tuple[str, ...] | None, verdict: Verdict
) -> None:
    assert judge(answer, old, new) == (verdict, False)


def test_of_two_answers_the_first_decides_and_it_is_told_that_there_are_two() -> None:
    assert judge("Built in 1872. The lamp is of 1871.", ("1871",), ("1872",)) == ("new", True)
    assert judge("The lamp is of 1871. Built in 1872.", ("1871",), ("1872",)) == ("old", True)
