"""Arms elsewhere: a running kstore, an OpenAI-compatible server, or anything that answers a question over HTTP."""

import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from kstore.answering.prompts import closed_book
from kstore.errors import InputError, UnavailableError
from kstore.types import Answer, Citation, Stopwatch

TIMEOUT = 60.0  # seconds that an endpoint has for one answer

_REMOTE = re.compile(
    r"(?:(?P<name>[\w.-]+)=)?(?:(?P<kind>kstore|openai)\+)?(?P<url>https?://[^#\s]+)(?:#(?P<part>\S+))?"
)


class RemoteError(UnavailableError):
    """An endpoint cannot be reached, or what it says cannot be understood."""

    code = "endpoint_unavailable"


class RemoteTimeoutError(RemoteError):
    """An endpoint did not answer in time."""

    code = "timeout"


class KStoreArm:
    """One arm of a running kstore."""

    def __init__(self, name: str, url: str, arm: str, timeout: float = TIMEOUT) -> None:
        self.name = name
        self.cites = arm != "parametric"
        self._arm = arm
        self._endpoint = _Endpoint(f"{url.rstrip('/')}/v1/ask", timeout)

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        reply = self._endpoint.post({"question": question, "arm": self._arm})
        watch.lap("request")
        with _understood(self._endpoint.url):
            (said,) = reply["answers"]
            cited = tuple(Citation(**{**it, "headings": tuple(it["headings"])}) for it in said["citations"])
            return Answer(
                arm=self.name,
                model=str(said["model"]),
                text=said["text"],
                declined=said["declined"],
                as_of=said["as_of"],
                confidence=said["confidence"],
                citations=cited,
                tokens=said.get("tokens"),
                timings=watch.timings(),
            )


class OpenAIArm:
    """A model behind an OpenAI-compatible server, asked from memory at temperature 0."""

    def __init__(self, name: str, url: str, model: str, timeout: float = TIMEOUT) -> None:
        key = os.environ.get("OPENAI_API_KEY")
        self.name = name
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._endpoint = _Endpoint(f"{url.rstrip('/')}/chat/completions", timeout, headers)

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        turns = [{"role": it.role, "content": it.content} for it in closed_book(question, instructable=True)]
        text, tokens = self._complete(turns)
        watch.lap("request")
        declined = None if text else "the model wrote nothing"
        return Answer(self.name, self._model, text or None, declined, tokens=tokens, timings=watch.timings())

    def complete(self, prompt: str) -> str:
        """What the model says to a prompt of one turn."""
        return self._complete([{"role": "user", "content": prompt}])[0]

    def _complete(self, messages: list[dict[str, str]]) -> tuple[str, int | None]:
        reply = self._endpoint.post({"model": self._model, "messages": messages, "temperature": 0})
        with _understood(self._endpoint.url):
            text = reply["choices"][0]["message"]["content"] or ""
            return str(text).strip(), (reply.get("usage") or {}).get("completion_tokens")


class PlainArm:
    """Anything that takes ``{"question"}`` and gives ``{"text"}``, or ``{"answer"}``: null where it declines."""

    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        self.name = name
        self._endpoint = _Endpoint(url, timeout)

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        reply = self._endpoint.post({"question": question})
        watch.lap("request")
        with _understood(self._endpoint.url):
            text = reply["text"] if "text" in reply else reply["answer"]
            if text is not None and not isinstance(text, str):
                raise TypeError("the answer is no text")
            declined = None if text else "the endpoint declined"
            return Answer(self.name, self._endpoint.url, text or None, declined, timings=watch.timings())


def is_remote(name: str) -> bool:
    """Whether an arm is given by a URL."""
    return "://" in name


def remote_arm(given: str, timeout: float = TIMEOUT) -> KStoreArm | OpenAIArm | PlainArm:
    """The arm at ``[NAME=]kstore+http://HOST:PORT#ARM``, ``[NAME=]openai+http://HOST/v1#MODEL`` or ``[NAME=]http://...``,
    https as well; InputError where it is none of these."""
    found = _REMOTE.fullmatch(given)
    if found is None:
        raise InputError(f"{given!r} is not the address of an arm: kstore+URL#ARM, openai+URL#MODEL or URL")
    url, part = found["url"], found["part"]
    if found["kind"] == "kstore":
        return KStoreArm(found["name"] or given, url, part or "retrieval", timeout)
    if found["kind"] == "openai":
        if not part:
            raise InputError(f"{given!r} names no model: openai+URL#MODEL")
        return OpenAIArm(found["name"] or part, url, part, timeout)
    return PlainArm(found["name"] or given, url, timeout)


class _Endpoint:
    """JSON over HTTP POST, with one connection kept open; a connection that fails is tried once more."""

    def __init__(self, url: str, timeout: float, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self._client = httpx.Client(timeout=timeout, headers=headers, transport=httpx.HTTPTransport(retries=1))
        weakref.finalize(self, self._client.close)

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's JSON object; RemoteError or RemoteTimeoutError where there is none."""
        try:
            response = self._client.post(self.url, json=body)
            response.raise_for_status()
            reply = response.json()
        except httpx.TimeoutException as error:
            raise RemoteTimeoutError(f"{self.url} did not answer in time") from error
        except httpx.HTTPStatusError as error:
            raise RemoteError(f"{self.url} answered {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise RemoteError(f"{self.url}: {str(error) or type(error).__name__}") from error
        if not isinstance(reply, dict):
            raise RemoteError(f"{self.url} gave no JSON object")
        return reply


@contextmanager
def _understood(url: str) -> Iterator[None]:
    """Turns whatever is wrong with the shape of a reply into RemoteError."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RemoteError(f"{url} gave another shape than expected: {type(error).__name__} {error}") from error
