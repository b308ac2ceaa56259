"""A freshness run with the real arms: what is told before and after each edit, how soon, and at what cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from evals.arms.protocol import Arm
from evals.cases import Edit, Question
from evals.freshness.edits import Before, perform
from evals.freshness.rows import FreshnessRow, WriteRow
from evals.freshness.run import plan, run_freshness
from evals.freshness.summary import summarise
from evals.freshness.swap import AsOf, Memory, as_of_both
from kstore.errors import InputError
from kstore.service import KStore
from kstore.types import Answer
from tests.evals.freshness.conftest import Open

Row = FreshnessRow | WriteRow


@dataclass(frozen=True)
class Stale:
    """The retrieval arm over a snapshot of long ago: what a cache that nobody clears would answer from."""

    store: KStore
    revision: int = 1
    name: str = "stale"

    def answer(self, question: str) -> Answer:
        return AsOf(self.store, "retrieval", min(self.revision, self.store.revision() or 0)).answer(question)


@dataclass(frozen=True)
class Late:
    """An arm whose first answer to a question after each write is that of long ago, as through a cache that is cleared
    in the background."""

    store: KStore
    seen: dict[str, int | None]
    name: str = "late"

    def answer(self, question: str) -> Answer:
        revision = self.store.revision()
        fresh = self.seen.get(question) == revision
        self.seen[question] = revision
        return AsOf(self.store, "retrieval", revision if fresh and revision else 1).answer(question)


class Broken:
    name = "broken"

    def answer(self, question: str) -> Answer:
        raise RuntimeError(f"no answer to {question}")


def both(store: KStore) -> Sequence[Arm]:
    return [store.arm("parametric"), store.arm("retrieval")]


def told(rows: Sequence[Row], arm: str, edit: str, phase: str, role: str = "target") -> list[str]:
    answers = [row for row in rows if isinstance(row, FreshnessRow) and (row.arm, row.edit) == (arm, edit)]
    return [row.verdict for row in answers if (row.phase, row.role) == (phase, role)]


def writes(rows: Sequence[Row], phase: str = "after") -> dict[str, WriteRow]:
    return {row.unit: row for row in rows if isinstance(row, WriteRow) and row.phase == phase}


def timings(rows: Sequence[Row], arm: str, edit: str) -> dict[str, float]:
    (row,) = (
        row for row in rows if isinstance(row, FreshnessRow) and "written" in row.timings_ms and row.arm == arm
        and row.edit == edit
    )  # fmt: skip
    return row.timings_ms


def without_timings(rows: Sequence[Row]) -> list[Row]:
    return [row.model_copy(update={"timings_ms": {}}) for row in rows]


def test_edits_one_by_one(
    documents: dict[str, str], edits: list[Edit], controls: list[Question], open_with: Open, tmp_path: Path
) -> None:
    rows = run_freshness(open_with(both), documents, edits, controls, tmp_path, modes=["single"])

    # Retrieval tells what the documents say, at once; the weights what they learnt.
    assert told(rows, "retrieval", "boat", "before") == ["old", "old"]
    assert told(rows, "retrieval", "boat", "after") == ["new", "new"]
    assert told(rows, "retrieval", "boat", "reverted") == ["old"]
    assert told(rows, "retrieval", "name", "after") == ["new"]
    assert [told(rows, "parametric", "name", phase) for phase in ("before", "after", "reverted")] == [["old"]] * 3
    assert told(rows, "retrieval", "builder", "before") == ["old"]
    assert "old" not in told(rows, "retrieval", "builder", "after")
    assert told(rows, "retrieval", "rent", "after") == ["new"]
    assert told(rows, "retrieval", "bold", "before") == told(rows, "retrieval", "bold", "after") == ["new"]
    assert told(rows, "retrieval", "boat", "after", "neighbour") == ["new"]

    # A change of form encodes nothing; other changes the passage that they are in.
    assert {name: (row.encoded, row.kind) for name, row in writes(rows).items()} == {
        "name": (1, "value"),
        "boat": (1, "value"),
        "bold": (0, "format"),
        "builder": (1, "delete"),
        "rent": (1, "insert"),
    }
    assert {row.encoded for row in writes(rows, "reverted").values()} == {0}
    assert writes(rows)["boat"].changed_bytes == 2 * len("740")
    assert writes(rows)["bold"].changed_bytes == len("****")

    # The clocks run from the call of the write; each stage of it is there.
    stages = writes(rows)["boat"].timings_ms
    assert list(stages) == ["total", "detect", "split", "encode", "commit", "index", "publish"]
    boat = timings(rows, "retrieval", "boat")
    assert boat["written"] == stages["total"] < boat["visible"]
    assert boat["stale_gone"] == 0
    assert timings(rows, "parametric", "name").keys() == {"wall", "written"}

    # What an answer knows is told by state: the weights were never trained on this corpus.
    answers = [row for row in rows if isinstance(row, FreshnessRow)]
    assert {row.as_of for row in answers if row.arm == "parametric"} == {None}
    assert {(row.phase, row.as_of) for row in answers if row.arm == "retrieval"} == {
        ("before", "before"), ("after", "after"), ("reverted", "before")
    }  # fmt: skip
    far = [row for row in answers if row.role == "control" and row.phase == "after"]
    assert {row.case for row in far if row.edit == "rent"} <= {"oil", "cat"}
    assert {(row.verdict, row.unchanged) for row in far if row.arm == "retrieval"} == {("new", True)}

    figures = summarise(rows)
    retrieval, parametric = figures["arms"]["retrieval"], figures["arms"]["parametric"]
    exact = ("update_success", "update_success_of_known", "deletion_compliance", "locality", "unharmed", "reverted")
    assert [retrieval[name]["value"] for name in exact] == [1, 1, 1, 1, 1, 1]
    assert (retrieval["stale_rate"]["value"], parametric["stale_rate_of_known"]["value"]) == (0, 1)
    assert retrieval["update_success"]["clusters"] == 3
    assert "t_visible_ms_p50" not in parametric
    modes = figures["freshness"]["modes"]["single"]
    assert modes["parametric"]["visible"] == {"reached": 0, "not_reached": 3}
    assert modes["parametric"]["stale_gone"] == {"reached": 0, "not_reached": 1}
    assert modes["retrieval"]["visible"] == {"reached": 3, "not_reached": 0}
    assert figures["freshness"]["timeline"]["retrieval"]["stale_gone_ms"] == [0, 0, 0]
    assert figures["freshness"]["writes"]["single"]["format_encoded"] == 0
    assert figures["freshness"]["writes"]["single"]["encoded"] == 4
    follow = {arm: rates["follow"]["value"] for arm, rates in figures["freshness"]["conflict"].items()}
    assert follow == {"parametric": 0, "retrieval": 1}
    assert figures["freshness"]["conflict"]["parametric"]["override"]["value"] == 1
    assert figures["freshness"]["verdicts"]["parametric"]["value"]["old"] == 1
    counts = figures["counts"]
    assert counts["scored"] + counts["declined"] + counts["errored"] == counts["total"] == len(answers)
    assert figures["freshness"]["verdicts"]["retrieval"]["value"] == {
        "new": 3, "old": 0, "other": 0, "declined": 0, "errored": 0, "mixed": 0
    }  # fmt: skip
    assert list(figures["freshness"]["stages_ms"]["retrieval"])[-2:] == ["publish", "answer"]


def test_an_arm_over_an_old_snapshot_is_found_out_and_a_late_one_too(
    documents: dict[str, str], edits: list[Edit], open_with: Open, tmp_path: Path
) -> None:
    open_bench = open_with(lambda store: [Stale(store), Late(store, {}), Broken(), store.arm("retrieval")])
    rows = run_freshness(open_bench, documents, edits[:2], [], tmp_path, modes=["single"])

    assert told(rows, "stale", "boat", "before") == told(rows, "stale", "boat", "after") == ["old", "old"]
    answers = [row for row in rows if isinstance(row, FreshnessRow) and row.role == "target" and row.phase == "after"]
    assert {row.as_of for row in answers if row.arm == "stale"} == {"before"}
    assert timings(rows, "stale", "boat").keys() == {"wall", "written"}
    late, fresh = timings(rows, "late", "boat"), timings(rows, "retrieval", "boat")
    assert told(rows, "late", "boat", "after") == ["old", "old"]
    assert fresh["stale_gone"] == 0 < fresh["written"] < late["stale_gone"] < late["visible"]
    assert set(told(rows, "broken", "boat", "after")) == {"errored"}
    assert {row.error for row in answers if row.arm == "broken"} == {"crashed"}

    figures = summarise(rows)
    modes = figures["freshness"]["modes"]["single"]
    rates = {arm: figures["arms"][arm]["stale_rate"]["value"] for arm in figures["arms"]}
    assert rates == {"stale": 1, "late": 1, "broken": 0, "retrieval": 0}
    assert (
        figures["arms"]["stale"]["update_success"]["value"] == figures["arms"]["broken"]["update_success"]["value"] == 0
    )
    assert {arm: (modes[arm]["visible"]["reached"], modes[arm]["stale_gone"]["reached"]) for arm in modes} == {
        "stale": (0, 0), "late": (2, 2), "broken": (0, 0), "retrieval": (2, 2)
    }  # fmt: skip
    assert figures["counts"]["errored"] == sum(row.arm == "broken" for row in rows if isinstance(row, FreshnessRow)) > 0
    assert "t_visible_ms_p50" not in figures["arms"]["stale"]


def test_what_was_killed_goes_on_with_the_same_rows_and_asks_nothing_twice(
    documents: dict[str, str], edits: list[Edit], controls: list[Question], open_with: Open, tmp_path: Path
) -> None:
    asked: list[str] = []

    class Counted:
        name = "retrieval"

        def __init__(self, store: KStore) -> None:
            self._store = store

        def answer(self, question: str) -> Answer:
            asked.append(question)
            return self._store.arm("retrieval").answer(question)

    def run() -> list[Row]:
        asked.clear()
        open_bench = open_with(lambda store: [Counted(store)])
        return run_freshness(open_bench, documents, edits[:3], controls, tmp_path, modes=["single", "burst-10-puts"])

    whole = run()
    lines = (tmp_path / "rows.jsonl").read_text().splitlines(keepends=True)
    units = list(dict.fromkeys((row.mode, row.unit) for row in whole))
    assert len(units) == 4
    first = [number for number, row in enumerate(whole) if (row.mode, row.unit) == units[0]]
    kept = "".join(lines[: len(first) + 5])
    (tmp_path / "rows.jsonl").write_text(kept + lines[len(first) + 5][:40])  # killed while writing a line
    resumed = run()
    assert without_timings(resumed) == without_timings(whole)
    assert [row.timings_ms for row in resumed[: len(first)]] == [row.timings_ms for row in whole[: len(first)]]
    assert (tmp_path / "rows.jsonl").read_text().count("\n") == len(whole)
    (done,) = {edit.question for edit in edits if edit.id == units[0][1]}
    # It is asked as the warm-up or within the burst, but not before, after and when reverted, as at first.
    assert asked.count(done) < sum(row.question == done for row in whole if isinstance(row, FreshnessRow))
    run()
    assert asked == []


def test_bursts_and_load(
    documents: dict[str, str], edits: list[Edit], controls: list[Question], open_with: Open, tmp_path: Path
) -> None:
    modes = ["burst-10", "burst-10-puts", "load"]
    open_bench = open_with(lambda store: [store.arm("retrieval")])
    rows = run_freshness(open_bench, documents, edits, controls, tmp_path, modes=modes)
    written = [row for row in rows if isinstance(row, WriteRow) and row.phase == "after"]
    assert [len(row.edits) for row in written] == [5] + [1] * 5 + [1] * 5
    assert [row.encoded for row in written if row.mode == "burst-10"] == [4]
    assert sum(row.encoded for row in written if row.mode == "burst-10-puts") == 4
    for mode in modes:
        of_mode = [row for row in rows if row.mode == mode]
        assert (told(of_mode, "retrieval", "boat", "after"), told(of_mode, "retrieval", "rent", "after")) == (
            ["new"], ["new"]
        ), mode  # fmt: skip
        assert told(of_mode, "retrieval", "bold", "after") == ["new"], mode
    # One after the other, the clock runs from the first of them; in one revision it is the same for all.
    clocks = [row for row in rows if isinstance(row, FreshnessRow) and "written" in row.timings_ms]
    lengths = [row.timings_ms["total"] for row in written if row.mode == "burst-10-puts"]
    assert [row.timings_ms["written"] for row in clocks if row.mode == "burst-10-puts"] == [
        pytest.approx(sum(lengths[: number + 1])) for number in range(5)
    ]
    assert len({row.timings_ms["written"] for row in clocks if row.mode == "burst-10"}) == 1
    loaded = [row for row in written if row.mode == "load"]
    assert all(row.timings_ms["meanwhile"] > 0 for row in loaded)
    assert {row.unanswered for row in loaded} == {0}
    figures = summarise(rows)["freshness"]
    assert figures["modes"].keys() == set(modes)
    assert figures["writes"]["load"]["others_answer_ms_p50"]["n"] == 5


def test_a_memory_is_right_at_its_own_time_and_weights_at_theirs(
    documents: dict[str, str], edits: list[Edit], open_with: Open, tmp_path: Path
) -> None:
    def memories(store: KStore, a: int, b: int) -> Sequence[Memory]:
        return [as_of_both(store, "retrieval", a, b), Memory("parametric", store.arm("parametric"), None)]

    rows = run_freshness(open_with(both), documents, edits, [], tmp_path, modes=[], memories_of=memories)
    swap = summarise(rows)["freshness"]["swap"]
    shares = {name: {at: {truth: it["value"] for truth, it in truths.items()} for at, truths in times.items()}
              for name, times in swap.items()}  # fmt: skip
    assert shares["retrieval"] == {"at_a": {"truth_a": 1, "truth_b": 0}, "at_b": {"truth_a": 0, "truth_b": 1}}
    assert shares["parametric"] == {"at_a": {"truth_a": 0.5, "truth_b": 0}}  # it knows the one of the guide
    assert swap["retrieval"]["at_a"]["truth_a"]["clusters"] == 2  # the edits that turn an answer into another one


def test_the_corpus_is_given_back_also_where_asking_ends_in_an_error(
    documents: dict[str, str], edits: list[Edit], open_with: Open, tmp_path: Path
) -> None:
    class Interrupts:
        name = "interrupts"
        asked = 0

        def answer(self, question: str) -> Answer:
            self.asked += 1
            if self.asked == 5:  # of the warm-up, two phrasings, the neighbour: the first after the write
                raise KeyboardInterrupt
            return Answer(self.name, "none", None, "nothing to say")

    opened: list[KStore] = []

    def make_arms(store: KStore) -> Sequence[Arm]:
        opened.append(store)
        return [Interrupts()]

    with open_with(make_arms)() as bench:
        digest = bench.digest
        unit = plan("single", [edits[1]], [], documents, 0)[0]
        bench.warm_up("Is anybody there?")
        with pytest.raises(KeyboardInterrupt):
            perform(bench, unit, Before(), 0)
        assert len(bench.store.history()) == 6  # empty, filled, twice for the warm-up, the edit, and back
        assert bench.digest == digest


def test_edits_that_do_not_fit_and_rows_of_another_run_are_refused(
    documents: dict[str, str], edits: list[Edit], open_with: Open, tmp_path: Path
) -> None:
    open_bench = open_with(both)
    with pytest.raises(InputError, match="edit boat: there is no document"):
        run_freshness(open_bench, {"name.md": documents["name.md"]}, edits, [], tmp_path)
    with pytest.raises(InputError, match="two edits 'boat'"):
        run_freshness(open_bench, documents, [edits[1], edits[1]], [], tmp_path)
    with pytest.raises(InputError, match="unknown mode 'burst'"):
        run_freshness(open_bench, documents, edits, [], tmp_path, modes=["burst"])
    with pytest.raises(InputError, match="does not hold the documents"):
        run_freshness(open_bench, {**documents, "more.md": "more"}, edits, [], tmp_path, modes=["single"])
    row = WriteRow(mode="single", unit="another", phase="reverted", closes=True)
    (tmp_path / "rows.jsonl").write_text(f"{row.model_dump_json()}\n")
    with pytest.raises(InputError, match="of another run"):
        run_freshness(open_bench, documents, edits, [], tmp_path, modes=["single"])
