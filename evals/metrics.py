"""Scores of a short answer against its gold answers, as the official SQuAD 2.0 script computes them."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_EDGES = string.punctuation.translate(str.maketrans("", "", "+-*/=<>%^()[]{}\\_"))


@lru_cache(maxsize=100_000)
def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces.

    >>> normalise("The  Cat's   hat!")
    'cats hat'
    """
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str | None, golds: Sequence[str] | None) -> float:
    """1 where the normalised answer is one of the normalised golds; golds None: where the arm declined.

    >>> exact_match("the FAISS index", ["FAISS index"]), exact_match(None, None), exact_match("x", None)
    (1.0, 1.0, 0.0)
    """
    return _best(lambda text, gold: float(normalise(text) == normalise(gold)), answer, golds)


def exact_match_strict(answer: str | None, golds: Sequence[str] | None) -> float:
    """Exact match that keeps what SQuAD's normalisation drops although it changes the sense of a number or a formula:
    signs, operators and the point within a number. Case, articles, spaces and punctuation at the end of words count
    as little as there.

    >>> exact_match("-0.5", ["0.5"]), exact_match_strict("-0.5", ["0.5"]), exact_match_strict("The hat.", ["hat"])
    (1.0, 0.0, 1.0)
    """
    return _best(lambda text, gold: float(_sense(text) == _sense(gold)), answer, golds)


def f1(answer: str | None, golds: Sequence[str] | None) -> float:
    """Harmonic mean of precision and recall over the words, counted with repetition; the best over the golds.

    >>> round(f1("two two cats", ["two cats"]), 3), f1("dogs", ["two cats"])
    (0.8, 0.0)
    """
    return _best(_f1, answer, golds)


def contains(answer: str | None, golds: Sequence[str] | None) -> float:
    """1 where the normalised answer holds one of the golds as whole words: the fair score for a quoted sentence.
    Without golds, 1 where the arm declined.

    >>> contains("LoRA is of 2021.", ["2021"]), contains("of 20211", ["2021"])
    (1.0, 0.0)
    """
    if golds is None:
        return float(answer is None)
    return _best(lambda text, gold: float(f" {normalise(gold)} " in f" {normalise(text)} "), answer, golds)


def key_point_recall(answer: str | None, key_points: Sequence[str]) -> float:
    """The share of the key points that the answer makes: all the words of such a point, in any order.

    A deterministic stand-in for the judged recall of RAGEval (Zhu et al. 2024, arXiv:2408.01262): it misses what is
    said in other words. ValueError without key points.

    >>> key_point_recall("The vectors are normalised, then searched.", ["normalised vectors", "an exact search"])
    0.5
    """
    if not key_points:
        raise ValueError("no key points")
    said = set(normalise(answer or "").split())
    return sum(set(normalise(point).split()) <= said for point in key_points) / len(key_points)


def _best(score: Callable[[str, str], float], answer: str | None, golds: Sequence[str] | None) -> float:
    """The best over the golds. As in the official script, to decline is to answer with nothing, and nothing is the gold
    of a question that has none."""
    return max(score(answer or "", gold) for gold in golds or ("",))


def _sense(text: str) -> str:
    words = (word.strip(_EDGES) for word in _ARTICLES.sub(" ", text.casefold()).split())
    return " ".join(word for word in words if word)


def _f1(answer: str, gold: str) -> float:
    said, meant = normalise(answer).split(), normalise(gold).split()
    if not said or not meant:
        return float(said == meant)
    shared = sum((Counter(said) & Counter(meant)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(meant)
    return 2 * precision * recall / (precision + recall)
