"""The comparison of kinds of index: real builds, small ones, whose figures are what a second look finds."""

import json
from pathlib import Path

import numpy as np
import pytest

from evals.commands.results import report as report_command
from evals.index.experiment import conduct, summarise
from evals.index.measure import IndexRow, exact, measured
from evals.index.vectors import Drawn
from kstore.errors import InputError
from kstore.vectors.kinds import Kind
from tests.conftest import TINY


def centres() -> Drawn:
    chance = np.random.default_rng(0).standard_normal((50, 32)).astype(np.float32)
    return Drawn(chance / np.linalg.norm(chance, axis=1, keepdims=True))


def row(kind: str, effort: int | None, recall: float, ms: float) -> IndexRow:
    return IndexRow(
        kind=kind, vectors=1000, effort=effort, recall_at_10=recall, ms_p50=ms, ms_p95=ms, bytes=1000, build_s=1.0
    )


def test_drawn_vectors_have_length_one_and_lie_around_the_centres() -> None:
    drawn = centres()
    vectors = drawn.draw(12_000, seed=3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    nearest = (vectors[:500] @ drawn.centres.T).max(axis=1)
    assert 0.7 < np.median(nearest) < 0.9
    np.testing.assert_array_equal(drawn.draw(500, seed=3), vectors[:500])
    assert not np.array_equal(drawn.draw(500, seed=4), vectors[:500])


def test_the_true_neighbours_are_those_of_plain_numpy() -> None:
    vectors, queries = centres().draw(500, 1), centres().draw(7, 2)
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :10] + 1
    np.testing.assert_array_equal(exact(vectors, queries), expected)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf-flat", "ivf-sq8", "ivf-pq,m=16"])
def test_more_effort_finds_more(kind: str) -> None:
    vectors, queries = centres().draw(2000, 1), centres().draw(30, 2)
    rows = list(measured(Kind.read(kind), vectors, queries))
    recalls = [it.recall_at_10 for it in rows]
    assert recalls[-1] == max(recalls)
    assert recalls[-1] > 0.9
    assert all(it.ms_p50 > 0 and it.ms_p95 >= it.ms_p50 and it.bytes > 0 for it in rows)
    if kind == "flat":
        assert recalls == [1.0]
    else:
        assert recalls[0] < recalls[-1] or kind == "hnsw"  # which finds all of so few at once
        efforts = [it.effort or 0 for it in rows]
        assert efforts == sorted(set(efforts))


def test_codes_take_less_memory_than_vectors() -> None:
    vectors, queries = centres().draw(2000, 1), centres().draw(5, 2)
    sizes = {
        kind: next(measured(Kind.read(kind), vectors, queries)).bytes for kind in ("flat", "ivf-sq8", "ivf-pq,m=4")
    }
    assert sizes["ivf-pq,m=4"] < sizes["ivf-sq8"] < sizes["flat"]


def test_the_table_shows_the_least_effort_that_is_enough_or_the_best_there_is() -> None:
    rows = [row("hnsw", 16, 0.9, 1.0), row("hnsw", 32, 0.96, 2.0), row("hnsw", 64, 0.99, 3.0)]
    rows += [row("ivf-pq", 1, 0.3, 1.0), row("ivf-pq", 2, 0.6, 2.0)]
    summary = summarise(rows)
    assert [(it["kind"], it["effort"]) for it in summary["table"]] == [("hnsw", 32), ("ivf-pq", 2)]
    assert summary["curves"]["1000"]["hnsw"] == [[1.0, 0.9], [2.0, 0.96], [3.0, 0.99]]


@pytest.mark.usefixtures("cache")
def test_a_run_leaves_its_files_and_is_taken_up(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KSTORE_CACHE", str(cache))

    def run(resume: bool) -> None:
        conduct(["flat", "ivf-flat"], [1000], 20, str(TINY), tmp_path / "out", 0, resume, "eval index")

    run(resume=False)
    out = tmp_path / "out"
    lines = (out / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert {it["kind"] for it in summary["index"]["table"]} == {"flat", "ivf-flat"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Recall against time, 1,000 vectors" in page
    assert "<svg" in page
    (out / "rows.jsonl").write_text("\n".join(lines[:1]) + "\n", encoding="utf-8")  # killed after the first kind
    run(resume=True)
    again = (out / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert again[0] == lines[0]
    assert [json.loads(it)["recall_at_10"] for it in again] == [json.loads(it)["recall_at_10"] for it in lines]
    report_command(out)
    assert "report.html" in capsys.readouterr().out
    with pytest.raises(InputError, match="holds a run already"):
        run(resume=False)


def test_an_unknown_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown kind of index 'tree'"):
        conduct(["flat", "tree"], [1000], 20, str(TINY), tmp_path / "out", 0, False, "eval index")
    assert not (tmp_path / "out").exists()
