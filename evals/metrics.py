"""Scores of a short answer against its gold answers, as the official SQuAD 2.0 script computes them."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")


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


def f1(answer: str | None, golds: Sequence[str] | None) -> float:
    """Harmonic mean of precision and recall over the words, counted with repetition; the best over the golds.

    >>> round(f1("two two cats", ["two cats"]), 3), f1("dogs", ["two cats"])
    (0.8, 0.0)
    """
    return _best(_f1, answer, golds)


def contains(answer: str | None, golds: Sequence[str] | None) -> float:
    """1 where the normalised answer holds one of the golds as whole words: the fair score for a quoted sentence.

    >>> contains("LoRA is of 2021.", ["2021"]), contains("of 20211", ["2021"])
    (1.0, 0.0)
    """
    return _best(lambda text, gold: float(f" {normalise(gold)} " in f" {normalise(text)} "), answer, golds)


def _best(score: Callable[[str, str], float], answer: str | None, golds: Sequence[str] | None) -> float:
    if golds is None or answer is None:
        return float(golds is None and answer is None)
    return max(score(answer, gold) for gold in golds)


def _f1(answer: str, gold: str) -> float:
    said, meant = normalise(answer).split(), normalise(gold).split()
    if not said or not meant:
        return float(said == meant)
    shared = sum((Counter(said) & Counter(meant)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(meant)
    return 2 * precision * recall / (precision + recall)
