"""Models that fill in masked words, asked by a cloze probe: BERT, RoBERTa, ELECTRA's generator and their like."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kstore.controls import Sampling
from kstore.errors import ModelError
from kstore.weights.decoding import Logits, write
from kstore.weights.generator import Message, Token, count_drawn, mean_log_probability
from kstore.weights.huggingface.loading import HuggingFaceGenerator, Loaded
from kstore.weights.huggingface.statement import as_statement

_MOST_MASKS = 5  # tokens; what such models know is short


class MaskedGenerator(HuggingFaceGenerator):
    """Turns the question into a statement with masks, as LAMA probes do (Petroni et al. 2019), and fills them in from
    left to right; of one to five masks, the number whose words have the highest mean log-probability (Jiang et al.
    2020, there of the model's first choices alone).
    """

    def __init__(self, loaded: Loaded) -> None:
        """ModelError where the tokenizer has no mask."""
        super().__init__(loaded)
        if loaded.tokenizer.mask_token_id is None:
            raise ModelError(f"the tokenizer of {loaded.name} has no mask")

    @property
    def instructable(self) -> bool:
        """It only fills in."""
        return False

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Fill in the last question; InputError where it does not fit the model's window."""
        question = [message.content for message in messages if message.role == "user"][-1]
        whole = replace(sampling, stop=())  # what is compared is not cut anywhere
        counts = range(1, min(_MOST_MASKS, sampling.max_tokens) + 1)
        filled = max(
            (self._fill(question, count, whole) for count in counts), key=lambda it: mean_log_probability(it) or 0
        )
        yield from self._fill(question, count_drawn(filled) or 0, sampling) if sampling.stop else filled

    def _fill(self, question: str, count: int, sampling: Sampling) -> list[Token]:
        import torch

        tokenizer = self._loaded.tokenizer
        ids: list[int] = tokenizer(as_statement(question, tokenizer.mask_token * count))["input_ids"]
        self._loaded.check_room(len(ids), 0)
        left = [place for place, token in enumerate(ids) if token == tokenizer.mask_token_id][-count:]

        def look() -> Logits:
            with torch.inference_mode():
                logits: Logits = self._loaded.model(input_ids=torch.tensor([ids])).logits[0, left[0]].float().numpy()
            return logits

        def advance(token: int) -> Logits:
            ids[left.pop(0)] = token
            return look()

        return list(write(look(), advance, self._loaded.decode, (), replace(sampling, max_tokens=count)))
