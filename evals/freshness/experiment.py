"""``kstore eval freshness`` and ``replay``: edits or a history in, the files of a run out."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.casefiles import load
from evals.cases import Asking, Edit, Question, Replay
from evals.check import is_training
from evals.files import read_lines
from evals.freshness.bench import Bench, benches
from evals.freshness.history import local
from evals.freshness.lessons import teachable
from evals.freshness.measures import MEASURES
from evals.freshness.replay import read_history, run_replay
from evals.freshness.rows import Line
from evals.freshness.run import MODES, ROWS, plan, run_freshness
from evals.freshness.summary import summarise
from evals.freshness.swap import MemoriesOf, Memory, as_of_both
from evals.freshness.taught import LEARNING, LearningRow, summarise_learning
from evals.outputs import write_outputs
from evals.summary import Summary
from kstore.assemble import GUIDE, open_kstore, weights_folder
from kstore.errors import InputError
from kstore.service import KStore
from kstore.settings import Settings, load_settings
from kstore.text.sources import read_source
from kstore.types import Progress, no_progress
from kstore.weights.generator import TrainingRecord
from kstore.weights.shipped import KIND

FRESHNESS, REPLAY = "freshness", "replay"
UNTOUCHED = 150  # questions that show what teaching an edit damages


@dataclass(frozen=True, slots=True)
class Study:
    """What a freshness run is about: a corpus (None: the guide), files of edits, questions far from all edits, arms.

    ``training``: the questions that the weights were trained on. With it the weights are taught edits as well, and
    swapped; without it nothing is known of what they may rehearse. Of the memories, those among ``arms`` are swapped.
    """

    corpus: str | None
    edits: tuple[Path, ...]
    arms: tuple[str, ...]
    questions: tuple[Path, ...] = ()
    training: tuple[Path, ...] = ()
    modes: tuple[str, ...] = MODES
    taught: int = 30


def conduct_freshness(
    study: Study, out: Path, seed: int, resume: bool, command: str, progress: Progress = no_progress
) -> Summary:
    """Run the edits, or the rest of them, and write the files to ``out``; return the summary.

    InputError, and nothing written, where an edit does not fit the corpus or a mode is unknown; InputError where the
    folder holds another run.
    """
    from evals.arms.choose import choose, meaning

    settings = load_settings()
    documents = dict(read_source(study.corpus or str(GUIDE), settings.max_document_bytes).documents)
    edits, controls = load(Edit, study.edits), load(Question, study.questions)
    if not edits:
        raise InputError("there is no edit to make")
    for mode in study.modes:
        plan(mode, edits, controls, documents, seed)
    lessons = _lessons(study.training, settings)
    with benches(documents, settings, lambda store: choose(study.arms, store, [], []), progress) as open_bench:
        with open_bench() as bench:
            status = bench.store.status()
        parts = {
            "kind": FRESHNESS,
            "questions": _described(study),
            "arms": {name: {"meaning": meaning(name)} for name in study.arms},
            "modes": list(study.modes),
            "taught": study.taught if lessons else 0,
        }
        manifest = manifests.begin(out, manifests.describe(parts, settings, status, seed, command), resume)
        with tempfile.TemporaryDirectory(prefix="kstore-taught-") as scratch:
            run_freshness(
                open_bench,
                documents,
                edits,
                controls,
                out,
                modes=study.modes,
                memories_of=_memories(study.arms, settings, edits, lessons, Path(scratch)),
                seed=seed,
                progress=progress,
            )
        if lessons and (taught := teachable(edits, documents, study.taught, seed)):
            with open_bench() as bench:
                encoder = bench.store.memory.encoder()
            untouched = random.Random(seed).sample(controls, min(UNTOUCHED, len(controls)))
            from evals.freshness.classroom import Classroom
            from evals.freshness.learning import run_learning

            classroom = Classroom(weights_folder(settings), encoder, documents, taught, lessons, untouched)
            run_learning(classroom, out, progress=progress)
    return _write(out, manifest)


def conduct_replay(
    repository: str,
    files: Sequence[Path],
    arms: Sequence[str],
    out: Path,
    seed: int,
    resume: bool,
    command: str,
    progress: Progress = no_progress,
) -> Summary:
    """Replay the repository's history, or the rest of it, and write the files to ``out``; return the summary.

    InputError, and nothing written, where a case names a commit that is not in the history; InputError where the folder
    holds another run.
    """
    from evals.arms.choose import choose, meaning

    cases = load(Replay, files)
    with local(repository) as path, tempfile.TemporaryDirectory(prefix="kstore-replay-") as home:
        _, history = read_history(path, cases)
        settings = load_settings(home=Path(home))
        with open_kstore(settings, empty=True, progress=progress) as store:
            parts = {
                "kind": REPLAY,
                "questions": manifests.describe_files(files, [load(Replay, [file]) for file in files]),
                "arms": {name: {"meaning": meaning(name)} for name in arms},
                "repository": repository,
                "history": history[-1],
            }
            chosen = choose(arms, store, [], [])
            described = manifests.describe(parts, settings, store.status(), seed, command)
            manifest = manifests.begin(out, described, resume)
            run_replay(Bench(store, chosen), str(path), cases, out, progress=progress)
    return _write(out, manifest)


def report_changes(out: Path) -> Summary:
    """Make the summary and the report of a freshness run or a replay again from its rows; nothing is asked."""
    return _write(out, manifests.read(out))


def _write(out: Path, manifest: manifests.Manifest) -> Summary:
    summary = summarise([line.root for line in read_lines(out / ROWS, Line)])
    if (out / LEARNING).exists():
        summary["freshness"] |= summarise_learning(read_lines(out / LEARNING, LearningRow))
    visible = summary["arms"].get("retrieval", {}).get("t_visible_ms_p50")
    if visible:
        summary["freshness"]["index_ms"] = visible
    write_outputs(out, manifest, summary, {name: it.meaning for name, it in MEASURES.items()})
    return summary


def _lessons(files: Sequence[Path], settings: Settings) -> list[Question]:
    """The questions that the weights were trained on; InputError where some are meant for measuring, or the weights are
    of a kind that cannot be taught here."""
    lessons = load(Question, files)
    if strange := next((it for it in lessons if it.split and not is_training(it.split)), None):
        raise InputError(f"question {strange.id!r} is of the split {strange.split!r}, which is not to learn from")
    record = TrainingRecord.read(weights_folder(settings)) if lessons else None
    if lessons and (record is None or record.kind != KIND):
        raise InputError(f"the weights of {settings.generator} cannot be taught here: leave --training away")
    return lessons


def _memories(
    arms: Sequence[str], settings: Settings, edits: Sequence[Edit], lessons: Sequence[Question], scratch: Path
) -> MemoriesOf | None:
    """What is swapped, as far as it is among the arms: the documents as of both times, and the weights, taught where
    there are lessons. None where neither is."""
    if not {"retrieval", "parametric"} & set(arms):
        return None

    def memories_of(store: KStore, a: int, b: int) -> list[Memory]:
        documents = [as_of_both(store, "retrieval", a, b)] if "retrieval" in arms else []
        if "parametric" not in arms:
            return documents
        if not lessons:
            return [*documents, Memory("parametric", store.arm("parametric"), None)]
        from evals.freshness.learning import weights_memory

        weights = weights_memory(weights_folder(settings), store.memory.encoder(), edits, lessons, scratch)
        return [*documents, *weights(store, a, b)]

    return memories_of


def _described(study: Study) -> list[dict[str, Any]]:
    cases: list[Sequence[Asking]] = [load(Edit, [file]) for file in study.edits]
    cases += [load(Question, [file]) for file in (*study.questions, *study.training)]
    return manifests.describe_files([*study.edits, *study.questions, *study.training], cases)
