"""Arms elsewhere, over real HTTP: what they say, and each way in which they fail."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from evals.arms.choose import flags
from evals.arms.remote import KStoreArm, OpenAIArm, PlainArm, RemoteError, RemoteTimeoutError, is_remote, remote_arm
from evals.cases import Question
from evals.run import Task, ask
from kstore.errors import InputError
from tests.evals.server import Reply, Server

CITATION = {
    "document": "animals.md", "headings": ["The cat"], "start": 0, "end": 7, "line_start": 1, "line_end": 1,
    "text": "Saffron", "score": 0.5, "revision": 3, "added": "by a later version",
}  # fmt: skip
ANSWER = {
    "arm": "retrieval", "model": "hybrid", "text": "Saffron", "declined": None, "as_of": 3, "age": "current",
    "knowledge": "", "confidence": 0.75, "tokens": None, "timings_ms": {"total": 1.0}, "citations": [CITATION],
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_an_arm_of_a_running_kstore(server: Server) -> None:
    server.reply = lambda path, body: {"question": body["question"], "revision": 3, "answers": [ANSWER]}
    arm = remote_arm(f"there=kstore+{server.url}#retrieval")
    answer = arm.answer("What is the cat's name?")
    assert server.asked[0][:2] == ("/v1/ask", {"question": "What is the cat's name?", "arm": "retrieval"})
    assert (answer.arm, answer.text, answer.as_of, answer.confidence) == ("there", "Saffron", 3, 0.75)
    assert answer.citations[0].headings == ("The cat",)
    assert answer.timings["total"] == pytest.approx(answer.timings["request"])
    assert flags(arm) == (True, True)
    assert flags(remote_arm(f"kstore+{server.url}#adaptive")) == (False, True)
    assert flags(remote_arm(f"kstore+{server.url}#parametric")) == (False, False)


def test_the_ranking_of_a_running_kstore_is_that_of_its_search(server: Server) -> None:
    hits = [{**CITATION, "start": start, "similarity": 0.5, "added": "later"} for start in (10, 0)]
    server.reply = lambda path, body: {"hits": hits} if path == "/v1/search" else {"answers": [ANSWER]}
    case = Question(id="cat", question="What is the cat's name?", answers=("Saffron",))
    row = ask(remote_arm(f"kstore+{server.url}/"), Task(case, 0))
    assert [(it.document, it.start) for it in row.hits] == [("animals.md", 10), ("animals.md", 0)]
    assert server.asked[1][:2] == ("/v1/search", {"query": "What is the cat's name?", "k": 10})
    server.reply = lambda path, body: {"hits": "none"} if path == "/v1/search" else {"answers": [ANSWER]}
    assert "expected: hits" in (ask(remote_arm(f"kstore+{server.url}"), Task(case, 0)).reason or "")


@pytest.mark.parametrize(
    ("told", "stages"),
    [
        ({"total": 9.0, "first_token": 5.0, "generate": 4.0}, {"first_token": 5.0, "generate": 4.0}),
        ({"total": 9.0, "first_token": 5.0, "wall": 9.0, "request": 4.0}, {"first_token": 5.0}),
        ({"total": 9e9, "generate": 9e9}, {}),
        ({}, {}),
    ],
)
def test_the_stages_of_a_running_kstore_are_kept_and_add_up(
    server: Server, told: dict[str, float], stages: dict[str, float]
) -> None:
    def late(path: str, body: dict[str, Any]) -> Reply:
        time.sleep(0.02)
        return {"answers": [{**ANSWER, "timings_ms": told}]}

    server.reply = late
    timings = remote_arm(f"kstore+{server.url}#parametric").answer("?").timings
    assert timings == {"total": timings["total"], **stages, "request": timings["request"]}
    assert timings["total"] == pytest.approx(timings["request"] + sum(stages.values()))
    assert timings["total"] >= 20.0


def test_a_model_behind_an_openai_compatible_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    said = {"choices": [{"message": {"content": " Saffron \n"}}], "usage": {"completion_tokens": 4}}
    server.reply = lambda path, body: said
    arm = remote_arm(f"openai+{server.url}/v1#tiny-model")
    assert isinstance(arm, OpenAIArm)
    answer = arm.answer("What is the cat's name?")
    path, body, headers = server.asked[0]
    assert (path, body["model"], body["temperature"]) == ("/v1/chat/completions", "tiny-model", 0)
    assert body["messages"][-1] == {"role": "user", "content": "What is the cat's name?"}
    assert headers["Authorization"] == "Bearer secret"
    assert (answer.text, answer.tokens, answer.model) == ("Saffron", 4, "tiny-model")
    assert arm.complete("1 or 2?") == "Saffron"
    assert server.asked[1][1]["messages"] == [{"role": "user", "content": "1 or 2?"}]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"text": "Saffron"}, "Saffron"),
        ({"answer": "Saffron"}, "Saffron"),
        ({"text": None}, None),
        ({"text": ""}, None),
        ({"text": " \n"}, None),
    ],
)
def test_anything_that_answers_over_http(server: Server, reply: dict[str, Any], text: str | None) -> None:
    server.reply = lambda path, body: reply
    answer = remote_arm(f"plain={server.url}/ask").answer("What is the cat's name?")
    assert server.asked[0][:2] == ("/ask", {"question": "What is the cat's name?"})
    assert answer.text == text
    assert (answer.declined is None) == (text is not None)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((500, "oh dear"), "answered 500"),
        ((200, "no json"), "Expecting value"),
        ((200, "[1]"), "no JSON object"),
        ({"nothing": 1}, "another shape"),
        ({"text": 3}, "another shape"),
    ],
)
def test_what_goes_wrong_is_a_typed_outcome(server: Server, reply: Reply, reason: str) -> None:
    server.reply = lambda path, body: reply
    case = Question(id="cat", question="What is the cat's name?", answers=("Saffron",))
    row = ask(remote_arm(server.url), Task(case, 0))
    assert (row.outcome, row.error) == ("errored", "endpoint_unavailable")
    assert reason in (row.reason or "")


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("text", 5, "expected: text: "),
        ("model", None, "expected: model: "),
        ("as_of", "yesterday", "expected: as_of: "),
        ("confidence", "high", "expected: confidence: "),
        ("confidence", 7.0, "expected: confidence: "),
        ("confidence", float("nan"), "expected: confidence: "),
        ("tokens", "many", "expected: tokens: "),
        ("timings_ms", {"generate": -1.0}, "expected: timings_ms.generate: "),
        ("timings_ms", {"generate": float("nan")}, "expected: timings_ms.generate: "),
        ("citations", [{**CITATION, "start": "here"}], "expected: citations.0.start: "),
        ("citations", [{**CITATION, "score": float("inf")}], "expected: citations.0.score: "),
        ("text", "\ud800", "surrogates not allowed"),
    ],
)
def test_a_value_of_the_wrong_kind_fails_one_question_and_not_the_run(
    server: Server, part: str, value: object, reason: str
) -> None:
    server.reply = lambda path, body: {"answers": [{**ANSWER, part: value}]}
    case = Question(id="cat", question="What is the cat's name?", answers=("Saffron",))
    row = ask(remote_arm(f"kstore+{server.url}"), Task(case, 0))
    assert (row.outcome, row.error) == ("errored", "endpoint_unavailable")
    assert reason in (row.reason or "")
    assert "\n" not in (row.reason or "")


def test_a_model_that_writes_no_text(server: Server) -> None:
    server.reply = lambda path, body: {"choices": [{"message": {"content": [{"text": "Saffron"}]}}]}
    with pytest.raises(RemoteError, match="another shape than expected: text"):
        remote_arm(f"openai+{server.url}/v1#m").answer("?")


def test_a_key_is_told_to_the_server_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.reply = lambda path, body: (500, "no")
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2\r\n")
    arm = remote_arm(f"openai+{server.url}/v1#m")
    with pytest.raises(RemoteError, match="answered 500") as failure:
        arm.answer("?")
    assert server.asked[0][2]["Authorization"] == "Bearer hunter2"
    assert "hunter2" not in str(failure.value)
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2\nX-Other: 1")
    with pytest.raises(InputError, match="OPENAI_API_KEY") as refused:
        remote_arm(f"openai+{server.url}/v1#m")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(InputError, match="no password") as refused:
        remote_arm("plain=http://me:hunter2@there/ask")
    assert "hunter2" not in str(refused.value)


def test_only_connecting_is_tried_twice(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.reply = lambda path, body: (500, "no")
    with pytest.raises(RemoteError, match="answered 500"):
        remote_arm(server.url).answer("?")
    assert len(server.asked) == 1
    server.close()
    tried: list[object] = []
    connect = socket.create_connection

    def counted(*args: Any, **more: Any) -> socket.socket:
        tried.append(args)
        return connect(*args, **more)

    monkeypatch.setattr(socket, "create_connection", counted)
    with pytest.raises(RemoteError, match=r"refused|connect"):
        remote_arm(server.url).answer("?")
    assert len(tried) == 2


def test_a_problem_is_told_with_its_reason(server: Server) -> None:
    server.headers = {"Content-Type": "application/problem+json"}
    server.reply = lambda path, body: (422, '{"code": "bad_input", "detail": "there is no arm\\n \\"nobody\\""}')
    with pytest.raises(RemoteError, match=r'answered 422: there is no arm "nobody"$'):
        remote_arm(f"kstore+{server.url}#nobody").answer("?")
    for said in ("no json", "[]", '{"detail": 3}'):
        server.reply = lambda path, body, said=said: (500, said)
        with pytest.raises(RemoteError, match=r"answered 500$"):
            remote_arm(server.url).answer("?")


def test_a_proxy_of_the_environment_is_used_but_for_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALL_PROXY", "NO_PROXY", "all_proxy", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.reply = lambda path, body: {"text": path}
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert remote_arm("plain=http://kell.example/ask").answer("?").text == "http://kell.example/ask"
    assert remote_arm(f"plain={server.url}/ask").answer("?").text == "/ask"
    monkeypatch.setenv("NO_PROXY", "kell.example")
    with pytest.raises(RemoteError, match=r"kell\.example"):
        remote_arm("plain=http://kell.example/ask").answer("?")
    monkeypatch.setenv("HTTP_PROXY", "ftp://there")
    with pytest.raises(InputError, match="the proxy that the environment names"):
        remote_arm(server.url)


def test_nobody_there_and_nobody_in_time(server: Server) -> None:
    def late(path: str, body: dict[str, Any]) -> Reply:
        time.sleep(0.5)
        return {"text": "late"}

    server.reply = late
    with pytest.raises(RemoteTimeoutError, match="in time"):
        remote_arm(server.url, timeout=0.05).answer("?")
    assert len(server.asked) == 1
    server.close()
    with pytest.raises(RemoteError, match=r"refused|connect"):
        remote_arm(server.url).answer("?")


def test_addresses() -> None:
    assert isinstance(remote_arm("kstore+https://there:8000"), KStoreArm)
    assert isinstance(remote_arm("a-b.c=https://there/ask"), PlainArm)
    assert remote_arm("kstore+http://there").name == "kstore+http://there"
    assert [is_remote(it) for it in ("retrieval", "http://x", "a=openai+http://x#m")] == [False, True, True]
    for wrong in ("ftp://there", "openai+http://there/v1", "kstore+ftp://there", "a b=http://there"):
        with pytest.raises(InputError, match=r"address of an arm|names no model"):
            remote_arm(wrong)
    with pytest.raises(InputError, match="two arms: name each by itself"):
        remote_arm("kstore+http://there#both")
    for nowhere in ("http://[::1/ask", "http://:80"):
        with pytest.raises(InputError, match="address of an arm"):
            remote_arm(nowhere)
