"""Hugging Face models through the real loading code: the same tokens as transformers' own, safe files only."""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    ElectraConfig,
    ElectraForPreTraining,
    PreTrainedModel,
)

from kstore.controls import Sampling
from kstore.errors import InputError, ModelError
from kstore.weights.generator import RECORD, Calibration, Message, Token, TrainingRecord
from kstore.weights.huggingface.loading import open_model
from tests.weights import model_zoo
from tests.weights.model_zoo import BASE, CAUSAL, CHAT, ENCODER_DECODER, KINDS, MASK, MASKED, WINDOW

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
    return list(open_model(str(folder)).stream(asked, sampling))


def text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


def refusal(folder: Path | str) -> str:
    """Why a model is refused: one line that names it."""
    with pytest.raises(ModelError) as caught:
        open_model(str(folder))
    reason = str(caught.value)
    assert str(folder) in reason
    assert "\n" not in reason
    return reason


@pytest.mark.parametrize("kind", CAUSAL)
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
        generator = open_model(str(zoo(kind)))
        room = WINDOW - len(prompt_ids(zoo(kind), kind))
        assert next(generator.stream(ASKED, Sampling(max_tokens=room)))
        with pytest.raises(InputError, match=str(WINDOW)):
            list(generator.stream(ASKED, Sampling(max_tokens=room + 1)))
        with pytest.raises(InputError, match=str(WINDOW)):
            list(generator.stream([Message("user", "tide " * WINDOW)], Sampling(max_tokens=1)))


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_a_model_with_a_chat_template_is_instructable(self, kind: str, zoo: Zoo) -> None:
        assert open_model(str(zoo(kind))).instructable is (kind in CHAT)

    def test_pickled_weights_are_refused(self, kind: str, zoo: Zoo, tmp_path: Path) -> None:
        refusal(model_zoo.pickled(zoo(kind), tmp_path / "pickled"))

    def test_a_tokenizer_that_is_anothers_is_refused(self, kind: str, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo(kind), tmp_path / "model"))
        own = model_zoo.tokenizer(chat=kind in CHAT, mask=kind in MASKED, whole=["lighthouse", "rapeseed"])
        own.save_pretrained(folder)
        assert f"is another's: {len(own)} tokens, and weights for {len(own) - 2}" in refusal(folder)


@pytest.mark.parametrize("kind", ENCODER_DECODER)
class TestEncoderDecoder:
    def test_greedy_tokens_are_those_of_generate(self, kind: str, zoo: Zoo) -> None:
        folder = zoo(kind)
        words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
        begin = 2 if kind == "bart" else 1
        seen: set[int | None] = set()
        for question in (QUESTION, "What is the colour of the north door?", "Tell me the ferry's speed."):
            asked = words.encode(question).ids
            read = {"input_ids": torch.tensor([asked]), "attention_mask": torch.ones(1, len(asked), dtype=torch.long)}
            # BART would be made to end where there is no more room, which is not greedy.
            greedy = {"do_sample": False, "num_beams": 1, "forced_eos_token_id": None}
            generated = model.generate(**read, **greedy, max_new_tokens=40)[0].tolist()
            written = generated[begin : len(generated) - (generated[-1:] == [0])]
            tokens = stream(folder, Sampling(max_tokens=len(written)), [Message("user", question)])
            assert [token.id for token in tokens if token.probability is not None] == written
            seen |= set(written)
        assert len(seen) > 5  # models that repeat themselves would agree with much

    def test_probabilities_are_those_of_the_whole_text_read_at_once(self, kind: str, zoo: Zoo) -> None:
        folder = zoo(kind)
        asked = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(QUESTION).ids
        tokens = [it for it in stream(folder, Sampling(temperature=2.0, max_tokens=12, seed=2)) if it.probability]
        ids = [token.id for token in tokens]
        model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
        begin = [0, 1] if kind == "bart" else [3]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([asked]), decoder_input_ids=torch.tensor([begin + ids])).logits[0]
        own = torch.softmax(logits[len(begin) - 1 : -1], dim=-1)[range(len(ids)), ids]
        assert [token.probability for token in tokens] == pytest.approx(own.tolist(), abs=1e-4)


def test_bart_has_no_room_for_more_than_its_positions(zoo: Zoo) -> None:
    generator = open_model(str(zoo("bart")))
    assert next(generator.stream(ASKED, Sampling(max_tokens=WINDOW - 2)))
    for asked, most in ((ASKED, WINDOW - 1), ([Message("user", "tide " * WINDOW)], 1)):
        with pytest.raises(InputError, match=str(WINDOW)):
            list(generator.stream(asked, Sampling(max_tokens=most)))


def test_t5_reads_further_than_it_was_trained_to(zoo: Zoo) -> None:
    assert list(open_model(str(zoo("t5"))).stream([Message("user", "tide " * 2 * WINDOW)], Sampling(max_tokens=2)))


@pytest.mark.parametrize("kind", MASKED)
class TestCloze:
    STATEMENT = "The keeper of the lamp is {}."
    ASKED = (Message("user", "Who is the keeper of the lamp?"),)

    def filled(self, folder: Path, count: int) -> tuple[list[int], float]:
        """What the model itself puts in place of so many masks, from left to right, and its mean log-probability."""
        words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ids = words.encode(self.STATEMENT.format(MASK * count)).ids
        mask = words.token_to_id(MASK)
        model = AutoModelForMaskedLM.from_pretrained(folder).eval()
        chosen, logs = [], []
        while mask in ids:
            place = ids.index(mask)
            with torch.inference_mode():
                told = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, place], dim=-1)
            ids[place] = int(told.argmax())
            chosen.append(ids[place])
            logs.append(float(told.max()))
        return chosen, sum(logs) / count

    def test_the_gap_is_filled_as_the_model_would(self, kind: str, zoo: Zoo) -> None:
        best = max((self.filled(zoo(kind), count) for count in range(1, 6)), key=lambda it: it[1])
        tokens = [it for it in stream(zoo(kind), Sampling(), self.ASKED) if it.probability is not None]
        assert [it.id for it in tokens] == best[0]
        assert sum(math.log(it.probability or 0) for it in tokens) / len(tokens) == pytest.approx(best[1], abs=1e-4)

    def test_no_more_masks_than_tokens_are_wanted(self, kind: str, zoo: Zoo) -> None:
        for most in (1, 3):
            tokens = [it for it in stream(zoo(kind), Sampling(max_tokens=most), self.ASKED) if it.probability]
            assert 1 <= len(tokens) <= most

    def test_a_question_that_does_not_fit_the_window(self, kind: str, zoo: Zoo) -> None:
        with pytest.raises(InputError, match=str(WINDOW)):
            stream(zoo(kind), Sampling(), [Message("user", "tide " * WINDOW)])

    def test_every_position_of_the_window_can_be_read(self, kind: str, zoo: Zoo) -> None:
        words = Tokenizer.from_file(str(zoo(kind) / "tokenizer.json"))
        room = WINDOW - len(words.encode(f"? The answer is {MASK}.").ids)
        assert stream(zoo(kind), Sampling(max_tokens=1), [Message("user", "!" * room)])


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
    @pytest.mark.parametrize("head", [BertModel, BertForSequenceClassification])
    def test_an_encoder_without_words_is_no_generator(self, head: type[PreTrainedModel], tmp_path: Path) -> None:
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        head(BertConfig(vocab_size=345, **shape)).save_pretrained(tmp_path)
        model_zoo.tokenizer(mask=True).save_pretrained(tmp_path)
        assert f"bert model ({head.__name__}) that neither writes nor fills in words" in refusal(tmp_path)

    def test_nor_is_a_discriminator(self, tmp_path: Path) -> None:
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        ElectraForPreTraining(ElectraConfig(vocab_size=345, embedding_size=16, **shape)).save_pretrained(tmp_path)
        model_zoo.tokenizer(mask=True).save_pretrained(tmp_path)
        assert "electra model (ElectraForPreTraining) that neither writes" in refusal(tmp_path)

    def test_a_masked_model_whose_tokenizer_has_no_mask(self, zoo: Zoo, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(zoo("bert"), tmp_path / "model"))
        model_zoo.tokenizer().save_pretrained(folder)
        assert "has no mask" in refusal(folder)

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
        assert open_model(str(folder)).record == expected

    def test_most_models_have_none(self, zoo: Zoo) -> None:
        assert open_model(str(zoo("llama"))).record is None

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
