"""Late interaction: a passage as one small vector for each of its tokens, compared with each token of the question.

After ColBERT (Khattab and Zaharia 2020). A passage's vectors are made once, when it comes in; a question then costs
one short inference and a matrix product, and yet each of its words looks for its match in the whole passage. The
question's tokens count by an importance that the model learned. It is the lower four layers of the packaged encoder,
trained further on questions and their passages among others that a search finds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kstore.encoding.encoder import Vectors
from kstore.encoding.graph import TrainedModel, Weights, linear, vocabulary

FILE = Path(__file__).parent / "model" / "tokens.safetensors"

_PASSAGE_TOKENS = 320
_QUESTION_TOKENS = 64
_BATCH_TOKENS = 1024  # padded, of one inference
_MAX_CHARACTERS = 20_000
_UNIT = 127  # an eight-bit component of 1.0

DIMENSION = 96
_FOCUS_TOKENS = 96  # of the stretch that is looked for: as much as the reader reads at once

TokenVectors = npt.NDArray[np.int8]  # (tokens, 96), components in 1/127


class Matches:
    """How well a question matches each of some passages. ``scores``: the importance-weighted mean, over the question's
    tokens, of the greatest cosine to any token of the passage; at most 1."""

    def __init__(self, passages: Mapping[int, TokenVectors], question: Vectors, importance: Vectors) -> None:
        """``question`` are unit vectors, one row for each token, ``importance`` their logits."""
        weights = np.exp(importance - importance.max())
        self._weights = weights / weights.sum()
        ends = np.cumsum([len(tokens) for tokens in passages.values()])
        starts = np.concatenate(([0], ends[:-1]))
        self._cosines = np.concatenate(list(passages.values())).astype(np.float32) @ (question.T / _UNIT)
        self._spans = dict(zip(passages, zip(starts.tolist(), ends.tolist(), strict=True), strict=True))
        scores = np.maximum.reduceat(self._cosines, starts, axis=0) @ self._weights
        self.scores: dict[int, float] = dict(zip(passages, scores.tolist(), strict=True))

    def focus(self, text: int) -> float:
        """The middle of the stretch of a passage that matches best, from 0 (the passage's beginning) to 1."""
        low, high = self._spans[text]
        cosines, last = self._cosines[low:high], high - low - _FOCUS_TOKENS
        if last <= 0:
            return 0.5
        lows = [*range(0, last, _FOCUS_TOKENS // 4), last]
        scores = [float(cosines[low : low + _FOCUS_TOKENS].max(axis=0) @ self._weights) for low in lows]
        return float((lows[int(np.argmax(scores))] + _FOCUS_TOKENS / 2) / (high - low))


class TokenEncoder:
    """Token vectors of passages, and how well a question matches them. Threads may share it."""

    dimension = DIMENSION

    def __init__(self, threads: int = 0, file: Path = FILE) -> None:
        """Nothing is loaded before it is needed. ModelError then, where ``file`` cannot be read."""
        self.model = TrainedModel(file, _heads, threads)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the same text could get other vectors."""
        return "tokens-" + hashlib.sha256(self.model.file.read_bytes()).hexdigest()

    def encode_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The token vectors of each text, of at most 320 tokens."""
        rows = [passage_ids(text) for text in texts]
        found: dict[int, TokenVectors] = {}
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        while order:
            size = max(1, _BATCH_TOKENS // len(rows[order[-1]]))
            batch, order = order[-size:], order[:-size]
            for row, (vectors, _, _) in zip(batch, self.model.run([rows[row] for row in batch]), strict=True):
                found[row] = np.rint(vectors[: len(rows[row])] * _UNIT).astype(np.int8)
        return [found[row] for row in range(len(rows))]

    def match(self, question: str, passages: Mapping[int, TokenVectors]) -> Matches:
        """How well the question matches each of the passages, of which there is at least one."""
        ids = question_ids(question)
        ((_, vectors, importance),) = self.model.run([ids])
        return Matches(passages, vectors[: len(ids)], importance[: len(ids), 0])


def passage_ids(text: str) -> list[int]:
    """The token ids of a passage, of which at most 320 are read."""
    return _ids(text, _PASSAGE_TOKENS)


def question_ids(text: str) -> list[int]:
    """The token ids of a question, of which at most 64 are read."""
    return _ids(text, _QUESTION_TOKENS)


def _ids(text: str, most: int) -> list[int]:
    """Token ids with the marks of beginning and end, cut to ``most``."""
    ids: list[int] = vocabulary().tokenizer.encode(text[:_MAX_CHARACTERS]).ids
    return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]


def _heads(operations: Any, weights: Weights, states: Any) -> list[Any]:
    def unit(name: str) -> Any:
        axes = operations.constant(np.array([-1], dtype=np.int64))
        return operations.normalize_l2(linear(operations, states, weights, name), axes, 1e-24, "max")

    return [unit("passage"), unit("question"), linear(operations, states, weights, "importance")]
