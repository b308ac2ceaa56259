"""The chapter's retrieval controls: which of the ranked passages are let through."""

from kstore.controls import Cut
from kstore.types import Hit


def apply_cut(hits: tuple[Hit, ...], cut: Cut) -> tuple[Hit, ...]:
    """The hits that pass the threshold, the gap and the cumulative cut-off, in their order.

    All three look at the cosine similarity, whatever the order of the hits came from. Hits of a lexical search have
    none and pass.
    """
    kept: list[Hit] = []
    total = sum(max(hit.similarity or 0.0, 0.0) for hit in hits)
    summed = 0.0
    for hit in hits:
        similarity = hit.similarity
        if similarity is None:
            kept.append(hit)
            continue
        if cut.threshold is not None and similarity < cut.threshold:
            continue
        previous = kept[-1].similarity if kept else None
        if cut.gap is not None and previous is not None and previous - similarity > cut.gap:
            break
        kept.append(hit)
        summed += max(similarity, 0.0)
        if cut.cumulative is not None and summed >= cut.cumulative * total:
            break
    return tuple(kept)
