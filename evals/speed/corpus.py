"""A corpus of any size: pages of drawn words whose vectors are drawn too, since only the store is to be measured."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kstore.assemble import GUIDE
from kstore.encoding.encoder import Encoder, Vectors
from kstore.encoding.prepare import load_encoder
from kstore.encoding.tokens import TokenEncoder
from kstore.settings import PACKAGED_ENCODER, Settings
from kstore.text.markdown import SPLITTER, split
from kstore.vectors.memory import VectorMemory

_MARK = "filler"  # a word that only drawn pages hold
_SECTIONS = 100  # of a page
_WORDS = 60  # of a section
_PAGES_AT_ONCE = 100


class Filler:
    """The packaged encoder, save that texts of drawn pages get a vector that depends on their characters alone."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = f"{encoder.fingerprint}, {_MARK}"

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """As every encoder: float32 of shape (number of texts, dimension), each of length 1."""
        drawn = [self._drawn(text) if _MARK in text else self._encoder.encode_passages([text])[0] for text in texts]
        return np.array(drawn, dtype=np.float32).reshape(len(texts), self.dimension)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """The packaged encoder's."""
        return self._encoder.encode_questions(texts)

    def _drawn(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(self.dimension)
        drawn: Vectors = (vector / np.linalg.norm(vector)).astype(np.float32)
        return drawn


def opened(home: Path, settings: Settings) -> VectorMemory:
    """The explicit memory as it is assembled, with that encoder."""
    encoder = Filler(load_encoder(PACKAGED_ENCODER, settings.cache, settings.threads))
    return VectorMemory(home, lambda name: encoder, split, SPLITTER, matcher=TokenEncoder(settings.threads))


def fill(home: Path, size: int, settings: Settings) -> VectorMemory:
    """A memory of ``size`` passages in pages of a hundred sections."""
    memory = opened(home, settings)
    pages = list(_pages(size))
    for first in range(0, len(pages), _PAGES_AT_ONCE):
        memory.apply(dict(pages[first : first + _PAGES_AT_ONCE]), "filled")
    return memory


def _pages(size: int) -> Iterator[tuple[str, str]]:
    words = sorted(set(re.findall(r"[a-z]{3,}", " ".join(it.read_text(encoding="utf-8") for it in GUIDE.glob("*.md")))))
    chance = np.random.default_rng(0)
    for page in range(-(-size // _SECTIONS)):
        sections = [
            f"## Section {number}\n\n{_MARK} {page} {' '.join(chance.choice(words, _WORDS))}.\n"
            for number in range(min(_SECTIONS, size - page * _SECTIONS))
        ]
        yield f"page{page}.md", f"# Page {page}\n\n" + "\n".join(sections)
