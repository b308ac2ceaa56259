"""``kstore train``: a corpus and its questions in, a model and its record out."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.text.definitions import definitions
from kstore.text.sources import read_source
from kstore.types import corpus_digest
from kstore.weights.examples import Example, definition_examples, read_examples


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
) -> dict[str, Any]:
    """Train a model on the questions and on the corpus's own definitions; returns what ``kstore.json`` records.

    ``dev`` questions are not trained on: they say how well it does and calibrate its confidence. InputError where
    there is nothing to learn from.
    """
    from kstore.weights.training import Origin, Recipe, train

    try:
        folder.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    except OSError as error:
        raise InputError(f"cannot write a model to {folder}: {error.strerror}") from error
    documents = read_source(corpus, max_document_bytes).documents
    examples: list[Example] = read_examples(questions)
    for definition in definitions(documents):
        fact = f"{definition.document}#{definition.term}"
        examples += definition_examples(fact, definition.term, definition.sentence)
    if not examples:
        raise InputError(f"{corpus} defines nothing, and there are no questions: there is nothing to train on")
    recipe = Recipe()
    recipe = replace(recipe, epochs=epochs or recipe.epochs, seed=recipe.seed if seed is None else seed)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return train(
        examples,
        read_examples(dev),
        encoder,
        folder,
        Origin(corpus_digest(documents), today),
        recipe,
        lambda epoch, loss: report(epoch + 1, recipe.epochs, loss),
    )
