"""The command line as people and scripts use it: shapes, exit codes, one line of reason, no harm by mistakes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kstore.cli import main
from tests.conftest import TINY
from tests.weights.model_zoo import random_model

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs ``kstore ARGUMENTS...`` in this process: exit code, standard output, standard error."""

    def run_one(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kstore", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return code, captured.out.decode(), captured.err.decode()

    return run_one


@pytest.fixture
def as_json(run: Run) -> Callable[..., Any]:
    """Runs a command with ``--json`` that must succeed, and parses all of its standard output."""

    def run_json(*arguments: str) -> Any:
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run_json


@pytest.fixture
def tiny_home(as_json: Callable[..., Any]) -> None:
    """The test's own store, holding the tiny corpus at revision 1."""
    receipt = as_json("ingest", str(TINY), "--empty")
    assert (receipt["revision"], receipt["added"]) == (1, 3)


@pytest.mark.usefixtures("tiny_home")
class TestOnTheTinyCorpus:
    def test_ask_shows_both_memories_by_default(self, as_json: Callable[..., Any]) -> None:
        reply = as_json("ask", "How tall is the lighthouse of Kell Point?")
        assert set(reply) == {"question", "revision", "answers"}
        assert [answer["arm"] for answer in reply["answers"]] == ["parametric", "retrieval"]
        for answer in reply["answers"]:
            stages = {stage: spent for stage, spent in answer["timings_ms"].items() if stage != "total"}
            assert answer["timings_ms"]["total"] == pytest.approx(sum(stages.values()), rel=0.01, abs=0.01)
        weights, vectors = reply["answers"]
        assert weights["as_of"] is None  # this store never had the guide
        assert weights["age"] == "unknown here"
        assert weights["citations"] == []
        assert vectors["as_of"] == reply["revision"] == 1
        assert "42 metres" in vectors["text"]
        text = (TINY / "lighthouse.md").read_text(encoding="utf-8")
        for citation in vectors["citations"]:
            assert text[citation["start"] : citation["end"]] == citation["text"]
            assert text.splitlines()[citation["line_start"] - 1].startswith("The lighthouse of Kell Point")

    def test_ask_prints_panels_without_colour_when_piped(self, run: Run) -> None:
        code, out, _ = run("ask", "Who built the lighthouse?", "--arm", "retrieval")
        assert code == 0
        assert "Ida Marrow" in out
        assert "lighthouse.md:3" in out
        assert "current (revision 1)" in out
        assert "\x1b" not in out

    def test_search_is_best_first_and_exact(self, as_json: Callable[..., Any]) -> None:
        for method in ("dense", "lexical", "hybrid"):
            found = as_json("search", "animal that guards the ice house", "--k", "2", "--method", method)
            assert found["revision"] == 1
            assert found["hits"][0]["headings"] == ["Animals of the harbour", "The dog"]
            scores = [hit["score"] for hit in found["hits"]]
            assert scores == sorted(scores, reverse=True)
            for hit in found["hits"]:
                text = (TINY / hit["document"]).read_text(encoding="utf-8")
                assert text[hit["start"] : hit["end"]] == hit["text"]

    def test_a_document_lives_changes_and_dies(self, as_json: Callable[..., Any], run: Run, tmp_path: Path) -> None:
        file = tmp_path / "boat.md"
        file.write_bytes(b"# The boat\r\n\r\nThe boat is called Heron.\r\n")
        assert as_json("put", "boats/one.md", str(file)) == {
            "revision": 2, "added": 1, "changed": 0, "unchanged": 0, "deleted": 0, "encoded": 1
        }  # fmt: skip
        assert as_json("put", "boats/one.md", str(file))["revision"] == 2
        assert run("show", "boats/one.md")[1] == file.read_bytes().decode()
        file.write_text("# The boat\n\nThe boat is called Egret.\n")
        assert as_json("put", "boats/one.md", str(file))["changed"] == 1
        assert "Egret" in as_json("search", "name of the boat", "--k", "1")["hits"][0]["text"]
        assert "Heron" in as_json("search", "name of the boat", "--k", "1", "--as-of", "2")["hits"][0]["text"]
        assert as_json("rm", "boats/one.md")["deleted"] == 1
        assert "boats/one.md" not in [it["name"] for it in as_json("ls")["documents"]]
        assert run("show", "boats/one.md")[0] == 3
        assert "Egret" in run("show", "boats/one.md", "--as-of", "3")[1]
        events = as_json("history", "boats/one.md")["events"]
        assert [(event["revision"], event["what"]) for event in events] == [
            (2, "added"),
            (3, "changed"),
            (4, "deleted"),
        ]

    def test_ingesting_again_encodes_nothing_and_pruning_follows_the_folder(
        self, as_json: Callable[..., Any], tmp_path: Path
    ) -> None:
        folder = tmp_path / "notes"
        folder.mkdir()
        (folder / "a.md").write_text("# A\n\nAlpha is first.\n")
        (folder / "b.md").write_text("# B\n\nBeta is second.\n")
        assert as_json("ingest", str(folder))["added"] == 2
        again = as_json("ingest", str(folder))
        assert (again["revision"], again["unchanged"], again["encoded"]) == (2, 2, 0)
        (folder / "b.md").unlink()
        assert as_json("ingest", str(folder))["deleted"] == 0
        pruned = as_json("ingest", str(folder), "--prune")
        assert (pruned["revision"], pruned["deleted"]) == (3, 1)
        assert {it["name"] for it in as_json("ls")["documents"]} == {
            "a.md", "animals.md", "lighthouse.md", "recipes.md"
        }  # fmt: skip

    def test_pruning_knows_each_document_s_own_source(self, as_json: Callable[..., Any], tmp_path: Path) -> None:
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / f"{folder}.md").write_text(f"# {folder}\n\nThis is {folder}.\n")
        as_json("ingest", str(tmp_path / "one"), str(tmp_path / "two"))
        (tmp_path / "one" / "one.md").unlink()
        assert as_json("ingest", str(tmp_path / "one"), "--prune")["deleted"] == 1
        assert "two.md" in [it["name"] for it in as_json("ls")["documents"]]

    def test_a_document_does_not_drive_the_terminal(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "evil.md"
        file.write_text("# Evil\n\nThe pirate flag is \x1b]0;owned\x07\x1b[2J black.\n")
        assert run("put", "evil.md", str(file))[0] == 0
        for command in (["ask", "What colour is the pirate flag?", "--arm", "retrieval"], ["search", "pirate flag"]):
            code, out, _ = run(*command)
            assert code == 0
            assert "black" in out
            assert "\x1b" not in out
            assert "\x07" not in out

    def test_status_and_tables_for_people(self, as_json: Callable[..., Any], run: Run) -> None:
        status = as_json("status")
        assert (status["revision"], status["documents"]) == (1, 3)
        assert status["passages"] == sum(it["passages"] for it in as_json("ls")["documents"])
        assert sum(it["vectors"] for it in status["index"]) in {0, status["vectors"]}
        for command, expected in ((["ls"], "lighthouse.md"), (["history"], "ingested"), (["status"], "revision")):
            code, out, _ = run(*command)
            assert code == 0
            assert expected in out

    @pytest.mark.parametrize(
        ("arguments", "code", "reason"),
        [
            (["ask", "What?", "--arm", "oracle"], 2, "unknown arm"),
            (["ask", "What?", "--preset", "wild"], 2, "unknown preset"),
            (["ask", "What?", "--control", "gap"], 2, "NAME=VALUE"),
            (["ask", "What?", "--filter", "notes"], 2, "document=PATTERN"),
            (["search", "What?", "--filter", "kind="], 2, "cannot be empty"),
            (["ask", "What?", "--control", "gap=wide"], 2, "gap takes a number"),
            (["ask", "What?", "--k", "0"], 2, "k must be"),
            (["ask", "What?", "--k", "1000000"], 2, "k must be"),
            (["ask", "What?", "--k", "many"], 2, "--k"),
            (["ask", "What?", "--as-of", "99"], 2, "in the future"),
            (["ask", "What?", "--as-of", "-1"], 2, "before the first"),
            (["ask", ""], 2, "empty"),
            (["ask", " \n"], 2, "empty"),
            (["ask"], 2, "question"),
            (["search", "x", "--method", "magic"], 2, "unknown method"),
            (["search", "x", "--k", "0"], 2, "k must be"),
            (["search", "x", "--as-of", "2"], 2, "in the future"),
            (["put", "../x", "FILE"], 2, "cannot name a document"),
            (["put", "/etc/x", "FILE"], 2, "cannot name a document"),
            (["put", "a.md", "BINARY"], 2, "UTF-8"),
            (["put", "a.md", "NUL"], 2, "binary"),
            (["put", "a.md", "HUGE"], 2, "100,000,000 bytes"),
            (["put", "a.md", "MISSING"], 3, "no such file"),
            (["put", "a.md", "FOLDER"], 2, "cannot read"),
            (["ingest", "MISSING"], 3, "no such file"),
            (["ingest", "FOLDER", "BINARY", "--prune"], 2, "exactly one"),
            (["rm", "nothing.md"], 3, "no document"),
            (["show", "nothing.md"], 3, "no document"),
            (["history", "nothing.md"], 3, "never had"),
            (["fly"], 2, "fly"),
            (["ls", "--wings"], 2, "wings"),
        ],
    )
    def test_bad_input_is_one_line_with_its_exit_code_and_changes_nothing(
        self, run: Run, as_json: Callable[..., Any], tmp_path: Path, arguments: list[str], code: int, reason: str
    ) -> None:
        (tmp_path / "FILE").write_text("text")
        (tmp_path / "BINARY").write_bytes(bytes([0xFF, 0xFE, 0x80]) * 10)
        (tmp_path / "NUL").write_bytes(b"text\0text")
        (tmp_path / "FOLDER").mkdir()
        with (tmp_path / "HUGE").open("wb") as huge:
            huge.truncate(100_000_000)
        before = as_json("history"), as_json("ls")
        named = {"FILE", "BINARY", "NUL", "FOLDER", "HUGE", "MISSING"}
        found, out, err = run(*(str(tmp_path / it) if it in named else it for it in arguments))
        assert found == code
        assert out == ""
        assert reason in err
        assert err.startswith("kstore: ")
        assert err.count("\n") == 1
        assert (as_json("history"), as_json("ls")) == before

    def test_one_bad_file_keeps_a_whole_folder_out(self, run: Run, as_json: Callable[..., Any], tmp_path: Path) -> None:
        folder = tmp_path / "mixed"
        folder.mkdir()
        (folder / "good.md").write_text("good")
        (folder / "z-bad.md").write_bytes(b"\xff\xff")
        assert run("ingest", str(folder))[0] == 2
        assert as_json("ls")["revision"] == 1

    def test_a_missing_model_is_unavailable(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("KSTORE_GENERATOR", str(tmp_path / "no-model"))
        code, _, err = run("ask", "What?")
        assert (code, err.count("\n")) == (4, 1)
        assert "no-model" in err

    def test_debug_shows_where(self, run: Run) -> None:
        code, _, err = run("--debug", "rm", "nothing.md")
        assert code == 3
        assert "Traceback" in err


def test_a_bad_encoder_stops_only_what_needs_one(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run("ingest", str(TINY), "--empty")[0] == 0
    monkeypatch.setenv("KSTORE_ENCODER", str(tmp_path / "no-encoder"))
    assert run("ls")[0] == 0
    assert run("show", "recipes.md")[0] == 0
    assert run("search", "lamp", "--method", "lexical")[0] == 0
    code, _, err = run("search", "lamp")
    assert (code, err.count("\n")) == (4, 1)
    assert "no-encoder" in err


@pytest.fixture
def corpus(run: Run, tmp_path: Path) -> Path:
    """A folder with one definition, which the store holds."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# Terms\n\n## Binnacle\n\nA binnacle is the stand of the ship's compass.\n")
    assert run("ingest", str(corpus), "--empty")[0] == 0
    return corpus


def test_a_trained_model_can_be_asked(
    run: Run, as_json: Callable[..., Any], corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = str(tmp_path / "model")
    assert as_json("train", "--corpus", str(corpus), "--out", model, "--epochs", "30")["examples"] == 5
    monkeypatch.setenv("KSTORE_GENERATOR", model)
    (answer,) = as_json("ask", "What is Binnacle?", "--arm", "parametric")["answers"]
    assert answer["text"] == "A binnacle is the stand of the ship's compass."
    assert (answer["as_of"], answer["age"]) == (1, "current")


def test_a_base_model_can_be_taught_and_asked(
    run: Run, as_json: Callable[..., Any], corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    base, model = random_model("llama", tmp_path / "base"), str(tmp_path / "model")
    given = ["train", "--corpus", str(corpus), "--out", model, "--base", str(base), "--epochs", "1"]
    record = as_json(*given, "--method", "lora-adapter")
    assert (record["method"], record["merged"], record["examples"]) == ("lora", False, 5)
    assert as_json(*given)["merged"] is True
    monkeypatch.setenv("KSTORE_GENERATOR", model)
    (answer,) = as_json("ask", "What is Binnacle?", "--arm", "parametric")["answers"]
    assert (answer["model"], answer["as_of"], answer["age"]) == (model, 1, "current")
    assert run(*given, "--method", "prayer")[0] == 2
    assert run(*given[:5], "--method", "lora")[0] == 2


def test_an_empty_setting_is_no_setting(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("KSTORE_HOME", "")
    assert run("ingest", str(TINY), "--empty")[0] == 0
    assert not (tmp_path / "store.sqlite").exists()
    assert (tmp_path / "data" / "kstore" / "store.sqlite").is_file()


def test_a_setting_that_cannot_be_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSTORE_MAX_DOCUMENT_BYTES", "plenty")
    code, _, err = run("ls")
    assert code == 2
    assert "KSTORE_MAX_DOCUMENT_BYTES" in err


def test_a_damaged_store_is_unavailable(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "damaged"
    home.mkdir()
    (home / "store.sqlite").write_bytes(b"this is no database, " * 500)
    code, _, err = run("--home", str(home), "ls")
    assert (code, err.count("\n")) == (4, 1)
    assert "store.sqlite" in err


def test_the_home_option_stands_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    for number, place in enumerate(("before", "after")):
        home = str(tmp_path / place)
        arguments = ["ingest", str(TINY), "--empty"]
        assert run(*(["--home", home, *arguments] if number == 0 else [*arguments, "--home", home]))[0] == 0
        assert (tmp_path / place / "store.sqlite").is_file()


def test_asking_imports_no_torch_once_the_encoder_is_prepared(encoder: object, tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['kstore', 'ask', 'What does LoRA stand for?', '--json']\n"
        "from kstore.cli import main\n"
        "try: main()\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers', 'fastapi') if name in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr.splitlines()[-1] == "[]"
    reply = json.loads(done.stdout)
    assert [answer["as_of"] for answer in reply["answers"]] == [1, 1]
