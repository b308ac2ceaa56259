"""What is fitted on dev questions: the decline threshold, the confidence, how much is read; and the figures of them."""

import math
import random

import numpy as np
import pytest

from kstore.reading.reader import Finding
from kstore.training.calibration import Heard, figures, logistic_regression, tune
from kstore.training.questions import Place, Question
from kstore.training.scores import contains, token_f1
from kstore.types import Hit

TEXT = "The lamp burns rapeseed oil. The mail boat leaves at 7:40."


def hit(document: str, score: float = 0.8) -> Hit:
    return Hit(document, ("Island",), 0, len(TEXT), 1, 1, TEXT, score, 1, match=score)


def finding(
    plain: str, answerable: float, certainty: float = -0.5, passage: int = 0, relevance: float = 1.0
) -> Finding:
    start = TEXT.index(plain)
    return Finding(passage, start, start + len(plain), plain, relevance, answerable, certainty)


def heard(
    answer: str | None, first: list[Finding], others: list[Finding] | None = None, document: str = "a.md"
) -> Heard:
    places = (Place("a.md", 0, 28),) if answer else ()
    question = Question("f", ("What?",), (answer,) if answer else (), places)
    return Heard(question, (hit(document), hit("a.md", 0.7)), first, others or [])


def some() -> list[Heard]:
    """100 answerable questions, of which the surer are right, and 20 that are not answerable."""
    chance = random.Random(0)
    asked = []
    for number in range(100):
        logit = number / 10 - 5
        right = chance.random() < 1 / (1 + math.exp(-logit))
        asked.append(heard("rapeseed oil", [finding("rapeseed oil" if right else "7:40", logit, -0.1 - logit**2 / 99)]))
    return asked + [heard(None, [finding("7:40", -4.5 if number < 12 else 2.0)]) for number in range(20)]


def test_nine_in_ten_answerable_questions_are_judged_more_answerable_than_the_threshold() -> None:
    asked = some()
    tuning = tune(asked, "dev (100 questions)")
    told = figures(asked, tuning)
    assert tuning.calibrated_on == "dev (100 questions)"
    assert told["answerable declined"] == pytest.approx(0.1, abs=0.011)
    assert told["unanswerable declined"] == pytest.approx(12 / 20)
    assert (told["answerable"], told["unanswerable"]) == (100, 20)


def test_the_surer_the_more_confident() -> None:
    answerable, _, _ = tune(some(), "dev").confidence
    assert answerable > 0.3


def test_what_makes_the_answers_right_decides_the_weights() -> None:
    # The right answer is in the second passage: less relevant, but the search's favourite, or the more certain one.
    def asked(certain: float) -> list[Heard]:
        one = heard("rapeseed oil", [finding("7:40", 0, certainty=-certain, passage=1, relevance=1.5)])
        return [Heard(one.question, one.hits, one.first, [finding("rapeseed oil", 0, certainty=-0.1)])] * 20

    by_search = tune(asked(0.1), "dev")
    assert by_search.search_weight > 0
    by_certainty = tune(asked(3.0), "dev")
    assert by_certainty.search_weight > 0 or by_certainty.certainty_weight > 0


def test_reading_ends_early_only_where_it_costs_nothing() -> None:
    same = heard("rapeseed oil", [finding("rapeseed oil", 5, -0.05)], [finding("7:40", 0, -3.0, relevance=0)])
    sure = tune([same] * 10, "dev")
    assert figures([same] * 10, sure)["read one stretch"] == 1.0
    other = heard("rapeseed oil", [finding("7:40", 5, -0.05)], [finding("rapeseed oil", 6, -0.04, relevance=9)])
    unsure = tune([other] * 10, "dev")
    assert figures([other] * 10, unsure)["read one stretch"] == 0.0
    assert figures([other] * 10, unsure)["token F1"] == 1.0


def test_evidence_is_counted_where_it_is_found() -> None:
    asked = [heard("rapeseed oil", [finding("7:40", 0)], document=it) for it in ("a.md", "b.md")]
    told = figures(asked, tune(asked, "dev"))
    assert told["evidence first"] == 0.5
    assert told["evidence in the first 5"] == 1.0
    assert told["reciprocal rank"] == 0.75
    assert told["unanswerable declined"] is None


def test_the_regression_finds_the_weights_that_made_the_data() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 2)) * 2
    chances = 1 / (1 + np.exp(-(features @ [0.7, -0.4] + 0.5)))
    found = logistic_regression(features, rng.random(20_000) < chances)
    assert found == pytest.approx((0.7, -0.4, 0.5), abs=0.06)
    assert all(map(math.isfinite, logistic_regression(np.eye(2), np.array([True, True]))))


@pytest.mark.parametrize(
    ("answer", "accepted", "f1", "held"),
    [
        ("The oil.", ["oil"], 1.0, True),
        ("rapeseed oil", ["oil", "fish"], 2 / 3, True),
        ("rapeseed", ["oil"], 0.0, False),
        ("12,000", ["12000"], 0.0, False),
        ("7:40 am", ["7:40"], 0.8, True),
        ("oily", ["oil"], 0.0, False),
        ("", ["oil"], 0.0, False),
        ("the", ["a"], 0.0, False),
    ],
)
def test_an_answer_is_scored_by_its_words(answer: str, accepted: list[str], f1: float, held: bool) -> None:
    assert token_f1(answer, accepted) == pytest.approx(f1)
    assert contains(answer, accepted) is held
