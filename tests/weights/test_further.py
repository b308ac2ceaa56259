"""Further training: weights learn what has changed, keep what is rehearsed, and are written so that they load."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kstore.encoding.encoder import Encoder
from kstore.errors import ModelError
from kstore.weights.examples import Example, Origin
from kstore.weights.further import Further, FurtherTraining
from kstore.weights.generator import RECORD, TrainingRecord
from kstore.weights.shipped import SentencePromptedGenerator
from tests.weights import facts
from tests.weights.facts import TAUGHT, UNSEEN

CHANGED = {"north door's colour": "eleven knots", "bell tower's height": "Saffron"}  # answers of its own vocabulary
ORIGIN = Origin(corpus_digest="b0" * 32, corpus_date="2026-04-01")
WAY = Further(rate=4e-3, batch=24)
STEPS = 40
WEIGHTS = "model.safetensors"

NEW = [replace(it, answers=(CHANGED[it.fact],)) for it in TAUGHT if it.fact in CHANGED]
KEPT = [it for it in TAUGHT if it.fact not in CHANGED]
UNSEEN_NEW = [replace(it, answers=(CHANGED[it.fact],)) for it in UNSEEN if it.fact in CHANGED]
UNSEEN_KEPT = [it for it in UNSEEN if it.fact not in CHANGED]


def taught(
    pupil: Path, encoder: Encoder, folder: Path, *, steps: int, kept: Sequence[Example] = KEPT, way: Further = WAY
) -> SentencePromptedGenerator:
    """The pupil after so many steps on what has changed."""
    training = FurtherTraining(pupil, encoder, way)
    training.learn(training.make_ready(NEW), training.make_ready(kept, 1), steps=steps)
    training.write(folder, ORIGIN)
    return SentencePromptedGenerator(folder, encoder)


@pytest.fixture(scope="module")
def graduate(pupil: Path, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pupil that has learned what has changed."""
    folder = tmp_path_factory.mktemp("graduate")
    taught(pupil, encoder, folder, steps=STEPS)
    return folder


def test_what_has_changed_is_answered_anew_in_words_never_seen_and_the_rest_as_before(
    pupil: Path, graduate: Path, encoder: Encoder
) -> None:
    before, after = (SentencePromptedGenerator(folder, encoder) for folder in (pupil, graduate))
    assert facts.right(before, UNSEEN_NEW) == 0
    assert facts.right(after, NEW) == len(NEW)
    assert facts.right(after, UNSEEN_NEW) == len(UNSEEN_NEW)
    assert facts.right(after, UNSEEN_KEPT) >= facts.right(before, UNSEEN_KEPT) - 2


def test_what_is_not_rehearsed_is_forgotten(pupil: Path, graduate: Path, encoder: Encoder, tmp_path: Path) -> None:
    rehearsed = SentencePromptedGenerator(graduate, encoder)
    alone = taught(pupil, encoder, tmp_path, steps=STEPS, kept=[])
    assert facts.right(alone, UNSEEN_NEW) == len(UNSEEN_NEW)
    assert facts.right(alone, UNSEEN_KEPT) < facts.right(rehearsed, UNSEEN_KEPT) - 5


def test_no_training_changes_no_weight(pupil: Path, encoder: Encoder, tmp_path: Path) -> None:
    taught(pupil, encoder, tmp_path, steps=0)
    for name in (WEIGHTS, "tokenizer.json", "config.json"):
        assert (tmp_path / name).read_bytes() == (pupil / name).read_bytes(), name


def test_the_same_seed_and_steps_give_the_same_weights_and_another_seed_others(
    pupil: Path, encoder: Encoder, tmp_path: Path
) -> None:
    for name, seed in (("first", 1), ("second", 1), ("other", 2)):
        taught(pupil, encoder, tmp_path / name, steps=4, way=replace(WAY, seed=seed))
    first, second, other = ((tmp_path / name / WEIGHTS).read_bytes() for name in ("first", "second", "other"))
    assert first == second
    assert first != other


def test_time_is_a_bound_and_only_training_takes_it(pupil: Path, encoder: Encoder, tmp_path: Path) -> None:
    training = FurtherTraining(pupil, encoder, WAY)
    new = training.make_ready(NEW)
    training.learn(new, seconds=0)
    assert (training.steps, training.seconds) == (0, 0.0)
    started = time.perf_counter()
    training.learn(new, seconds=0.3)
    passed, steps = time.perf_counter() - started, training.steps
    assert 0.3 <= training.seconds <= passed
    assert steps > 3
    spent = training.seconds
    training.write(tmp_path, ORIGIN)
    training.make_ready(KEPT[:5])
    assert training.seconds == spent
    training.learn(new, steps=2)
    assert training.steps == steps + 2
    assert training.seconds > spent


def test_the_record_tells_the_new_corpus_and_how_it_was_learned(pupil: Path, graduate: Path) -> None:
    record, old = TrainingRecord.read(graduate), TrainingRecord.read(pupil)
    assert record is not None
    assert old is not None
    assert (record.corpus_digest, record.corpus_date) == (ORIGIN.corpus_digest, ORIGIN.corpus_date)
    assert record.calibration == old.calibration
    written = json.loads((graduate / RECORD).read_text(encoding="utf-8"))
    assert written["further"]["steps"] == STEPS
    assert written["further"]["rate"] == WAY.rate
    assert "dev" not in written, "how the old weights did is not known of the new ones"


def test_training_on_from_what_was_written_is_possible(graduate: Path, encoder: Encoder, tmp_path: Path) -> None:
    twice = taught(graduate, encoder, tmp_path, steps=1)
    assert facts.right(twice, NEW) == len(NEW)


def test_training_has_an_end_and_something_to_learn(pupil: Path, encoder: Encoder) -> None:
    training = FurtherTraining(pupil, encoder)
    with pytest.raises(ValueError, match="without an end"):
        training.learn(training.make_ready(NEW[:1]))
    with pytest.raises(ValueError, match="nothing to learn"):
        training.learn(training.make_ready([]), steps=1)


def test_weights_that_tell_no_recipe_cannot_be_trained_further(pupil: Path, encoder: Encoder, tmp_path: Path) -> None:
    for file in pupil.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    record = json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))
    del record["recipe"]
    (tmp_path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ModelError, match="recipe"):
        FurtherTraining(tmp_path, encoder)
