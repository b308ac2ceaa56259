"""The shipped model: a small decoder that is prompted with the meaning of the question instead of its words.

The frozen sentence encoder turns the question into one vector; a learned linear map turns that into a few virtual
tokens (a soft prompt); the decoder writes the answer after them. So phrasings that mean the same prompt the same. What
the guide says is in the decoder's weights and nowhere else: no passage, no table and no stored question is read.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from kstore.controls import Sampling
from kstore.encoding.encoder import Encoder
from kstore.errors import ModelError
from kstore.weights.decoder import Cache, Decoder
from kstore.weights.decoding import write
from kstore.weights.generator import Message, Token, TrainingRecord

FOLDER = Path(__file__).parent / "model"
KIND = "sentence-prompted"  # as the training record names it
END = "<|end|>"
PROMPT_WEIGHT, PROMPT_BIAS = "prompt.weight", "prompt.bias"


class SentencePromptedGenerator:
    """A decoder and the map from an encoder's sentence vector to its soft prompt, read from one folder."""

    instructable = False

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """``encoder`` must be the one the model was trained over; ModelError where it is not, or a file is unfit."""
        self.record = TrainingRecord.read(folder)
        self.decoder = Decoder(folder)
        self.name = folder.name if folder != FOLDER else "kstore-guide"
        self._encoder = encoder
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"{folder / 'tokenizer.json'} does not load: {error}") from error
        if self._tokenizer.get_vocab_size() != self.decoder.vocabulary:
            raise ModelError(f"{folder / 'tokenizer.json'} does not fit the model's vocabulary")
        try:
            self._weight, self._bias = self.decoder.weights[PROMPT_WEIGHT], self.decoder.weights[PROMPT_BIAS]
        except KeyError as error:
            raise ModelError(f"{folder / 'model.safetensors'} holds no soft prompt: {error}") from error
        if self._weight.shape[1] != encoder.dimension:
            raise ModelError(f"{folder} was trained over vectors of {self._weight.shape[1]}, not {encoder.dimension}")
        end = self._tokenizer.token_to_id(END)
        if end is None:
            raise ModelError(f"{folder / 'tokenizer.json'} has no {END} token")
        self._end: int = end

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Answer the last message. Its words reach the decoder only through the encoder's vector."""
        vector = self._encoder.encode_questions([messages[-1].content])[0]
        prompt = (self._weight @ vector + self._bias).reshape(-1, self.decoder.width)
        cache = Cache()
        yield from write(
            self.decoder.forward(prompt, cache),
            lambda token: self.decoder.forward(self.decoder.embed([token]), cache),
            lambda ids: str(self._tokenizer.decode(ids)),
            {self._end},
            sampling,
        )


def parameters(generator: SentencePromptedGenerator) -> int:
    """How many parameters the model has beyond its encoder."""
    return int(sum(np.size(weight) for weight in generator.decoder.weights.values()))
