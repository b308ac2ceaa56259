"""Two runs beside each other: what is not measured in both has not passed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.compare import compare, gate
from evals.rows import Row
from evals.run import ROWS
from kstore.errors import InputError

CASES = 6


def folder(place: Path, arms: Sequence[str] = ("one",), score: float = 1.0, drop: int = 0, **parts: Any) -> Path:
    """A run in which every answer scores alike, without its last ``drop`` rows."""
    place.mkdir()
    manifest = {
        "identity": "x", "kind": "run", "arms": {arm: {} for arm in arms},
        "questions": [{"sha256": "a", "phrasings": CASES}, {"sha256": "b", "phrasings": 99}],
        "inputs": {"questions": ["a.jsonl"], "unanswerable": [], "training": ["b.jsonl"]}, **parts,
    }  # fmt: skip
    rows = [
        Row(arm=arm, case=f"q{n}", phrasing=0, question="?", outcome="scored", answer="so", scores={"f1": score})
        for n in range(CASES)
        for arm in arms
    ]
    (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    kept = rows[: len(rows) - drop]
    (place / ROWS).write_text("".join(f"{row.model_dump_json()}\n" for row in kept), encoding="utf-8")
    return place


def test_a_run_may_have_more_arms_than_its_baseline(tmp_path: Path) -> None:
    new, old = folder(tmp_path / "new", ("one", "two"), 0.5), folder(tmp_path / "old")
    assert [(it["arm"], it["metric"], it["difference"]["value"]) for it in compare(new, old)] == [("one", "f1", -0.5)]
    ((pair, verdict),) = gate(new, old, 0.02, ["f1"])
    assert (pair.arm, verdict.passed) == ("one", False)


@pytest.mark.parametrize("unfinished", ["new", "old"])
def test_a_run_that_is_not_finished_is_refused_whatever_its_arms(tmp_path: Path, unfinished: str) -> None:
    new = folder(tmp_path / "new", ("one", "two"), drop=2 * (unfinished == "new"))
    old = folder(tmp_path / "old", drop=unfinished == "old")
    for refused in (compare, lambda *runs: gate(*runs, 0.02, ["f1"])):
        with pytest.raises(InputError, match=f"{unfinished} is not finished"):
            refused(new, old)


def test_two_runs_that_were_cut_at_the_same_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not finished"):
        gate(folder(tmp_path / "new", drop=3), folder(tmp_path / "old", drop=3), 0.02, ["f1"])


def test_a_score_that_is_no_longer_measured_does_not_pass(tmp_path: Path) -> None:
    new, old = folder(tmp_path / "new"), folder(tmp_path / "old")
    whole = (new / ROWS).read_text(encoding="utf-8")
    (new / ROWS).write_text(whole.replace('"f1":1.0', '"other":1.0', 1), encoding="utf-8")
    with pytest.raises(InputError, match="lacks f1 of one in 1 rows"):
        gate(new, old, 0.02, ["f1"])
    assert compare(new, old)[0]["difference"]["n"] == CASES - 1
    (new / ROWS).write_text(whole.replace('"f1":1.0', '"other":1.0'), encoding="utf-8")
    with pytest.raises(InputError, match=f"lacks f1 of one in {CASES} rows"):
        gate(new, old, 0.02, ["f1"])
    assert compare(new, old) == []


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    old = folder(tmp_path / "old")
    with pytest.raises(InputError, match="no arm has the metric 'f2'"):
        gate(old, old, 0.02, ["f2"])
    with pytest.raises(InputError, match="no 'one' to set against"):
        gate(folder(tmp_path / "two", ("two",)), old, 0.02, ["f1"])
    with pytest.raises(InputError, match="did not ask the same questions"):
        gate(folder(tmp_path / "other", questions=[{"sha256": "c", "phrasings": CASES}]), old, 0.02, ["f1"])
    with pytest.raises(InputError, match="freshness is no run of questions"):
        compare(old, folder(tmp_path / "freshness", kind="freshness"))
