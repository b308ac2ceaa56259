"""``kstore train`` and ``train-retrieval``: a corpus and its questions in, models and their records out."""

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kstore.answering.prompts import closed_book
from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.text.definitions import definitions
from kstore.text.sources import read_source
from kstore.types import Progress, corpus_digest, no_progress
from kstore.weights.examples import Example, Origin, definition_examples, read_examples

LORA, LORA_ADAPTER = "lora", "lora-adapter"  # methods for a base model


def train_model(
    corpus: str,
    questions: Sequence[Path],
    dev: Sequence[Path],
    encoder: Encoder,
    folder: Path,
    max_document_bytes: int,
    epochs: int | None = None,
    seed: int | None = None,
    report: Callable[[int, int, float], None] = lambda epoch, epochs, loss: None,
    base: str | None = None,
    merged: bool = True,
    resume: bool = False,
) -> dict[str, Any]:
    """Train a model on the questions and on the corpus's own definitions; returns what ``kstore.json`` records.

    ``dev`` questions are not trained on: they say how well it does and calibrate its confidence. Without a ``base`` the
    model is of the shipped kind and begins from nothing, or where it was killed with ``resume``. With one, a model that
    writes from left to right by folder or hub name, it is that model with LoRA, ``merged`` or as an adapter. InputError
    where there is nothing to learn from.
    """
    _make(folder)  # before the work, not after it
    documents = read_source(corpus, max_document_bytes).documents
    examples: list[Example] = read_examples(questions)
    for definition in definitions(documents):
        fact = f"{definition.document}#{definition.term}"
        examples += definition_examples(fact, definition.term, definition.sentence)
    if not examples:
        raise InputError(f"{corpus} defines nothing, and there are no questions: there is nothing to train on")
    origin = Origin(corpus_digest(documents), datetime.datetime.now(datetime.UTC).date().isoformat())
    asked = read_examples(dev)
    chosen = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    if base is not None:
        if resume:
            raise InputError("only a training without a base is kept and can be resumed")
        from kstore.weights.huggingface.lora import LoraRecipe, train_lora

        way = replace(LoraRecipe(), **chosen)

        def told(epoch: int, loss: float) -> None:
            report(epoch + 1, way.epochs, loss)

        return train_lora(base, examples, asked, folder, origin, closed_book, way, merged, told)
    from kstore.weights.training import Recipe, train

    recipe = replace(Recipe(), **chosen)
    return train(
        examples,
        asked,
        encoder,
        folder,
        origin,
        recipe,
        lambda epoch, loss: report(epoch + 1, recipe.epochs, loss),
        resume,
    )


_SQUAD_ASKED = 600  # questions about the articles kept back, which are more than are needed to tell
LESSONS, CALIBRATION = "lessons", "calibration"
PARTS = (LESSONS, "reader", "tokens", CALIBRATION)  # of training for retrieval, in this order


def train_retrieval(
    corpus: str,
    questions: Sequence[Path],
    dev: Sequence[Path],
    squad: Sequence[Path],
    encoder: Encoder,
    folder: Path,
    max_document_bytes: int,
    parts: Sequence[str] = PARTS,
    recipe: dict[str, Any] | None = None,
    onward: bool = False,
    report: Callable[[str, int, int, float], None] = lambda model, epoch, epochs, loss: None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train the token encoder and the reader; what each of the ``parts`` tells of itself, by name.

    A part finds in ``folder`` what an earlier one left there, also on another day or machine. Question files, those to
    learn from as those of ``dev``, may hold questions without an answer. ``recipe`` are fields of
    ``training.loop.Recipe``. InputError where there is nothing to learn from.
    """
    from kstore.training.course import train_models
    from kstore.training.loop import Recipe

    unknown = set(parts) - set(PARTS)
    if unknown or not parts:
        raise InputError(f"unknown part {', '.join(sorted(unknown)) or '(none)'}: choose of {', '.join(PARTS)}")
    _make(folder)
    told: dict[str, Any] = {}
    if LESSONS in parts:
        told[LESSONS] = _prepare(corpus, questions, squad, encoder, folder, max_document_bytes, progress)
    models = [it for it in parts if it not in {LESSONS, CALIBRATION}]
    if models:
        told |= train_models(folder, models, Recipe(**(recipe or {})), onward, report)
    if CALIBRATION in parts and dev:
        told[CALIBRATION] = _calibrate(corpus, dev, squad, encoder, folder, max_document_bytes, progress)
    return told


def _prepare(
    corpus: str,
    questions: Sequence[Path],
    squad: Sequence[Path],
    encoder: Encoder,
    folder: Path,
    max_document_bytes: int,
    progress: Progress,
) -> dict[str, Any]:
    from kstore.training.examples import make_lessons
    from kstore.training.questions import KEPT_BACK, file_digest, read_questions, read_squad
    from kstore.training.transformer import write_start

    documents = read_source(corpus, max_document_bytes).documents
    material = read_questions(questions, documents) + read_squad(squad)[0]
    lessons = make_lessons(material, encoder, progress)
    if not any(it.positives for it in lessons.lessons):
        raise InputError("no question has an answer with evidence in the corpus: there is nothing to train on")
    record = {
        "corpus": corpus_digest(documents),
        "questions": {file.name: file_digest(file) for file in questions},
        "squad": {file.name: file_digest(file) for file in squad},
        "kept back": list(KEPT_BACK) if squad else [],
        "searched with": encoder.name,
        **lessons.statistics(),
    }
    replace(lessons, record=record).write(folder)
    write_start(folder, lessons.vocabulary())
    return record


def _calibrate(
    corpus: str,
    dev: Sequence[Path],
    squad: Sequence[Path],
    encoder: Encoder,
    folder: Path,
    max_document_bytes: int,
    progress: Progress,
) -> dict[str, Any]:
    """Fit the reader's tuning on dev questions and note how the models do; the shipped one where one is not trained."""
    from kstore.encoding import tokens
    from kstore.reading import reader
    from kstore.reading.tuning import record_file
    from kstore.training.calibration import figures, listen, tune
    from kstore.training.course import write_record
    from kstore.training.questions import file_digest, read_questions, read_squad

    files = {
        name: folder / shipped.name if (folder / shipped.name).is_file() else shipped
        for name, shipped in (("tokens", tokens.FILE), ("reader", reader.FILE))
    }
    matcher, cross_encoder = tokens.TokenEncoder(file=files["tokens"]), reader.CrossEncoder(file=files["reader"])
    material = read_questions(dev, read_source(corpus, max_document_bytes).documents)
    heard = listen(material, encoder, matcher, cross_encoder, progress=progress)
    answerable = sum(it.answerable for it in heard)
    if not answerable:
        raise InputError("no dev question has an answer with evidence in the corpus: there is nothing to calibrate on")
    tuning = tune(heard, f"dev ({answerable} questions that were never trained on)")
    told = {
        "questions": {file.name: file_digest(file) for file in dev},
        "weights": {name: file_digest(file) for name, file in files.items()},
        "dev": figures(heard, tuning),
    }
    if squad:
        kept = listen(read_squad(squad)[1], encoder, matcher, cross_encoder, _SQUAD_ASKED, progress)
        told["articles kept back"] = figures(kept, tuning)
    for name, file in files.items():
        record = json.loads(record_file(file).read_text(encoding="utf-8"))
        tuned = {"tuning": tuning.shape()} if name == "reader" else {}
        write_record(folder / file.name, {**record, "dev": told, **tuned})
    return {**told, "tuning": tuning.shape()}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write a model to {folder}: {error.strerror}") from error
