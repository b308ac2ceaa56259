"""A replay of a small repository: each commit is a write, and cases are asked at their commits."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evals.cases import Replay
from evals.freshness.bench import Bench
from evals.freshness.history import walk
from evals.freshness.replay import run_replay
from evals.freshness.rows import FreshnessRow, WriteRow
from evals.freshness.summary import summarise
from kstore.assemble import open_kstore
from kstore.errors import InputError
from kstore.settings import Settings
from tests.evals.freshness.test_run import Stale, told, without_timings

LIGHTHOUSE = "# The lighthouse\n\nThe lighthouse of Kell Point was built in 1871 by Ida Marrow.\n"
BOAT = "# The boat\n\nThe mail boat arrives at 7:40 every morning.\n"


class Repository:
    """A git repository of this test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ida", "-c", "user.email=ida@kell.example", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, bytes | str | None]) -> str:
        """The hash of a commit in which these files are changed, or deleted where None."""
        for name, content in files.items():
            if content is None:
                (self.folder / name).unlink()
            else:
                (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "changed")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Repository(tmp_path / "repository")


@pytest.fixture
def history(repository: Repository) -> list[str]:
    return [
        repository.commit({"lighthouse.md": LIGHTHOUSE, "boat.md": BOAT}),
        repository.commit({"lighthouse.md": LIGHTHOUSE.replace("1871", "**1871**")}),
        repository.commit({"lighthouse.md": LIGHTHOUSE.replace("1871", "1874")}),
        repository.commit({"boat.md": b"\xff\xfe"}),
        repository.commit({"boat.md": None}),
    ]


def cases(*pairs: tuple[str, str]) -> list[Replay]:
    """Of the lighthouse and of the boat, between the given commits."""
    about: list[dict[str, object]] = [
        {"id": "built", "question": "In which year was the lighthouse of Kell Point built?",
         "paraphrases": ["When did Ida Marrow build the lighthouse?"],
         "old_answers": ["1871"], "new_answers": ["1874"]},
        {"id": "boat", "question": "When does the mail boat arrive?", "old_answers": ["7:40"], "new_answers": None},
    ]  # fmt: skip
    tied = [{"old_commit": old, "new_commit": new} for old, new in pairs]
    return [Replay.model_validate({**one, **commits}) for one, commits in zip(about, tied, strict=False)]


@pytest.fixture
def open_bench(cache: Path, tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    """Opens empty stores, with the retrieval arm and one over the first revision that held anything."""
    with ExitStack() as stores:

        def opened() -> Bench:
            home = tmp_path / f"home {random.random()}"
            store = stores.enter_context(open_kstore(Settings(home=home, cache=cache), empty=True))
            return Bench(store, [store.arm("retrieval"), Stale(store, revision=3)])  # after the warm-up's two

        yield opened


def test_a_history_is_walked_and_its_cases_are_asked(
    repository: Repository, history: list[str], open_bench: Callable[[], Bench], tmp_path: Path
) -> None:
    asked = cases((history[1], history[2]), ("HEAD~4", history[4][:12]))
    rows = run_replay(open_bench(), str(repository.folder), asked, tmp_path)

    written = [row for row in rows if isinstance(row, WriteRow)]
    assert [row.unit for row in written] == history
    assert [(row.added, row.changed, row.deleted, row.encoded, row.changed_bytes) for row in written] == [
        (2, 0, 0, 2, len(LIGHTHOUSE) + len(BOAT)),
        (0, 1, 0, 0, len("****")),  # a change of form encodes nothing
        (0, 1, 0, 1, len("****") + len("1871") + len("1874")),
        (0, 0, 0, 0, 0),
        (0, 0, 1, 0, len(BOAT)),
    ]
    assert [row.kind for row in written] == [None, "format", None, None, None]
    assert [row.failed is not None for row in written] == [False, False, False, True, False]
    assert "not UTF-8" in str(written[3].failed)
    assert list(written[2].timings_ms) == [
        "total", "read", "detect", "split", "encode", "commit", "index", "publish"
    ]  # fmt: skip

    answers = [row for row in rows if isinstance(row, FreshnessRow)]
    assert {(row.phase, row.unit) for row in answers if row.edit == "built"} == {
        ("before", history[1]), ("after", history[2])
    }  # fmt: skip
    assert told(rows, "retrieval", "built", "before") == told(rows, "stale", "built", "after") == ["old", "old"]
    assert told(rows, "retrieval", "built", "after") == ["new", "new"]
    assert told(rows, "retrieval", "boat", "before") == told(rows, "stale", "boat", "after") == ["old"]
    assert "old" not in told(rows, "retrieval", "boat", "after")
    assert {row.as_of for row in answers if row.arm == "retrieval" and row.phase == "after"} == {"after"}
    assert {(row.edit, row.as_of) for row in answers if row.arm == "stale" and row.phase == "after"} == {
        ("built", "other"), ("boat", "before")
    }  # fmt: skip

    figures = summarise(rows)
    assert figures["freshness"]["mode"] == "replay"
    assert figures["arms"]["retrieval"]["update_success"]["value"] == 1
    assert (figures["arms"]["retrieval"]["stale_rate"]["value"], figures["arms"]["stale"]["stale_rate"]["value"]) == (
        0,
        1,
    )
    assert figures["arms"]["retrieval"]["deletion_compliance"]["value"] == 1
    writes = figures["freshness"]["writes"]["replay"]
    assert (writes["writes"], writes["failed"], writes["format_writes"], writes["format_encoded"]) == (4, 1, 1, 0)
    assert writes["encoded_per_changed_byte"]["value"] == 3 / (len(LIGHTHOUSE) + 2 * len(BOAT) + 12)


def test_a_replay_goes_on_where_it_was_killed(
    repository: Repository, history: list[str], open_bench: Callable[[], Bench], tmp_path: Path
) -> None:
    asked = cases((history[1], history[2]), (history[0], history[4]))
    whole = run_replay(open_bench(), str(repository.folder), asked, tmp_path)
    lines = (tmp_path / "rows.jsonl").read_text().splitlines(keepends=True)
    second = next(number for number, row in enumerate(whole) if row.unit == history[2])
    (tmp_path / "rows.jsonl").write_text("".join(lines[: second + 1]) + lines[second + 1][:30])
    resumed = run_replay(open_bench(), str(repository.folder), asked, tmp_path)
    assert without_timings(resumed) == without_timings(whole)
    assert resumed[:second] == whole[:second]


def test_a_case_at_a_side_branch_is_walked_to_as_well(
    repository: Repository, open_bench: Callable[[], Bench], tmp_path: Path
) -> None:
    base = repository.commit({"lighthouse.md": LIGHTHOUSE})
    repository.git("checkout", "--quiet", "-b", "side")
    side = repository.commit({"lighthouse.md": LIGHTHOUSE.replace("1871", "1874")})
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "side", "--message", "merged")
    head = repository.git("rev-parse", "HEAD")
    assert walk(repository.folder, [base]) == [base, head]
    rows = run_replay(open_bench(), repository.folder.as_uri(), cases((base, side)), tmp_path)  # cloned
    assert [row.unit for row in rows if isinstance(row, WriteRow)] == [base, side, head]
    assert told(rows, "retrieval", "built", "after") == ["new", "new"]


def test_what_cannot_be_replayed_is_refused(
    repository: Repository, history: list[str], open_bench: Callable[[], Bench], tmp_path: Path
) -> None:
    place = str(repository.folder)
    with pytest.raises(InputError, match="has no commit '0000"):
        run_replay(open_bench(), place, cases((history[0], "0" * 40)), tmp_path)
    with pytest.raises(InputError, match="case built: its old commit does not come before"):
        run_replay(open_bench(), place, cases((history[2], history[1])), tmp_path)
    repository.git("checkout", "--quiet", "-b", "elsewhere", history[0])
    other = repository.commit({"boat.md": BOAT.replace("7:40", "8:15")})
    repository.git("checkout", "--quiet", "main")
    with pytest.raises(InputError, match="does not lead to HEAD"):
        run_replay(open_bench(), place, cases((history[0], other)), tmp_path)
    with pytest.raises(InputError, match="git clone"):
        run_replay(open_bench(), str(tmp_path / "nowhere"), [], tmp_path)
    bench = open_bench()
    bench.store.put("there.md", "already")
    with pytest.raises(InputError, match="into an empty store"):
        run_replay(bench, place, [], tmp_path)
    assert not (tmp_path / "rows.jsonl").exists() or (tmp_path / "rows.jsonl").read_text() == ""
