"""What it takes to teach the weights an edit, on the axis on which the index takes milliseconds.

Two parts. The curve: many edits taught together, asked about after so many seconds of training. The sequence: one edit
after another, each for a short while, as a corpus changes; what was taught earlier belongs to what is rehearsed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.cases import Edit, Question, places
from evals.files import Journal
from evals.freshness.classroom import POINTS, SECONDS, SECONDS_EACH, Classroom
from evals.freshness.swap import MemoriesOf, Memory
from evals.freshness.taught import LEARNING, LearningRow, Part
from kstore.answering.parametric import ParametricArm
from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.service import KStore
from kstore.types import Progress, no_progress
from kstore.weights.further import Further
from kstore.weights.shipped import SentencePromptedGenerator

SWAP_SECONDS = 100.0


def run_learning(
    classroom: Classroom,
    out: Path,
    *,
    seconds: Sequence[float] = SECONDS,
    points: Sequence[int] = POINTS,
    each: float = SECONDS_EACH,
    progress: Progress = no_progress,
) -> list[LearningRow]:
    """Do what has not been done yet of the parts, and return the rows of the whole run; they are in
    ``out/learning.jsonl``. A part that a kill left half done is done anew.

    InputError where the rows that are there are another run's.
    """
    parts: dict[Part, Iterator[LearningRow]] = {
        "curve": classroom.curve(seconds),
        "sequence": classroom.sequence(points, each),
    }
    with Journal(out / LEARNING, LearningRow) as journal:
        rows = journal.lines()
        asked = {edit.id for edit in classroom.edits} | {question.id for question in classroom.untouched}
        if strangers := {row.case for row in rows} - asked:
            raise InputError(f"{out / LEARNING} holds rows of another run: {min(strangers)}")
        done = {row.part for row in rows if row.closes}
        journal.keep(lambda row: row.part in done)
        for number, (part, made) in enumerate(parts.items()):
            progress(f"learning: {part}", number, len(parts))
            for row in _closed(made) if part not in done else ():
                journal.add([row])
        progress("learning", len(parts), len(parts))
        return journal.lines()


def weights_memory(
    folder: Path,
    encoder: Encoder,
    edits: Sequence[Edit],
    training: Sequence[Question],
    scratch: Path,
    *,
    seconds: float = SWAP_SECONDS,
    way: Further = Further(),  # noqa: B008 - immutable
) -> MemoriesOf:
    """The weights for the swap: at A those in ``folder``, at B the same, trained further on those of the edits that the
    store's documents have at B and not at A. The latter are written to ``scratch``."""

    def memories_of(store: KStore, a: int, b: int) -> list[Memory]:
        before, after = (store.memory.store.texts(revision) for revision in (a, b))
        made = [edit for edit in edits if _made(edit, before, after)]
        Classroom(folder, encoder, before, made, training, way=way).write_taught(scratch, seconds)
        at_a, at_b = (
            ParametricArm(SentencePromptedGenerator(weights, encoder), store.revision_of)
            for weights in (folder, scratch)
        )
        return [Memory(at_a.name, at_a, at_b)]

    return memories_of


def _closed(rows: Iterator[LearningRow]) -> Iterator[LearningRow]:
    """The same rows, the last of them marked."""
    last = next(rows)
    for row in rows:
        yield last
        last = row
    yield last.model_copy(update={"closes": True})


def _made(edit: Edit, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether the documents have all that the edit writes, and had it not."""

    def times(documents: Mapping[str, str], name: str, text: str) -> int:
        return len(places(text, documents.get(name, "")))

    return all(
        change.replace and times(after, change.doc, change.replace) > times(before, change.doc, change.replace)
        for change in (edit, *edit.also)
    )
