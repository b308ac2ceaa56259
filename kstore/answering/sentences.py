"""Vectors of sentences, kept: those of the passages that are found again and again are encoded once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from kstore.encoding.encoder import Encoder, Vectors

_KEPT = 20_000  # sentences: some 30 MB


class SentenceVectors:
    """Encodes texts and remembers their vectors, the least recently used forgotten first. Threads may share it.

    Each text is encoded alone: in a batch, padding would give it a vector that differs in its last digits with the
    texts beside it, and an answer's scores would depend on what was asked before. On a CPU it takes no longer.
    """

    def __init__(self, encoder: Callable[[], Encoder], kept: int = _KEPT) -> None:
        self._encoder = encoder
        self._kept = kept
        self._vectors: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 of shape (number of texts, dimension), by the encoder that is in force now."""
        encoder = self._encoder()
        keys = [(encoder.fingerprint, text) for text in texts]
        with self._guard:
            found = {key: self._vectors[key] for key in keys if key in self._vectors}
        found |= {key: encoder.encode_passages([key[1]])[0] for key in dict.fromkeys(keys) if key not in found}
        with self._guard:
            self._vectors |= found
            for key in keys:
                self._vectors.move_to_end(key)
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return np.stack([found[key] for key in keys])
