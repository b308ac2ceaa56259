"""The NumPy decoder is transformers' LLaMA: the same weights give the same logits, with the cache and without."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from kstore.errors import ModelError
from kstore.weights.decoder import Cache, Decoder

TOKENS = [3, 17, 0, 44, 44, 8, 29, 3, 31]
SHAPE = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 72,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,  # neither epsilon nor theta is the default, so that a constant in their place is found out
    "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
    "initializer_range": 0.3,  # large weights make attention sharp, and errors too
}


def llama(folder: Path, tied: bool) -> LlamaForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=tied)).eval()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "norm" in name:  # all 1 at first, which would hide a gain that is forgotten
                    weight.uniform_(0.5, 1.5)
    model.save_pretrained(folder)
    return model


def expected_logits(model: LlamaForCausalLM, tokens: list[int]) -> np.ndarray:
    """What transformers computes after each of ``tokens``: shape (tokens, vocabulary)."""
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0].numpy()


@pytest.mark.parametrize("tied", [True, False])
class TestAgainstTransformers:
    def test_a_whole_sequence(self, tied: bool, tmp_path: Path) -> None:
        expected = expected_logits(llama(tmp_path, tied), TOKENS)
        decoder = Decoder(tmp_path)
        assert ("lm_head.weight" in decoder.weights) is not tied
        for count in range(1, len(TOKENS) + 1):
            found = decoder.forward(decoder.embed(TOKENS[:count]), Cache())
            np.testing.assert_allclose(found, expected[count - 1], rtol=0, atol=1e-4)

    def test_token_by_token(self, tied: bool, tmp_path: Path) -> None:
        expected = expected_logits(llama(tmp_path, tied), TOKENS)
        decoder, cache = Decoder(tmp_path), Cache()
        for position, token in enumerate(TOKENS):
            assert cache.length == position
            found = decoder.forward(decoder.embed([token]), cache)
            np.testing.assert_allclose(found, expected[position], rtol=0, atol=1e-4)

    def test_several_tokens_at_once_after_others(self, tied: bool, tmp_path: Path) -> None:
        expected = expected_logits(llama(tmp_path, tied), TOKENS)
        decoder, cache = Decoder(tmp_path), Cache()
        for start, end in ((0, 4), (4, 6), (6, 9)):
            found = decoder.forward(decoder.embed(TOKENS[start:end]), cache)
            np.testing.assert_allclose(found, expected[end - 1], rtol=0, atol=1e-4)


def test_vectors_that_are_no_tokens_can_stand_before(tmp_path: Path) -> None:
    """The shipped model's soft prompt enters this way."""
    model = llama(tmp_path, tied=True)
    prompt = np.random.default_rng(2).standard_normal((3, 32)).astype(np.float32)
    decoder = Decoder(tmp_path)
    inputs = np.concatenate([prompt, decoder.embed(TOKENS)])
    with torch.inference_mode():
        expected = model(inputs_embeds=torch.from_numpy(inputs)[None]).logits[0, -1].numpy()
    np.testing.assert_allclose(decoder.forward(inputs, Cache()), expected, rtol=0, atol=1e-4)


def test_gates_far_below_zero_are_closed_not_overflown(tmp_path: Path) -> None:
    # exp(-gate) overflows float32 from 89; silu is then 0, and a warning would be an error here.
    model = llama(tmp_path, tied=True)
    with torch.no_grad():
        model.model.layers[1].mlp.gate_proj.weight.mul_(100)
        model.model.layers[1].mlp.down_proj.weight.mul_(0.01)
    model.save_pretrained(tmp_path)
    expected = expected_logits(model, TOKENS)[-1]
    decoder = Decoder(tmp_path)
    np.testing.assert_allclose(decoder.forward(decoder.embed(TOKENS), Cache()), expected, rtol=0, atol=1e-4)


def test_weights_in_half_precision_are_read_as_they_are(tmp_path: Path) -> None:
    llama(tmp_path, tied=True)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({name: weight.half() for name, weight in weights.items()}, tmp_path / "model.safetensors")
    decoder = Decoder(tmp_path)
    for name, weight in weights.items():
        assert decoder.weights[name].dtype == np.float32
        np.testing.assert_array_equal(decoder.weights[name], weight.half().float().numpy())


Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    llama(folder, tied=True)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


class TestUnfitFiles:
    """Each is refused when the model is loaded, not when it is first asked, and the message names the file."""

    def test_the_undamaged_copy_loads(self, folder: Path) -> None:
        Decoder(folder)

    @pytest.mark.parametrize("text", [None, "", "{", "[]", "7", "{}", '{"hidden_size": 32}'])
    def test_a_config_that_is_missing_or_no_config(self, folder: Path, text: str | None) -> None:
        (folder / "config.json").unlink()
        if text is not None:
            (folder / "config.json").write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match=r"model/config\.json does not describe a decoder"):
            Decoder(folder)

    @pytest.mark.parametrize(
        "change",
        [
            {"hidden_size": "32"},
            {"hidden_size": None},
            {"num_attention_heads": 0},
            {"num_attention_heads": 3},
            {"num_attention_heads": 32},  # heads of one component, which cannot be rotated
        ],
        ids=str,
    )
    def test_a_config_that_no_decoder_can_have(self, folder: Path, change: dict[str, Any]) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | change), encoding="utf-8")
        with pytest.raises(ModelError, match=r"model/config\.json does not describe a decoder"):
            Decoder(folder)

    @pytest.mark.parametrize("left", [0, 7, 400, -1])
    def test_a_truncated_weights_file(self, folder: Path, left: int) -> None:
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[:left])
        with pytest.raises(ModelError, match=r"model/model\.safetensors does not load"):
            Decoder(folder)

    def test_a_missing_weights_file(self, folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        with pytest.raises(ModelError, match=r"model/model\.safetensors does not load"):
            Decoder(folder)

    def test_weights_of_a_type_that_numpy_lacks(self, folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        save_file({name: weight.bfloat16() for name, weight in weights.items()}, folder / "model.safetensors")
        with pytest.raises(ModelError, match=r"model/model\.safetensors does not load"):
            Decoder(folder)

    @pytest.mark.parametrize(
        "change",
        [
            {"vocab_size": 51},
            {"hidden_size": 64},
            {"num_hidden_layers": 4},
            {"intermediate_size": 64},
            {"tie_word_embeddings": False},
        ],
        ids=str,
    )
    def test_weights_that_do_not_fit_the_config(self, folder: Path, change: dict[str, Any]) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | change), encoding="utf-8")
        with pytest.raises(ModelError, match=r"model/model\.safetensors does not fit .*model/config\.json"):
            Decoder(folder)

    @pytest.mark.parametrize(
        "change",
        [
            lambda weights: weights.pop("model.layers.2.mlp.up_proj.weight"),
            lambda weights: weights.pop("model.norm.weight"),
            # Fewer heads for keys than for queries, as larger LLaMAs have: another attention than this one.
            lambda weights: weights.update({"model.layers.0.self_attn.k_proj.weight": torch.zeros(16, 32)}),
        ],
        ids=["no up_proj", "no last norm", "grouped keys"],
    )
    def test_a_config_that_does_not_fit_the_weights(self, folder: Path, change: Change) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors")
        with pytest.raises(ModelError, match=r"model/model\.safetensors does not fit .*: model\.\w+"):
            Decoder(folder)
