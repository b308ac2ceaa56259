"""From passages to an answer: what the cross-encoder found, quoted with the sentence around it."""

import re
from collections.abc import Sequence

from kstore.answering.lists import asks_for_several, counts, in_parts, is_list, items_around
from kstore.answering.logistic import logistic
from kstore.answering.reading import Reading
from kstore.controls import Sampling
from kstore.reading.reader import CrossEncoder, Finding, Passage, Stretch, in_order
from kstore.reading.tuning import Tuning
from kstore.reading.view import view
from kstore.text.markdown import units
from kstore.types import Citation, Hit

_PASSAGES = 3
_STRETCHES = 5  # that are read at most for one question; reading is most of an answer's time
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+|>\s?|\|\s*")


class Reader:
    """Reads the passages of a search. Threads may share it.

    A question is better declined where nine in ten answerable dev questions are judged more answerable. The confidence
    is a logistic regression on dev questions.
    """

    name = "cross-encoder reader"

    def __init__(self, encoder: CrossEncoder, tuning: Tuning | None = None) -> None:
        """``tuning`` other than that of the encoder's own record is for who looks for a better one."""
        self._encoder = encoder
        self._tuning = tuning

    @property
    def tuning(self) -> Tuning:
        """Thresholds and weights; ModelError where the record of the encoder does not tell them."""
        return self._tuning or self._encoder.tuning

    @property
    def calibrated_on(self) -> str:
        return self.tuning.calibrated_on

    def read(self, question: str, hits: Sequence[Hit], sampling: Sampling = Sampling()) -> Reading | None:  # noqa: B008
        """The answer that the first few hits give; None where they hold no words. Nothing is drawn.

        It is a few words or, where those are too uncertain, the sentence that they stand in.

        Another passage is cited beside the best one if the same answer was found in it.
        """
        stretches = stretches_of(hits)
        findings = self._encoder.read(question, stretches[:1])
        if not findings:
            return None
        several = asks_for_several(question)
        if several or not any(is_sure(it, self.tuning) for it in findings):
            findings += self._encoder.read(question, stretches[1:])
        reading = judged(findings, hits, self.tuning)
        if not several:
            return reading
        return _in_parts(reading, findings, hits, self.tuning, joined=counts(question))


def stretches_of(hits: Sequence[Hit]) -> list[Stretch]:
    """What is read at most, in this order; on to the second only where the first does not make sure."""
    passages = [Passage(hit.headings, hit.text, 0.5 if hit.focus is None else hit.focus) for hit in hits[:_PASSAGES]]
    return in_order(passages)[:_STRETCHES]


def is_sure(finding: Finding, tuning: Tuning) -> bool:
    """Whether it makes further reading needless."""
    answerable, certainty = tuning.sure
    return finding.answerable > answerable and finding.certainty > certainty


def judged(findings: Sequence[Finding], hits: Sequence[Hit], tuning: Tuning) -> Reading:
    """The best of the findings, of which there is at least one, as an answer with its citations."""
    ranked = _ranked(findings, hits, tuning)
    best = ranked[0]
    agreeing = {it.passage: it for it in reversed(ranked) if it.plain.casefold() == best.plain.casefold()}
    agreeing.pop(best.passage)
    cited = [best, *sorted(agreeing.values(), key=lambda it: it.passage)]
    citations = tuple(_cite(it, hits[it.passage], score(it, hits[it.passage], tuning)) for it in cited)
    sure = confidence(best, tuning)
    text = best.plain if sure >= tuning.least_confidence else view(citations[0].text).plain or best.plain
    return Reading(text, citations, best.answerable < tuning.least_answerable, sure)


def _ranked(findings: Sequence[Finding], hits: Sequence[Hit], tuning: Tuning) -> list[Finding]:
    return sorted(findings, key=lambda it: score(it, hits[it.passage], tuning), reverse=True)


def _in_parts(
    reading: Reading, findings: Sequence[Finding], hits: Sequence[Hit], tuning: Tuning, joined: bool
) -> Reading:
    """The reading of a question that asks for several things: the items of the list that the best finding stands in or,
    where they are to be ``joined``, what was surely found in several passages; else as it is."""
    best, *others = _ranked(findings, hits, tuning)
    hit = hits[best.passage]
    items = items_around(hit.text, best.start, best.end)
    if items:
        return in_parts(reading, [hit.cite(start, end, reading.citations[0].score) for start, end in items])
    if not joined or is_list(best.plain) or not is_sure(best, tuning):
        return reading
    parts = {best.plain.casefold(): best}
    for other in others:
        words = other.plain.casefold()
        if is_sure(other, tuning) and not any(words in known or known in words for known in parts):
            parts[words] = other
    cited = [hits[it.passage].cite(it.start, it.end, score(it, hits[it.passage], tuning)) for it in parts.values()]
    return in_parts(reading, cited) if len(cited) > 1 else reading


def score(finding: Finding, hit: Hit, tuning: Tuning) -> float:
    """What orders the findings of one question, of which the best is the answer."""
    search = 0.0 if hit.match is None else tuning.search_weight * hit.score
    return finding.relevance + tuning.certainty_weight * finding.certainty + search


def confidence(finding: Finding, tuning: Tuning) -> float:
    """The probability that the finding is right."""
    answerable, certainty, constant = tuning.confidence
    return logistic(answerable * finding.answerable + certainty * finding.certainty + constant)


def _cite(finding: Finding, hit: Hit, score: float) -> Citation:
    """The sentences, list items, rows or blocks that the answer stands in, without the marks before them."""
    around = [unit for unit in units(hit.text) if unit.start < finding.end and finding.start < unit.end]
    start = min([finding.start, *(unit.start for unit in around)])
    end = max([finding.end, *(unit.end for unit in around)])
    unmarked = after_marker(hit.text, start, end)
    return hit.cite(unmarked if unmarked <= finding.start else start, end, score)


def after_marker(text: str, start: int, end: int) -> int:
    """Where ``text[start:end]`` begins behind the mark of a list item, a quotation or a table row."""
    marker = _MARKER.match(text, start, end)
    return marker.end() if marker else start
