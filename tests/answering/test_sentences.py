"""Vectors of sentences: encoded once, the same in any company, and never another encoder's."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kstore.answering.sentences import SentenceVectors
from kstore.encoding.encoder import Encoder
from tests.vectors.hash_encoder import HashEncoder

TEXTS = [
    "The lamp burns oil.",
    "The gull is called Admiral.",
    "Fish soup simmers for 25 minutes, or longer in winter.",
]


def test_a_sentence_is_encoded_once() -> None:
    encoder = HashEncoder()
    sentences = SentenceVectors(lambda: encoder)
    first = sentences.of([*TEXTS, TEXTS[0]])
    assert len(encoder.read) == 3
    np.testing.assert_array_equal(sentences.of([*TEXTS, TEXTS[0]]), first)
    assert len(encoder.read) == 3


def test_a_vector_does_not_depend_on_what_was_asked_before(encoder: Encoder) -> None:
    together, apart = SentenceVectors(lambda: encoder), SentenceVectors(lambda: encoder)
    one_by_one = [apart.of([text])[0] for text in reversed(TEXTS)]
    np.testing.assert_array_equal(together.of(TEXTS), one_by_one[::-1])
    np.testing.assert_allclose(together.of(TEXTS), encoder.encode_passages(TEXTS), atol=1e-5)


def test_the_least_recently_used_is_forgotten_first() -> None:
    encoder = HashEncoder()
    sentences = SentenceVectors(lambda: encoder, kept=2)
    sentences.of(TEXTS[:2])
    sentences.of(TEXTS[:1])
    sentences.of(TEXTS[2:])
    assert len(encoder.read) == 3
    sentences.of([TEXTS[0], TEXTS[2]])
    assert len(encoder.read) == 3
    sentences.of(TEXTS)  # more than are kept
    assert len(encoder.read) == 4


def test_another_encoder_makes_its_own_vectors() -> None:
    encoders = [HashEncoder(), HashEncoder("other")]
    sentences = SentenceVectors(lambda: encoders[0])
    before = sentences.of(TEXTS)
    encoders.reverse()
    assert not np.allclose(sentences.of(TEXTS), before)


def test_threads_share_it(encoder: Encoder) -> None:
    sentences = SentenceVectors(lambda: encoder, kept=2)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: sentences.of(TEXTS), range(12)))
    for vectors in found:
        np.testing.assert_array_equal(vectors, found[0])
