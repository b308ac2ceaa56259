"""How right an answer is, as SQuAD counts it: by its words, without case, punctuation and articles."""

import re
from collections import Counter
from collections.abc import Sequence

_DROPPED = re.compile(r"\b(?:a|an|the)\b|[^\w\s]|_", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The words that count."""
    return _DROPPED.sub(" ", text.lower()).split()


def token_f1(answer: str, accepted: Sequence[str]) -> float:
    """The best F1 over the words of an answer and of one that is accepted."""
    return max((_f1(words(answer), words(gold)) for gold in accepted), default=0.0)


def contains(answer: str, accepted: Sequence[str]) -> bool:
    """Whether an accepted answer's words stand in the answer, next to each other."""
    found = f" {' '.join(words(answer))} "
    return any(f" {' '.join(words(gold))} " in found for gold in accepted if words(gold))


def _f1(answer: list[str], gold: list[str]) -> float:
    shared = sum((Counter(answer) & Counter(gold)).values())
    return 2 * shared / (len(answer) + len(gold)) if shared else 0.0
