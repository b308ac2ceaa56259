"""A latency run on a small store: its files, its figures, and what a kill leaves of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.files import read_lines
from evals.latency.costs import Prices
from evals.latency.experiment import ROWS, Load, conduct, report_latency
from evals.latency.measures import check_stages, summarise
from evals.latency.rows import LatencyRow
from kstore.assemble import open_kstore
from kstore.errors import InputError
from kstore.settings import load_settings
from tests.conftest import TINY
from tests.evals.smoke import QUESTIONS, lines

LOAD = Load(clients=(1, 2), seconds=0.3, objective_ms=10_000.0, cold=1)
PRICES = Prices(currency="EUR", per_processor_hour=1.0)


def run(folder: Path, arms: list[str], load: Load = LOAD, resume: bool = False) -> dict[str, Any]:
    questions = lines(folder / "questions.jsonl", QUESTIONS)
    return conduct([questions], arms, load, folder / "out", 0, resume, "", PRICES)


def filled() -> None:
    with open_kstore(load_settings(), empty=True) as store:
        store.ingest([str(TINY)])


def test_a_run_tells_cold_from_warm_and_finds_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.latency.experiment.ARRIVALS", 20)
    monkeypatch.setattr("evals.latency.capacity._HIGHEST", 200.0)
    filled()
    summary = run(tmp_path, ["retrieval"])
    figures = {name: it["value"] for name, it in summary["arms"]["retrieval"].items()}
    assert figures["cold_ms_p50"] > 3 * figures["latency_ms_p50"]
    assert figures["latency_ms_p50"] <= figures["latency_ms_p95"] <= figures["latency_ms_p99"]
    assert figures["throughput_per_s"] > 0
    assert figures["capacity_per_s"] > 0
    assert figures["price"] == pytest.approx(figures["cpu_ms"] / 3.6e6)
    assert summary["counts"]["total"] == len(read_lines(tmp_path / "out" / ROWS, LatencyRow))
    assert {"cold", "closed-1", "closed-2"} < set(summary["load"]["modes"]["retrieval"])
    files = ["manifest.json", "report.html", "report.md", "rows.jsonl", "summary.json"]
    assert sorted(it.name for it in (tmp_path / "out").iterdir()) == files
    assert "Under load" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    before = (tmp_path / "out" / "report.html").read_bytes()
    assert report_latency(tmp_path / "out") == json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert (tmp_path / "out" / "report.html").read_bytes() == before


def test_a_mode_that_was_cut_is_done_again_and_the_others_are_kept(tmp_path: Path) -> None:
    filled()
    quick = Load(clients=(1,), seconds=0.05, objective_ms=0.0, cold=0)
    with pytest.raises(InputError, match="unknown arm"):
        run(tmp_path, ["nobody"], quick)
    run(tmp_path, ["always-decline"], quick)
    whole = read_lines(tmp_path / "out" / ROWS, LatencyRow)
    last = whole[-1].mode
    (tmp_path / "out" / ROWS).write_text("".join(f"{row.model_dump_json()}\n" for row in whole[:-1]), encoding="utf-8")
    run(tmp_path, ["always-decline"], quick, resume=True)
    again = read_lines(tmp_path / "out" / ROWS, LatencyRow)
    assert [row for row in again if row.mode != last] == [row for row in whole if row.mode != last]
    assert [row.mode for row in again if row.closes] == [row.mode for row in whole if row.closes]
    with pytest.raises(InputError, match=r"other inputs \(load\)"):
        run(tmp_path, ["always-decline"], replace(quick, seconds=0.1), resume=True)


def row(timings: dict[str, float]) -> LatencyRow:
    return LatencyRow(
        arm="a",
        mode="closed-1",
        number=0,
        question="?",
        outcome="scored",
        due=0,
        started=0,
        ended=10,
        timings_ms=timings,
    )


def test_stages_that_do_not_add_up_are_refused() -> None:
    check_stages(row({"total": 10.0, "encode": 4.0, "search": 5.95}))
    with pytest.raises(AssertionError, match=r"9\.800 ms in a total of 10\.000 ms"):
        check_stages(row({"total": 10.0, "encode": 4.0, "search": 5.8}))
    with pytest.raises(AssertionError, match="stages"):
        summarise([row({"total": 10.0, "encode": 4.0})], 100.0)
