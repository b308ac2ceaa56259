"""The adaptive arm over the tiny corpus: the weights only where they are sure and nothing they speak of has changed."""

from dataclasses import dataclass

import pytest

from kstore.answering.adaptive import SURE, AdaptiveArm
from kstore.controls import Controls
from kstore.filters import Filter
from kstore.service import KStore
from kstore.types import Answer
from tests.conftest import TINY

QUESTION = "How tall is the lighthouse of Kell Point?"
TEXT = (TINY / "lighthouse.md").read_text(encoding="utf-8")
CHANGED = TEXT.replace("42 metres", "45 metres")


@dataclass
class Weights:
    """Says what it was told to, as an arm of weights does."""

    answer_: Answer
    name: str = "parametric"

    def answer(self, question: str, controls: Controls = Controls()) -> Answer:  # noqa: B008 - immutable
        return self.answer_.if_sure(controls.confidence)


def known(confidence: float | None = 0.97, as_of: int | None = 1, text: str | None = "forty-two metres") -> Answer:
    declined = None if text else "the model wrote nothing"
    return Answer("parametric", "weights", text, declined, as_of, confidence=confidence, tokens=4)


def ask(store: KStore, said: Answer, question: str = QUESTION, controls: Controls = Controls()) -> Answer:  # noqa: B008
    return AdaptiveArm(Weights(said), store.arm("retrieval"), store.memory).answer(question, controls)


def chose_weights(answer: Answer) -> bool:
    assert answer.because
    if answer.because.startswith("the weights are"):
        assert (answer.model, answer.citations) == ("weights", ())
        assert "vectors" not in answer.timings
        return True
    assert answer.because.startswith("the vectors, because ")
    assert "search" in answer.model
    assert answer.timings["vectors"] > 0
    return False


def test_sure_weights_that_are_up_to_date_answer(tiny: KStore) -> None:
    answer = ask(tiny, known())
    assert chose_weights(answer)
    assert (answer.arm, answer.text, answer.as_of, answer.confidence) == ("adaptive", "forty-two metres", 1, 0.97)
    assert answer.tokens == 4
    assert answer.because == "the weights are 97% sure, and what the question touches is as they learnt it"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (known(SURE - 0.01), "the weights are 89% sure, and 90% are wanted"),
        (known(None), "the weights' confidence is not calibrated"),
        (known(as_of=None), "this store never had the corpus that the weights learnt"),
        (known(text=None), "the weights declined: the model wrote nothing"),
    ],
)
def test_weights_that_will_not_do_leave_it_to_the_vectors(said: Answer, reason: str, tiny: KStore) -> None:
    answer = ask(tiny, said)
    assert not chose_weights(answer)
    assert answer.because == f"the vectors, because {reason}"
    assert answer.arm == "adaptive"
    assert answer.text is not None
    assert "42 metres" in answer.text
    assert answer.citations[0].document == "lighthouse.md"


def test_the_least_confidence_asked_for_is_kept_by_both(tiny: KStore) -> None:
    assert chose_weights(ask(tiny, known(0.97), controls=Controls(confidence=0.96)))
    answer = ask(tiny, known(0.97), controls=Controls(confidence=1.0))
    assert not chose_weights(answer)
    assert answer.because is not None
    assert "97% confidence was found, and 100% are wanted" in answer.because
    assert answer.text is None
    assert answer.declined is not None
    assert answer.declined.endswith("and 100% are wanted")


class TestAge:
    def test_a_change_of_what_the_question_touches(self, tiny: KStore) -> None:
        tiny.put("lighthouse.md", CHANGED)
        answer = ask(tiny, known())
        assert not chose_weights(answer)
        assert answer.because == (
            "the vectors, because what the question touches has changed since revision 1, which the weights learnt"
        )
        assert (answer.as_of, answer.text is not None and "45 metres" in answer.text) == (2, True)

    def test_a_change_of_something_else_leaves_the_weights_right(self, tiny: KStore) -> None:
        tiny.put("trains.md", "# Timetable\n\nThe night train to Brindle leaves platform 9 at 23:40.")
        assert tiny.revision() == 2
        assert chose_weights(ask(tiny, known(), controls=Controls(k=2)))

    def test_a_deleted_document(self, tiny: KStore) -> None:
        tiny.delete("lighthouse.md")
        assert not chose_weights(ask(tiny, known()))

    def test_a_change_that_was_taken_back(self, tiny: KStore) -> None:
        tiny.put("lighthouse.md", CHANGED)
        tiny.put("lighthouse.md", TEXT)
        assert chose_weights(ask(tiny, known()))

    def test_the_past_is_compared_with_what_the_weights_learnt(self, tiny: KStore) -> None:
        tiny.put("lighthouse.md", CHANGED)
        assert chose_weights(ask(tiny, known(as_of=1), controls=Controls(as_of=1)))
        assert not chose_weights(ask(tiny, known(as_of=1), controls=Controls(as_of=2)))
        assert not chose_weights(ask(tiny, known(as_of=2), controls=Controls(as_of=1)))
        assert chose_weights(ask(tiny, known(as_of=2)))


def test_weights_know_nothing_of_a_filter(tiny: KStore) -> None:
    answer = ask(tiny, known(), controls=Controls(where=Filter(documents=("animals.md",))))
    assert not chose_weights(answer)
    assert answer.because == "the vectors, because weights cannot keep to a filter"


def test_times_add_up(tiny: KStore) -> None:
    for said in (known(), known(0.1)):
        times = dict(ask(tiny, said).timings)
        assert times.pop("total") == pytest.approx(sum(times.values()))
        assert set(times) <= {"weights", "decide", "vectors"}


def test_the_stores_own_arm_is_asked_by_name_and_is_not_one_of_both(tiny: KStore) -> None:
    (answer,) = tiny.ask(QUESTION, "adaptive").answers
    assert answer.arm == "adaptive"
    # The shipped weights learnt the guide, which this store never had.
    assert not chose_weights(answer)
    assert [it.arm for it in tiny.ask(QUESTION).answers] == ["parametric", "retrieval"]
