"""From a folder or hub name to a model that can be asked: checked, and in the family that its config names."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

from kstore.errors import InputError, ModelError, first_line
from kstore.weights.generator import Generator, Message, TrainingRecord

CAUSAL, ENCODER_DECODER, MASKED = "causal", "encoder-decoder", "masked"
_NO_LIMIT = 1 << 30
_ADAPTER, _ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # as peft writes them


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model with its tokenizer, ready to run on the processor. ``window`` is how many tokens it can look at."""

    name: str
    family: str
    config: Any
    tokenizer: Any
    model: Any
    record: TrainingRecord | None
    window: int

    def ends(self) -> set[int]:
        """The tokens that end a text: the model may name others than its tokenizer."""
        ends = self.model.generation_config.eos_token_id
        found = set(ends if isinstance(ends, list) else [ends]) | {self.tokenizer.eos_token_id}
        return {int(token) for token in found if token is not None}

    def end(self) -> int:
        """The token that ends an answer: the model's own first choice, which ends a turn in a chat model."""
        ends = self.model.generation_config.eos_token_id
        first = ends[0] if isinstance(ends, list) else ends
        return int(self.tokenizer.eos_token_id if first is None else first)

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the conversation by the chat template, up to where the answer begins."""
        turns = [{"role": message.role, "content": message.content} for message in messages]
        # Models that can think aloud are asked not to; other templates ignore the flag.
        text = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def check_room(self, read: int, written: int) -> None:
        """InputError where so many tokens do not fit the window."""
        if read + written > self.window:
            raise InputError(f"{read} tokens and {written} more exceed {self.name}'s {self.window}")


class HuggingFaceGenerator:
    """What the generators of all families are."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.name = loaded.name
        self.record = loaded.record

    @property
    def instructable(self) -> bool:
        """A model with a chat template was tuned to follow instructions."""
        return bool(self._loaded.tokenizer.chat_template)


def open_model(name: str, threads: int = 0) -> Generator:
    """The model called ``name``, a folder or a hub name; ModelError, naming it, where that cannot be had.

    Only safetensors weights are read and no code that comes with a model is run.
    """
    from kstore.weights.huggingface.causal import CausalGenerator
    from kstore.weights.huggingface.encoder_decoder import EncoderDecoderGenerator
    from kstore.weights.huggingface.masked import MaskedGenerator

    makers: dict[str, Callable[[Loaded], Generator]] = {
        CAUSAL: CausalGenerator, ENCODER_DECODER: EncoderDecoderGenerator, MASKED: MaskedGenerator
    }  # fmt: skip
    loaded = load(name, threads)
    return makers[loaded.family](loaded)


def load(name: str, threads: int = 0) -> Loaded:
    """As ``open_model``, not yet a generator. An adapter, as LoRA makes them, is added to its base."""
    import torch
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    getLogger("huggingface_hub").setLevel(ERROR)  # it tells of every retry
    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    if name.startswith((".", "/", "~")) and not Path(name).expanduser().is_dir():
        raise ModelError(f"no model: {name} is not a folder")
    folder = Path(name).expanduser()
    source = str(folder) if folder.is_dir() else name
    if (folder / _ADAPTER).is_file():
        return _adapted(name, folder, threads)
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        family = _family(name, config)
        tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model, loaded = _auto_class(family).from_pretrained(
            source, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        if loaded["missing_keys"]:  # transformers would make them up at random and go on
            raise ModelError(f"the files of {name} lack {min(loaded['missing_keys'])}")
        known = int(model.get_input_embeddings().num_embeddings)
        if len(tokenizer) > known:
            raise ModelError(f"the tokenizer of {name} is another's: {len(tokenizer)} tokens, and weights for {known}")
    except ModelError:
        raise
    except Exception as error:
        # transformers, safetensors and the hub client raise OSError, ValueError, KeyError, RuntimeError and more.
        raise ModelError(f"cannot load the model {name}: {first_line(error)}") from error
    record = TrainingRecord.read(folder) if folder.is_dir() else None
    return Loaded(name, family, config, tokenizer, model.eval(), record, _window(config))


def _adapted(name: str, folder: Path, threads: int) -> Loaded:
    """The base that the adapter in ``folder`` names, with the adapter added to its weights."""
    try:
        base = str(json.loads((folder / _ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / _ADAPTER} names no base: {error!r}") from error
    if not (folder / _ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"the adapter {name} has no {_ADAPTER_WEIGHTS}")
    loaded = load(base, threads)
    try:
        from peft import PeftModel

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft tells of what it puts right, and of transformers' old names
            adapted: Any = PeftModel.from_pretrained(loaded.model, str(folder))
            model = adapted.merge_and_unload()
    except ModuleNotFoundError as error:
        raise ModelError(f"{name} is an adapter, which needs a library: pip install 'kstore[lora]'") from error
    except Exception as error:  # of peft, safetensors and torch
        raise ModelError(f"cannot add the adapter {name} to {base}: {first_line(error)}") from error
    return replace(loaded, name=name, model=model.eval(), record=TrainingRecord.read(folder))


def _family(name: str, config: Any) -> str:
    """By what the config says of itself; ModelError for a model that has no words to say."""
    if config.is_encoder_decoder:
        return ENCODER_DECODER
    architectures = config.architectures or []
    if any(it.endswith(("ForCausalLM", "LMHeadModel")) for it in architectures):
        return CAUSAL
    if any(it.endswith("ForMaskedLM") for it in architectures):
        return MASKED
    told = f"{config.model_type} model ({', '.join(architectures) or 'no architecture named'})"
    # An ELECTRA discriminator says which words were replaced; its generator is the one with words.
    raise ModelError(f"{name} is a {told} that neither writes nor fills in words")


def _auto_class(family: str) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    return {CAUSAL: AutoModelForCausalLM, ENCODER_DECODER: AutoModelForSeq2SeqLM, MASKED: AutoModelForMaskedLM}[family]


def _window(config: Any) -> int:
    """How many positions the model has; those with relative ones, as T5, have no limit of their own."""
    positions = int(getattr(config, "max_position_embeddings", 0) or _NO_LIMIT)
    # RoBERTa and its like count positions from behind the padding token's number.
    offset = int(config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
    return positions - offset
