"""``kstore train-retrieval`` from files to models and records, and what it says of its mistakes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kstore.answering.reader import Reader
from kstore.cli import main
from kstore.encoding.tokens import TokenEncoder
from kstore.reading.reader import CrossEncoder
from tests.training import toy


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, text in toy.corpus().items():
        (corpus / name).write_text(text, encoding="utf-8")
    dev = toy.write_questions(tmp_path / "dev.jsonl", {heading: [text] for heading, text in toy.REWORDED.items()})
    unanswerable = toy.write_unanswerable(tmp_path / "unanswerable.jsonl")
    questions = toy.write_questions(tmp_path / "questions.jsonl")
    return {"corpus": corpus, "questions": questions, "dev": dev, "unanswerable": unanswerable}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["kstore", "train-retrieval", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def record(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_from_questions_to_models_that_answer(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ["--corpus", files["corpus"], "--out", out]
    learn = ["--questions", files["questions"], "--questions", files["unanswerable"]]
    assert run(monkeypatch, *given, *learn, "--only", "lessons", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lessons"]["lessons"] == 10
    assert {it.name for it in out.iterdir()} == {"lessons.json.gz", "start.safetensors"}
    # What stands between is run where there may be torch and little else.
    line = [sys.executable, "-m", "kstore.training", str(out), "--onward", "--steps", "1", "--batch", "4"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert list(json.loads(done.stdout)) == ["reader", "tokens"]
    dev = ["--dev", files["dev"], "--dev", files["unanswerable"]]
    assert run(monkeypatch, *given, *dev, "--only", "calibration", "--json") == 0
    told = json.loads(capsys.readouterr().out)["calibration"]
    assert (told["dev"]["answerable"], told["dev"]["unanswerable"]) == (8, 2)
    assert told["dev"]["evidence first"] >= 0.75
    assert record(out / "reader.json")["tuning"] == told["tuning"]
    assert record(out / "tokens.json")["dev"]["dev"] == told["dev"]
    assert record(out / "tokens.json")["data"]["questions"].keys() == {"questions.jsonl", "unanswerable.jsonl"}
    reader = Reader(CrossEncoder(file=out / "reader.safetensors"))
    assert reader.tuning.calibrated_on == "dev (8 questions that were never trained on)"
    assert TokenEncoder(file=out / "tokens.safetensors").encode_passages(["oil"])[0].shape == (3, 96)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--only", "everything"], "unknown part"),
        (["--only", "tokens"], "holds no lessons"),
        (["--only", "lessons"], "nothing to train on"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    reason: str,
) -> None:
    assert run(monkeypatch, "--corpus", files["corpus"], "--out", tmp_path / "out", *more) == 2
    assert reason in capsys.readouterr().err


def test_training_needs_neither_search_nor_settings() -> None:
    """So that it runs where torch, tokenizers and safetensors are all that is installed."""
    code = (
        "import sys\n"
        "for name in ('openvino', 'faiss', 'pydantic', 'pydantic_settings', 'typer', 'markdown_it', 'transformers'):\n"
        "    sys.modules[name] = None\n"
        "import kstore.training.__main__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
