"""Fusion: a convex sum of two scores, each divided by its maximum."""

from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kstore.vectors.fusion import convex_fusion

Candidates = dict[int, tuple[float, float]]

# Scores as searches give them; the tiniest would only test the rounding of floating point.
COSINES = st.floats(-1, 1).map(lambda score: round(score, 6))
BM25 = st.floats(0, 50).map(lambda score: round(score, 6))
CANDIDATES = st.dictionaries(st.integers(1, 1000), st.tuples(COSINES, BM25), min_size=1)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure


def fused(candidates: Candidates, weight: float = 0.5) -> dict[int, float]:
    similarities = {text: similarity for text, (similarity, _) in candidates.items()}
    lexical = {text: score for text, (_, score) in candidates.items()}
    return convex_fusion(similarities, lexical, weight)


def test_a_worked_example() -> None:
    scores = fused({1: (0.8, 2.0), 2: (0.4, 8.0), 3: (-0.2, 0.0), 4: (0.6, 0.0)})
    assert scores == pytest.approx({1: 0.5 + 0.125, 2: 0.25 + 0.5, 3: 0.0, 4: 0.375})


def test_a_text_that_both_searches_hold_best_gets_exactly_one() -> None:
    assert fused({1: (0.7, 3.0), 2: (0.1, 1.0)})[1] == 1.0


def test_nothing_found_gives_nothing() -> None:
    assert convex_fusion({}, {}) == {}


def test_where_no_word_occurs_the_order_is_that_of_the_cosines() -> None:
    scores = fused({1: (0.2, 0.0), 2: (0.9, 0.0), 3: (0.5, 0.0)})
    assert sorted(scores, key=lambda text: -scores[text]) == [2, 3, 1]


def test_where_all_cosines_are_negative_the_words_decide() -> None:
    assert fused({1: (-0.5, 1.0), 2: (-0.1, 4.0)}) == pytest.approx({1: 0.125, 2: 0.5})


@unhurried
@given(candidates=CANDIDATES, weight=st.floats(0, 1))
def test_scores_lie_between_nought_and_one(candidates: Candidates, weight: float) -> None:
    scores = fused(candidates, weight)
    assert scores.keys() == candidates.keys()
    assert all(0 <= score <= 1 + 1e-12 for score in scores.values())


@unhurried
@given(candidates=CANDIDATES)
def test_the_ends_of_the_weight_are_the_two_rankings(candidates: Candidates) -> None:
    for weight, part in ((1.0, 0), (0.0, 1)):
        scores = fused(candidates, weight)
        ordered = sorted(candidates, key=lambda text: -scores[text])
        parts = [max(candidates[text][part], 0.0) for text in ordered]
        assert parts == sorted(parts, reverse=True)


@unhurried
@given(candidates=CANDIDATES, factor=st.sampled_from([0.125, 2.0, 1024.0]))
def test_the_scale_of_the_lexical_scores_does_not_matter(candidates: Candidates, factor: float) -> None:
    """BM25 has no upper bound; it grows with the corpus and with the question."""
    scaled = {text: (similarity, score * factor) for text, (similarity, score) in candidates.items()}
    assert fused(scaled) == pytest.approx(fused(candidates))


@unhurried
@given(candidates=CANDIDATES, better=st.tuples(COSINES, BM25))
def test_who_is_better_in_both_is_never_ranked_below(candidates: Candidates, better: tuple[float, float]) -> None:
    scores = fused({**candidates, 0: better})
    beaten = [text for text, scored in candidates.items() if scored[0] <= better[0] and scored[1] <= better[1]]
    assert max((scores[text] for text in beaten), default=-inf) <= scores[0]
