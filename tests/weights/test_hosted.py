"""Models behind a server: a real OpenAI-compatible one with a small local model, and servers that fail."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kstore.assemble import open_kstore
from kstore.controls import Sampling
from kstore.errors import ModelError
from kstore.settings import Settings
from kstore.weights.generator import Message
from kstore.weights.hosted import HostedGenerator, is_hosted
from kstore.weights.huggingface.loading import open_model
from tests.conftest import TINY
from tests.evals.server import Server
from tests.weights import model_zoo

ASKED = [Message("system", "Be brief."), Message("user", "Who keeps the lamp?")]
SAID = "The keeper is Ida Marrow."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that always says the same."""
    folder = tmp_path_factory.mktemp("served") / "reciter"
    return model_zoo.reciting_model(folder, f"\n{SAID}", chat=True, window=8192, whole=[SAID])


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    """The address of ``transformers serve`` with the model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(model), "--device", "cpu"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            try:
                httpx.get(f"{base}/v1/models", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield f"{base}/v1"
    finally:
        process.terminate()
        process.wait(30)


def test_a_real_server_answers_as_the_model_itself_does(url: str, model: Path) -> None:
    generator = HostedGenerator(f"openai:{model}", url)
    for sampling in (Sampling(), Sampling(temperature=0.2, top_p=0.9, top_k=5, seed=3), Sampling(stop=("Ida",))):
        here = "".join(it.text for it in open_model(str(model)).stream(ASKED, sampling))
        assert "".join(it.text for it in generator.stream(ASKED, sampling)) == here
        assert here.startswith("The keeper is ")


def test_both_memories_answer_with_a_hosted_model(url: str, model: Path, tmp_path: Path, cache: Path) -> None:
    settings = Settings(home=tmp_path / "home", cache=cache, generator=f"openai:{model}", generator_url=url)
    with open_kstore(settings, empty=True) as store:
        store.ingest([str(TINY)])
        parametric, retrieval = store.ask("Who keeps the lamp?").answers
    assert parametric.text == SAID
    assert (parametric.as_of, parametric.confidence, parametric.tokens) == (None, None, None)
    assert retrieval.text == f"{SAID} [unverified]"  # it quoted nothing
    assert retrieval.as_of == 1
    assert f"openai:{model}" in retrieval.model


def test_an_unknown_model_of_a_real_server(url: str) -> None:
    with pytest.raises(ModelError, match="openai:/no/such/model did not answer"):
        list(HostedGenerator("openai:/no/such/model", url, retries=0).stream(ASKED, Sampling()))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.headers = {"Content-Type": "text/event-stream", "Retry-After": "0"}
    yield server
    server.close()


STREAM = (
    'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": '
    '[{"index": 0, "delta": {"role": "assistant", "content": "Ida."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


def said(server: Server, sampling: Sampling = Sampling(), **options: float) -> str:  # noqa: B008 - immutable
    generator = HostedGenerator("openai:m", f"{server.url}/v1", **options)  # type: ignore[arg-type]
    return "".join(it.text for it in generator.stream(ASKED, sampling))


def test_what_is_asked_for_is_sent(server: Server) -> None:
    server.reply = lambda path, body: (200, STREAM)
    assert said(server, Sampling(temperature=0.4, top_p=0.8, top_k=9, max_tokens=17, seed=5, stop=("x", "y"))) == "Ida."
    path, body, _ = server.asked[0]
    assert path == "/v1/chat/completions"
    sent = {name: body[name] for name in ("model", "temperature", "top_p", "seed", "stop", "stream")}
    assert sent == {"model": "m", "temperature": 0.4, "top_p": 0.8, "seed": 5, "stop": ["x", "y"], "stream": True}
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 17
    assert "top_k" not in body
    assert [(it["role"], it["content"]) for it in body["messages"]] == [(it.role, it.content) for it in ASKED]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(server: Server, status: int) -> None:
    replies = iter([(status, "later"), (200, STREAM)])
    server.reply = lambda path, body: next(replies)
    assert said(server) == "Ida."
    assert len(server.asked) == 2


def test_a_server_that_stays_busy_is_given_up(server: Server) -> None:
    server.reply = lambda path, body: (503, "no")
    with pytest.raises(ModelError, match="openai:m did not answer"):
        said(server, retries=1)
    assert len(server.asked) == 2


def test_a_refusal_is_not_asked_again(server: Server) -> None:
    server.headers = {"Content-Type": "application/json"}
    server.reply = lambda path, body: (401, '{"error": {"message": "the key is wrong"}}')
    with pytest.raises(ModelError, match="the key is wrong"):
        said(server)
    assert len(server.asked) == 1


def test_a_server_that_is_too_slow(server: Server) -> None:
    def slow(path: str, body: object) -> tuple[int, str]:
        time.sleep(0.6)
        return 200, STREAM

    server.reply = slow
    with pytest.raises(ModelError, match=r"did not answer: .*[Tt]imed out"):
        said(server, timeout=0.2, retries=0)


def test_a_server_that_is_down() -> None:
    with pytest.raises(ModelError, match="openai:m did not answer: Connection error"):
        list(HostedGenerator("openai:m", "http://127.0.0.1:9/v1", retries=0).stream(ASKED, Sampling()))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("openai:gpt-none", "OPENAI_API_KEY"),  # a hosted provider without its key
        ("nobody:model", "nobody"),
        ("anthropic:claude", "langchain-anthropic"),  # a provider whose package is not installed
    ],
)
def test_what_cannot_be_used_says_why(name: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"{name} cannot be used: .*{reason}") as caught:
        HostedGenerator(name)
    assert "\n" not in str(caught.value)


def test_which_names_are_hosted() -> None:
    assert is_hosted("openai:gpt-4.1-mini")
    assert is_hosted("openai:Qwen/Qwen3-0.6B")
    for name in ("shipped", "Qwen/Qwen3-0.6B", "/models/a:b", "./a:b", "~/a:b", "gpt2"):
        assert not is_hosted(name)
