"""The HTTP service through a real client: shapes, statuses, one form of error, and a free event loop."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.schemas import ControlsBody
from kstore.controls import SETTABLE
from kstore.errors import KStoreError
from kstore.service import KStore
from tests.conftest import TINY


@pytest.fixture
def client(tiny: KStore) -> Iterator[TestClient]:
    with TestClient(create_app(tiny), raise_server_exceptions=False) as client:
        yield client


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    """Every failure has the same shape: RFC 9457 with a code and the request's id."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]


def test_ask_answers_from_both_memories(client: TestClient) -> None:
    reply = client.post("/v1/ask", json={"question": "Who built the lighthouse of Kell Point?"}).json()
    assert [answer["arm"] for answer in reply["answers"]] == ["parametric", "retrieval"]
    assert "Ida Marrow" in reply["answers"][1]["text"]
    one = client.post("/v1/ask", json={"question": "Who built it?", "arm": "retrieval", "k": 1, "as_of": 0}).json()
    assert one["answers"][0]["text"] is None
    assert "revision 0" in one["answers"][0]["declined"]


def test_neutral_values_of_what_is_not_offered_yet_are_accepted(client: TestClient) -> None:
    body = {"question": "Who built the lighthouse?", "arm": "retrieval", "stream": False, "controls": {}}
    assert client.post("/v1/ask", json=body).status_code == 200
    assert client.post("/v1/search", json={"query": "lamp", "filters": {}}).status_code == 200
    assert_problem(client.post("/v1/ask", json=body | {"stream": True}), 422, "bad_input")


def test_controls_are_set_over_a_preset(client: TestClient) -> None:
    body = {"question": "What does the lamp burn?", "arm": "retrieval", "preset": "high-precision"}
    skimmed = client.post("/v1/ask", json=body | {"controls": {"skim": True, "threshold": 0.1}}).json()
    assert "no reader" in skimmed["answers"][0]["model"]
    strict = client.post("/v1/ask", json=body | {"controls": {"threshold": 0.99}}).json()
    assert strict["answers"][0]["declined"] == "no passage is similar enough to the question"
    assert_problem(client.post("/v1/ask", json=body | {"controls": {"treshold": 0.9}}), 422, "bad_input")
    assert_problem(client.post("/v1/ask", json=body | {"controls": {"threshold": 7}}), 422, "bad_input")


def test_what_can_be_set_over_http_is_what_can_be_set() -> None:
    assert set(ControlsBody.model_fields) == set(SETTABLE)


def test_filters_say_where_to_find(client: TestClient) -> None:
    client.put("/v1/documents/notes/bread.md", content="---\nkind: note\n---\n# Bread\n\nThe bread of the keeper.")

    def found(**filters: object) -> set[str]:
        reply = client.post("/v1/search", json={"query": "bread", "k": 50, "filters": filters}).json()
        return {hit["document"] for hit in reply["hits"]}

    assert found(documents=["notes/*"]) == found(document="notes/*") == {"notes/bread.md"}
    assert found(metadata={"kind": "note"}) == {"notes/bread.md"}
    assert found(headings="bread", documents="notes/*") == {"notes/bread.md"}
    assert found(metadata={"kind": ["letter", "bill"]}) == set()
    asked = {"question": "Whose is the bread?", "arm": "retrieval", "filters": {"metadata": {"kind": "note"}}}
    citations = client.post("/v1/ask", json=asked).json()["answers"][0]["citations"]
    assert {it["document"] for it in citations} <= {"notes/bread.md"}
    for wrong in ({"folder": "notes"}, {"documents": [""]}, {"metadata": {"kind": []}}, {"metadata": ["kind"]}):
        assert_problem(client.post("/v1/search", json={"query": "bread", "filters": wrong}), 422, "bad_input")


def test_search_finds_exact_spans(client: TestClient) -> None:
    found = client.post("/v1/search", json={"query": "mail boat", "k": 3, "method": "lexical"}).json()
    assert found["revision"] == 1
    for hit in found["hits"]:
        text = (TINY / hit["document"]).read_text(encoding="utf-8")
        assert text[hit["start"] : hit["end"]] == hit["text"]


def test_documents_are_put_read_matched_and_deleted(client: TestClient) -> None:
    put = client.put("/v1/documents/notes/today.md", content="# Today\r\n\r\nThe wind is west.")
    assert put.status_code == 201
    assert put.json() == {"revision": 2, "added": 1, "changed": 0, "unchanged": 0, "deleted": 0, "encoded": 1}
    read = client.get("/v1/documents/notes/today.md")
    assert read.json()["text"] == "# Today\r\n\r\nThe wind is west."
    raw = client.get("/v1/documents/notes/today.md", headers={"Accept": "text/markdown"})
    assert raw.text == "# Today\r\n\r\nThe wind is west."
    tag = read.headers["etag"]
    assert put.headers["etag"] == tag
    assert client.put("/v1/documents/notes/today.md", json={"text": "The wind is north."}).status_code == 200
    stale = client.put("/v1/documents/notes/today.md", content="lost", headers={"If-Match": tag})
    assert_problem(stale, 412, "conflict")
    assert client.get("/v1/documents/notes/today.md").json()["text"] == "The wind is north."
    past = client.get("/v1/documents/notes/today.md", params={"as_of": 2})
    assert past.headers["etag"] == tag
    events = client.get("/v1/documents/notes/today.md/history").json()["events"]
    assert [event["what"] for event in events] == ["added", "changed"]
    assert client.delete("/v1/documents/notes/today.md").json()["deleted"] == 1
    assert_problem(client.get("/v1/documents/notes/today.md"), 404, "not_found")
    assert len(client.get("/v1/documents").json()["documents"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/ask", {"question": ""}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "   "}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "arm": "oracle"}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "k": 0}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "k": 1_000_000}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "preset": "wild"}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "as_of": -1}, 422, "bad_input"),
        ("POST", "/v1/ask", {"question": "What?", "as_of": 7}, 422, "bad_revision"),
        ("POST", "/v1/ask", {"question": "What?", "colour": "red"}, 422, "bad_input"),
        ("POST", "/v1/ask", {}, 422, "bad_input"),
        ("POST", "/v1/ask", "not an object", 422, "bad_input"),
        ("POST", "/v1/search", {"query": "x", "method": "magic"}, 422, "bad_input"),
        ("POST", "/v1/search", {"query": "x", "as_of": 10**30}, 422, "bad_revision"),
        ("GET", "/v1/documents/nothing.md", None, 404, "not_found"),
        ("GET", "/v1/documents/nothing.md/history", None, 404, "not_found"),
        ("GET", "/v1/documents?as_of=9", None, 422, "bad_revision"),
        ("DELETE", "/v1/documents/nothing.md", None, 404, "not_found"),
        ("PUT", "/v1/documents/..%2Fx", {"text": "x"}, 422, "bad_input"),
        ("PUT", "/v1/documents/a.md", {"body": "x"}, 422, "bad_input"),
        ("PUT", "/v1/documents/notes/history", {"text": "x"}, 422, "bad_input"),
        ("GET", "/v1/nowhere", None, 404, "not_found"),
        ("PATCH", "/v1/status", None, 405, "method_not_allowed"),
    ],
)
def test_failures_are_problems_and_change_nothing(
    client: TestClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    before = client.get("/v1/documents").json()
    assert_problem(client.request(method, path, json=body), status, code)
    assert client.get("/v1/documents").json() == before


def test_texts_that_are_no_text_or_too_long_are_refused(client: TestClient) -> None:
    assert_problem(client.put("/v1/documents/a.md", content=b"\xff\xfe"), 422, "bad_input")
    assert_problem(client.put("/v1/documents/a.md", content=b"a\0b"), 422, "bad_input")
    assert_problem(client.put("/v1/documents/a.md", content=b"x" * 10_000_001), 413, "too_large")
    assert client.get("/v1/status").json()["revision"] == 1


def test_every_error_of_the_tree_has_a_status_of_its_own_kind(client: TestClient) -> None:
    def family(error: type[KStoreError]) -> Iterator[type[KStoreError]]:
        yield error
        for child in error.__subclasses__():
            yield from family(child)

    for error in family(KStoreError):
        assert 400 <= error.status < 600
        assert error.exit_code in {1, 2, 3, 4}
        assert error.code.isidentifier()


def test_an_unexpected_failure_is_a_problem_without_its_insides(tiny: KStore) -> None:
    class Broken(KStore):
        def status(self) -> dict[str, Any]:
            raise ZeroDivisionError("secret")

    broken = Broken(lambda: tiny.memory, {}, 1)
    with TestClient(create_app(broken), raise_server_exceptions=False) as client:
        response = client.get("/v1/status")
    assert_problem(response, 500, "internal")
    assert "secret" not in response.text


def test_a_long_answer_does_not_block_the_loop(tiny: KStore) -> None:
    """While a question computes, liveness answers: the question waits on a lock that only a later request opens."""
    entered, go_on = threading.Event(), threading.Event()

    class Patient(KStore):
        def status(self) -> dict[str, Any]:
            entered.set()
            assert go_on.wait(30)
            return {}

    with TestClient(create_app(Patient(lambda: tiny.memory, {}, 1))) as client:
        slow = threading.Thread(target=client.get, args=("/v1/status",))
        slow.start()
        assert entered.wait(30)
        assert client.get("/livez").json() == {"status": "alive"}
        go_on.set()
        slow.join()


def test_ready_says_the_revision(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "revision": 1}


def test_the_description_names_every_route(client: TestClient) -> None:
    paths = set(client.get("/openapi.json").json()["paths"])
    assert paths == {
        "/v1/ask", "/v1/search", "/v1/documents", "/v1/documents/{name}", "/v1/documents/{name}/history",
        "/v1/status", "/livez", "/readyz",
    }  # fmt: skip
