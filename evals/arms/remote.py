"""Arms elsewhere: a running kstore, an OpenAI-compatible server, or anything that answers a question over HTTP.

Proxies are those of the environment (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``); what runs on this
machine is never asked through one.
"""

import json
import os
import re
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.ranking import DEPTH
from kstore.answering.prompts import closed_book
from kstore.errors import InputError, UnavailableError
from kstore.service import BOTH
from kstore.types import Answer, Citation, Hit, Stopwatch

TIMEOUT = 60.0  # seconds that an endpoint has for one answer

_HERE = ("localhost", "127.0.0.1", "[::1]")
_NOT_STAGES = {"total", "wall", "cpu", "request"}

_REMOTE = re.compile(
    r"(?:(?P<name>[\w.-]+)=)?(?:(?P<kind>kstore|openai)\+)?(?P<url>https?://[^#\s]+)(?:#(?P<part>\S+))?"
)


class RemoteError(UnavailableError):
    """An endpoint cannot be reached, or what it says cannot be understood."""

    code = "endpoint_unavailable"


class RemoteTimeoutError(RemoteError):
    """An endpoint did not answer in time."""

    code = "timeout"


class _Written(BaseModel):
    """A text, or None where the endpoint declined. What is no text or no number is refused here: in a row it would end
    the run. Fields that are not known are let be."""

    model_config = ConfigDict(allow_inf_nan=False)

    text: str | None
    tokens: int | None = None


class _Said(_Written):
    """An answer as ``kstore ask --json`` gives it."""

    model: str
    declined: str | None = None
    as_of: int | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    citations: tuple[Citation, ...] = ()
    timings_ms: dict[str, Annotated[float, Field(ge=0)]] = {}


class _Found(BaseModel):
    """Hits as ``kstore search --json`` gives them."""

    model_config = ConfigDict(allow_inf_nan=False)

    hits: tuple[Hit, ...]


class KStoreArm:
    """One arm of a running kstore. What the way there and back takes is the stage ``request`` among its own."""

    def __init__(self, name: str, url: str, arm: str, timeout: float = TIMEOUT) -> None:
        self.name = name
        self.cites = arm != "parametric"
        self._arm = arm
        self._endpoint = _Endpoint(f"{url}/v1/ask", timeout)

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        reply = self._endpoint.post({"question": question, "arm": self._arm})
        watch.lap("request")
        with _understood(self._endpoint.url):
            (answer,) = reply["answers"]
            said = _Said.model_validate(answer)
            return Answer(
                arm=self.name,
                model=said.model,
                text=said.text,
                declined=said.declined,
                as_of=said.as_of,
                confidence=said.confidence,
                citations=said.citations,
                tokens=said.tokens,
                timings=_apart(said.timings_ms, watch.timings()),
            )


class KStoreRetrieval(KStoreArm):
    """The retrieval of a running kstore, which also tells its ranking."""

    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        super().__init__(name, url, "retrieval", timeout)
        self._search = _Endpoint(f"{url}/v1/search", timeout)

    def rank(self, question: str) -> tuple[Hit, ...]:
        """The ten best passages."""
        reply = self._search.post({"query": question, "k": DEPTH})
        with _understood(self._search.url):
            return _Found.model_validate(reply).hits


class OpenAIArm:
    """A model behind an OpenAI-compatible server, asked from memory at temperature 0."""

    def __init__(self, name: str, url: str, model: str, timeout: float = TIMEOUT) -> None:
        """InputError where ``OPENAI_API_KEY`` cannot be sent; the key itself is told to nobody but the server."""
        key = os.environ.get("OPENAI_API_KEY", "").strip()  # httpx would quote one that ends in a line end in its error
        if not (key.isascii() and key.isprintable()):
            raise InputError("OPENAI_API_KEY holds characters that no key has")
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
            tokens = (reply.get("usage") or {}).get("completion_tokens")
            written = _Written(text=reply["choices"][0]["message"]["content"], tokens=tokens)
            return (written.text or "").strip(), written.tokens


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
            said = _Written(text=reply["text"] if "text" in reply else reply["answer"])
            text = (said.text or "").strip()
            declined = None if text else "the endpoint declined"
            return Answer(self.name, self._endpoint.url, text or None, declined, timings=watch.timings())


def is_remote(name: str) -> bool:
    """Whether an arm is given by a URL."""
    return "://" in name


def remote_arm(given: str, timeout: float = TIMEOUT) -> KStoreArm | OpenAIArm | PlainArm:
    """The arm at ``[NAME=]kstore+http://HOST:PORT#ARM``, ``[NAME=]openai+http://HOST/v1#MODEL`` or ``[NAME=]http://...``,
    https as well; InputError where it is none of these, or two arms at once."""
    found = _REMOTE.fullmatch(given)
    if found is None:
        raise InputError(f"{given!r} is not the address of an arm: kstore+URL#ARM, openai+URL#MODEL or URL")
    url, part = found["url"], found["part"]
    _check_address(url)
    if found["kind"] == "kstore":
        if part == BOTH:
            raise InputError(f"{given!r} is two arms: name each by itself, as #parametric and #retrieval")
        name, url, arm = found["name"] or given, url.rstrip("/"), part or "retrieval"
        return KStoreRetrieval(name, url, timeout) if arm == "retrieval" else KStoreArm(name, url, arm, timeout)
    if found["kind"] == "openai":
        if not part:
            raise InputError(f"{given!r} names no model: openai+URL#MODEL")
        return OpenAIArm(found["name"] or part, url, part, timeout)
    return PlainArm(found["name"] or given, url, timeout)


def _check_address(url: str) -> None:
    """InputError for an address that no request can go to, or that would show its password in each row and report."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(
            "the address of an arm cannot be read: is its port a number, are its brackets closed?"
        ) from error
    if address.userinfo:
        raise InputError("an arm's address may hold no password: it would stand in the report")
    if not address.host:
        raise InputError(f"{url!r} is not the address of an arm: it names no host")


class _Endpoint:
    """JSON over HTTP POST, with one connection kept open; a connection that fails is tried once more."""

    def __init__(self, url: str, timeout: float, headers: dict[str, str] | None = None) -> None:
        """InputError where the environment names a proxy that cannot be used."""
        self.url = url
        try:
            mounts = {f"all://{host}": None for host in _HERE}
            self._client = httpx.Client(timeout=timeout, headers=headers, mounts=mounts)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise InputError(f"the proxy that the environment names cannot be used: {error}") from error
        weakref.finalize(self, self._client.close)

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's JSON object; RemoteError or RemoteTimeoutError where there is none."""
        try:
            response = self._sent(body)
            response.raise_for_status()
            reply = response.json()
            json.dumps(reply, ensure_ascii=False).encode()  # half of a surrogate pair could not be written to a row
        except httpx.TimeoutException as error:
            raise RemoteTimeoutError(f"{self.url} did not answer in time") from error
        except httpx.HTTPStatusError as error:
            raise RemoteError(f"{self.url} answered {error.response.status_code}{_told(error.response)}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise RemoteError(f"{self.url}: {str(error) or type(error).__name__}") from error
        if not isinstance(reply, dict):
            raise RemoteError(f"{self.url} gave no JSON object")
        return reply

    def _sent(self, body: dict[str, Any]) -> httpx.Response:
        try:
            return self._client.post(self.url, json=body)
        except httpx.ConnectError:
            return self._client.post(self.url, json=body)


def _told(response: httpx.Response) -> str:
    """The reason that a problem (RFC 9457) gives, after a colon; nothing where the response is none."""
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return ""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {' '.join(detail.split())[:200]}" if isinstance(detail, str) else ""


def _apart(inside: Mapping[str, float], outside: dict[str, float]) -> dict[str, float]:
    """The stages that an endpoint tells, and as ``request`` what is left of the time that it took as seen from here;
    the latter alone where there are none, or where they would take longer than all."""
    stages = {name: ms for name, ms in inside.items() if name not in _NOT_STAGES}
    left = outside["total"] - sum(stages.values())
    return {"total": outside["total"], **stages, "request": left} if stages and left >= 0 else outside


@contextmanager
def _understood(url: str) -> Iterator[None]:
    """Turns whatever is wrong with the shape of a reply into RemoteError."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RemoteError(f"{url} gave another shape than expected: {where}: {first['msg']}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RemoteError(f"{url} gave another shape than expected: {type(error).__name__} {error}") from error
