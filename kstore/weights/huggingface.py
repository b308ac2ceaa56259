"""Causal language models of the Hugging Face kind, by folder or hub name: GPT-2, LLaMA, Qwen and their like."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

from kstore.controls import Sampling
from kstore.errors import InputError, ModelError
from kstore.weights.decoding import Logits, write
from kstore.weights.generator import Message, Token, TrainingRecord


class HuggingFaceGenerator:
    """A causal model run by transformers on torch, one token at a time with its key-value cache.

    Only safetensors weights are read and no code that comes with a model is run.
    """

    def __init__(self, name: str, threads: int = 0) -> None:
        """Load ``name``, a folder or a hub name; ModelError, naming it, where that cannot be done."""
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.set_verbosity_error()
        getLogger("huggingface_hub").setLevel(ERROR)  # it tells of every retry
        logging.disable_progress_bar()
        if threads:
            torch.set_num_threads(threads)
        if name.startswith((".", "/", "~")) and not Path(name).expanduser().is_dir():
            raise ModelError(f"no model: {name} is not a folder")
        source = str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name
        self.name = name
        try:
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            if config.is_encoder_decoder or not _is_causal(config):
                raise ModelError(f"{name} is a {config.model_type} model that does not write from left to right")
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            load: Any = AutoModelForCausalLM.from_pretrained  # its stub forgets the second result
            model, loaded = load(
                source, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True
            )
            if loaded["missing_keys"]:  # transformers would make them up at random and go on
                raise ModelError(f"the files of {name} lack {min(loaded['missing_keys'])}")
            self._model: Any = model.eval()
        except ModelError:
            raise
        except Exception as error:
            # transformers, safetensors and the hub client raise OSError, ValueError, KeyError, RuntimeError and more.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"cannot load the model {name}: {reason}") from error
        folder = Path(source)
        self.record = TrainingRecord.read(folder) if folder.is_dir() else None
        self._window = int(getattr(config, "max_position_embeddings", 0) or 1 << 30)
        self._ends = _end_tokens(self._model, self._tokenizer)

    @property
    def instructable(self) -> bool:
        """A model with a chat template was tuned to follow instructions."""
        return bool(self._tokenizer.chat_template)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Continue the conversation; InputError where it does not fit the model's window."""
        import torch

        ids, sampling = self._prompt(messages, sampling)
        if len(ids) + sampling.max_tokens > self._window:
            raise InputError(f"{len(ids)} tokens and {sampling.max_tokens} more exceed {self.name}'s {self._window}")
        cache: Any = None

        def advance(tokens: list[int]) -> Logits:
            nonlocal cache
            with torch.inference_mode():
                result = self._model(input_ids=torch.tensor([tokens]), cache=cache, use_cache=True)
            cache = result.cache
            logits: Logits = result.logits[0, -1].float().numpy()
            return logits

        yield from write(
            advance(ids),
            lambda token: advance([token]),
            lambda written: str(self._tokenizer.decode(written, skip_special_tokens=True)),
            self._ends,
            sampling,
        )

    def _prompt(self, messages: Sequence[Message], sampling: Sampling) -> tuple[list[int], Sampling]:
        """Token ids of the conversation: by the chat template, or as questions and answers for a base model."""
        if self.instructable:
            turns = [{"role": message.role, "content": message.content} for message in messages]
            # Models that can think aloud are asked not to; other templates ignore the flag.
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            return self._tokenizer(text, add_special_tokens=False)["input_ids"], sampling
        text = "".join(f"Question: {message.content}\nAnswer:" for message in messages if message.role == "user")
        # A base model goes on with questions of its own unless it is stopped at the line's end.
        return self._tokenizer(text)["input_ids"], replace(sampling, stop=(*sampling.stop, "\n"))


def _is_causal(config: Any) -> bool:
    return any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in config.architectures or [])


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    ends = model.generation_config.eos_token_id
    found = set(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
    return {int(token) for token in found if token is not None}
