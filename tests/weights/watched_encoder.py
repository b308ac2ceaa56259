"""A real encoder under observation: what is asked of it says what reaches the weights."""

from collections.abc import Sequence

from kstore.encoding.encoder import Encoder, Vectors


class WatchedEncoder:
    """A real encoder that keeps what it was asked, and may be given another dimension."""

    def __init__(self, encoder: Encoder, dimension: int | None = None) -> None:
        self._encoder = encoder
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension = dimension or encoder.dimension
        self.asked: list[str] = []

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError("weights read no passages")

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return self._encoder.encode_questions(texts)
