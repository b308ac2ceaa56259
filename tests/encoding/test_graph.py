"""The transformer built from arrays: it computes what the reference implementation computes."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from kstore.encoding.graph import Transformer, eight_bits, linear, read_weights, vocabulary


def weights_of(model: object) -> dict[str, np.ndarray]:
    """A BERT model's weights under this project's names."""
    state = {name: array.numpy() for name, array in model.state_dict().items()}  # type: ignore[attr-defined]
    found = {
        "position": state["embeddings.position_embeddings.weight"],
        "segment": state["embeddings.token_type_embeddings.weight"],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    parts = {
        "output": "attention.output.dense",
        "output_norm": "attention.output.LayerNorm",
        "inner": "intermediate.dense",
        "outer": "output.dense",
        "outer_norm": "output.LayerNorm",
    }
    for layer in range(2):
        theirs = f"encoder.layer.{layer}"
        for kind in ("weight", "bias"):
            three = [state[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            found[f"layer.{layer}.attention.{kind}"] = np.concatenate(three)
            for ours, part in parts.items():
                found[f"layer.{layer}.{ours}.{kind}"] = state[f"{theirs}.{part}.{kind}"]
    return found


def test_it_computes_what_transformers_computes() -> None:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    words = vocabulary().embeddings
    model = BertModel(
        BertConfig(
            vocab_size=len(words), hidden_size=384, num_hidden_layers=2, num_attention_heads=12, intermediate_size=512
        )
    ).eval()
    model.embeddings.word_embeddings.weight.data = torch.from_numpy(words)
    identity = {"identity.weight": np.eye(384, dtype=np.float32), "identity.bias": np.zeros(384, dtype=np.float32)}
    weights = weights_of(model) | identity
    ours = Transformer(weights, lambda operations, these, states: [linear(operations, states, these, "identity")])
    rows, segments = [[101, 2054, 2003, 102], [101, 7592, 102]], [[0, 0, 1, 1], [0, 1, 1]]
    found = [states for (states,) in ours.run(rows, segments)]
    with torch.no_grad():
        for row, (ids, kinds) in enumerate(zip(rows, segments, strict=True)):
            theirs = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).last_hidden_state[0]
            assert np.allclose(found[row][: len(ids)], theirs.numpy(), atol=2e-4)


def test_eight_bits_keep_a_matrix_within_half_a_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {"m": rng.normal(size=(5, 7)).astype(np.float32), "b": rng.normal(size=7).astype(np.float32)}
    save_file(eight_bits(weights), tmp_path / "w.safetensors")
    read = read_weights(tmp_path / "w.safetensors")
    assert set(read) == {"m", "b"}
    assert np.array_equal(read["b"], weights["b"])
    step = np.abs(weights["m"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(read["m"] - weights["m"]) <= step * 0.5001).all()
