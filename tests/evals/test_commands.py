"""``kstore eval``: what a person or a script sees of the checks and the numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from kstore.cli import main
from tests.conftest import TINY

LINE = {
    "id": "keeper", "split": "test", "question": "When was the lamp lit?", "answers": ["1871"],
    "evidence": [{"doc": "notes.md", "quote": "lit in 1871"}],
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "notes.md").write_text("# Lamp\n\nThe lamp was lit in 1871.\n\n```python\nprint(1)\n```\n", "utf-8")
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
    assert "does not say 'lit in 1872'" in problems[1]
    assert "2 problem(s) in 1 file(s)" in last


def test_a_missing_file_and_a_missing_corpus_are_told(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", tmp_path / "none.jsonl", "--corpus", corpus, monkeypatch=monkeypatch) == 2
    assert "none.jsonl" in capsys.readouterr().err
    assert run("check", cases(tmp_path, LINE), "--corpus", tmp_path / "nowhere", monkeypatch=monkeypatch) == 3
    assert "nowhere" in capsys.readouterr().err


def test_a_corpus_is_described_in_numbers(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("corpus", cases(tmp_path, LINE), "--corpus", corpus, monkeypatch=monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    words = len((corpus / "notes.md").read_text(encoding="utf-8").split())
    assert f"| notes.md | {words} | 1 | 1 | 1 | 1 |" in lines
    assert f"| **all** | {words} | 1 | 1 | 1 | 1 |" in lines
    assert "| `test` | 1 | 1 |" in lines


def test_the_sum_of_a_corpus_is_that_of_its_documents(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("corpus", "--corpus", TINY, "--json", monkeypatch=monkeypatch) == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert documents.keys() == {file.name for file in TINY.glob("*.md")}
    for name, size in documents.items():
        assert size["words"] == len((TINY / name).read_text(encoding="utf-8").split())
        assert size["passages"] >= 1
