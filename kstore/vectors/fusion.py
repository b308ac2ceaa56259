"""Fusion: one ranking out of two that do not share a scale."""

from collections.abc import Mapping


def convex_fusion(
    similarities: Mapping[int, float], lexical: Mapping[int, float], weight: float = 0.5
) -> dict[int, float]:
    """``{id: score}``: ``weight`` of the cosine and the rest of the BM25 score, each divided by its maximum.

    The candidates are those of ``similarities``; one that no query word occurs in has no score in ``lexical``, or 0. A
    convex sum of normalised scores does better than reciprocal ranks (Bruch, Gai and Ingber 2023), here too.
    """
    highest_similarity = max(similarities.values(), default=0.0)
    words = {text: lexical.get(text, 0.0) for text in similarities}
    highest_lexical = max(words.values(), default=0.0)
    return {
        text: weight * _share(similarity, highest_similarity) + (1 - weight) * _share(words[text], highest_lexical)
        for text, similarity in similarities.items()
    }


def _share(score: float, highest: float) -> float:
    return max(score, 0.0) / highest if highest > 0 else 0.0
