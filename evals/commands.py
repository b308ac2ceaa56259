"""``kstore eval``: the commands of the harness. Nothing heavy is imported before a command runs."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from kstore.errors import InputError

app = typer.Typer(help="Measure: check case files, describe a corpus.", no_args_is_help=True)

CorpusOption = Annotated[
    str | None, typer.Option("--corpus", help="What the cases are about; the guide by default.", metavar="SOURCE")
]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Question and edit files (JSON Lines).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def check(files: FilesArgument, corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Validate question and edit files: each line, its quotes, and that no test question is trained on."""
    from evals.check import check as checked

    report = checked(files, _documents(corpus))
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if as_json:
        _print(asdict(report))
    else:
        print(
            f"{report.questions} questions about {report.facts} facts in {report.phrasings} phrasings, "
            f"{report.unanswerable} unanswerable, {report.edits} edits"
        )
    if report.problems:
        raise InputError(f"{len(report.problems)} problem(s) in {len(files)} file(s)")


@app.command()
def corpus(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Question and edit files.")] = None,
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Describe a corpus and its cases in numbers, as Markdown tables."""
    from evals.corpus import statistics

    numbers = statistics(_documents(corpus), files or [])
    if as_json:
        _print(numbers.shape())
    else:
        print(numbers.table())
        if files:
            print(f"\n{numbers.cases_table()}")


def _documents(source: str | None) -> dict[str, str]:
    from kstore.assemble import GUIDE
    from kstore.settings import load_settings
    from kstore.text.sources import read_source

    place = str(GUIDE) if source is None else source
    documents = dict(read_source(place, load_settings().max_document_bytes).documents)
    if not documents:
        raise InputError(f"{place} has no documents")
    return documents


def _print(shape: dict[str, Any]) -> None:
    print(json.dumps(shape, ensure_ascii=False, indent=2))
