"""Late interaction: what token vectors are, and that they find the passage whose words answer."""

import numpy as np
import pytest

from kstore.encoding.tokens import DIMENSION, TokenEncoder

TEXTS = [
    "The lamp of Kell Point burns rapeseed oil.",
    "Bosun the dog weighs 31 kilograms and sleeps in the ice house.",
    "Oat bread bakes for 55 minutes. " * 40,
]


@pytest.fixture(scope="module")
def encoder() -> TokenEncoder:
    return TokenEncoder()


def test_one_unit_vector_for_each_token(encoder: TokenEncoder) -> None:
    for vectors in encoder.encode_passages(TEXTS):
        assert vectors.dtype == np.int8
        assert vectors.shape[1] == DIMENSION
        assert np.allclose(np.linalg.norm(vectors / 127, axis=1), 1, atol=0.03)
    assert [len(it) for it in encoder.encode_passages(["lamp", "the lamp burns"])] == [3, 5]
    assert len(encoder.encode_passages([TEXTS[2] * 9])[0]) == 320


def test_a_passage_gets_the_same_vectors_in_any_company(encoder: TokenEncoder) -> None:
    together = encoder.encode_passages(TEXTS)
    for text, vectors in zip(TEXTS, together, strict=True):
        assert np.abs(encoder.encode_passages([text])[0].astype(int) - vectors).max() <= 1
    assert encoder.encode_passages([]) == []


def test_the_passage_that_answers_matches_best(encoder: TokenEncoder) -> None:
    passages = dict(enumerate(encoder.encode_passages(TEXTS)))
    for question, best in (("What fuels the lamp?", 0), ("How heavy is Bosun?", 1), ("How long is bread baked?", 2)):
        scores = encoder.match(question, passages).scores
        assert max(scores, key=scores.__getitem__) == best
        assert all(-1.01 <= score <= 1.01 for score in scores.values())


def test_the_score_is_the_weighted_mean_of_the_best_cosines(encoder: TokenEncoder) -> None:
    """A passage that is the concatenation of two matches each token as well as the better of the two does."""
    first, second = encoder.encode_passages(TEXTS[:2])
    scores = encoder.match("What fuels the lamp?", {1: first, 2: second, 3: np.concatenate([first, second])}).scores
    assert scores[3] >= max(scores[1], scores[2]) - 1e-6
    assert encoder.match("What fuels the lamp?", {1: first}).scores[1] == pytest.approx(scores[1])


def test_the_focus_is_where_the_answer_stands(encoder: TokenEncoder) -> None:
    filler = "Boats come and go, and nobody counts them. " * 14
    early, late, short = encoder.encode_passages(
        [f"The bell weighs 300 kilograms. {filler}", f"{filler} The bell weighs 300 kilograms.", "The bell is heavy."]
    )
    matches = encoder.match("What does the bell weigh?", {1: early, 2: late, 3: short})
    assert matches.focus(1) < 0.5 < matches.focus(2)
    assert matches.focus(3) == 0.5
