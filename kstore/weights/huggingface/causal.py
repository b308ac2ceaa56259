"""Models that write from left to right: GPT-2, LLaMA, Qwen and their like."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from kstore.controls import Sampling
from kstore.weights.decoding import Logits, write
from kstore.weights.generator import Message, Token
from kstore.weights.huggingface.loading import HuggingFaceGenerator


class CausalGenerator(HuggingFaceGenerator):
    """Goes on with a text, one token at a time, with the key-value cache."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Continue the conversation; InputError where it does not fit the model's window."""
        import torch

        ids = self.prompt(messages)
        if not self.instructable:  # a base model goes on with questions of its own unless the line's end stops it
            sampling = replace(sampling, stop=(*sampling.stop, "\n"))
        self._loaded.check_room(len(ids), sampling.max_tokens)
        cache: Any = None

        def advance(tokens: list[int]) -> Logits:
            nonlocal cache
            with torch.inference_mode():
                result = self._loaded.model(input_ids=torch.tensor([tokens]), cache=cache, use_cache=True)
            cache = result.cache
            logits: Logits = result.logits[0, -1].float().numpy()
            return logits

        first = advance(ids)
        yield from write(first, lambda token: advance([token]), self._loaded.decode, self._loaded.ends(), sampling)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the conversation: by the chat template, or as questions and answers for a base model."""
        if self.instructable:
            return self._loaded.conversation(messages)
        text = "".join(f"Question: {message.content}\nAnswer:" for message in messages if message.role == "user")
        ids: list[int] = self._loaded.tokenizer(text)["input_ids"]
        return ids
