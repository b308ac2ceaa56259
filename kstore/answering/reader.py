"""From passages to an answer: what the cross-encoder found, quoted with the sentence around it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kstore.answering.logistic import logistic
from kstore.reading.reader import CrossEncoder, Finding, Passage, in_order
from kstore.reading.view import view
from kstore.text.markdown import units
from kstore.types import Citation, Hit

_PASSAGES = 3
_STRETCHES = 3  # that are read at most for one question; reading is most of an answer's time
_SURE = (2.0, -0.5)  # logit of being answered and log-probability of the span that make further reading needless
_SEARCH_WEIGHT = 25.0  # of the search's score beside the reader's logits, where it is a reranked one; chosen on dev
_CERTAINTY_WEIGHT = 0.5
_LEAST_ANSWERABLE = -2.1
_LEAST_CONFIDENCE = 0.2  # of a short answer; below, the sentence around it is the answer
_CONFIDENCE = (0.250, 0.403, -1.133)  # right: token F1 of at least a half
CALIBRATED_ON = "dev (284 questions about facts that were never trained on)"
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+|>\s?|\|\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """The best answer found, in the passage's own words, and the sentences that say so, best first.

    ``answerable`` is the reader's logit that the passage answers at all, ``certainty`` the log-probability of its span.
    """

    text: str
    citations: tuple[Citation, ...]
    answerable: float
    certainty: float

    @property
    def declines(self) -> bool:
        """Whether the question is better declined: it is below what nine in ten answerable dev questions reach."""
        return self.answerable < _LEAST_ANSWERABLE

    @property
    def confidence(self) -> float:
        """The probability that the answer is right, by a logistic regression on dev questions."""
        answerable, certainty, constant = _CONFIDENCE
        return logistic(answerable * self.answerable + certainty * self.certainty + constant)


class Reader:
    """Reads the passages of a search. Threads may share it."""

    def __init__(self, encoder: CrossEncoder) -> None:
        self._encoder = encoder

    def read(self, question: str, hits: Sequence[Hit]) -> Reading | None:
        """The answer that the first few hits give; None where they hold no words.

        It is a few words or, where those are too uncertain, the sentence that they stand in.

        Another passage is cited beside the best one if the same answer was found in it.
        """
        passages = [
            Passage(hit.headings, hit.text, 0.5 if hit.focus is None else hit.focus) for hit in hits[:_PASSAGES]
        ]
        stretches = in_order(passages)
        findings = self._encoder.read(question, stretches[:1])
        if not any(it.answerable > _SURE[0] and it.certainty > _SURE[1] for it in findings):
            findings += self._encoder.read(question, stretches[1:_STRETCHES])
        if not findings:
            return None
        ranked = sorted(findings, key=lambda it: _score(it, hits[it.passage]), reverse=True)
        best = ranked[0]
        agreeing = {it.passage: it for it in reversed(ranked) if it.plain.casefold() == best.plain.casefold()}
        agreeing.pop(best.passage)
        cited = [best, *sorted(agreeing.values(), key=lambda it: it.passage)]
        citations = tuple(_cite(it, hits[it.passage]) for it in cited)
        reading = Reading(best.plain, citations, best.answerable, best.certainty)
        if reading.confidence >= _LEAST_CONFIDENCE:
            return reading
        return replace(reading, text=view(citations[0].text).plain or best.plain)


def _score(finding: Finding, hit: Hit) -> float:
    search = 0.0 if hit.match is None else _SEARCH_WEIGHT * hit.score
    return finding.relevance + _CERTAINTY_WEIGHT * finding.certainty + search


def _cite(finding: Finding, hit: Hit) -> Citation:
    """The sentences, list items, rows or blocks that the answer stands in, without the marks before them."""
    around = [unit for unit in units(hit.text) if unit.start < finding.end and finding.start < unit.end]
    start = min([finding.start, *(unit.start for unit in around)])
    end = max([finding.end, *(unit.end for unit in around)])
    unmarked = after_marker(hit.text, start, end)
    return hit.cite(unmarked if unmarked <= finding.start else start, end, _score(finding, hit))


def after_marker(text: str, start: int, end: int) -> int:
    """Where ``text[start:end]`` begins behind the mark of a list item, a quotation or a table row."""
    marker = _MARKER.match(text, start, end)
    return marker.end() if marker else start
