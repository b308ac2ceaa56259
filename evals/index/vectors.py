"""Vectors to measure indexes with: as many as wanted, distributed like those of real passages."""

from dataclasses import dataclass

import numpy as np

from kstore.encoding.encoder import Encoder, Vectors
from kstore.text.markdown import split

_SPREAD = 0.8  # length of what is added to a passage's vector, at right angles or not: its cosine to it is about 0.78


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mixture around the vectors of real passages: each drawn vector is one of them, chosen at random, with noise of
    length 0.8 added in a random direction, scaled to length 1. Queries are drawn in the same way, apart."""

    centres: Vectors

    @classmethod
    def of(cls, encoder: Encoder, documents: dict[str, str]) -> "Drawn":
        """Around the passages of the documents."""
        texts = [passage.encoder_text for text in documents.values() for passage in split(text)]
        return cls(encoder.encode_passages(texts))

    def draw(self, count: int, seed: int) -> Vectors:
        """float32 of shape (``count``, dimension), each of length 1; a longer draw begins with the shorter one."""
        vectors = np.empty((count, self.centres.shape[1]), dtype=np.float32)
        chance = np.random.default_rng(seed)
        for first in range(0, count, 10_000):  # in batches, so that a million need no more memory than they fill
            size = min(10_000, count - first)
            chosen = self.centres[chance.integers(len(self.centres), size=10_000)][:size]
            noise = chance.standard_normal((10_000, vectors.shape[1]), dtype=np.float32)[:size]
            batch = chosen + _SPREAD * noise / np.linalg.norm(noise, axis=1, keepdims=True)
            vectors[first : first + size] = batch / np.linalg.norm(batch, axis=1, keepdims=True)
        return vectors
