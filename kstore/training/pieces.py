"""The passages of a training corpus, split as the product splits them, and the search among them."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kstore.controls import Refinements
from kstore.encoding.encoder import Encoder
from kstore.reading.view import view
from kstore.text.markdown import SPLITTER, split
from kstore.training.questions import Place
from kstore.types import Progress, encoder_text, no_progress
from kstore.vectors.memory import VectorMemory
from kstore.vectors.rerank import TokenMatcher

# Meaning and words alone: it is the reranker that is to learn from their mistakes.
_AS_FOUND = Refinements(rerank=False)


@dataclass(frozen=True)
class Piece:
    """A passage. ``text`` is ``document[start:start + len(text)]``, ``plain`` what encoders read below the headings."""

    document: str
    start: int
    headings: tuple[str, ...]
    text: str
    plain: str

    @cached_property
    def told(self) -> str:
        """All that the reader can read of it: the headings, then the words."""
        return " > ".join(self.headings) + "\n" + view(self.text).plain

    @property
    def encoder_text(self) -> str:
        return encoder_text(self.headings, self.plain)


class Pieces:
    """All passages of some documents, known by their numbers: in a document neighbours have neighbouring ones."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self.documents = documents
        self.all: list[Piece] = []
        self._of: dict[str, range] = {}
        for name, text in documents.items():
            first = len(self.all)
            self.all += [Piece(name, it.start, it.headings, text[it.start : it.end], it.plain) for it in split(text)]
            self._of[name] = range(first, len(self.all))
        self._numbers = {(it.document, it.start): number for number, it in enumerate(self.all)}

    def at(self, place: Place) -> int | None:
        """The piece that holds most of the place; None where none holds any of it."""
        shared = {
            number: min(self.all[number].start + len(self.all[number].text), place.end)
            - max(self.all[number].start, place.start)
            for number in self._of[place.document]
        }
        best = max(shared, key=shared.__getitem__, default=None)
        return best if best is not None and shared[best] > 0 else None

    def siblings(self, number: int, reach: int = 3) -> list[int]:
        """The pieces next to this one in its document, those of the same heading first, the nearest of these first."""
        piece = self.all[number]
        beside = [it for it in self._of[piece.document] if it != number and abs(it - number) <= reach]
        return sorted(beside, key=lambda it: (self.all[it].headings[:-1] != piece.headings[:-1], abs(it - number)))

    def search(
        self, questions: Iterable[str], encoder: Encoder, depth: int, progress: Progress = no_progress
    ) -> dict[str, list[int]]:
        """For each question the pieces that the product's own search finds before it reranks, best first."""
        asked = list(dict.fromkeys(questions))
        found: dict[str, list[int]] = {}
        with searchable(self.documents, encoder, progress) as memory:
            for done, question in enumerate(asked):
                if done % 100 == 0:
                    progress("searching", done, len(asked))
                hits = memory.search(question, depth, refinements=_AS_FOUND).hits
                found[question] = [self._numbers[hit.document, hit.start] for hit in hits]
        return found


@contextmanager
def searchable(
    documents: Mapping[str, str], encoder: Encoder, progress: Progress, matcher: TokenMatcher | None = None
) -> Iterator[VectorMemory]:
    """The explicit memory of the documents, in a folder that goes with it; reranked where there is a ``matcher``."""
    with tempfile.TemporaryDirectory(prefix="kstore-training-") as folder:
        memory = VectorMemory(Path(folder), lambda name: encoder, split, SPLITTER, progress=progress, matcher=matcher)
        try:
            memory.apply(documents, "training")
            yield memory
        finally:
            memory.close()
