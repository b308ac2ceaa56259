"""``kstore eval run`` and ``report``: inputs in, the four files of a run out."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.arms.choose import ARMS, choose, flags
from evals.casefiles import load
from evals.cases import Question, Unanswerable
from evals.check import is_training
from evals.files import read_lines, write_whole
from evals.report.render import render
from evals.rows import Row
from evals.run import ROWS, Finish, run
from evals.scoring import METRICS, SIMILARITY, Scorer, as_question
from evals.summary import SUMMARY, Summary, summarise
from kstore.assemble import GUIDE, open_kstore
from kstore.errors import InputError
from kstore.service import KStore
from kstore.settings import Settings, load_settings
from kstore.text.sources import read_source
from kstore.types import Progress, no_progress

REPORT = "report.html"
REPORT_MARKDOWN = "report.md"
_STORE = "store"  # beside the run's files while it lasts: what has been encoded need not be encoded again


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
        cases: list[Sequence[Question | Unanswerable]] = [load(Question, [file]) for file in self.questions]
        cases += [load(Unanswerable, [file]) for file in self.unanswerable]
        cases += [load(Question, [file]) for file in self.training]
        return manifests.describe_files(files, cases)

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
    """Run the experiment, or the rest of it, and write the four files to ``out``; return the summary."""
    settings = load_settings(home=out / _STORE)
    cases, lessons = inputs.cases(), inputs.lessons()
    documents = inputs.documents(settings)
    out.mkdir(parents=True, exist_ok=True)
    with open_kstore(settings, empty=True, progress=progress) as store:
        store.memory.apply(documents, "the corpus of the run")
        arms = choose(names, store, list(cases.values()), lessons)
        abilities = {arm.name: dict(zip(("ranks", "cites"), flags(arm), strict=True)) for arm in arms}
        parts = {
            "questions": inputs.described(),
            "arms": {
                name: {"meaning": ARMS.get(name, "an endpoint elsewhere"), **it} for name, it in abilities.items()
            },
            "inputs": inputs.shape(),
        }
        described = manifests.describe(parts, settings, store.status(), seed, command)
        manifest = manifests.begin(out, described, resume)
        finish = _finish(store, Scorer(cases, documents), abilities)
        rows = run(arms, list(cases.values()), out, seed, finish, progress)
    summary = _write(out, manifest, rows, cases, documents)
    shutil.rmtree(settings.home)
    return summary


def report(out: Path) -> Summary:
    """Score the rows of a run again and write its summary and its report; nothing is asked and no model is loaded.

    InputError where the corpus or a question file is no longer what the run was made with.
    """
    manifest = manifests.read(out)
    inputs = Inputs.read(manifest["inputs"])
    if inputs.described() != manifest["questions"]:
        raise InputError("the question files are no longer those of the run")
    documents = inputs.documents(load_settings())
    manifests.check_corpus(manifest, documents)
    return _write(out, manifest, read_lines(out / ROWS, Row), inputs.cases(), documents)


def _write(
    out: Path,
    manifest: manifests.Manifest,
    rows: Sequence[Row],
    cases: Mapping[str, Question],
    documents: Mapping[str, str],
) -> Summary:
    abilities = {name: {"ranks": arm["ranks"], "cites": arm["cites"]} for name, arm in manifest["arms"].items()}
    summary, scored = summarise(rows, cases, documents, abilities, manifest["seed"])
    meanings = {name: metric.meaning for name, metric in METRICS.items()}
    page, text = render(manifest, summary, scored, cases, meanings)
    write_whole(out / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_whole(out / REPORT, page)
    write_whole(out / REPORT_MARKDOWN, text)
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
            row.model_copy(update={"scores": {SIMILARITY: similarity(row.answer, case.answers)}})
            if case.answers and row.answer
            else row
            for row in rows
        ]
        return [scored for row in compared for scored in scorer.score([row], **abilities[row.arm])]

    return finish
