"""``kstore eval``: what a person or a script sees of the checks and the numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from kstore.cli import main
from kstore.text.markdown import split
from tests.conftest import TINY

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
