"""``kstore eval``: the commands of the harness. Nothing heavy is imported before a command runs."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Context
from typer.core import TyperCommand

from kstore.errors import InputError

app = typer.Typer(
    help="Measure: run, score, report, compare; check case files, describe a corpus.", no_args_is_help=True
)

ARMS = "parametric,retrieval,lexical-only,top-passage,oracle-passage,always-decline"  # those that want nothing more


class ManyValues(TyperCommand):
    """A command whose repeatable options also take several values at once: ``--questions A B`` as well as
    ``--questions A --questions B``, so that a shell can expand ``*.jsonl``."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        repeatable = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        spread: list[str] = []
        option, taken = "", 0
        for word in args:
            if word.startswith("-"):
                option, taken = word if word in repeatable else "", 0
            elif option:
                spread += [option] if taken else []
                taken += 1
            spread.append(word)
        return super().parse_args(ctx, spread)


CorpusOption = Annotated[
    str | None, typer.Option("--corpus", help="What the cases are about; the guide by default.", metavar="SOURCE")
]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Question and edit files (JSON Lines).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
OutOption = Annotated[Path, typer.Option("--out", help="The folder of the run.", metavar="DIR")]


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


@app.command(cls=ManyValues)
def run(
    questions: Annotated[list[Path], typer.Option(help="Question files.", metavar="FILE...")],
    out: OutOption,
    corpus: CorpusOption = None,
    unanswerable: Annotated[list[Path] | None, typer.Option(help="Files without answers.", metavar="FILE...")] = None,
    training: Annotated[
        list[Path] | None, typer.Option(help="Questions that the controls learn from.", metavar="FILE...")
    ] = None,
    arms: Annotated[str, typer.Option(help="Names or URLs, with commas between them.", metavar="A,B,...")] = ARMS,
    resume: Annotated[bool, typer.Option("--resume", help="Take up the run that is there.")] = False,
    seed: Annotated[int, typer.Option(help="Draws the order of the cases and all resampling.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Ask every arm every phrasing of every question, and write rows, summary and report to a folder."""
    from evals.experiment import REPORT, Inputs, conduct
    from evals.summary import headline
    from kstore.display import Display

    inputs = Inputs(corpus, tuple(questions), tuple(unanswerable or ()), tuple(training or ()))
    names = [name.strip() for name in arms.split(",") if name.strip()]
    summary = conduct(inputs, names, out, seed, resume, " ".join(sys.argv[1:]), Display().progress)
    if as_json:
        _print(summary)
    else:
        print(headline(summary))
        print(f"\nThe report is in {out / REPORT}.")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")], as_json: JsonOption = False
) -> None:
    """Score the rows of a run again and write its summary and report; no model is loaded."""
    from evals.experiment import REPORT
    from evals.experiment import report as reported

    summary = reported(folder)
    if as_json:
        _print(summary)
    else:
        print(f"The report is in {folder / REPORT}.")


@app.command()
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
        _print(scores)
    else:
        print(f"{len(scores['questions'])} questions: exact match {scores['exact_match']:.4f}, F1 {scores['f1']:.4f}")


@app.command(name="compare")
def compare_runs(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of a run.")],
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The folder of another run of the same questions.")],
    as_json: JsonOption = False,
) -> None:
    """Set two runs of the same questions beside each other: paired differences with intervals."""
    from evals.compare import compare

    found = compare(new, old)
    if as_json:
        _print({"differences": found})
        return
    for it in found:
        low, high = it["difference"]["ci"]
        shown = "" if low <= 0 <= high else "  *"
        value = it["difference"]["value"]
        print(f"{it['arm']:20} {it['metric']:16} {value:+.4f} [{low:+.4f}, {high:+.4f}]  p {it['p_holm']:.4f}{shown}")


@app.command()
def gate(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of the run that wants to pass.")],
    baseline: Annotated[Path, typer.Option(help="The folder of the run to hold it against.", metavar="DIR")],
    margin: Annotated[float, typer.Option(help="The largest loss that may be.", min=0.0)] = 0.02,
    metrics: Annotated[str, typer.Option(help="With commas between them.", metavar="A,B,...")] = "exact_match,f1",
    as_json: JsonOption = False,
) -> None:
    """Fail (exit code 1) where a run has lost significantly against its baseline."""
    from evals.compare import gate as gated

    verdicts = gated(new, baseline, margin, [name.strip() for name in metrics.split(",")])
    shapes = [
        {"arm": pair.arm, "metric": pair.metric, "difference": it.difference.shape(), "passed": it.passed}
        for pair, it in verdicts
    ]
    failed = [it for it in shapes if not it["passed"]]
    if as_json:
        _print({"margin": margin, "passed": not failed, "verdicts": shapes})
    for it in failed:
        print(f"kstore: {it['arm']} lost on {it['metric']}: {it['difference']['value']:+.4f}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
    if not as_json:
        print(f"passed: no significant loss among {len(shapes)}")


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
