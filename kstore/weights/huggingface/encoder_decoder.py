"""Models that read a text whole and then write another: T5, BART, UL2 and their like."""

from collections.abc import Iterator, Sequence
from typing import Any

from kstore.controls import Sampling
from kstore.errors import ModelError
from kstore.weights.decoding import Logits, write
from kstore.weights.generator import Message, Token
from kstore.weights.huggingface.loading import HuggingFaceGenerator, Loaded


class EncoderDecoderGenerator(HuggingFaceGenerator):
    """Reads the bare question, or the conversation where there is a chat template, and writes the answer: closed-book
    question answering as Roberts et al. 2020 ask T5."""

    def __init__(self, loaded: Loaded) -> None:
        """ModelError where the model does not say what its decoder begins with."""
        super().__init__(loaded)
        settings = loaded.model.generation_config
        begin = settings.decoder_start_token_id
        if begin is None:
            begin = getattr(loaded.config, "decoder_start_token_id", None)
        if begin is None:
            raise ModelError(f"{loaded.name} does not say which token its decoder begins with")
        forced = settings.forced_bos_token_id  # BART has one, which always comes first
        self._begin = [int(begin)] if forced is None else [int(begin), int(forced)]

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Answer the conversation; InputError where it or the answer does not fit the model's window."""
        import torch

        ids = self._prompt(messages)
        self._loaded.check_room(len(ids), 0)
        self._loaded.check_room(len(self._begin), sampling.max_tokens)
        model = self._loaded.model
        mask = torch.ones(1, len(ids), dtype=torch.long)
        with torch.inference_mode():
            read = model.get_encoder()(input_ids=torch.tensor([ids]), attention_mask=mask)
        cache: Any = None

        def advance(tokens: list[int]) -> Logits:
            nonlocal cache
            with torch.inference_mode():
                result = model(
                    encoder_outputs=read,
                    attention_mask=mask,
                    decoder_input_ids=torch.tensor([tokens]),
                    cache=cache,
                    use_cache=True,
                )
            cache = result.cache
            logits: Logits = result.logits[0, -1].float().numpy()
            return logits

        first = advance(self._begin)
        yield from write(first, lambda token: advance([token]), self._loaded.decode, self._loaded.ends(), sampling)

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        if self.instructable:
            return self._loaded.conversation(messages)
        text = "\n".join(message.content for message in messages if message.role == "user")
        ids: list[int] = self._loaded.tokenizer(text)["input_ids"]
        return ids
