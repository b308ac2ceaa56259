"""A repository's history as edits: each commit is ingested in turn, and the cases tied to it are asked."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.arms.protocol import Arm
from evals.cases import Kind, Replay
from evals.files import Journal
from evals.freshness.bench import Bench, Written
from evals.freshness.changes import changed_bytes
from evals.freshness.history import local, resolve, walk
from evals.freshness.inquiries import about, kind_of_change, of_form_alone
from evals.freshness.probe import Patience, probe
from evals.freshness.rows import FreshnessRow, Line, State, WriteRow
from kstore.errors import InputError
from kstore.types import Progress, Stopwatch, no_progress

REPLAY = "replay"
ROWS = "rows.jsonl"


def run_replay(
    bench: Bench, repository: str, cases: Sequence[Replay], out: Path, *, progress: Progress = no_progress
) -> list[FreshnessRow | WriteRow]:
    """Walk the history of the repository (path or URL) and return the rows, which are in ``out/rows.jsonl``.

    The bench's store is empty at first. A case is asked at its old commit (``before``) and, from the write on, at its
    new commit (``after``). Commits that are finished in an earlier run are ingested again, but nothing is asked.
    """
    if bench.documents():
        raise InputError("a history is replayed into an empty store; this one holds documents")
    with local(repository) as path, Journal(out / ROWS, Line) as journal:
        commits, history = read_history(path, cases)
        lines = [line.root for line in journal.lines()]
        done = {row.unit for row in lines if isinstance(row, WriteRow)}
        if not done <= set(history):
            raise InputError(f"{out / ROWS} holds rows of another run")
        journal.keep(lambda line: line.root.unit in done)
        replay = _Replay(bench, path, cases, commits)
        replay.remember([row for row in lines if isinstance(row, FreshnessRow) and row.unit in done])
        if cases:
            bench.warm_up(cases[0].question)
        for number, commit in enumerate(history):
            progress("replaying", number, len(history))
            written = replay.ingest(commit)
            if commit not in done:
                journal.add([*map(Line, replay.ask(commit, written, number)), Line(written)])
        progress("replaying", len(history), len(history))
        return [line.root for line in journal.lines()]


def read_history(repository: Path, cases: Sequence[Replay]) -> tuple[dict[str, str], list[str]]:
    """The full hash of each commit that the cases name, and the commits to walk, oldest first.

    InputError where one is not in the history, or a case's old commit does not come before its new one.
    """
    commits = {name: resolve(repository, name) for case in cases for name in (case.old_commit, case.new_commit)}
    history = walk(repository, commits.values())
    place = {commit: number for number, commit in enumerate(history)}
    for case in cases:
        if place[commits[case.old_commit]] >= place[commits[case.new_commit]]:
            raise InputError(f"case {case.id}: its old commit does not come before its new one")
    return commits, history


class _Replay:
    """A walk under way: the digest of the corpus at each commit, and what was said at the old ones."""

    def __init__(self, bench: Bench, path: Path, cases: Sequence[Replay], commits: Mapping[str, str]) -> None:
        self._bench = bench
        self._path = path
        self._cases = cases
        self._commits = commits
        self._digests: dict[str, str] = {}
        self._told_old: set[tuple[str, str, int]] = set()

    def remember(self, rows: Sequence[FreshnessRow]) -> None:
        """Take note of which questions had their old answer at the old commit."""
        before = (row for row in rows if row.phase == "before" and row.verdict == "old")
        self._told_old |= {(row.arm, row.case, row.phrasing) for row in before}

    def ingest(self, commit: str) -> WriteRow:
        """Let the store hold the documents of the commit, and of the repository nothing else."""
        before = self._bench.documents()
        watch = Stopwatch()
        try:
            receipt = self._bench.store.ingest([f"{self._path}@{commit}"], prune=True, watch=watch)
        except InputError as error:  # a history may hold what is no text, and goes on past it
            self._digests[commit] = self._bench.digest
            return WriteRow(mode=REPLAY, unit=commit, phase="after", failed=str(error), closes=True)
        watch.lap("publish")
        self._digests[commit] = self._bench.digest
        now = self._bench.documents()
        kind: Kind | None = "format" if before.keys() == now.keys() and of_form_alone(before, now) else None
        size = changed_bytes(before, now)
        written = Written(receipt, watch.timings())
        return written.row(REPLAY, commit, "after", self._asked_at(commit), size, kind, closes=True)

    def ask(self, commit: str, written: WriteRow, turn: int) -> list[FreshnessRow]:
        """Ask the cases whose new commit this is, then those whose old one it is."""
        arms = self._bench.in_turn(turn)
        rows: list[FreshnessRow] = []
        for case in self._cases:
            if self._commits[case.new_commit] == commit:
                rows += [row for arm in arms for row in self._ask_after(case, arm, commit, written)]
        for case in self._cases:
            if self._commits[case.old_commit] == commit:
                rows += [row for arm in arms for row in self._ask_before(case, arm, commit)]
        self.remember(rows)
        return rows

    def _asked_at(self, commit: str) -> tuple[str, ...]:
        """The cases of which the commit is the new one."""
        return tuple(case.id for case in self._cases if self._commits[case.new_commit] == commit)

    def _ask_before(self, case: Replay, arm: Arm, commit: str) -> Iterator[FreshnessRow]:
        for inquiry in about(case, kind_of_change(case)):
            said = self._bench.ask(arm, inquiry.question, {self._bench.digest: "before"})
            yield inquiry.row(REPLAY, commit, "before", arm.name, said)

    def _ask_after(self, case: Replay, arm: Arm, commit: str, written: WriteRow) -> list[FreshnessRow]:
        inquiries = about(case, kind_of_change(case))
        order = sorted(inquiries, key=lambda it: (arm.name, case.id, it.phrasing) not in self._told_old)
        states: dict[str, State] = {
            self._digests[self._commits[case.old_commit]]: "before",
            self._bench.digest: "after",
        }
        length = written.timings_ms.get("total", 0.0)
        return probe(self._bench, arm, order, states, length, Patience(), (REPLAY, commit))
