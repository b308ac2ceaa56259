"""An encoder without a model, for tests whose point is the store: quick, real vectors, and it keeps count."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from kstore.encoding.encoder import Vectors

DIMENSION = 64


class HashEncoder:
    """Each word is a random direction and a text the sum of its words: who shares words is near.

    Encoders of different names give the same text unrelated vectors, as different models do. ``read`` holds every
    passage text that was ever asked for, so that a test can say what was encoded and what was not.
    """

    dimension = DIMENSION

    def __init__(self, name: str = "first", before: Callable[[], None] | None = None) -> None:
        """``before`` runs at each call for passages, to look at the store, or to fail, in the middle of a write."""
        self.name = name
        self.fingerprint = f"hash of words, {name}"
        self.read: list[str] = []
        self._before = before

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if self._before is not None:
            self._before()
        self.read += texts
        return self._encode(texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(len(texts), DIMENSION)

    def _vector(self, text: str) -> Vectors:
        total = np.sum([_direction(self.name, word) for word in sorted(text.lower().split()) or [""]], axis=0)
        return (total / np.linalg.norm(total)).astype(np.float32)


class Encoders:
    """What a VectorMemory loads its encoders from: by name, each made once, ``first`` where none is named."""

    def __init__(self) -> None:
        self._made: dict[str, HashEncoder] = {}

    def __call__(self, name: str | None) -> HashEncoder:
        return self[name or "first"]

    def __getitem__(self, name: str) -> HashEncoder:
        return self._made.setdefault(name, HashEncoder(name))

    def __setitem__(self, name: str, encoder: HashEncoder) -> None:
        self._made[name] = encoder


@cache
def _direction(name: str, word: str) -> Vectors:
    seed = hashlib.sha256(f"{name}\0{word}".encode()).digest()
    direction: Vectors = np.random.default_rng(list(seed)).standard_normal(DIMENSION).astype(np.float32)
    return direction
