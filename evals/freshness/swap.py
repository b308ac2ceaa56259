"""The swap: each memory as of A and as of B, scored against the truth of A and of B.

The classical experiment exchanges the whole index of a retrieval-augmented model (Lewis et al. 2020, section 4.5):
answers are right where the memory's time is the question's, and wrong where it is not. Here B is A with many edits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.arms.protocol import Arm
from evals.cases import Edit
from evals.estimates import mean
from evals.freshness.bench import Bench
from evals.freshness.bursts import together
from evals.freshness.changes import changed_bytes
from evals.freshness.inquiries import about, kind_of
from evals.freshness.rows import FreshnessRow, Phase, State, WriteRow
from kstore.controls import Controls
from kstore.service import KStore
from kstore.types import Answer

SWAP = "swap"
_AT: dict[Phase, str] = {"before": "at_a", "after": "at_b"}


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory at two times: an arm that knows A and one that knows B; None where there is none."""

    name: str
    at_a: Arm | None
    at_b: Arm | None


MemoriesOf = Callable[[KStore, int, int], Sequence[Memory]]  # of a store with A and B at these revisions


@dataclass(frozen=True, slots=True)
class AsOf:
    """One of the store's own arms, kept to a revision."""

    store: KStore
    name: str
    revision: int

    def answer(self, question: str) -> Answer:
        return self.store.arm(self.name).answer(question, Controls(as_of=self.revision))


def as_of_both(store: KStore, name: str, a: int, b: int) -> Memory:
    """The store's own arm at both revisions: of a memory that can be asked for the past."""
    return Memory(name, AsOf(store, name, a), AsOf(store, name, b))


def perform_swap(
    bench: Bench, documents: Mapping[str, str], edits: Sequence[Edit], memories_of: MemoriesOf, seed: int
) -> list[FreshnessRow | WriteRow]:
    """The rows of the swap, phase ``before`` for what a memory says as of A and ``after`` as of B.

    B holds as many edits as go together of those that change an answer into another one; each is asked about in its
    first phrasing. The last row closes the unit; the store keeps B.
    """
    edited = _changing(edits, documents, seed)
    state = dict(documents)
    for edit in edited:
        state = edit.applied(state)
    change = {name: text for name, text in state.items() if documents[name] != text}
    store = bench.store.memory.store
    a, digest_a = store.head().revision, bench.digest
    written = bench.write(change, SWAP)
    states: dict[str, State] = {digest_a: "before", bench.digest: "after"}
    memories = memories_of(bench.store, a, store.head().revision)
    rows: list[FreshnessRow | WriteRow] = []
    for edit in edited:
        inquiry = about(edit, kind_of(edit, documents))[0]
        for memory in memories:
            if memory.at_a is not None:
                said = bench.ask(memory.at_a, inquiry.question, states)
                rows.append(inquiry.row(SWAP, SWAP, "before", memory.name, said))
            if memory.at_b is not None:
                said = bench.ask(memory.at_b, inquiry.question, states)
                rows.append(inquiry.row(SWAP, SWAP, "after", memory.name, said))
    size = changed_bytes({name: documents[name] for name in change}, change)
    return [*rows, written.row(SWAP, SWAP, "after", tuple(edit.id for edit in edited), size, closes=True)]


def _changing(edits: Sequence[Edit], documents: Mapping[str, str], seed: int) -> list[Edit]:
    turning = [edit for edit in edits if kind_of(edit, documents) in {"value", "rename"}]
    groups = together(turning, documents, max(len(turning), 1), seed)
    return list(groups[0]) if groups else []


def matrix(rows: Sequence[FreshnessRow]) -> dict[str, dict[str, dict[str, Any]]]:
    """``{memory: {"at_a", "at_b": {"truth_a", "truth_b": estimate}}}`` of the swap's rows; {} without a swap."""
    swapped = [row for row in rows if row.mode == SWAP]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in swapped:
        found.setdefault(row.arm, {}).setdefault(_AT[row.phase], {})
    for name, times in found.items():
        for at, shares in times.items():
            told = [row for row in swapped if row.arm == name and _AT[row.phase] == at]
            for truth, verdict in (("truth_a", "old"), ("truth_b", "new")):
                right = [float(row.verdict == verdict) for row in told]
                shares[truth] = mean(right, [row.edit for row in told]).shape()
    return found
