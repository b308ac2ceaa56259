"""``kstore eval``: what a person or a script sees of the checks and the numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from kstore.cli import main
from kstore.text.markdown import split
from tests.conftest import TINY
from tests.evals import smoke
from tests.evals.server import Server

LINE = {
    "id": "keeper", "split": "test", "question": "When was the lamp lit?", "answers": ["1871"],
    "evidence": [{"doc": "notes.md", "quote": "lit in 1871"}],
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two documents of which no two counts are the same."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "notes.md").write_text("# Lamp\n\nThe lamp was lit in 1871.\n\n## Oil\n\nRape oil.\n", "utf-8")
    code = "```python\nprint(1)\n```\n\n"
    long = " ".join(f"Word {number} is here." for number in range(200))
    (folder / "rules.md").write_text(f"# Rules\n\n{code * 5}## Long\n\n{long}\n\n## Short\n\nEnd.\n", "utf-8")
    return folder


def run(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["kstore", "eval", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(str(stop.value.code))


def cases(folder: Path, *records: dict[str, Any]) -> Path:
    file = folder / "cases.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file


def test_sound_files_pass(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", cases(tmp_path, LINE), "--corpus", corpus, "--json", monkeypatch=monkeypatch) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["questions"] == 1
    assert told.err == ""


def test_every_problem_is_told_with_its_line_and_the_exit_code_is_2(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**LINE, "id": "lamp", "question": "Which year?", "evidence": [{"doc": "notes.md", "quote": "lit in 1872"}]}
    file = cases(tmp_path, {**LINE, "answers": []}, LINE, other)
    assert run("check", file, "--corpus", corpus, monkeypatch=monkeypatch) == 2
    *problems, last = capsys.readouterr().err.splitlines()
    assert [problem.split(":")[1] for problem in problems] == ["1", "3"]
    assert "says 'lit in 1872' nowhere" in problems[1]
    assert "2 problem(s) in 1 file(s)" in last


def test_a_missing_file_and_a_missing_corpus_are_told(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", tmp_path / "none.jsonl", "--corpus", corpus, monkeypatch=monkeypatch) == 2
    assert "none.jsonl" in capsys.readouterr().err
    assert run("check", cases(tmp_path, LINE), "--corpus", tmp_path / "nowhere", monkeypatch=monkeypatch) == 3
    assert "nowhere" in capsys.readouterr().err


def test_a_corpus_without_documents_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nothing").mkdir()
    assert run("corpus", "--corpus", tmp_path / "nothing", monkeypatch=monkeypatch) == 2
    assert "has no documents" in capsys.readouterr().err
    assert run("corpus", "--corpus", "", monkeypatch=monkeypatch) == 2
    assert "the source is empty" in capsys.readouterr().err


def test_a_corpus_is_described_in_numbers(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**LINE, "id": "keeper-2", "fact": "keeper", "split": "train", "question": "Which year?", "type": "x"}
    third = {**LINE, "id": "oil", "question": "Which oil?", "answers": ["rape oil"], "type": "name",
             "evidence": [{"doc": "notes.md", "quote": "Rape oil."}]}  # fmt: skip
    file = cases(tmp_path, other, {**LINE, "fact": "keeper", "type": "number"}, third)
    assert run("corpus", file, "--corpus", corpus, monkeypatch=monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    words = {name: len((corpus / name).read_text(encoding="utf-8").split()) for name in ("notes.md", "rules.md")}
    passages = {name: len(split((corpus / name).read_text(encoding="utf-8"))) for name in words}
    assert passages["rules.md"] > 3
    assert f"| notes.md | {words['notes.md']} | 2 | {passages['notes.md']} | 0 | 2 |" in lines
    assert f"| rules.md | {words['rules.md']} | 3 | {passages['rules.md']} | 5 | 0 |" in lines
    assert f"| **all** | {sum(words.values())} | 5 | {sum(passages.values())} | 5 | 2 |" in lines
    assert "| `test` | 2 | 2 |" in lines
    assert "| `train` | 1 | 1 |" in lines
    assert "Facts by type: number 1, name 1." in lines


def test_the_numbers_of_a_corpus_come_as_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("corpus", "--corpus", TINY, "--json", monkeypatch=monkeypatch) == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert documents.keys() == {file.name for file in TINY.glob("*.md")}
    for name, size in documents.items():
        assert size["words"] == len((TINY / name).read_text(encoding="utf-8").split())
        assert size["passages"] >= 1


def test_a_run_from_files_alone_is_reported_compared_and_gated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = smoke.lines(tmp_path / "a.jsonl", smoke.QUESTIONS[:2]), tmp_path / "b.jsonl"
    smoke.lines(second, smoke.QUESTIONS[2:])
    nothing = smoke.lines(tmp_path / "nothing.jsonl", smoke.UNANSWERABLE)
    for name, arms in (("one", "lexical-only,always-decline"), ("two", "lexical-only,always-decline")):
        asked = ["--questions", first, second, "--unanswerable", nothing, "--corpus", smoke.CORPUS]
        assert run("run", *asked, "--arms", arms, "--out", tmp_path / name, "--json", monkeypatch=monkeypatch) == 0
        summary = json.loads(capsys.readouterr().out)
        assert list(summary["arms"]) == arms.split(",")
        assert summary["counts"]["total"] == 2 * (2 * len(smoke.QUESTIONS) + 1)
    one, two = tmp_path / "one", tmp_path / "two"
    assert run("report", one, monkeypatch=monkeypatch) == 0
    assert str(one / "report.html") in capsys.readouterr().out
    assert run("compare", one, two, "--json", monkeypatch=monkeypatch) == 0
    differences = json.loads(capsys.readouterr().out)["differences"]
    assert {it["difference"]["value"] for it in differences} == {0.0}
    assert run("gate", one, "--baseline", two, monkeypatch=monkeypatch) == 0
    worse = [json.loads(line) for line in (one / "rows.jsonl").read_text("utf-8").splitlines()]
    for row in worse:
        row["scores"] = dict.fromkeys(row["scores"], 0.0)
    smoke.lines(one / "rows.jsonl", worse)
    assert run("gate", one, "--baseline", two, monkeypatch=monkeypatch) == 1
    assert "lexical-only lost on f1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--questions", "broken.jsonl"], "broken.jsonl:2: "),
        (["--questions", "good.jsonl", "--arms", "nobody"], "unknown arm 'nobody'"),
        (["--questions", "good.jsonl", "--arms", "majority"], "--training"),
        (["--questions", "good.jsonl", "good.jsonl"], "two cases have the id"),
        (["--questions", "elsewhere.jsonl"], "elsewhere.jsonl:2: animals.md says 'The cat is called Nutmeg.' nowhere"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    given: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    smoke.lines(tmp_path / "good.jsonl", smoke.QUESTIONS[:1])
    smoke.lines(tmp_path / "broken.jsonl", [smoke.QUESTIONS[0], {**smoke.QUESTIONS[1], "answers": []}])
    elsewhere = [{"doc": "animals.md", "quote": "The cat is called Nutmeg."}]
    smoke.lines(tmp_path / "elsewhere.jsonl", [smoke.QUESTIONS[1], {**smoke.QUESTIONS[0], "evidence": elsewhere}])
    monkeypatch.chdir(tmp_path)
    arms = [] if "--arms" in given else ["--arms", "always-decline"]
    assert run("run", *given, "--corpus", smoke.CORPUS, *arms, "--out", "out", monkeypatch=monkeypatch) == 2
    assert reason in capsys.readouterr().err


def test_answers_from_elsewhere_are_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = smoke.lines(tmp_path / "q.jsonl", smoke.QUESTIONS[:2])
    answers = smoke.lines(tmp_path / "a.jsonl", [{"id": "cat", "text": "The Saffron"}, {"id": "mail", "text": None}])
    assert run("score", "--questions", questions, "--answers", answers, "--json", monkeypatch=monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["questions"][0] == {"id": "cat", "exact_match": 1.0, "f1": 1.0}
    assert (found["exact_match"], found["f1"]) == (0.5, 0.5)


def test_edits_and_a_history_leave_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = smoke.lines(tmp_path / "edits.jsonl", smoke.EDITS)
    arms = ["--arms", "retrieval,always-decline", "--out", tmp_path / "edits"]
    corpus = ["--corpus", smoke.CORPUS, "--edits", edits, "--modes", "single"]
    assert run("freshness", *corpus, *arms, "--json", monkeypatch=monkeypatch) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["arms"]["retrieval"]["update_success"]["value"] == 1.0
    files = ["manifest.json", "report.html", "report.md", "rows.jsonl", "summary.json"]
    assert sorted(it.name for it in (tmp_path / "edits").iterdir()) == files
    before = (tmp_path / "edits" / "report.html").read_bytes()
    assert run("report", tmp_path / "edits", monkeypatch=monkeypatch) == 0
    assert (tmp_path / "edits" / "report.html").read_bytes() == before
    assert run("freshness", *corpus, *arms, monkeypatch=monkeypatch) == 2
    assert "--resume" in capsys.readouterr().err


def test_a_model_elsewhere_judges_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = smoke.lines(tmp_path / "q.jsonl", smoke.QUESTIONS)
    asked = ["--questions", questions, "--corpus", smoke.CORPUS, "--arms", "lexical-only,always-decline"]
    assert run("run", *asked, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 0
    capsys.readouterr()
    server = Server()
    try:
        server.reply = lambda path, body: {"choices": [{"message": {"content": "Answer 1"}}]}
        judge = ["--by", f"openai+{server.url}/v1#judge", "--sample", 4, "--json"]
        given = [tmp_path / "out", "--arms", "lexical-only,always-decline", *judge]
        assert run("judge", *given, monkeypatch=monkeypatch) == 0
    finally:
        server.close()
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["tied"]["value"], found["order_agreement"]["value"]) == (4, 1.0, 0.0)
    assert len(server.asked) == 8
    assert "(no answer was given)" in server.asked[0][1]["messages"][0]["content"]
    assert run("judge", tmp_path / "out", "--by", "http://judge", monkeypatch=monkeypatch) == 2
