"""A whole run on somebody else's corpus: real memories, real weights, from files alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evals.arms.choose import ARMS
from evals.compare import compare, gate
from evals.experiment import Inputs, conduct, report
from evals.files import read_lines
from evals.rows import Row
from evals.run import ROWS
from kstore.errors import InputError
from tests.evals.smoke import CORPUS, LESSONS, QUESTIONS, UNANSWERABLE, lines

NAMES = [name for name in ARMS if name != "long-context"]  # which the shipped weights cannot be
ASKED = sum(1 + len(it.get("paraphrases", ())) for it in [*QUESTIONS, *UNANSWERABLE])
FILES = ["manifest.json", "report.html", "report.md", "rows.jsonl", "summary.json"]


def inputs(folder: Path) -> Inputs:
    folder.mkdir(exist_ok=True)
    questions = lines(folder / "questions.jsonl", QUESTIONS)
    unanswerable = lines(folder / "unanswerable.jsonl", UNANSWERABLE)
    return Inputs(CORPUS, (questions,), (unanswerable,), (lines(folder / "lessons.jsonl", LESSONS),))


def told(folder: Path) -> list[Row]:
    return [row.model_copy(update={"timings_ms": {}}) for row in read_lines(folder / ROWS, Row)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a whole run, and its summary."""
    folder = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KSTORE_CACHE", str(cache))
        return folder / "out", conduct(inputs(folder), NAMES, folder / "out", 3, False, "eval run")


def test_every_arm_answers_every_phrasing_and_the_files_are_there(ran: tuple[Path, dict[str, Any]]) -> None:
    out, summary = ran
    assert sorted(it.name for it in out.iterdir()) == FILES
    assert len(read_lines(out / ROWS, Row)) == ASKED * len(NAMES) == summary["counts"]["total"]
    assert summary == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["arms"]) == NAMES
    assert summary["counts"]["errored"] == 0, summary["errors"]


def test_the_bounds_hold(ran: tuple[Path, dict[str, Any]]) -> None:
    arms = {arm: {name: it["value"] for name, it in figures.items()} for arm, figures in ran[1]["arms"].items()}
    assert arms["oracle-passage"]["recall@1"] == 1.0
    assert arms["oracle-passage"]["contains"] >= arms["retrieval"]["contains"] >= 0.5
    assert arms["always-decline"]["exact_match"] == pytest.approx(len(UNANSWERABLE) / ASKED)
    assert arms["always-decline"]["declined_correctly"] == 1.0
    assert arms["retrieval"]["recall@5"] >= 0.8
    assert arms["retrieval"]["citation_recall"] >= 0.5
    assert "recall@5" not in arms["parametric"]
    assert "citation_precision" not in arms["majority"]


def test_stages_add_up_to_the_total(ran: tuple[Path, dict[str, Any]]) -> None:
    for row in read_lines(ran[0] / ROWS, Row):
        stages = {name: ms for name, ms in row.timings_ms.items() if name not in {"total", "wall", "cpu"}}
        assert sum(stages.values()) == pytest.approx(row.timings_ms["total"], rel=0.01, abs=0.01), row.arm


def test_the_manifest_names_everything_that_made_the_run(ran: tuple[Path, dict[str, Any]]) -> None:
    manifest = json.loads((ran[0] / "manifest.json").read_text(encoding="utf-8"))
    assert {"identity", "corpus", "questions", "arms", "weights", "index", "code", "settings", "seed"} <= set(manifest)
    assert [it["cases"] for it in manifest["questions"]] == [len(QUESTIONS), len(UNANSWERABLE), len(LESSONS)]


def test_a_report_is_made_again_from_the_rows_alone(ran: tuple[Path, dict[str, Any]]) -> None:
    out, summary = ran
    before = {name: (out / name).read_bytes() for name in ("report.html", "report.md", "summary.json")}
    code = (
        "import sys; from pathlib import Path; from evals.experiment import report; report(Path(sys.argv[1])); "
        "print(*(it for it in ('torch', 'openvino', 'faiss') if it in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
    assert {name: (out / name).read_bytes() for name in before} == before
    assert summary["arms"]


def test_a_run_is_no_worse_than_itself_and_a_worse_one_does_not_pass(
    ran: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, _ = ran
    assert all(verdict.passed for _, verdict in gate(out, out, 0.02, ["exact_match", "f1"]))
    assert {it["p"] for it in compare(out, out)} == {1.0}
    worse = tmp_path / "worse"
    worse.mkdir()
    (worse / "manifest.json").write_bytes((out / "manifest.json").read_bytes())
    spoilt = [
        row.model_copy(update={"scores": dict.fromkeys(row.scores, 0.0)}) if row.arm == "retrieval" else row
        for row in read_lines(out / ROWS, Row)
    ]
    (worse / ROWS).write_text("".join(f"{row.model_dump_json()}\n" for row in spoilt), encoding="utf-8")
    failed = {pair.arm for pair, verdict in gate(worse, out, 0.02, ["f1"]) if not verdict.passed}
    assert failed == {"retrieval"}


def test_a_changed_question_file_or_corpus_is_noticed(tmp_path: Path) -> None:
    given = inputs(tmp_path / "in")
    conduct(given, ["always-decline"], tmp_path / "out", 0, False, "")
    lines(given.questions[0], QUESTIONS[:2])
    with pytest.raises(InputError, match="no longer those of the run"):
        report(tmp_path / "out")
    with pytest.raises(InputError, match=r"other inputs \(questions\)"):
        conduct(given, ["always-decline"], tmp_path / "out", 0, True, "")


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    given = inputs(tmp_path / "in")
    conduct(given, ["always-decline"], tmp_path / "out", 0, False, "")
    before = told(tmp_path / "out")
    with pytest.raises(InputError, match="holds a run already"):
        conduct(given, ["always-decline"], tmp_path / "out", 0, False, "")
    assert told(tmp_path / "out") == before
    assert sorted(it.name for it in (tmp_path / "out").iterdir()) == FILES


@pytest.mark.parametrize("arm", ["nobody", "kstore+http://127.0.0.1#both", "openai+http://there", "nearest-question"])
@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_run_leaves_nothing_behind(tmp_path: Path, arm: str, there: bool) -> None:
    given, out = inputs(tmp_path / "in"), tmp_path / "out"
    if there:
        out.mkdir()
        (out / "notes.txt").write_text("somebody else's", encoding="utf-8")
    with pytest.raises(InputError):
        conduct(Inputs(CORPUS, given.questions), ["always-decline", arm], out, 0, False, "")
    assert out.exists() == there
    assert not there or [it.name for it in out.iterdir()] == ["notes.txt"]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    given = inputs(tmp_path / "in")
    arms = "retrieval,top-passage,always-decline"
    whole = [sys.executable, "-m", "kstore", "eval", "run", "--corpus", CORPUS, "--questions", str(given.questions[0])]
    whole += ["--arms", arms, "--seed", "7", "--out"]
    subprocess.run([*whole, str(tmp_path / "whole")], check=True, capture_output=True)
    cut = subprocess.Popen([*whole, str(tmp_path / "cut")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = tmp_path / "cut" / ROWS
    while cut.poll() is None and not (rows.exists() and rows.read_bytes().count(b"\n") >= 4):
        time.sleep(0.002)
    os.kill(cut.pid, signal.SIGKILL)
    cut.wait()
    kept = rows.read_bytes()
    assert 4 <= kept.count(b"\n") < 3 * 2 * len(QUESTIONS), "it was not killed on its way"
    subprocess.run([*whole, str(tmp_path / "cut"), "--resume"], check=True, capture_output=True)
    assert told(tmp_path / "cut") == told(tmp_path / "whole")
    finished = kept[: kept.rfind(b"\n") + 1].splitlines()
    again = rows.read_bytes().splitlines()
    assert again[: len(finished) // 3 * 3] == finished[: len(finished) // 3 * 3], "a finished question was asked again"
