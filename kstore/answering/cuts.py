"""The chapter's retrieval controls: which of the ranked passages are let through."""

import math
from collections.abc import Sequence

from kstore.controls import Cut
from kstore.types import Hit

_SHARE_TEMPERATURE = 0.1  # of the softmax that turns similarities into shares of relevance


def apply_cut(hits: Sequence[Hit], cut: Cut) -> tuple[Hit, ...]:
    """The hits that pass the cumulative cut-off, the threshold and the gap, in their order.

    All three look at the cosine similarities, ranked; what orders the hits may be another score. Hits of a lexical
    search have no similarity and pass.
    """
    ranked = sorted((hit.similarity for hit in hits if hit.similarity is not None), reverse=True)
    kept = len(surviving(ranked, cut))
    if kept == len(ranked):
        return tuple(hits)
    floor = ranked[kept - 1] if kept else math.inf
    return tuple(hit for hit in hits if hit.similarity is None or hit.similarity >= floor)


def surviving(similarities: Sequence[float], cut: Cut) -> Sequence[float]:
    """The beginning of the descending ``similarities``, which are cosines, that passes every control."""
    kept = similarities
    if cut.cumulative is not None and kept:
        weights = [math.exp((similarity - kept[0]) / _SHARE_TEMPERATURE) for similarity in kept]
        enough = cut.cumulative * sum(weights)
        count = 1
        while sum(weights[:count]) < enough and count < len(weights):
            count += 1
        kept = kept[:count]
    near = [_nearness(similarity, cut) for similarity in kept]
    if cut.threshold is not None:
        least = -cut.threshold if cut.metric == "euclidean" else cut.threshold
        near = [value for value in near if value >= least]
    if cut.gap is not None:
        falls = (position for position in range(1, len(near)) if near[position - 1] - near[position] > cut.gap)
        near = near[: next(falls, len(near))]
    return kept[: len(near)]


def _nearness(similarity: float, cut: Cut) -> float:
    """What grows with the similarity, in the metric of the cut."""
    return -math.sqrt(max(2 - 2 * similarity, 0)) if cut.metric == "euclidean" else similarity
