"""Question files: one JSON object a line, each with its gold answers and the quotations that prove them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kstore.errors import InputError


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece of gold evidence stands: ``document[start:end]`` is the quote."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """One gold question in all its phrasings; ``answers`` None means that the corpus does not answer it."""

    id: str
    fact: str
    phrasings: tuple[str, ...]
    answers: tuple[str, ...] | None
    evidence: tuple[Span, ...]
    kind: str


def read_questions(files: Iterable[Path], documents: Mapping[str, str]) -> list[Question]:
    """The questions of the files, their quotes located in ``documents`` (``{name: text}``).

    InputError, with file, line and reason, for a line that is malformed, repeats an id or quotes what no document says.
    """
    questions: list[Question] = []
    seen: set[str] = set()
    for file in files:
        for where, record in _records(file):
            try:
                question = _question(record, documents)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{where}: {error if isinstance(error, ValueError) else repr(error)}") from error
            if question.id in seen:
                raise InputError(f"{where}: the id {question.id!r} is there twice")
            seen.add(question.id)
            questions.append(question)
    return questions


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # U+2028 may stand in a JSON text
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise InputError(f"{file}:{number}: not JSON: {error}") from error
            if not isinstance(record, dict):
                raise InputError(f"{file}:{number}: not an object")
            yield f"{file}:{number}", record


def _question(record: dict[str, Any], documents: Mapping[str, str]) -> Question:
    answers = record["answers"]
    phrasings = (record["question"], *record.get("paraphrases", []))
    if not all(isinstance(text, str) and text.strip() for text in (*phrasings, *(answers or []))):
        raise ValueError("questions and answers must be texts with something in them")
    if answers is not None and not answers:
        raise ValueError("answers is empty; null means that the corpus does not answer")
    return Question(
        id=record["id"],
        fact=record.get("fact", record["id"]),
        phrasings=phrasings,
        answers=None if answers is None else tuple(answers),
        evidence=tuple(_located(quote, documents) for quote in record.get("evidence", [])),
        kind=record.get("type", ""),
    )


def _located(evidence: dict[str, str], documents: Mapping[str, str]) -> Span:
    document, quote = evidence["doc"], evidence["quote"]
    if document not in documents:
        raise ValueError(f"there is no document {document!r}")
    start = documents[document].find(quote)
    if start < 0:
        raise ValueError(f"{document} does not say {quote[:60]!r}")
    return Span(document, start, start + len(quote))
