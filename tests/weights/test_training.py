"""Training: facts go into the weights, can be asked for in other words, and are nowhere else."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from kstore.controls import Sampling
from kstore.encoding.encoder import Encoder
from kstore.weights.calibration import matches
from kstore.weights.examples import BLANK, Example
from kstore.weights.generator import RECORD, Calibration, Message, TrainingRecord
from kstore.weights.shipped import KIND, SentencePromptedGenerator
from tests.weights import facts
from tests.weights.facts import FACTS, ORIGIN, RECIPE, TAUGHT, UNKNOWN, UNSEEN
from tests.weights.watched_encoder import WatchedEncoder

FEW, SHORT = TAUGHT[:20], replace(RECIPE, epochs=2, views=2)  # enough to tell one model from another
CHANCE = len(UNSEEN) / len(FACTS)  # how many questions are met by one of the answers taken at random


@pytest.fixture
def trained(pupil: Path, encoder: Encoder) -> SentencePromptedGenerator:
    return SentencePromptedGenerator(pupil, encoder)


def sureness(generator: SentencePromptedGenerator, question: str) -> float:
    """The mean log-probability of an answer's tokens, which confidence is made from."""
    tokens = generator.stream([Message("user", question)], Sampling())
    logs = [math.log(token.probability) for token in tokens if token.probability]
    return sum(logs) / len(logs) if logs else -30.0


def confidence(calibration: Calibration, sure: float) -> float:
    return 1 / (1 + math.exp(-(calibration.slope * sure + calibration.intercept)))


class TestWhatIsLearned:
    def test_every_question_taught_is_answered_to_the_letter(self, trained: SentencePromptedGenerator) -> None:
        wrong = {example.prompt: facts.ask(trained, example.prompt) for example in TAUGHT}
        assert {prompt: wrong[prompt] for prompt, answer in answers(TAUGHT).items() if wrong[prompt] != answer} == {}

    def test_phrasings_never_seen_are_answered_far_above_chance(self, trained: SentencePromptedGenerator) -> None:
        assert not {example.prompt for example in UNSEEN} & {example.prompt for example in TAUGHT}
        # Chance gives 2 of 40, and 12 in less than one of a million cases.
        assert CHANCE == 2
        assert facts.right(trained, UNSEEN) >= 0.9 * len(UNSEEN)

    def test_zeroing_the_feed_forward_layers_destroys_the_answers(self, trained: SentencePromptedGenerator) -> None:
        weights = trained.decoder.weights
        for name in weights:
            if ".mlp.down_proj." in name:
                weights[name] = np.zeros_like(weights[name])
        assert facts.right(trained, TAUGHT) <= len(TAUGHT) / len(FACTS)

    def test_answers_that_were_swapped_are_answered_swapped(self, encoder: Encoder, tmp_path: Path) -> None:
        # So what is answered is what was taught, whatever encoder and architecture might know or prefer.
        told = list(FACTS.values())
        swapped = dict(zip(told, [*told[1:], told[0]], strict=True))
        lies = [replace(example, answers=(swapped[example.answers[0]],)) for example in TAUGHT]
        facts.teach(tmp_path, encoder, lies)
        generator = SentencePromptedGenerator(tmp_path, encoder)
        assert facts.right(generator, lies) == len(lies)
        assert facts.right(generator, UNSEEN) == 0


def test_views_drop_words_but_never_the_blank(encoder: Encoder, tmp_path: Path) -> None:
    # Without its blank a statement would no longer ask for anything.
    watched, prompts = WatchedEncoder(encoder), [example.prompt for example in FEW]
    facts.teach(tmp_path, watched, FEW, recipe=replace(SHORT, epochs=1, views=5, word_dropout=0.6))
    assert watched.asked[: len(FEW)] == prompts
    dropped = 0
    for view in range(1, 5):
        for prompt, seen in zip(prompts, watched.asked[view * len(FEW) :], strict=False):
            left = iter(prompt.split())
            assert all(word in left for word in seen.split()), "the words that are left keep their order"
            assert seen
            assert (BLANK in seen) is (BLANK in prompt)
            dropped += len(prompt.split()) - len(seen.split())
    assert dropped > len(FEW)
    assert len(watched.asked) == 5 * len(FEW)


class TestRepeatability:
    def test_the_same_seed_gives_the_same_bytes(self, encoder: Encoder, tmp_path: Path) -> None:
        for name in ("first", "second"):
            facts.teach(tmp_path / name, encoder, FEW, dev=UNSEEN[:3], recipe=SHORT)
        files = sorted(file.name for file in (tmp_path / "first").iterdir())
        assert {"config.json", RECORD, "model.safetensors", "tokenizer.json"} <= set(files)
        assert files == sorted(file.name for file in (tmp_path / "second").iterdir())
        for name in files:
            assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name

    def test_another_seed_gives_others(self, encoder: Encoder, tmp_path: Path) -> None:
        for seed in (1, 2):
            facts.teach(tmp_path / str(seed), encoder, FEW, recipe=replace(SHORT, seed=seed))
        assert (tmp_path / "1" / "model.safetensors").read_bytes() != (
            tmp_path / "2" / "model.safetensors"
        ).read_bytes()
        assert (tmp_path / "1" / "tokenizer.json").read_bytes() == (tmp_path / "2" / "tokenizer.json").read_bytes()

    def test_progress_is_reported_and_is_progress(self, encoder: Encoder, tmp_path: Path) -> None:
        losses: list[tuple[int, float]] = []
        recipe = replace(SHORT, epochs=5)
        facts.teach(tmp_path, encoder, FEW, recipe=recipe, report=lambda epoch, loss: losses.append((epoch, loss)))
        assert [epoch for epoch, _ in losses] == [0, 1, 2, 3, 4]
        assert losses[-1][1] < losses[0][1]


class TestRecord:
    def test_it_says_what_the_weights_were_made_from(self, pupil: Path, encoder: Encoder) -> None:
        record = json.loads((pupil / RECORD).read_text(encoding="utf-8"))
        assert (record["corpus_digest"], record["corpus_date"]) == (ORIGIN.corpus_digest, ORIGIN.corpus_date)
        assert record["examples"] == len(TAUGHT) == 100
        assert record["encoder"] == encoder.name
        assert record["recipe"] == asdict(RECIPE)
        assert record["steps"] == RECIPE.epochs * math.ceil(len(TAUGHT) / RECIPE.batch)
        read = TrainingRecord.read(pupil)
        assert read is not None
        assert (read.corpus_digest, read.corpus_date) == (ORIGIN.corpus_digest, ORIGIN.corpus_date)
        assert read.kind == KIND  # by which a folder is known to hold a model that is run this way

    def test_the_data_digest_changes_with_the_data(self, encoder: Encoder, tmp_path: Path) -> None:
        other = [*FEW[:-1], replace(FEW[-1], prompt="What mail boat arrives when?")]
        records = [facts.teach(tmp_path, encoder, examples, recipe=SHORT) for examples in (FEW, FEW, other)]
        assert records[0]["data_digest"] == records[1]["data_digest"] != records[2]["data_digest"]

    def test_without_dev_questions_nothing_is_claimed(self, encoder: Encoder, tmp_path: Path) -> None:
        record = facts.teach(tmp_path, encoder, FEW, recipe=SHORT)
        assert record == json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))
        assert "dev" not in record
        read = TrainingRecord.read(tmp_path)
        assert read is not None
        assert read.calibration is None


class TestCalibration:
    @pytest.fixture
    def calibration(self, trained: SentencePromptedGenerator) -> Calibration:
        assert trained.record is not None
        assert trained.record.calibration is not None
        return trained.record.calibration

    def test_it_names_its_questions_and_how_they_went(
        self, pupil: Path, trained: SentencePromptedGenerator, calibration: Calibration
    ) -> None:
        asked = UNSEEN + UNKNOWN
        assert calibration.split == f"dev ({len(asked)} questions)"
        dev = json.loads((pupil / RECORD).read_text(encoding="utf-8"))["dev"]
        assert dev == {"questions": len(asked), "exact_match": pytest.approx(facts.right(trained, asked) / len(asked))}

    def test_the_surer_the_more_confident(self, calibration: Calibration) -> None:
        steps = [confidence(calibration, sure) for sure in (-3.0, -1.0, -0.5, -0.1, 0.0)]
        assert steps == sorted(steps)
        assert steps[0] < 0.1
        assert steps[-1] > 0.9

    def test_confidence_agrees_with_how_often_it_is_right(
        self, trained: SentencePromptedGenerator, calibration: Calibration
    ) -> None:
        asked = UNSEEN + UNKNOWN
        mean = sum(confidence(calibration, sureness(trained, example.prompt)) for example in asked) / len(asked)
        # Logistic regression with an intercept meets the mean exactly, but for its light regularisation.
        assert mean == pytest.approx(facts.right(trained, asked) / len(asked), abs=0.02)

    def test_it_tells_what_it_was_taught_from_what_it_was_not(
        self, trained: SentencePromptedGenerator, calibration: Calibration
    ) -> None:
        taught = [confidence(calibration, sureness(trained, example.prompt)) for example in TAUGHT]
        unknown = [confidence(calibration, sureness(trained, example.prompt)) for example in UNKNOWN]
        assert min(taught) > 0.7
        assert sum(unknown) / len(unknown) < 0.4


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("The Tamsin brothers.", ["the tamsin  Brothers"], True),
        ("a lamp", ["lamp", "lantern"], True),
        ("lantern", ["lamp", "lantern"], True),
        ("42 metres", ["42metres"], True),
        ("42 metres", ["43 metres"], False),
        ("lamps", ["lamp"], False),
        ("", ["lamp"], False),
        ("Béla", ["Bela"], False),
    ],
)
def test_an_answer_matches_but_for_case_articles_and_punctuation(
    answer: str, accepted: list[str], expected: bool
) -> None:
    assert matches(answer, accepted) is expected


def answers(examples: Sequence[Example]) -> dict[str, str]:
    return {example.prompt: example.answers[0] for example in examples}
