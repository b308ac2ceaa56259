"""The values that travel between the wings: small, immutable, free of any library.

Offsets count characters of the document's text as stored and are half-open; lines are 1-based and inclusive.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from kstore.controls import Controls


def text_digest(text: str) -> str:
    """Hex sha256 of ``text`` in UTF-8: the identity of a document's or a passage's words."""
    return hashlib.sha256(text.encode()).hexdigest()


def document_term(name: str, digest: str) -> int:
    """One document's summand in the corpus digest: sha256 over its name and its text's digest."""
    return int.from_bytes(hashlib.sha256(f"{name}\0{digest}".encode()).digest(), "big")


def corpus_digest(documents: Mapping[str, str]) -> str:
    """Hex digest of a state of the corpus, given ``{name: text}``; the same in every store that has had it.

    The sum of the documents' hashes modulo 2^256 (AdHash, Bellare and Micciancio 1997), so that a store keeps
    it up to date in constant time for each edited document, whatever the order of the edits.
    """
    total = sum(document_term(name, text_digest(text)) for name, text in documents.items())
    return f"{total % 2**256:064x}"


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a named document: alive at ``r`` when ``born <= r < died`` (``died`` None: still alive)."""

    name: str
    digest: str
    text: str
    born: int
    died: int | None = None


def encoder_text(headings: Sequence[str], plain: str) -> str:
    """What encoders read of a passage: the heading path, then the plain text (empty parts left out)."""
    return "\n".join(part for part in (" > ".join(headings), plain) if part)


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document that is embedded, found and cited as one piece.

    ``plain`` is the span's text without markup and with white space folded. Together with ``headings`` it is all
    that the encoder and the lexical index see, so that a change of formatting alone re-encodes nothing.
    """

    start: int
    end: int
    line_start: int
    line_end: int
    headings: tuple[str, ...]
    plain: str

    @property
    def key(self) -> str:
        """Identity of what the encoder reads: digest of the heading path and the plain text."""
        return text_digest("\0".join((*self.headings, "", self.plain)))

    @property
    def encoder_text(self) -> str:
        return encoder_text(self.headings, self.plain)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found by a search: ``text`` is exactly ``document[start:end]`` at ``revision``.

    ``score`` orders the hits of one search; ``similarity`` is the cosine between question and passage, None where no
    encoder took part; ``lexical`` is the BM25 score, 0 where no query word occurs. ``match`` is how well the question's
    words find their like in the passage, at most 1, and ``focus`` where most of them do, from 0 (its beginning) to 1;
    None where the hits were not reranked.
    """

    document: str
    headings: tuple[str, ...]
    start: int
    end: int
    line_start: int
    line_end: int
    text: str
    score: float
    revision: int
    similarity: float | None = None
    lexical: float | None = None
    match: float | None = None
    focus: float | None = None

    def cite(self, start: int, end: int, score: float) -> "Citation":
        """The citation of ``self.text[start:end]``; its offsets and lines are the document's."""
        quote = self.text[start:end]
        line = self.line_start + count_lines(self.text[:start])
        return Citation(
            document=self.document,
            headings=self.headings,
            start=self.start + start,
            end=self.start + end,
            line_start=line,
            line_end=line + count_lines(quote),
            text=quote,
            score=score,
            revision=self.revision,
        )


@dataclass(frozen=True, slots=True)
class Citation:
    """A quotation that supports an answer: ``document[start:end]`` at ``revision`` is exactly ``text``.

    ``claim`` is the span of the answer's text that it supports, None where that is the whole.
    """

    document: str
    headings: tuple[str, ...]
    start: int
    end: int
    line_start: int
    line_end: int
    text: str
    score: float
    revision: int
    claim: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one search found: hits, best first, all read from the one ``revision``."""

    query: str
    revision: int
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The state of the corpus that a set of weights was trained on: its digest and its ISO date."""

    digest: str
    date: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an arm says. ``text`` None means that it declined, and ``declined`` says why.

    ``as_of`` is the revision of this store that the knowledge comes from, None when this store never had that state;
    ``age`` says the same in words and ``knowledge`` what the answer was drawn from. ``confidence`` is a calibrated
    probability of being right, None where the arm has not been calibrated. ``tokens`` counts what a generator wrote,
    None where none did. ``because`` says why an arm that chooses between others chose as it did. ``timings`` are
    milliseconds by stage; they add up to ``timings["total"]``.
    """

    arm: str
    model: str
    text: str | None
    declined: str | None = None
    as_of: int | None = None
    age: str = ""
    knowledge: str = ""
    confidence: float | None = None
    citations: tuple[Citation, ...] = ()
    tokens: int | None = None
    because: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.text is None) == (self.declined is None):
            raise ValueError("an answer has either a text or a reason for declining")

    def aged(self, current: int | None) -> "Answer":
        """The same answer with its age in words, seen from the store's ``current`` revision."""
        return replace(self, age=describe_age(self.as_of, current))

    def if_sure(self, least: float) -> "Answer":
        """The same answer, declined where its confidence is known and below ``least``."""
        if self.text is None or self.confidence is None or self.confidence >= least:
            return self
        declined = f"an answer of {self.confidence:.0%} confidence was found, and {least:.0%} are wanted"
        return replace(self, text=None, citations=(), declined=declined)


@dataclass(frozen=True, slots=True)
class Reply:
    """All the answers to one question; ``revision`` is the store's when it was asked (None: no store)."""

    question: str
    revision: int | None
    answers: tuple[Answer, ...]


class Arm(Protocol):
    """A way of answering that is compared with others."""

    @property
    def name(self) -> str: ...

    def answer(self, question: str, controls: Controls = ...) -> Answer: ...


class Stopwatch:
    """Splits a stretch of time into named stages that add up to the whole.

    ``lap(stage)`` gives all time since the last lap (or the start) to ``stage``, so nothing is left unattributed.
    """

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._stages[stage] = self._stages.get(stage, 0.0) + (now - self._last) * 1e3
        self._last = now

    def timings(self) -> dict[str, float]:
        """Milliseconds by stage, with their sum under ``total`` first."""
        return {"total": sum(self._stages.values()), **self._stages}


Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many (0: not known)


def no_progress(what: str, done: int, total: int) -> None:
    """Report to nobody."""


def count_lines(text: str) -> int:
    """The number of line ends in ``text``; CRLF, CR and LF each count once, as Markdown reads them."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def describe_age(as_of: int | None, current: int | None) -> str:
    """The age of knowledge in words: current, behind by so many revisions, or unknown here."""
    if as_of is None or current is None:
        return "unknown here"
    behind = current - as_of
    if behind <= 0:
        return "current"
    return f"behind by {behind} revision{'s' if behind > 1 else ''}"
