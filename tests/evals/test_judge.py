"""The judge is judged: a bias for what is read first shows as disagreement and decides nothing."""

import re

import pytest

from evals.cases import Question
from evals.judge import agreement, judge
from evals.rows import Row
from kstore.errors import InputError, ModelError

CASES = {
    f"q{number}": Question(id=f"q{number}", question=f"What is {number}?", answers=(f"gold{number}",))
    for number in range(20)
}


def answered(arm: str, right: set[int]) -> list[Row]:
    return [
        Row(
            arm=arm, case=f"q{number}", phrasing=0, question=f"What is {number}?", outcome="scored", fact=f"q{number}",
            answer=f"it is gold{number}" if number in right else "who knows",
        )
        for number in range(20)
    ]  # fmt: skip


ROWS = [*answered("a", set(range(15))), *answered("b", set(range(10, 20)))]  # a better on 10, b on 5, both right on 5


def competent(prompt: str) -> str:
    accepted = re.search(r"Accepted: (\S+)", prompt)
    first, second = re.findall(r"Answer [12]: (.*)", prompt)
    assert accepted is not None
    right = [accepted[1] in text for text in (first, second)]
    return "Tie." if right[0] == right[1] else "1" if right[0] else "Answer 2"


def test_a_competent_judge_prefers_what_is_right_in_both_orders() -> None:
    found = agreement(judge(ROWS, CASES, ("a", "b"), competent))
    assert [found[name]["value"] for name in ("a_preferred", "b_preferred", "tied")] == [0.5, 0.25, 0.25]
    assert (found["order_agreement"]["value"], found["kappa"], found["pairs"]) == (1.0, 1.0, 20)


def test_a_judge_that_prefers_what_it_reads_first_decides_nothing() -> None:
    found = agreement(judge(ROWS, CASES, ("a", "b"), lambda prompt: "1"))
    assert (found["tied"]["value"], found["order_agreement"]["value"]) == (1.0, 0.0)
    assert found["kappa"] == pytest.approx(0)


def test_a_sample_is_drawn_by_the_seed() -> None:
    chosen = [[it.case for it in judge(ROWS, CASES, ("a", "b"), competent, 5, seed)] for seed in (1, 1, 2)]
    assert len(chosen[0]) == 5
    assert chosen[0] == chosen[1] != chosen[2]


def test_an_unknown_arm_and_a_judge_without_a_verdict_are_told() -> None:
    with pytest.raises(InputError, match="no answers of both"):
        judge(ROWS, CASES, ("a", "c"), competent)
    with pytest.raises(ModelError, match="neither 1, 2 nor tie"):
        judge(ROWS, CASES, ("a", "b"), lambda prompt: "I would rather not say.")
