"""The extractive reader: of the passages found, the sentences that answer, quoted as they stand."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kstore.answering.sentences import SentenceVectors
from kstore.encoding.encoder import Encoder
from kstore.text.markdown import units
from kstore.types import Citation, Hit

_PASSAGES_READ = 3
_SENTENCES_READ = 48  # encoding them is most of an answer's time
_CHARACTERS_READ = 250  # of one sentence: a long one is often a block of code, of which the beginning says enough
_MOST_SENTENCES = 2
_NEARLY_AS_GOOD = 0.93  # a second sentence is quoted only if its score is this share of the best one's
_PASSAGE_WEIGHT = 0.3
_LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+|>\s?|\|\s*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a hit: its span within the hit's text, and its words without markup."""

    hit: Hit
    start: int
    end: int
    plain: str


class Reader:
    """Quotes the sentences that answer. Safe to share between threads."""

    def __init__(self, encoder: Callable[[], Encoder]) -> None:
        self._encoder = encoder
        self._sentences = SentenceVectors(encoder)

    def read(self, question: str, hits: Sequence[Hit]) -> list[Citation]:
        """The one or two sentences that best answer the question, best first; each quote is a span of its document.

        A sentence's score is its cosine to the question, read under its headings, plus a share of its passage's score:
        a sentence that sounds right in a passage that does not fit is rarely the answer.
        """
        candidates = [candidate for hit in hits[:_PASSAGES_READ] for candidate in _candidates(hit)][:_SENTENCES_READ]
        if not candidates:
            return []
        asked = self._encoder().encode_questions([question])[0]
        texts = [" > ".join((*it.hit.headings[-1:], it.plain[:_CHARACTERS_READ])) for it in candidates]
        highest = max(abs(hit.score) for hit in hits) or 1.0
        passage_scores = np.array([candidate.hit.score / highest for candidate in candidates])
        scores = self._sentences.of(texts) @ asked + _PASSAGE_WEIGHT * passage_scores
        order = np.argsort(-scores, kind="stable")[:_MOST_SENTENCES]
        best = float(scores[order[0]])
        return [
            candidates[row].hit.cite(candidates[row].start, candidates[row].end, float(scores[row]))
            for row in order
            if float(scores[row]) >= best * _NEARLY_AS_GOOD
        ]


def _candidates(hit: Hit) -> list[Candidate]:
    found = []
    for unit in units(hit.text):
        marker = _MARKER.match(hit.text, unit.start, unit.end)
        found.append(Candidate(hit, marker.end() if marker else unit.start, unit.end, unit.plain))
    return [candidate for candidate in found if candidate.start < candidate.end and not _is_reference(candidate)]


def _is_reference(candidate: Candidate) -> bool:
    """Whether the sentence only points elsewhere, as "See [LoRA](...)" does: next to no word of it is no link."""
    rest, links = _LINK.subn("", candidate.hit.text[candidate.start : candidate.end])
    return links > 0 and len(re.findall(r"\w+", rest)) <= 1
