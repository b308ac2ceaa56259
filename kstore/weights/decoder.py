"""A LLaMA decoder in NumPy: the forward pass of one sequence with a key-value cache, and nothing else.

Small models answer in milliseconds this way, and a process that asks them imports no torch. The weights are those of
``transformers``' LlamaForCausalLM, under the same names; a test holds the two against each other. Shapes: t tokens,
d width, h heads of size d/h, v vocabulary.

Sources: Touvron et al. 2023 (LLaMA), Su et al. 2021 (rotary positions), Zhang and Sennrich 2019 (RMSNorm),
Shazeer 2020 (SwiGLU).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from kstore.errors import ModelError

Array = npt.NDArray[Any]  # float32 throughout


@dataclass(slots=True)
class Cache:
    """Keys and values of the tokens read so far, by layer: each of shape (h, t, d/h)."""

    keys: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.keys[0].shape[1] if self.keys else 0


class Decoder:
    """The weights of a decoder-only transformer and its forward pass."""

    def __init__(self, folder: Path) -> None:
        """Reads ``config.json`` and ``model.safetensors``; ModelError, naming the file, where one is unfit."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self.width: int = config["hidden_size"]
            self.heads: int = config["num_attention_heads"]
            self.layers: int = config["num_hidden_layers"]
            self.vocabulary: int = config["vocab_size"]
            self.epsilon: float = config["rms_norm_eps"]
            theta = config.get("rope_parameters", config).get("rope_theta", 10_000.0)
            shapes = self._shapes(config["intermediate_size"], tied=config["tie_word_embeddings"])
            half, rest = divmod(self.width, 2 * self.heads)
            if rest:
                raise ValueError(f"{self.width} is no multiple of twice {self.heads}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
            raise ModelError(f"{folder / 'config.json'} does not describe a decoder: {error!r}") from error
        try:
            stored = load_file(folder / "model.safetensors")
        except (OSError, SafetensorError, TypeError) as error:
            raise ModelError(f"{folder / 'model.safetensors'} does not load: {error}") from error
        self.weights: dict[str, Array] = {name: weight.astype(np.float32) for name, weight in stored.items()}
        for name, shape in shapes.items():
            if name not in self.weights or self.weights[name].shape != shape:
                raise ModelError(f"{folder / 'model.safetensors'} does not fit {folder / 'config.json'}: {name}")
        self._frequencies = theta ** (-np.arange(half, dtype=np.float64) / half)

    def _shapes(self, inner: int, tied: bool) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that ``forward`` needs; ``inner`` is the width within a feed-forward layer."""
        square, row, table = (self.width, self.width), (self.width,), (self.vocabulary, self.width)
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": table, "model.norm.weight": row}
        if not tied:
            shapes["lm_head.weight"] = table
        for layer in range(self.layers):
            name = f"model.layers.{layer}."
            shapes |= {f"{name}self_attn.{part}_proj.weight": square for part in "qkvo"}
            shapes |= {f"{name}mlp.{part}_proj.weight": (inner, self.width) for part in ("gate", "up")}
            shapes[name + "mlp.down_proj.weight"] = (self.width, inner)
            shapes |= {name + "input_layernorm.weight": row, name + "post_attention_layernorm.weight": row}
        return shapes

    def embed(self, ids: list[int]) -> Array:
        """The embeddings of tokens, shape (t, d)."""
        return self.weights["model.embed_tokens.weight"][ids]

    def forward(self, inputs: Array, cache: Cache) -> Array:
        """Logits of shape (v,) for the token after ``inputs`` (t, d), which follow what ``cache`` holds; adds to it."""
        rotation = self._rotation(cache.length, inputs.shape[0])
        hidden = inputs
        for layer in range(self.layers):
            name = f"model.layers.{layer}."
            normed = self._norm(hidden, name + "input_layernorm.weight")
            hidden = hidden + self._attention(normed, name + "self_attn.", layer, rotation, cache)
            normed = self._norm(hidden, name + "post_attention_layernorm.weight")
            hidden = hidden + self._feed_forward(normed, name + "mlp.")
        last = self._norm(hidden[-1:], "model.norm.weight")[0]
        head = self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"])  # tied unless stored
        logits: Array = head @ last
        return logits

    def _attention(self, hidden: Array, name: str, layer: int, rotation: tuple[Array, Array], cache: Cache) -> Array:
        """Causal multi-head self-attention with rotary positions: softmax(Q K^T / sqrt(d/h)) V."""
        tokens = hidden.shape[0]
        queries = _rotated(self._heads(hidden, name + "q_proj.weight"), rotation)
        keys = _rotated(self._heads(hidden, name + "k_proj.weight"), rotation)
        values = self._heads(hidden, name + "v_proj.weight")
        if layer < len(cache.keys):
            keys = np.concatenate([cache.keys[layer], keys], axis=1)
            values = np.concatenate([cache.values[layer], values], axis=1)
            cache.keys[layer], cache.values[layer] = keys, values
        else:
            cache.keys.append(keys)
            cache.values.append(values)
        scores = queries @ keys.transpose(0, 2, 1) / np.float32(np.sqrt(queries.shape[-1]))
        if tokens > 1:
            future = np.triu(np.ones((tokens, keys.shape[1]), dtype=bool), k=1 + keys.shape[1] - tokens)
            scores = np.where(future, np.float32(-np.inf), scores)
        weights: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = weights / weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ values).transpose(1, 0, 2).reshape(tokens, self.width)
        projected: Array = mixed @ self.weights[name + "o_proj.weight"].T
        return projected

    def _heads(self, hidden: Array, name: str) -> Array:
        """Project (t, d) and part it by head: (h, t, d/h)."""
        projected = hidden @ self.weights[name].T
        return projected.reshape(hidden.shape[0], self.heads, -1).transpose(1, 0, 2)

    def _feed_forward(self, hidden: Array, name: str) -> Array:
        """SwiGLU: down(silu(gate(x)) * up(x))."""
        gate = hidden @ self.weights[name + "gate_proj.weight"].T
        up = hidden @ self.weights[name + "up_proj.weight"].T
        with np.errstate(over="ignore"):  # an infinite exponential makes silu 0, as it should be
            activated = gate / (1 + np.exp(-gate)) * up
        projected: Array = activated @ self.weights[name + "down_proj.weight"].T
        return projected

    def _norm(self, hidden: Array, name: str) -> Array:
        """RMSNorm: each row divided by its root mean square, times a learned gain."""
        scale = np.sqrt(np.mean(hidden * hidden, axis=-1, keepdims=True) + np.float32(self.epsilon))
        normed: Array = hidden / scale * self.weights[name]
        return normed

    def _rotation(self, start: int, tokens: int) -> tuple[Array, Array]:
        """Cosines and sines of the rotary angles of positions start to start + tokens, each (t, d/h)."""
        angles = np.outer(np.arange(start, start + tokens), self._frequencies)
        angles = np.concatenate([angles, angles], axis=1)
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotated(heads: Array, rotation: tuple[Array, Array]) -> Array:
    """Rotate each pair (i, i + half) of a head's components by its position's angle."""
    cosines, sines = rotation
    half = heads.shape[-1] // 2
    turned = np.concatenate([-heads[..., half:], heads[..., :half]], axis=-1)
    rotated: Array = heads * cosines + turned * sines
    return rotated
