"""What an encoder is, and the one that runs prepared models on OpenVINO, without torch."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kstore.encoding.together import Together
from kstore.errors import ModelError

Vectors = npt.NDArray[np.float32]

_BATCH_TOKENS = 512  # padded word pieces of one inference: texts much shorter than the longest do not wait for it
_MAX_CHARACTERS = 20_000  # no encoder reads further; tokenizers slow down on much longer strings


def import_openvino() -> Any:
    """The openvino package, kept from reporting its use to its makers, which it otherwise does at every import."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not to be imported
    import openvino

    return openvino


class Encoder(Protocol):
    """Anything that turns texts into unit vectors.

    ``fingerprint`` changes whenever the same text could get another vector; vectors of different fingerprints are
    never compared. Both methods return float32 of shape (number of texts, ``dimension``), each row of length 1.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...

    def encode_questions(self, texts: Sequence[str]) -> Vectors: ...


class OpenVINOEncoder:
    """An encoder prepared by ``encoding.prepare``: an OpenVINO graph, a tokenizer and a description.

    Safe to share between threads, whose texts are then encoded together.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        from tokenizers import Tokenizer

        openvino = import_openvino()
        try:
            described = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            self.name: str = described["name"]
            self.fingerprint: str = described["fingerprint"]
            self.dimension: int = described["dimension"]
            self._prompts: dict[str, str] = described["prompts"]
            self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(described["max_tokens"])
            options: dict[str, Any] = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",  # some processors would otherwise compute in bfloat16
            }
            if threads:
                options["INFERENCE_NUM_THREADS"] = threads
            self._request = _compiled(openvino.Core(), folder, options).create_infer_request()
        except Exception as error:
            # OpenVINO and tokenizers raise bare RuntimeError and Exception; the reason is in the last line.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
            raise ModelError(
                f"the prepared encoder in {folder} does not load ({reason}); delete that folder"
            ) from error
        self._together: Together[list[int], Vectors] = Together(len)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self._prompts["passage"])

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, self._prompts["question"])

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        encoded = self._tokenizer.encode_batch([prompt + text[:_MAX_CHARACTERS] for text in texts])
        longest_first = sorted(range(len(texts)), key=lambda row: -len(encoded[row].ids))
        while longest_first:
            width = len(encoded[longest_first[0]].ids)
            size = max(1, _BATCH_TOKENS // width)
            rows, longest_first = longest_first[:size], longest_first[size:]
            vectors[rows] = self._together([encoded[row].ids for row in rows], self._infer)
        return vectors

    def _infer(self, rows: Sequence[list[int]]) -> list[Vectors]:
        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            mask[position, : len(row)] = 1
        return list(self._request.infer([ids, mask])[0].copy())  # the next inference overwrites it


def _compiled(core: Any, folder: Path, options: dict[str, Any]) -> Any:
    """The graph, compiled or as it was compiled before. Where that cannot be kept, it is compiled all the same: a
    second process may be writing it just now, or the folder may not be written to."""
    try:
        return core.compile_model(str(folder / "model.xml"), "CPU", {**options, "CACHE_DIR": str(folder / "compiled")})
    except RuntimeError:
        return core.compile_model(str(folder / "model.xml"), "CPU", options)
