"""Models behind a server, through LangChain's chat models: those of a provider, or of an OpenAI-compatible server.

Time-outs and retries with back-off are those of the provider's client, which LangChain hands on.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from kstore.controls import Sampling
from kstore.errors import ModelError, first_line
from kstore.weights.decoding import first_stop, safe_length
from kstore.weights.generator import Message, Token, TrainingRecord

TIMEOUT = 60.0  # seconds that a server has for one answer
_RETRIES = 2
_NAME = re.compile(r"(?P<provider>[a-z][a-z0-9_]+):(?P<model>.+)")
_OPENAI = "openai"


def is_hosted(name: str) -> bool:
    """Whether a generator's name is of the form ``provider:model``, such as ``openai:gpt-4.1-mini``."""
    return _NAME.fullmatch(name) is not None


class HostedGenerator:
    """A chat model by ``provider:model``. Threads may share it.

    What it was trained on is not known, so it has no record. What is called a token here is a piece as the server sends
    it, without number and probability. ``top_k`` is not sent: that API does not have it, and servers refuse it.
    """

    instructable = True
    record: TrainingRecord | None = None

    def __init__(self, name: str, url: str | None = None, timeout: float = TIMEOUT, retries: int = _RETRIES) -> None:
        """``url`` is the address of an OpenAI-compatible server (``http://HOST:PORT/v1``), of which any model's name
        may be asked as ``openai:MODEL``. Nothing is sent yet; ModelError where there is no such provider, its package
        is missing or its key is."""
        from langchain.chat_models import init_chat_model

        found = _NAME.fullmatch(name)
        if found is None:
            raise ModelError(f"{name} names no hosted model: provider:model")
        options: dict[str, Any] = {"timeout": timeout, "max_retries": retries}
        if url is not None:
            # Servers of one's own often want no key, and clients insist on sending one.
            options |= {"base_url": url, "api_key": os.environ.get("OPENAI_API_KEY") or "none"}
        if found["provider"] == _OPENAI:
            options["use_responses_api"] = False  # what compatible servers offer is the older one
        self.name = name
        try:
            self._model: Any = init_chat_model(found["model"], model_provider=found["provider"], **options)
        except Exception as error:  # of LangChain, pydantic and each provider's client
            raise ModelError(f"the hosted model {name} cannot be used: {first_line(error)}") from error

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]:
        """Continue the conversation; ModelError where the server is down, too slow or refuses."""
        turns = [(message.role, message.content) for message in messages]
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.seed is not None:
            options["seed"] = sampling.seed
        if sampling.stop:
            options["stop"] = list(sampling.stop)
        try:
            pieces = (chunk.text for chunk in self._model.stream(turns, **options))
            for piece in _until(sampling.stop, pieces):
                yield Token(None, piece, None)
        except Exception as error:  # of the provider's client, httpx and LangChain
            raise ModelError(f"the hosted model {self.name} did not answer: {first_line(error)}") from error


def _until(stops: tuple[str, ...], pieces: Iterator[str]) -> Iterator[str]:
    """The text up to the first stop: not every server stops there."""
    text, shown = "", 0
    for piece in pieces:
        text += piece
        stopped = first_stop(text, stops)
        safe = safe_length(text, stops) if stopped is None else stopped
        if safe > shown:
            yield text[shown:safe]
            shown = safe
        if stopped is not None:
            return
    if text[shown:]:
        yield text[shown:]
