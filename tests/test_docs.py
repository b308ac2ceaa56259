"""README and code agree: every command, route and setting is there, and figures come from the results files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.app import create_app
from evals.ask_latency import sentence as of_a_command
from evals.corpus import statistics
from evals.outputs import read_summary
from evals.report.short import sentence, table
from kstore.cli import app
from kstore.controls import PRESETS
from kstore.service import KStore
from kstore.settings import Settings
from tests.guide.chapters import TEXTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Every command with its group, such as ``eval check``."""
    groups = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    return [
        prefix + (command.name or command.callback.__name__)
        for prefix, group in groups
        if group
        for command in group.registered_commands
        if command.callback
    ]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_mentioned(command: str) -> None:
    assert re.search(rf"`kstore {command}\b", README)


def test_every_route_is_mentioned(guide: KStore) -> None:
    described = create_app(guide).openapi()["paths"]
    for path, methods in described.items():
        for method in methods:
            row = next((line for line in README.splitlines() if line.startswith("|") and f"{path}`" in line), "")
            assert method.upper() in row, f"{method} {path}"


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_mentioned_and_described(setting: str) -> None:
    assert f"`KSTORE_{setting.upper()}`" in README
    assert Settings.model_fields[setting].description


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_is_mentioned(preset: str) -> None:
    assert f"`{preset}`" in README


def test_the_quick_start_is_two_blocks_that_install_ask_and_test() -> None:
    setup, tests = blocks("bash")[:2]
    assert "kstore ask" in setup
    assert "pytest" in tests
    quick_start = README.split("## Quick start")[1].split("\n## ")[0]
    assert quick_start.count("```bash") == 2


def test_the_python_example_runs(encoder: object, tmp_path: Path) -> None:
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path, check=True)
    *answers, found = done.stdout.strip().splitlines()
    assert [line.split(" | ")[0] for line in answers] == ["parametric", "retrieval"]
    assert found == "The wind is west."


def test_the_figures_are_those_of_the_results_files() -> None:
    results, text = ROOT / "evals" / "results", " ".join(README.split())
    assert table(read_summary(results / "guide")) in README
    assert sentence(read_summary(results / "freshness")) in text
    latency = json.loads((results / "ask_latency.json").read_text(encoding="utf-8"))
    assert of_a_command(latency) in text
    assert latency["langchain_over_kstore"] >= 5


@pytest.mark.parametrize("run", ["guide", "freshness", "latency"])
def test_the_results_are_whole_runs(run: str) -> None:
    folder = ROOT / "evals" / "results" / run
    assert {it.name for it in folder.iterdir()} >= {"manifest.json", "report.html", "report.md", "summary.json"}
    assert (folder / "rows.jsonl.gz").exists()
    counts = read_summary(folder)["counts"]
    assert counts["total"] == counts["scored"] + counts["declined"] + counts["errored"] > 0
    assert counts["errored"] == 0 or run == "latency"  # which looks for the load that is too much


def test_the_corpus_is_described_as_the_command_describes_it() -> None:
    cases = sorted([*(ROOT / "evals" / "questions").glob("*.jsonl"), *(ROOT / "evals" / "edits").glob("*.jsonl")])
    numbers = statistics(TEXTS, cases)
    assert numbers.table() in README
    assert numbers.cases_table() in README
