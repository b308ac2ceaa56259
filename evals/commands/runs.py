"""``run``, ``freshness``, ``replay`` and ``latency``: what is asked and measured."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.commands.options import (
    ARMS,
    MEMORIES,
    ArmsOption,
    CorpusOption,
    JsonOption,
    OutOption,
    ResumeOption,
    SeedOption,
    names_in,
    print_json,
    whole_numbers,
)
from kstore.errors import InputError

LEAST = 1_000  # vectors of an index that is to be measured


def run(
    questions: Annotated[list[Path], typer.Option(help="Question files.", metavar="FILE...")],
    out: OutOption,
    corpus: CorpusOption = None,
    unanswerable: Annotated[list[Path] | None, typer.Option(help="Files without answers.", metavar="FILE...")] = None,
    training: Annotated[
        list[Path] | None, typer.Option(help="Questions that the controls learn from.", metavar="FILE...")
    ] = None,
    arms: ArmsOption = ARMS,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Ask every arm every phrasing of every question, and write rows, summary and report to a folder."""
    from evals.experiment import Inputs, conduct
    from evals.outputs import REPORT
    from evals.summary import headline
    from kstore.display import Display

    inputs = Inputs(corpus, tuple(questions), tuple(unanswerable or ()), tuple(training or ()))
    summary = conduct(inputs, names_in(arms), out, seed, resume, " ".join(sys.argv[1:]), Display().progress)
    if as_json:
        print_json(summary)
    else:
        print(headline(summary))
        print(f"\nThe report is in {out / REPORT}.")


def freshness(
    edits: Annotated[list[Path], typer.Option(help="Edit files.", metavar="FILE...")],
    out: OutOption,
    corpus: CorpusOption = None,
    questions: Annotated[
        list[Path] | None, typer.Option(help="Questions to be asked far from the edits.", metavar="FILE...")
    ] = None,
    training: Annotated[
        list[Path] | None,
        typer.Option(help="What the weights were trained on; they are then taught edits as well.", metavar="FILE..."),
    ] = None,
    arms: ArmsOption = MEMORIES,
    modes: Annotated[
        str, typer.Option(help="single, load, burst-N (one revision) or burst-N-puts (one each).", metavar="A,B,...")
    ] = "single,burst-10,burst-100,load",
    taught: Annotated[int, typer.Option(help="How many edits the weights are taught together.", min=1)] = 30,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Edit documents while asking: how soon is an edit answered, how long is the old answer, what else breaks?"""
    from evals.freshness.experiment import Study, conduct_freshness
    from kstore.display import Display

    study = Study(
        corpus, tuple(edits), names_in(arms), tuple(questions or ()), tuple(training or ()), names_in(modes), taught
    )
    _changed(conduct_freshness(study, out, seed, resume, " ".join(sys.argv[1:]), Display().progress), out, as_json)


def replay(
    repository: Annotated[str, typer.Option(help="A git repository, by path or URL.", metavar="GIT")],
    cases: Annotated[list[Path], typer.Option(help="Questions tied to its commits.", metavar="FILE...")],
    out: OutOption,
    arms: ArmsOption = MEMORIES,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Walk a repository's history commit by commit, as edits that were really made, and ask about what changed."""
    from evals.freshness.experiment import conduct_replay
    from kstore.display import Display

    command = " ".join(sys.argv[1:])
    summary = conduct_replay(repository, cases, names_in(arms), out, seed, resume, command, Display().progress)
    _changed(summary, out, as_json)


def latency(
    questions: Annotated[list[Path], typer.Option(help="Question files to draw from.", metavar="FILE...")],
    out: OutOption,
    arms: ArmsOption = MEMORIES,
    clients: Annotated[
        str, typer.Option(help="Of closed loops, with commas between them.", metavar="N,N,...")
    ] = "1,2,4",
    seconds: Annotated[float, typer.Option(help="That each mode lasts.", min=0.0)] = 20.0,
    objective_ms: Annotated[float, typer.Option(help="The latency (p99) that is to be kept.", min=0.0)] = 1e3,
    cold: Annotated[int, typer.Option(help="How often to start from nothing.", min=0)] = 5,
    prices: Annotated[Path | None, typer.Option(help="What is paid for what (JSON).", metavar="FILE")] = None,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Put load on arms, of this store or elsewhere by URL: cold and warm, in closed loops and open ones, with costs."""
    from evals.latency.costs import Prices
    from evals.latency.experiment import Load, conduct
    from evals.outputs import REPORT
    from kstore.display import Display

    load = Load(whole_numbers("--clients", clients), seconds, objective_ms, cold)
    paid = Prices.read(prices) if prices else None
    command = " ".join(sys.argv[1:])
    summary = conduct(questions, names_in(arms), load, out, seed, resume, command, paid, Display().progress)
    if as_json:
        print_json(summary)
        return
    for arm, figures in summary["arms"].items():
        told = (f"{name} {it['value']:.3g}" for name, it in figures.items())
        print(f"{arm}: {', '.join(told)}")
    print(f"\nThe report is in {out / REPORT}.")


def index(
    out: OutOption,
    corpus: CorpusOption = None,
    kinds: Annotated[
        str, typer.Option(help="Kinds of index, with commas between them.", metavar="A,B,...")
    ] = "flat,hnsw,ivf-flat,ivf-pq,ivf-sq8",
    sizes: Annotated[
        str, typer.Option(help="Numbers of vectors, with commas between them.", metavar="N,N,...")
    ] = "10000,100000,1000000",
    queries: Annotated[int, typer.Option(help="How many are searched for.", min=1)] = 200,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Compare the kinds of index: search time, recall, memory and build time, at growing numbers of vectors."""
    from evals.index.experiment import conduct
    from evals.outputs import REPORT
    from kstore.display import Display

    counts = whole_numbers("--sizes", sizes)
    if not counts or min(counts) < LEAST:
        raise InputError(f"--sizes takes numbers of at least {LEAST}: an index is trained on its vectors")
    command = " ".join(sys.argv[1:])
    summary = conduct(names_in(kinds), counts, queries, corpus, out, seed, resume, command, Display().progress)
    if as_json:
        print_json(summary)
        return
    for row in summary["index"]["table"]:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    print(f"\nThe report is in {out / REPORT}.")


def _changed(summary: dict[str, Any], out: Path, as_json: bool) -> None:
    """Print what became of the edits."""
    from evals.outputs import REPORT

    if as_json:
        print_json(summary)
        return
    wanted = ("update_success", "stale_rate", "locality", "deletion_compliance", "t_visible_ms_p50")
    for arm, figures in summary["arms"].items():
        told = (f"{name} {figures[name]['value']:.3g}" for name in wanted if name in figures)
        print(f"{arm}: {', '.join(told)}")
    print(f"\nThe report is in {out / REPORT}.")
