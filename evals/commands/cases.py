"""``check``, ``corpus`` and ``score``: files of cases, and of answers made elsewhere."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from evals.commands.options import CorpusOption, FilesArgument, JsonOption, print_json
from kstore.errors import InputError


def check(files: FilesArgument, corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Validate question and edit files: each line, its quotes, and that no test question is trained on."""
    from evals.check import check as checked

    report = checked(files, _documents(corpus))
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if as_json:
        print_json(asdict(report))
    else:
        print(
            f"{report.questions} questions about {report.facts} facts in {report.phrasings} phrasings, "
            f"{report.unanswerable} unanswerable, {report.edits} edits"
        )
    if report.problems:
        raise InputError(f"{len(report.problems)} problem(s) in {len(files)} file(s)")


def corpus(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Question and edit files.")] = None,
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Describe a corpus and its cases in numbers, as Markdown tables."""
    from evals.corpus import statistics

    numbers = statistics(_documents(corpus), files or [])
    if as_json:
        print_json(numbers.shape())
    else:
        print(numbers.table())
        if files:
            print(f"\n{numbers.cases_table()}")


def score(
    questions: Annotated[Path, typer.Option(help="A question file.", metavar="FILE")],
    answers: Annotated[Path, typer.Option(help='Answers made elsewhere: {"id", "text"} a line.', metavar="FILE")],
    as_json: JsonOption = False,
) -> None:
    """Score answers that were made elsewhere, as the official SQuAD 2.0 script does."""
    from evals.answerfiles import score_answers

    scores = score_answers(questions, answers)
    for missing in scores["missing"]:
        print(f"kstore: no answer to {missing}, which counts as wrong", file=sys.stderr)
    if as_json:
        print_json(scores)
    else:
        print(f"{len(scores['questions'])} questions: exact match {scores['exact_match']:.4f}, F1 {scores['f1']:.4f}")


def _documents(source: str | None) -> dict[str, str]:
    from kstore.assemble import GUIDE
    from kstore.settings import load_settings
    from kstore.text.sources import read_source

    place = str(GUIDE) if source is None else source
    documents = dict(read_source(place, load_settings().max_document_bytes).documents)
    if not documents:
        raise InputError(f"{place} has no documents")
    return documents
