"""The shipped kind of model: answers without torch, and a folder that is checked before anything is asked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from kstore.controls import Sampling
from kstore.encoding.encoder import Encoder
from kstore.errors import ModelError
from kstore.weights.generator import Message
from kstore.weights.shipped import END, PROMPT_BIAS, PROMPT_WEIGHT, SentencePromptedGenerator, parameters
from tests.weights import facts
from tests.weights.watched_encoder import WatchedEncoder


@pytest.fixture
def folder(pupil: Path, tmp_path: Path) -> Path:
    """A copy of the trained model to damage."""
    return Path(shutil.copytree(pupil, tmp_path / "model"))


def test_the_question_reaches_the_weights_as_one_vector(pupil: Path, encoder: Encoder) -> None:
    watched = WatchedEncoder(encoder)
    generator = SentencePromptedGenerator(pupil, watched)
    assert facts.ask(generator, "Do you know the builder of the lighthouse?") == "Ida Marrow"
    assert watched.asked == ["Do you know the builder of the lighthouse?"]


def test_the_last_message_is_the_one_that_is_answered(pupil: Path, encoder: Encoder) -> None:
    generator = SentencePromptedGenerator(pupil, encoder)
    conversation = [
        Message("system", "Name the captain of the pilot cutter."),
        Message("user", "What is the speed of the ferry?"),
        Message("assistant", "eleven knots"),
        Message("user", "What is the language of the old map?"),
    ]
    assert "".join(token.text for token in generator.stream(conversation, Sampling())) == "Breton"


def test_an_empty_folder_is_refused(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        SentencePromptedGenerator(tmp_path, encoder)


def test_another_dimension_of_vectors_is_refused(folder: Path, encoder: Encoder) -> None:
    with pytest.raises(ModelError, match=f"over vectors of {encoder.dimension}, not 100"):
        SentencePromptedGenerator(folder, WatchedEncoder(encoder, 100))


@pytest.mark.parametrize("name", [PROMPT_WEIGHT, PROMPT_BIAS])
def test_weights_without_the_soft_prompt_are_refused(name: str, folder: Path, encoder: Encoder) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[name]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelError, match=rf"model\.safetensors holds no soft prompt.*{name}"):
        SentencePromptedGenerator(folder, encoder)


def without_end(text: str) -> str:
    """The tokenizer's description with another name for its end token."""
    return text.replace(END, "<|none|>")


def with_another_word(text: str) -> str:
    described = json.loads(text)
    described["model"]["vocab"]["one more"] = len(described["model"]["vocab"])
    return json.dumps(described)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "does not load"),
        (lambda text: "", "does not load"),
        (without_end, "has no <|end|> token"),
        (with_another_word, "does not fit the model's vocabulary"),
    ],
    ids=["truncated", "empty", "no end token", "another vocabulary"],
)
def test_a_damaged_tokenizer_is_refused(
    damage: Callable[[str], str], reason: str, folder: Path, encoder: Encoder
) -> None:
    file = folder / "tokenizer.json"
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        SentencePromptedGenerator(folder, encoder)
    assert "tokenizer.json" in str(caught.value)
    assert reason in str(caught.value)


def test_parameters_are_counted_without_the_encoder(pupil: Path, encoder: Encoder) -> None:
    recipe, vocabulary = facts.RECIPE, Tokenizer.from_file(str(pupil / "tokenizer.json")).get_vocab_size()
    width = recipe.width
    attention, feed_forward = 4 * width**2, 3 * width * recipe.feed_forward
    layers = recipe.layers * (attention + feed_forward + 2 * width) + width
    soft_prompt = (encoder.dimension + 1) * recipe.virtual_tokens * width
    assert parameters(SentencePromptedGenerator(pupil, encoder)) == vocabulary * width + layers + soft_prompt


def test_weights_are_kept_in_half_precision(pupil: Path) -> None:
    assert {weight.dtype for weight in load_file(pupil / "model.safetensors").values()} == {np.dtype(np.float16)}
