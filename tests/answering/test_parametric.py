"""The parametric arm: what a generator writes becomes an answer with its age, its origin and its confidence."""

import math
import time
from collections.abc import Iterator, Sequence

import pytest

from kstore.answering.parametric import ParametricArm
from kstore.answering.prompts import CLOSED_BOOK
from kstore.controls import Controls, Sampling
from kstore.weights.generator import Calibration, Message, Token, TrainingRecord

DIGEST = "ab" * 32
CALIBRATION = Calibration("dev (9 questions)", slope=2.0, intercept=0.5)


class Reciter:
    """A generator that writes the tokens it was given, and keeps what it was asked."""

    name = "reciter"

    def __init__(self, *tokens: tuple[str, float | None], record: TrainingRecord | None = None, instructable=False):
        self._tokens = [Token(number, text, probability) for number, (text, probability) in enumerate(tokens)]
        self.record = record
        self.instructable = instructable
        self.asked: Sequence[Message] = ()
        self.sampling: Sampling | None = None

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        self.asked, self.sampling = messages, sampling
        yield from self._tokens


def nowhere(digest: str) -> int | None:
    """A store that never had the corpus of any digest."""
    return None


def record(calibration: Calibration | None = CALIBRATION) -> TrainingRecord:
    return TrainingRecord(DIGEST, "2026-02-03", calibration)


def test_the_answer_is_what_was_written() -> None:
    answer = ParametricArm(Reciter((" forty", 0.9), ("-two\n", 0.8)), nowhere).answer("How high?")
    assert (answer.arm, answer.model, answer.text, answer.declined) == ("parametric", "reciter", "forty-two", None)
    assert answer.citations == ()


@pytest.mark.parametrize("tokens", [(), ((" ", 0.9), ("\n", 0.9))])
def test_a_model_that_writes_nothing_declines(tokens: tuple[tuple[str, float], ...]) -> None:
    answer = ParametricArm(Reciter(*tokens, record=record()), nowhere).answer("How high?")
    assert answer.text is None
    assert answer.declined == "the model wrote nothing"


def test_a_base_model_gets_the_bare_question_and_a_chat_model_an_instruction() -> None:
    base, chat = Reciter(("x", 1.0)), Reciter(("x", 1.0), instructable=True)
    for generator in (base, chat):
        ParametricArm(generator, nowhere).answer("How high?")
    assert list(base.asked) == [Message("user", "How high?")]
    assert list(chat.asked) == [Message("system", CLOSED_BOOK), Message("user", "How high?")]


def test_the_prompt_names_no_document_and_lets_the_model_decline() -> None:
    assert "from memory" in CLOSED_BOOK
    assert "say that you do not know" in CLOSED_BOOK


def test_sampling_is_the_callers() -> None:
    generator, sampling = Reciter(("x", 1.0)), Sampling(temperature=0.7, top_k=3, max_tokens=5, seed=2)
    ParametricArm(generator, nowhere).answer("How high?", Controls(sampling=sampling))
    assert generator.sampling == sampling


class TestAge:
    def test_as_of_is_the_revision_at_which_this_store_had_that_corpus(self) -> None:
        asked: list[str] = []

        def revision_of(digest: str) -> int:
            asked.append(digest)
            return 7

        answer = ParametricArm(Reciter(("x", 1.0), record=record()), revision_of).answer("How high?")
        assert answer.as_of == 7
        assert asked == [DIGEST]
        assert answer.aged(9).age == "behind by 2 revisions"

    def test_in_a_store_that_never_had_it_digest_and_date_remain(self) -> None:
        answer = ParametricArm(Reciter(("x", 1.0), record=record()), nowhere).answer("How high?")
        assert answer.as_of is None
        assert answer.aged(9).age == "unknown here"
        assert DIGEST[:12] in answer.knowledge
        assert "2026-02-03" in answer.knowledge

    def test_of_weights_without_a_record_nothing_is_known(self) -> None:
        answer = ParametricArm(Reciter(("x", 1.0)), lambda digest: 7).answer("How high?")
        assert answer.as_of is None
        assert "not known" in answer.knowledge


class TestConfidence:
    def test_it_is_the_calibrated_mean_log_probability(self) -> None:
        answer = ParametricArm(Reciter(("a", 0.9), ("b", 0.4), record=record()), nowhere).answer("How high?")
        mean = (math.log(0.9) + math.log(0.4)) / 2
        assert answer.confidence == pytest.approx(1 / (1 + math.exp(-(2.0 * mean + 0.5))))

    def test_text_that_was_held_back_counts_once(self) -> None:
        plain = ParametricArm(Reciter(("a", 0.9), record=record()), nowhere).answer("How high?")
        held = ParametricArm(Reciter(("", 0.9), ("a", None), record=record()), nowhere).answer("How high?")
        assert held.text == plain.text
        assert held.confidence == plain.confidence

    @pytest.mark.parametrize("unknown", [None, record(calibration=None)])
    def test_without_a_calibration_there_is_none(self, unknown: TrainingRecord | None) -> None:
        assert ParametricArm(Reciter(("a", 0.9), record=unknown), nowhere).answer("How high?").confidence is None

    def test_a_sampled_answer_has_none(self) -> None:
        # The calibration was fitted to greedy answers and says nothing about others.
        sampled = Controls(sampling=Sampling(temperature=0.7))
        answer = ParametricArm(Reciter(("a", 0.9), record=record()), nowhere).answer("How high?", sampled)
        assert answer.text == "a"
        assert answer.confidence is None

    def test_the_answer_names_the_questions_that_it_was_calibrated_on(self) -> None:
        def knowledge(calibration: Calibration | None) -> str:
            return ParametricArm(Reciter(("a", 0.9), record=record(calibration)), nowhere).answer("How?").knowledge

        assert CALIBRATION.split in knowledge(CALIBRATION)
        assert "calibrated" not in knowledge(None)

    def test_nothing_written_has_none(self) -> None:
        assert ParametricArm(Reciter(record=record()), nowhere).answer("How high?").confidence is None

    @pytest.mark.parametrize(("slope", "expected"), [(40.0, 0.0), (-40.0, 1.0)])
    def test_the_steepest_calibration_does_not_overflow(self, slope: float, expected: float) -> None:
        # exp(40 * 69) is beyond a float, and a model may well give a token no probability to speak of.
        steep = record(Calibration("dev", slope, 0.0))
        answer = ParametricArm(Reciter(("a", 0.0), record=steep), nowhere).answer("How high?")
        assert answer.confidence == pytest.approx(expected, abs=1e-12)


def test_timings_add_up_and_tell_the_first_token_from_the_rest() -> None:
    arm = ParametricArm(Reciter(("a", 0.9), ("b", 0.9), record=record()), nowhere)
    before = time.perf_counter()
    timings = dict(arm.answer("How high?").timings)
    elapsed = (time.perf_counter() - before) * 1e3
    total = timings.pop("total")
    assert set(timings) == {"first_token", "generate", "locate"}
    assert total == pytest.approx(sum(timings.values()))
    assert 0 < total <= elapsed
    assert set(ParametricArm(Reciter(), nowhere).answer("How high?").timings) == {"total", "first_token", "locate"}
