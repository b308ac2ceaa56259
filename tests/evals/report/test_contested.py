"""Which questions are shown: each fact once, the worst first, and of the contested ones both sides."""

from collections.abc import Sequence

import pytest

from evals.cases import Question
from evals.report.contested import LISTED, Answers
from evals.rows import Row
from tests.evals.report.examples import CASES, ROWS, question, row


def asked(*cases: Question) -> dict[str, Question]:
    return {case.id: case for case in cases}


def facts(listed: Sequence[object]) -> list[str]:
    return [getattr(it, "cluster", "") for it in listed]


def test_worst_is_what_the_main_arms_get_wrong_and_of_that_what_no_arm_gets_right() -> None:
    cases = asked(*(question(name, "yes") for name in ("right", "half", "oracle-knows", "hopeless")))
    rows = [
        *(row(arm, "right", "yes") for arm in ("parametric", "retrieval", "oracle")),
        row("parametric", "half", "yes"), row("retrieval", "half", "no"), row("oracle", "half", "no"),
        row("parametric", "oracle-knows", "no"), row("retrieval", "oracle-knows", "no"),
        row("oracle", "oracle-knows", "yes"),
        *(row(arm, "hopeless", "no") for arm in ("parametric", "retrieval", "oracle")),
    ]  # fmt: skip
    worst = Answers(rows, cases).worst()
    assert facts(worst) == ["hopeless", "oracle-knows", "half"]  # and nothing of what is right


def test_of_equally_wrong_answers_the_surest_comes_first() -> None:
    cases = asked(question("guessed", "yes"), question("sure", "yes"), question("sure-and-right", "yes"))
    rows = [
        row("parametric", "guessed", "no", confidence=0.2),
        row("parametric", "sure", "no", confidence=0.9),
        row("parametric", "sure-and-right", "no", confidence=0.1),
        row("oracle", "sure-and-right", "no", confidence=0.99),  # not a main arm
    ]
    assert facts(Answers(rows, cases).worst()) == ["sure", "guessed", "sure-and-right"]


def test_a_fact_is_listed_once_in_its_worst_phrasing_whatever_it_is_asked_as() -> None:
    one = Question(id="tide.test", fact="tide", question="Tides?", answers=("moon",), paraphrases=("Why tides?",))
    other = Question(id="tide.dev", fact="tide", question="Sea?", answers=("moon",))
    rows = [
        row("parametric", "tide.test", "moon"),
        row("parametric", "tide.test", "sun", phrasing=1, question="Why tides?"),
        row("parametric", "tide.dev", "moon"),
    ]
    (listed,) = Answers(rows, asked(one, other)).worst()
    assert (listed.cluster, listed.question) == ("tide", "Why tides?")
    assert "0.67" in listed.about  # the mean is over all three


def test_contested_shows_both_sides_in_turn_and_counts_the_facts() -> None:
    names = [f"weights-{it}" for it in range(3)] + ["vectors"] + ["both"]
    cases = asked(*(question(name, "yes") for name in names))
    rows = [
        it
        for name in names
        for it in (
            row("parametric", name, "no" if name == "vectors" else "yes"),
            row("retrieval", name, "no" if name.startswith("weights") else "yes"),
        )
    ]
    contested = Answers(rows, cases).contested()
    assert contested is not None
    assert (contested.a, contested.b) == ("parametric", "retrieval")
    assert (contested.higher_a, contested.higher_b, contested.same) == (3, 1, 1)
    assert facts(contested.listed) == ["weights-0", "vectors", "weights-1", "weights-2"]
    assert contested.listed[1].about == "retrieval ahead of parametric by 1.00 in mean F1"


def test_a_contested_fact_is_shown_in_a_phrasing_that_shows_why() -> None:
    case = question("tide", "moon", paraphrases=("And so?", "Really?"))
    rows = [
        row(arm, "tide", answer, phrasing=phrasing, question=case.phrasings[phrasing])
        for phrasing, answers in enumerate((("moon", "moon"), ("sun", "moon"), ("moon", "sun")))
        for arm, answer in zip(("parametric", "retrieval"), answers, strict=True)
    ]
    extra = [row(arm, "tide", "moon", phrasing=3, question="x") for arm in ("parametric", "retrieval")]
    assert Answers(rows + extra, asked(case)).contested().listed == ()  # type: ignore[union-attr]  # they are even
    contested = Answers(rows[:4], asked(case)).contested()
    assert contested is not None
    assert contested.listed[0].question == "And so?"


def test_to_fail_is_never_right_but_to_decline_may_be() -> None:
    contested = Answers(ROWS, CASES).contested()
    assert contested is not None
    scores = {(it.cluster, said.arm): said.f1 for it in contested.listed for said in it.said}
    assert scores["depth", "retrieval"] == 1.0
    assert scores["salt", "retrieval"] == 0.0
    failed = Row(arm="retrieval", case="depth", phrasing=0, question="?", outcome="errored", error="timeout")
    again = Answers([failed], CASES).worst()
    assert again[0].said[0].f1 == 0.0


def test_what_is_shown_of_an_answer_is_all_that_is_needed_to_judge_it() -> None:
    contested = Answers(ROWS, CASES).contested()
    assert contested is not None
    said = {(it.cluster, said.arm): said for it in contested.listed for said in it.said}
    assert said["tide", "retrieval"].citations == (("sea.md:12", "The moon pulls."),)
    assert said["tide", "parametric"].confidence == 0.9
    assert said["salt", "retrieval"].text == "timeout: no answer within 30 s"
    assert {it.cluster: it.golds for it in contested.listed} == {
        "tide": ("the moon",),
        "salt": ("rivers",),
        "depth": (),
    }


@pytest.mark.parametrize("arms", [("lexical-only", "oracle"), ("oracle", "lexical-only")])
def test_without_weights_or_vectors_the_first_two_arms_are_compared(arms: tuple[str, str]) -> None:
    rows = [row(arms[0], "tide", "the moon"), row(arms[1], "tide", "the sun"), row("third", "tide", "the sun")]
    contested = Answers(rows, CASES).contested()
    assert contested is not None
    assert (contested.a, contested.b, contested.higher_a) == (*arms, 1)


def test_one_arm_contests_nothing_and_no_rows_list_nothing() -> None:
    assert Answers([row("parametric", "tide", "the sun")], CASES).contested() is None
    assert (Answers([], {}).worst(), Answers([], {}).contested()) == ((), None)


def test_the_lists_are_short_however_much_is_wrong() -> None:
    cases = asked(*(question(f"q{it}", "yes") for it in range(40)))
    rows = [row(arm, name, answer) for name in cases for arm, answer in (("parametric", "no"), ("retrieval", "yes"))]
    answers = Answers(rows, cases)
    contested = answers.contested()
    assert contested is not None
    assert len(answers.worst()) == len(contested.listed) == LISTED
