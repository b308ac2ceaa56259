"""Preparing a model: any sentence-transformers folder will do, once, faithfully, and what is wrong says so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openvino
import pytest

from kstore.encoding.encoder import Encoder, OpenVINOEncoder
from kstore.encoding.prepare import load_encoder
from kstore.errors import ModelError
from tests.encoding.small_model import make_small_model

TEXTS = ["the lamp burns oil", "", "the cat sleeps " * 40, "Words of none of its pieces: 灯台 😀"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small model; shared, so tests that change it copy it first."""
    return make_small_model(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def prepared(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cache in which the small model has been prepared; shared likewise."""
    cache = tmp_path_factory.mktemp("cache")
    load_encoder(str(model), cache)
    return cache


@pytest.fixture
def own_cache(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the cache to damage."""
    return Path(shutil.copytree(prepared, tmp_path / "cache"))


def the_folder(cache: Path) -> Path:
    (folder,) = (cache / "encoders").iterdir()
    return folder


def refuse(what: str) -> None:
    pytest.fail(f"nothing should have been prepared: {what}")


def test_another_model_is_loaded_by_its_folder(model: Path, prepared: Path) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = load_encoder(str(model), prepared)
    expected = SentenceTransformer(str(model), device="cpu").encode(TEXTS, normalize_embeddings=True)
    actual = encoder.encode_passages(TEXTS)
    assert (encoder.name, encoder.dimension) == (str(model), 32)
    assert np.sum(actual * expected, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-3)


def test_it_is_prepared_once(model: Path, prepared: Path, tmp_path: Path) -> None:
    notices: list[str] = []
    first = load_encoder(str(model), tmp_path, notice=notices.append)
    second = load_encoder(str(model), tmp_path, notice=refuse)
    assert notices == [f"preparing the encoder {model} (once)"]
    assert np.array_equal(first.encode_passages(TEXTS), second.encode_passages(TEXTS))
    assert {file.name for file in the_folder(tmp_path).iterdir()} == {
        "compiled", "encoder.json", "model.bin", "model.xml", "tokenizer.json"
    }  # fmt: skip
    assert len(list((the_folder(tmp_path) / "compiled").iterdir())) == 1, "each compilation is as large as the model"
    # Otherwise a store would take a cleared cache for another encoder.
    assert first.fingerprint == load_encoder(str(model), prepared).fingerprint


def test_a_fingerprint_belongs_to_what_a_model_computes_not_to_its_place(
    model: Path, prepared: Path, tmp_path: Path
) -> None:
    original = load_encoder(str(model), prepared)
    folder = Path(shutil.copytree(model, tmp_path / "copied"))
    copied = load_encoder(str(folder), tmp_path / "cache")
    assert copied.fingerprint == original.fingerprint
    shutil.copy(make_small_model(tmp_path / "other", seed=1) / "model.safetensors", folder / "model.safetensors")
    changed = load_encoder(str(folder), tmp_path / "cache")
    assert changed.fingerprint != original.fingerprint
    assert np.abs(changed.encode_passages(TEXTS) - original.encode_passages(TEXTS)).max() > 0.01


def test_prompts_that_a_model_was_trained_with_are_put_before_its_texts(
    model: Path, prepared: Path, tmp_path: Path
) -> None:
    folder = make_small_model(tmp_path, prompts={"query": "the gull ", "document": "the mail "})
    prompted, plain = load_encoder(str(folder), tmp_path), load_encoder(str(model), prepared)
    assert prompted.fingerprint != plain.fingerprint
    questions, passages = prompted.encode_questions(["lamp"]), prompted.encode_passages(["lamp"])
    assert np.abs(questions - plain.encode_passages(["the gull lamp"])).max() < 1e-5
    assert np.abs(passages - plain.encode_passages(["the mail lamp"])).max() < 1e-5


def test_a_folder_is_known_by_its_whole_path(model: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store keeps the name, and may next be opened from anywhere else."""
    monkeypatch.chdir(model.parent)
    assert load_encoder("./model", prepared, notice=refuse).name == str(model)


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./nowhere", "~/no such folder at all"])
def test_a_missing_folder_is_a_model_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="is not a folder"):
        load_encoder(name, tmp_path)
    assert not (tmp_path / "encoders").exists()


def leave_out_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def pickle_weights(folder: Path) -> None:
    """Weights in the format that can run code when loaded."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def garble_configuration(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def leave_nothing(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("spoil", [leave_out_weights, cut_weights, pickle_weights, garble_configuration, leave_nothing])
def test_a_model_that_is_not_whole_or_not_safe_is_a_model_error(
    model: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    spoil(folder)
    with pytest.raises(ModelError) as raised:
        load_encoder(str(folder), tmp_path / "cache")
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("encoder.json")), "nothing half prepared is left"


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, empty, Path.unlink])
@pytest.mark.parametrize("file", ["model.xml", "model.bin", "tokenizer.json", "encoder.json"])
def test_a_damaged_prepared_folder_is_a_model_error(own_cache: Path, damage: Callable[[Path], None], file: str) -> None:
    folder = the_folder(own_cache)
    shutil.rmtree(folder / "compiled")  # which would stand in for a missing model.bin
    damage(folder / file)
    with pytest.raises(ModelError) as raised:
        OpenVINOEncoder(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_description_that_lacks_something_is_a_model_error(own_cache: Path) -> None:
    described = json.loads((the_folder(own_cache) / "encoder.json").read_text(encoding="utf-8"))
    for part in described:
        some = {name: value for name, value in described.items() if name != part}
        (the_folder(own_cache) / "encoder.json").write_text(json.dumps(some), encoding="utf-8")
        with pytest.raises(ModelError):
            OpenVINOEncoder(the_folder(own_cache))


@pytest.mark.parametrize("damage", [cut, empty, Path.unlink])
def test_a_damaged_compilation_is_made_again(
    model: Path, own_cache: Path, prepared: Path, damage: Callable[[Path], None]
) -> None:
    """The runtime's own cache inside the folder is disposable."""
    expected = load_encoder(str(model), prepared).encode_passages(TEXTS)
    OpenVINOEncoder(the_folder(own_cache))  # compiles, since the copy is another place
    for file in (the_folder(own_cache) / "compiled").iterdir():
        file.chmod(0o600)
        damage(file)
    encoder: Encoder = OpenVINOEncoder(the_folder(own_cache))
    assert np.abs(encoder.encode_passages(TEXTS) - expected).max() < 1e-6


class _KeepsNothing:
    """The runtime on a machine where a compilation cannot be kept, as while another process writes the same one."""

    def compile_model(self, file: str, device: str, options: dict[str, Any]) -> Any:
        if "CACHE_DIR" in options:
            raise RuntimeError("filesystem error: cannot set permissions: No such file or directory")
        return openvino.Core().compile_model(file, device, options)


def test_where_compilations_cannot_be_kept_the_encoder_loads_all_the_same(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = OpenVINOEncoder(the_folder(own_cache)).encode_questions(TEXTS)
    monkeypatch.setattr("kstore.encoding.encoder.import_openvino", lambda: SimpleNamespace(Core=_KeepsNothing))
    assert np.abs(OpenVINOEncoder(the_folder(own_cache)).encode_questions(TEXTS) - expected).max() < 1e-6
