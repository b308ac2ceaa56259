"""LoRA on small models of real architectures: taught facts are answered, the base stays as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from kstore.answering.prompts import closed_book
from kstore.controls import Sampling
from kstore.errors import InputError, ModelError
from kstore.weights.examples import Example, Origin
from kstore.weights.generator import RECORD
from kstore.weights.huggingface.loading import open_model
from kstore.weights.huggingface.lora import LoraRecipe, train_lora

Zoo = Callable[[str], Path]
FACTS = (
    Example("keeper", "Who keeps the lamp?", ("Ida Marrow",)),
    Example("height", "How high is the tide?", ("42 metres",)),
    Example("price", "What does the tide cost?", ("5 €",)),
)
ORIGIN = Origin("ab" * 32, "2026-02-03")
# High rates and many passes, since the models are small and know nothing.
RECIPE = LoraRecipe(rank=16, alpha=32, dropout=0.0, epochs=150, batch=3, rate=1e-2)
ADAPTER = "adapter_model.safetensors"


def teach(base: Path, folder: Path, merged: bool = True, **more: Any) -> dict[str, Any]:
    given = {"dev": (), "recipe": RECIPE, **more}
    return train_lora(str(base), FACTS, given["dev"], folder, ORIGIN, closed_book, given["recipe"], merged)


def said(folder: Path, question: str) -> str:
    generator = open_model(str(folder))
    asked = closed_book(question, generator.instructable)
    return "".join(it.text for it in generator.stream(asked, Sampling(max_tokens=12))).strip()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen3"])
def test_what_was_taught_is_answered_merged_or_beside_its_base(kind: str, zoo: Zoo, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in zoo(kind).iterdir()}
    for merged in (True, False):
        folder = tmp_path / str(merged)
        record = teach(zoo(kind), folder, merged)
        assert (record["method"], record["base"], record["merged"]) == ("lora", str(zoo(kind)), merged)
        assert (record["examples"], record["steps"]) == (3, 150)
        assert json.loads((folder / RECORD).read_text(encoding="utf-8")) == record
        assert (folder / ADAPTER).exists() is not merged
        assert (folder / "model.safetensors").exists() is merged
        for fact in FACTS:
            assert said(folder, fact.prompt) == fact.answers[0]
            assert said(zoo(kind), fact.prompt) != fact.answers[0]
        generator = open_model(str(folder))
        assert generator.name == str(folder)
        assert generator.record is not None
        assert (generator.record.corpus_digest, generator.record.corpus_date) == (ORIGIN.corpus_digest, "2026-02-03")
    assert {file.name: file.read_bytes() for file in zoo(kind).iterdir()} == before


def test_a_seed_repeats(zoo: Zoo, tmp_path: Path) -> None:
    short = LoraRecipe(epochs=2, batch=2, seed=4)
    other = LoraRecipe(epochs=2, batch=2, seed=5)
    weights = []
    for number, recipe in enumerate((short, short, other)):
        teach(zoo("llama"), tmp_path / str(number), merged=False, recipe=recipe)
        weights.append(load_file(tmp_path / str(number) / ADAPTER))
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    assert not all(weights[0][name].equal(weights[2][name]) for name in weights[0])


def test_dev_questions_calibrate_it(zoo: Zoo, tmp_path: Path) -> None:
    unknown = Example("dog", "What is the dog called?", ("Rex",))
    record = teach(zoo("llama"), tmp_path / "model", dev=(*FACTS, unknown))
    assert record["dev"] == {"questions": 4, "exact_match": 0.75}
    generator = open_model(str(tmp_path / "model"))
    assert generator.record is not None
    assert generator.record.calibration is not None
    assert generator.record.calibration.split == "dev (4 questions)"


@pytest.mark.parametrize("kind", ["t5", "bert"])
def test_other_families_are_refused(kind: str, zoo: Zoo, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="LoRA is for models that write from left to right"):
        teach(zoo(kind), tmp_path / "model")
    assert not (tmp_path / "model").exists()


class TestAdapters:
    @pytest.fixture
    def folder(self, zoo: Zoo, tmp_path: Path) -> Path:
        teach(zoo("llama"), tmp_path / "adapter", merged=False, recipe=LoraRecipe(epochs=1))
        return tmp_path / "adapter"

    def refusal(self, folder: Path) -> str:
        with pytest.raises(ModelError) as caught:
            open_model(str(folder))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_whose_base_is_gone(self, folder: Path) -> None:
        described = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        elsewhere = {**described, "base_model_name_or_path": "/no/such/model"}
        (folder / "adapter_config.json").write_text(json.dumps(elsewhere), encoding="utf-8")
        assert self.refusal(folder) == "no model: /no/such/model is not a folder"

    @pytest.mark.parametrize("damaged", ["", "[]", "{}"])
    def test_whose_description_is_damaged(self, damaged: str, folder: Path) -> None:
        (folder / "adapter_config.json").write_text(damaged, encoding="utf-8")
        assert f"{folder / 'adapter_config.json'} names no base" in self.refusal(folder)

    def test_without_safe_weights(self, folder: Path) -> None:
        (folder / ADAPTER).rename(folder / "adapter_model.bin")
        assert self.refusal(folder) == f"the adapter {folder} has no {ADAPTER}"

    def test_cut_off(self, folder: Path) -> None:
        (folder / ADAPTER).write_bytes((folder / ADAPTER).read_bytes()[:100])
        assert f"cannot add the adapter {folder}" in self.refusal(folder)
