"""Query expansion: the words that a question could have used, and the direction in which its first finds lie."""

from collections.abc import Sequence

import numpy as np

from kstore.encoding.encoder import Vectors
from kstore.vectors.abbreviations import LONGEST, folded
from kstore.vectors.lexical import QUESTION_WORDS
from kstore.vectors.store import Store

_MOST_WORDS = 64  # of a query that are looked up
_MOST_ADDED = 4  # to one query
_FEEDBACK_WEIGHT = 0.6  # of the mean of the passages beside the query


def expansions(store: Store, query: str, revision: int) -> list[str]:
    """What else the query could have said: the long forms of the abbreviations in it, the abbreviations of the long
    forms, as texts alive at ``revision`` explain them; those that most texts explain first, at most four."""
    runs = _runs(folded(query).split()[:_MOST_WORDS])
    said = set(runs)
    pairs = store.abbreviations(runs, revision)
    others = [long if short in said else short for short, long in pairs if not (short in said and long in said)]
    return list(dict.fromkeys(others))[:_MOST_ADDED]


def _runs(words: Sequence[str]) -> list[str]:
    """Every run of up to as many words as an explanation has, save a single word that asks: "it" is not IT."""
    runs = (
        " ".join(words[low:high])
        for low in range(len(words))
        for high in range(low + 1, min(low + LONGEST, len(words)) + 1)
    )
    return [run for run in runs if run not in QUESTION_WORDS]


def towards(query: Vectors, passages: Sequence[Vectors]) -> Vectors:
    """The query, of length 1, moved towards the passages that it found first (Rocchio 1971, without negatives); all of
    shape (dimension,)."""
    moved = query + _FEEDBACK_WEIGHT * np.mean(passages, axis=0)
    nearer: Vectors = (moved / np.linalg.norm(moved)).astype(np.float32)
    return nearer
