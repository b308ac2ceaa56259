"""Reading with a generator that follows instructions: it writes the answer from the passages and quotes them for each
claim; here each quotation is looked up, and a claim whose words are not there is marked.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kstore.answering.prompts import NO_ANSWER, from_passages
from kstore.answering.reader import after_marker
from kstore.answering.reading import Reading
from kstore.controls import Sampling
from kstore.reading.view import view
from kstore.text.sentences import sentence_spans
from kstore.types import Citation, Hit
from kstore.weights.generator import Generator, count_drawn

UNVERIFIED = "[unverified]"

_TOKENS = 512  # that are written at most: each claim comes with a quotation
_CHARACTERS = 16_000  # of all passages in a prompt, some 4,000 tokens
_QUOTED = r'"[^"\n]+"|“[^”\n]+”|«[^»\n]+»'
_REFERENCE = re.compile(
    rf"(?:(?P<before>{_QUOTED})\s*)?\[(?P<number>\d{{1,4}})\](?:\s*[:,–-]?\s*(?P<after>{_QUOTED}))?"
)
_ALIKE = {**dict.fromkeys("'’‘", "['’‘]"), **dict.fromkeys('"“”', '["“”]'), **dict.fromkeys("-‐‑–", "[-‐‑–]")}
_NO_ANSWER = re.compile(rf"\W*(?:{NO_ANSWER}\b|(?i:{NO_ANSWER}\W*$))")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that was written, and what it is said to rest on: (number of a passage from 1, quotation or '')."""

    words: str
    references: list[tuple[int, str]] = field(default_factory=list)


class GroundedReader:
    """Lets a generator answer from the passages. Its answers have no confidence: nothing has calibrated them."""

    calibrated_on = None

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @property
    def name(self) -> str:
        return self._generator.name

    def read(self, question: str, hits: Sequence[Hit], sampling: Sampling = Sampling()) -> Reading | None:  # noqa: B008
        """What the generator makes of the passages; None without passages. A claim that no quotation supports is
        followed by ``[unverified]``."""
        shown = list(_fitting(hits))
        if not shown:
            return None
        messages = from_passages(question, [(_place(hit), text) for hit, text in shown])
        written = list(self._generator.stream(messages, replace(sampling, max_tokens=_TOKENS)))
        reading = checked("".join(token.text for token in written), [hit for hit, _ in shown])
        return replace(reading, tokens=count_drawn(written))


def checked(written: str, hits: Sequence[Hit]) -> Reading:
    """What was written about the passages ``hits``, each claim with the citations whose quotations stand in them."""
    if not written.strip() or _NO_ANSWER.match(written):
        return Reading("", (), declines=True)
    citations: dict[tuple[str, int, int, tuple[int, int] | None], Citation] = {}
    text = ""
    for line in written.splitlines():
        separator = "\n"
        for claim in claims(line):
            text += (separator if text else "") + claim.words
            separator = " "
            told = (len(text) - len(claim.words), len(text))
            found = [_found(quotation or claim.words, number, hits) for number, quotation in claim.references]
            supports = [replace(citation, claim=told) for citation in found if citation is not None]
            citations |= {(it.document, it.start, it.end, it.claim): it for it in supports}
            if not supports:
                text += f" {UNVERIFIED}"
    return Reading(text, tuple(citations.values()), declines=not text)


def claims(line: str) -> list[Claim]:
    """The sentences of a line, each with the references that follow it at once."""
    found: list[Claim] = []
    position = after_marker(line, 0, len(line))
    for reference in _REFERENCE.finditer(line):
        before = line[position : reference.start()]
        found += map(Claim, _sentences(before))
        quotation = (reference["after"] or reference["before"] or "")[1:-1]
        if not found:
            found.append(Claim(quotation))
        found[-1].references.append((int(reference["number"]), quotation))
        position = reference.end()
    found += map(Claim, _sentences(line[position:]))
    return [claim for claim in found if claim.words]


def _sentences(text: str) -> list[str]:
    """Those that hold words; a stop that was left behind a reference is none."""
    return [words for start, end in sentence_spans(text) if re.search(r"\w", words := text[start:end].strip())]


def _found(quotation: str, number: int, hits: Sequence[Hit]) -> Citation | None:
    """Where the quotation stands: in the passage of that number or, since models miscount, in another. None where it
    stands in none, or is too short to show anything: one word without a digit."""
    words = quotation.strip(" .,;:…").split()
    if len(words) < 2 and not re.search(r"\d", quotation):
        return None
    pattern = re.compile(r"\s+".join("".join(map(_alike, word)) for word in words), re.IGNORECASE)
    for _, hit in sorted(enumerate(hits, start=1), key=lambda numbered: numbered[0] != number):
        span = next(_places(pattern, hit.text), None)
        if span is not None:
            return hit.cite(*span, hit.score)
    return None


def _alike(character: str) -> str:
    return _ALIKE.get(character) or re.escape(character)


def _places(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where the words stand by themselves, as they are written or as they are read without their markup."""
    seen = view(text)
    for plain, spans in ((text, None), (seen.plain, seen)):
        for match in pattern.finditer(plain):
            start, end = match.span()
            if not _joined(plain, start) and not _joined(plain, end):
                yield spans.span(start, end) if spans else (start, end)


def _joined(text: str, position: int) -> bool:
    """Whether a word goes on across the position."""
    return text[max(position - 1, 0) : position].isalnum() and text[position : position + 1].isalnum()


def _fitting(hits: Sequence[Hit]) -> Iterator[tuple[Hit, str]]:
    """The first passages that fit a prompt, and what of each one does."""
    room = _CHARACTERS
    for hit in hits:
        if room <= 0:
            return
        yield hit, hit.text[:room]
        room -= len(hit.text)


def _place(hit: Hit) -> str:
    return ", ".join(part for part in (hit.document, " > ".join(hit.headings)) if part)
