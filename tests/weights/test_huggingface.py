"""Hugging Face models through the real loading code: the same tokens as transformers' own, safe files only."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, BertConfig, BertForMaskedLM, T5Config, T5ForConditionalGeneration

from kstore.controls import Sampling
from kstore.errors import InputError, ModelError
from kstore.weights.generator import RECORD, Calibration, Message, Token, TrainingRecord
from kstore.weights.huggingface import HuggingFaceGenerator
from tests.weights import model_zoo
from tests.weights.model_zoo import BASE, CHAT, KINDS, WINDOW

Zoo = Callable[[str], Path]
QUESTION = "Who keeps the lamp at the café?"
ASKED = [Message("system", "Be brief."), Message("user", QUESTION)]
# What each model should be given, spelt out: base models know no system, so it is left out.
PROMPTS = {
    **dict.fromkeys(BASE, f"Question: {QUESTION}\nAnswer:"),
    **dict.fromkeys(
        CHAT,
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        f"<|im_start|>user\n{QUESTION}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ),
}


def prompt_ids(folder: Path, kind: str) -> list[int]:
    return Tokenizer.from_file(str(folder / "tokenizer.json")).encode(PROMPTS[kind]).ids


def stream(folder: Path, sampling: Sampling, asked: Sequence[Message] = ASKED) -> list[Token]:
    return list(HuggingFaceGenerator(str(folder)).stream(asked, sampling))


def text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


def refusal(folder: Path | str) -> str:
    """Why a model is refused: one line that names it."""
    with pytest.raises(ModelError) as caught:
        HuggingFaceGenerator(str(folder))
    reason = str(caught.value)
    assert str(folder) in reason
    assert "\n" not in reason
    return reason


@pytest.mark.parametrize("kind", KINDS)
class TestAgainstTransformers:
    def test_greedy_tokens_are_those_of_generate(self, kind: str, zoo: Zoo) -> None:
        folder = zoo(kind)
        prompt = prompt_ids(folder, kind)
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        generated = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False, max_new_tokens=40
        )
        tokens = [token.id for token in stream(folder, Sampling(max_tokens=40)) if token.probability is not None]
        assert tokens == generated[0, len(prompt) :].tolist()
        assert len(set(tokens)) > 5  # a model that repeats itself would agree with much

    def test_probabilities_are_those_of_the_whole_text_read_at_once(self, kind: str, zoo: Zoo) -> None:
        folder = zoo(kind)
        prompt = prompt_ids(folder, kind)
        sampling = Sampling(temperature=1.5, top_k=40, max_tokens=20, seed=1)
        tokens = [token for token in stream(folder, sampling) if token.probability is not None]
        ids = [token.id for token in tokens]
        assert ids
        with torch.inference_mode():
            logits = AutoModelForCausalLM.from_pretrained(folder).eval()(torch.tensor([prompt + ids])).logits[0]
        own = torch.softmax(logits[len(prompt) - 1 : -1], dim=-1)[range(len(ids)), ids]
        assert [token.probability for token in tokens] == pytest.approx(own.tolist(), abs=1e-4)

    def test_a_prompt_that_does_not_fit_the_window(self, kind: str, zoo: Zoo) -> None:
        generator = HuggingFaceGenerator(str(zoo(kind)))
        room = WINDOW - len(prompt_ids(zoo(kind), kind))
        assert next(generator.stream(ASKED, Sampling(max_tokens=room)))
        with pytest.raises(InputError, match=str(WINDOW)):
            list(generator.stream(ASKED, Sampling(max_tokens=room + 1)))
        with pytest.raises(InputError, match=str(WINDOW)):
            list(generator.stream([Message("user", "tide " * WINDOW)], Sampling(max_tokens=1)))

    def test_a_model_with_a_chat_template_is_instructable(self, kind: str, zoo: Zoo) -> None:
        assert HuggingFaceGenerator(str(zoo(kind))).instructable is (kind in CHAT)

    def test_pickled_weights_are_refused(self, kind: str, zoo: Zoo, tmp_path: Path) -> None:
        refusal(model_zoo.pickled(zoo(kind), tmp_path / "pickled"))


class TestWhereWritingEnds:
    def test_a_base_model_stops_at_the_lines_end(self, tmp_path: Path) -> None:
        folder = model_zoo.reciting_model(tmp_path / "model", ": 42 metres high\nQuestion")
        tokens = stream(folder, Sampling())
        assert text(tokens) == " 42 metres high"
        # It was stopped, rather than at its end: the last token it wrote is the line's end.
        words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        assert words.decode([token.id for token in tokens]) == " 42 metres high\n"

    def test_the_callers_stops_hold_besides(self, tmp_path: Path) -> None:
        folder = model_zoo.reciting_model(tmp_path / "model", ": 42 metres high\nQuestion")
        assert text(stream(folder, Sampling(stop=(" high",)))) == " 42 metres"

    def test_a_chat_model_may_write_several_lines(self, tmp_path: Path) -> None:
        # The prompt ends with a line's end, so the recital goes round and round.
        folder = model_zoo.reciting_model(tmp_path / "model", "\nlamp\n", chat=True)
        assert text(stream(folder, Sampling(max_tokens=30))).startswith("lamp\nlamp\nlamp")

    @pytest.mark.parametrize("end", [model_zoo.TURN_END, model_zoo.END])
    def test_the_models_end_and_the_tokenizers_both_count(self, end: str, tmp_path: Path) -> None:
        folder = model_zoo.reciting_model(tmp_path / "model", f"\nIda Marrow{end} and more", chat=True)
        tokens = stream(folder, Sampling())
        assert text(tokens) == "Ida Marrow"
        assert all(token.text for token in tokens)  # nothing stands for the end

    def test_a_base_model_that_ends_says_nothing_more(self, tmp_path: Path) -> None:
        folder = model_zoo.reciting_model(tmp_path / "model", f": Ida Marrow{model_zoo.END} and more")
        assert text(stream(folder, Sampling())) == " Ida Marrow"

    def test_characters_of_several_tokens_are_shown_whole(self, tmp_path: Path) -> None:
        folder = model_zoo.reciting_model(tmp_path / "model", ": 🜁öre")
        tokens = stream(folder, Sampling())
        assert text(tokens) == " 🜁öre"
        assert len(tokens) > len(" 🜁öre")  # so some characters did come in halves
        assert not any("\ufffd" in token.text for token in tokens)


class TestRefusals:
    def test_an_encoder_is_no_generator(self, tmp_path: Path) -> None:
        config = BertConfig(
            vocab_size=340, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
        BertForMaskedLM(config).save_pretrained(tmp_path)
        model_zoo.tokenizer().save_pretrained(tmp_path)
        assert "bert model that does not write from left to right" in refusal(tmp_path)

    def test_nor_is_an_encoder_with_a_decoder(self, tmp_path: Path) -> None:
        T5ForConditionalGeneration(
            T5Config(vocab_size=340, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
        ).save_pretrained(tmp_path)
        model_zoo.tokenizer().save_pretrained(tmp_path)
        assert "t5 model that does not write from left to right" in refusal(tmp_path)

    @pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
    def test_a_folder_that_lacks_a_file(self, missing: str, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        (folder / missing).unlink()
        refusal(folder)

    def test_an_empty_folder_and_a_missing_one(self, tmp_path: Path) -> None:
        refusal(tmp_path)
        assert "is not a folder" in refusal(tmp_path / "nowhere")
        assert "is not a folder" in refusal("./nowhere")

    @pytest.mark.parametrize("left", [0, 100, -1])
    def test_truncated_weights(self, left: int, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[:left])
        refusal(folder)

    def test_weights_that_lack_a_matrix_are_not_made_up(self, zoo: Zoo, tmp_path: Path) -> None:
        # transformers fills it with random numbers, and the model would go on to answer something.
        name = "model.layers.1.mlp.up_proj.weight"
        folder = model_zoo.with_weights(zoo("llama"), tmp_path / "model", lambda weights: weights.pop(name))
        assert name in refusal(folder)

    def test_weights_of_another_shape(self, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}), encoding="utf-8")
        refusal(folder)

    def test_no_code_that_comes_with_a_model_is_run(self, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        proof = tmp_path / "it ran"
        (folder / "own.py").write_text(f"import pathlib\npathlib.Path({str(proof)!r}).touch()\n", encoding="utf-8")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        classes = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
        own = config | {"model_type": "own", "auto_map": classes}
        (folder / "config.json").write_text(json.dumps(own), encoding="utf-8")
        refusal(folder)
        assert not proof.exists()


class TestRecord:
    def test_the_record_beside_the_weights_is_the_models(self, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        written = {
            "corpus_digest": "ab" * 32,
            "corpus_date": "2026-02-03",
            "examples": 7,
            "calibration": {"split": "dev", "slope": 2.0, "intercept": 0.5},
        }
        (folder / RECORD).write_text(json.dumps(written), encoding="utf-8")
        expected = TrainingRecord("ab" * 32, "2026-02-03", Calibration("dev", 2.0, 0.5))
        assert HuggingFaceGenerator(str(folder)).record == expected

    def test_most_models_have_none(self, zoo: Zoo) -> None:
        assert HuggingFaceGenerator(str(zoo("llama"))).record is None

    @pytest.mark.parametrize("damaged", ["", "{", "[]", "3", "{}", '{"corpus_digest": "ab"}'])
    def test_a_damaged_one_is_not_ignored(self, damaged: str, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("llama"), tmp_path / "model"))
        (folder / RECORD).write_text(damaged, encoding="utf-8")
        assert RECORD in refusal(folder)

    @pytest.mark.parametrize(
        "calibration",
        [{"split": "dev"}, {"split": "dev", "slope": "steep", "intercept": 0}, [1, 2], "dev"],
        ids=str,
    )
    def test_nor_is_a_damaged_calibration(self, calibration: object, tmp_path: Path) -> None:
        record = {"corpus_digest": "ab", "corpus_date": "2026-02-03", "calibration": calibration}
        (tmp_path / RECORD).write_text(json.dumps(record), encoding="utf-8")
        with pytest.raises(ModelError, match=RECORD):
            TrainingRecord.read(tmp_path)
