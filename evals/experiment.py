"""``kstore eval run`` and ``report``: inputs in, the four files of a run out."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.arms.remote import OpenAIArm, remote_arm
from evals.casefiles import load, read_cases
from evals.cases import Asking, Question, Unanswerable
from evals.check import is_training
from evals.decision import decide, profile, with_training
from evals.evidence import locate
from evals.files import read_lines
from evals.judge import agreement, judge
from evals.manifest import RUN
from evals.outputs import read_summary, write_outputs
from evals.rows import Row
from evals.run import ROWS, Finish, run
from evals.scoring import METRICS, SIMILARITY, Scorer, as_question
from evals.summary import Summary, summarise
from kstore.assemble import GUIDE, open_kstore
from kstore.errors import InputError
from kstore.service import KStore
from kstore.settings import Settings, load_settings
from kstore.text.sources import read_source
from kstore.types import Progress, no_progress

OBJECTIVE_MS = 1_000.0
_STORE = ".store"  # beside the run's files while it lasts: what has been encoded need not be encoded again


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run is about: a corpus (None: the guide), question files, files of questions without an answer, and the
    questions that controls may learn from."""

    corpus: str | None
    questions: tuple[Path, ...]
    unanswerable: tuple[Path, ...] = ()
    training: tuple[Path, ...] = ()

    def shape(self) -> dict[str, Any]:
        """As the manifest keeps it: as it was given, for whoever makes the run again."""
        return json.loads(json.dumps(asdict(self), default=str))  # type: ignore[no-any-return]

    @classmethod
    def read(cls, shape: Mapping[str, Any]) -> "Inputs":
        """The inputs that a manifest tells."""
        files = (tuple(Path(file) for file in shape[name]) for name in ("questions", "unanswerable", "training"))
        return cls(shape["corpus"], *files)

    def cases(self) -> dict[str, Question]:
        """Every case to be asked, by its id; InputError where two have the same, or there is none."""
        asked = [*load(Question, self.questions), *map(as_question, load(Unanswerable, self.unanswerable))]
        cases: dict[str, Question] = {}
        for case in asked:
            if cases.setdefault(case.id, case) is not case:
                raise InputError(f"two cases have the id {case.id!r}")
        if not cases:
            raise InputError("there is no question to ask")
        return cases

    def lessons(self) -> list[Question]:
        """The questions to learn from; InputError where one of them is meant for measuring."""
        lessons = load(Question, self.training)
        for lesson in lessons:
            if lesson.split and not is_training(lesson.split):
                raise InputError(f"question {lesson.id!r} is of the split {lesson.split!r}, which is not to learn from")
        return lessons

    def described(self) -> list[dict[str, Any]]:
        """Each file with its hash and what is in it."""
        files = (*self.questions, *self.unanswerable, *self.training)
        cases: list[Sequence[Asking]] = [load(Question, [file]) for file in self.questions]
        cases += [load(Unanswerable, [file]) for file in self.unanswerable]
        cases += [load(Question, [file]) for file in self.training]
        return manifests.describe_files(files, cases)

    def check(self, documents: Mapping[str, str]) -> None:
        """InputError, with the line, where a question's evidence does not stand in the documents."""
        for file in self.questions:
            for line in read_cases(file)[0]:
                for evidence in line.case.evidence if isinstance(line.case, Question) else ():
                    try:
                        locate(evidence, documents)
                    except ValueError as error:
                        raise InputError(f"{line.place}: {error}") from error

    def documents(self, settings: Settings) -> dict[str, str]:
        """The corpus as it is now, ``{name: text}``."""
        return dict(read_source(self.corpus or str(GUIDE), settings.max_document_bytes).documents)


def conduct(
    inputs: Inputs,
    names: Sequence[str],
    out: Path,
    seed: int,
    resume: bool,
    command: str,
    progress: Progress = no_progress,
) -> Summary:
    """Run the experiment, or the rest of it, and write the four files to ``out``; return the summary.

    InputError, and nothing left behind, where the inputs or the arms are not such as can be run, or the folder holds
    another run.
    """
    from evals.arms.choose import check_names, choose, flags, meaning  # which load what a report can do without

    manifests.check_free(out, resume)
    settings = load_settings(home=out / _STORE)
    cases, lessons = inputs.cases(), inputs.lessons()
    documents = inputs.documents(settings)
    inputs.check(documents)
    with _store_of_run(settings, out, progress) as store:
        check_names(names, store)  # before the work, not after it
        store.memory.apply(documents, "the corpus of the run")
        arms = choose(names, store, list(cases.values()), lessons)
        abilities = {arm.name: dict(zip(("ranks", "cites"), flags(arm), strict=True)) for arm in arms}
        parts = {
            "kind": RUN,
            "questions": inputs.described(),
            "arms": {name: {"meaning": meaning(name), **it} for name, it in abilities.items()},
            "inputs": inputs.shape(),
        }
        described = manifests.describe(parts, settings, store.status(), seed, command)
        manifest = manifests.begin(out, described, resume)
        finish = _finish(store, Scorer(cases, documents), abilities)
        rows = run(arms, list(cases.values()), out, seed, finish, progress)
    return _write(out, manifest, rows, cases, documents)


def report(out: Path, changes: Path | None = None, objective_ms: float = OBJECTIVE_MS) -> Summary:
    """Score the rows of a run again and write its summary and its report; nothing is asked and no model is loaded.

    ``changes`` is the folder of a freshness run of the same corpus and weights: its figures are then shown in the
    report as well, and the decision that both together allow at this latency objective. InputError where the corpus or
    a question file is no longer what the run was made with.
    """
    manifest = manifests.read(out)
    inputs = Inputs.read(manifest["inputs"])
    if inputs.described() != manifest["questions"]:
        raise InputError("the question files are no longer those of the run")
    documents = inputs.documents(load_settings())
    manifests.check_corpus(manifest, documents)
    beside = None if changes is None else _Beside(manifests.read(changes), read_summary(changes), objective_ms)
    return _write(out, manifest, read_lines(out / ROWS, Row), inputs.cases(), documents, beside)


def judged(
    out: Path, arms: tuple[str, str], address: str, sample: int, seed: int, progress: Progress = no_progress
) -> dict[str, Any]:
    """What the model at ``address`` says of two arms of a run; see ``judge.agreement``. InputError where it is none."""
    model = remote_arm(address)
    if not isinstance(model, OpenAIArm):
        raise InputError(f"a judge is given as openai+URL#MODEL, not {address!r}")
    cases = Inputs.read(manifests.read(out)["inputs"]).cases()
    rows = read_lines(out / ROWS, Row)
    return agreement(judge(rows, cases, arms, model.complete, sample, seed, progress))


@contextmanager
def _store_of_run(settings: Settings, out: Path, progress: Progress) -> Iterator[KStore]:
    """The store of a run, which is there as long as the run can still be taken up, and no longer."""
    new = not out.exists()
    try:
        with open_kstore(settings, empty=True, progress=progress) as store:
            yield store
    except Exception:
        if not manifests.holds_run(out):
            shutil.rmtree(out if new else settings.home, ignore_errors=True)
        raise
    shutil.rmtree(settings.home)


@dataclass(frozen=True, slots=True)
class _Beside:
    """A freshness run, and the objective for the decision that it and a run of questions allow."""

    manifest: manifests.Manifest
    summary: Summary
    objective_ms: float

    def added_to(self, manifest: manifests.Manifest, summary: Summary) -> tuple[manifests.Manifest, Summary]:
        """Manifest and summary of the run of questions with the freshness and the decision."""
        for part in ("corpus", "weights"):
            if self.manifest[part] != manifest[part]:
                raise InputError(f"the freshness run is of another {part} than the run")
        arms, freshness = summary["arms"], self.summary["freshness"]
        if not {"parametric", "retrieval"} <= arms.keys() or "index_ms" not in freshness:
            raise InputError("a decision wants parametric and retrieval in both runs")
        cores = manifest["machine"]["cores"]
        weights = replace(profile("parametric", arms["parametric"], 0.0), processors=cores)  # training takes them all
        decision = decide(
            with_training(weights, freshness.get("learning", ()), freshness.get("sequential", ())),
            profile("retrieval", arms["retrieval"], freshness["index_ms"]["value"]),
            objective_ms=self.objective_ms,
            facts=arms["parametric"]["contains"]["clusters"],
            cores=cores,
            search_ms=_search_ms(summary),
            difference=_paired_margin(summary),
        )
        return (
            {**manifest, "freshness": {it: self.manifest[it] for it in ("identity", "created", "command", "machine")}},
            {**summary, "freshness": freshness, "decision": decision},
        )


def _paired_margin(summary: Summary) -> float | None:
    """Of the difference of the memories in what a profile calls accuracy, plus or minus; None where they share no
    question."""
    for it in summary["contrasts"]:
        if it["metric"] == "contains" and {it["a"], it["b"]} == {"parametric", "retrieval"}:
            low, high = it["difference"]["ci"]
            return float(high - low) / 2
    return None


def _search_ms(summary: Summary) -> float:
    """The median of the stages of a retrieval that come before reading."""
    stages = summary["curves"]["latency_ms"]["retrieval"]["stages"]
    return float(sum(stages.get(name, 0.0) for name in ("pin", "encode", "search", "fuse")))


def _write(
    out: Path,
    manifest: manifests.Manifest,
    rows: Sequence[Row],
    cases: Mapping[str, Question],
    documents: Mapping[str, str],
    beside: _Beside | None = None,
) -> Summary:
    abilities = {name: {"ranks": arm["ranks"], "cites": arm["cites"]} for name, arm in manifest["arms"].items()}
    summary, scored = summarise(rows, cases, documents, abilities, manifest["seed"])
    if beside is not None:
        manifest, summary = beside.added_to(manifest, summary)
    meanings = {name: metric.meaning for name, metric in METRICS.items()}
    write_outputs(out, manifest, summary, meanings, scored, cases)
    return summary


def _finish(store: KStore, scorer: Scorer, abilities: Mapping[str, Mapping[str, bool]]) -> Finish:
    """Gives rows their scores. The similarity to the accepted answer nearest by the store's encoder is the only one
    that takes a model: it is measured here, while every other can be computed again later."""
    known: dict[str, Any] = {}

    def similarity(said: str, golds: Sequence[str]) -> float:
        texts = [text for text in (said, *golds) if text not in known]
        if texts:
            known.update(zip(texts, store.memory.encoder().encode_passages(texts), strict=True))
        return round(max(float(known[said] @ known[gold]) for gold in golds), 4)

    def finish(case: Question, rows: list[Row]) -> list[Row]:
        compared = [
            row.with_scores({SIMILARITY: similarity(row.answer, case.answers)}) if case.answers and row.answer else row
            for row in rows
        ]
        return [scored for row in compared for scored in scorer.score([row], **abilities[row.arm])]

    return finish
