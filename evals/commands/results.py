"""``report``, ``compare``, ``gate`` and ``judge``: what is made of a run that is there."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.commands.options import MEMORIES, JsonOption, SeedOption, names_in, print_json
from kstore.errors import InputError


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run of any kind.")],
    changes: Annotated[
        Path | None,
        typer.Option("--freshness", help="A freshness run to set beside it: the decision needs both.", metavar="DIR"),
    ] = None,
    objective_ms: Annotated[float, typer.Option(help="The latency (p99) that the decision is to keep.", min=0.0)] = 1e3,
    as_json: JsonOption = False,
) -> None:
    """Score the rows of a run again and write its summary and report; no model is loaded."""
    from evals import manifest
    from evals.experiment import report as reported
    from evals.freshness.experiment import report_changes
    from evals.index.experiment import INDEX, report_index
    from evals.latency.experiment import LATENCY, report_latency
    from evals.outputs import REPORT

    made = manifest.read(folder)
    kind = made.get("kind")
    if changes is not None and kind != manifest.RUN:
        raise InputError(f"{folder} is no run of questions, which is what --freshness is set beside")
    if kind == manifest.RUN:
        summary = reported(folder, changes, objective_ms)
        if (there := summary["counts"]["total"]) < (planned := manifest.planned(made)):
            print(f"kstore: the run is not finished: {there} of {planned} answers are there", file=sys.stderr)
    else:
        again = report_latency if kind == LATENCY else report_index if kind == INDEX else report_changes
        summary = again(folder)
    if as_json:
        print_json(summary)
    else:
        print(f"The report is in {folder / REPORT}.")


def compare_runs(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of a run.")],
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The folder of another run of the same questions.")],
    as_json: JsonOption = False,
) -> None:
    """Set two runs of the same questions beside each other: paired differences with intervals."""
    from evals.compare import compare

    found = compare(new, old)
    if as_json:
        print_json({"differences": found})
        return
    for it in found:
        low, high = it["difference"]["ci"]
        shown = "" if low <= 0 <= high else "  *"
        value = it["difference"]["value"]
        print(f"{it['arm']:20} {it['metric']:16} {value:+.4f} [{low:+.4f}, {high:+.4f}]  p {it['p_holm']:.4f}{shown}")


def gate(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of the run that wants to pass.")],
    baseline: Annotated[Path, typer.Option(help="The folder of the run to hold it against.", metavar="DIR")],
    margin: Annotated[float, typer.Option(help="The largest loss that may be.", min=0.0)] = 0.02,
    metrics: Annotated[str, typer.Option(help="With commas between them.", metavar="A,B,...")] = "exact_match,f1",
    as_json: JsonOption = False,
) -> None:
    """Fail (exit code 1) where a run has lost significantly against its baseline."""
    from evals.compare import gate as gated

    verdicts = gated(new, baseline, margin, names_in(metrics))
    shapes: list[dict[str, Any]] = [
        {"arm": pair.arm, "metric": pair.metric, "difference": it.difference.shape(), "passed": it.passed}
        for pair, it in verdicts
    ]
    failed = [it for it in shapes if not it["passed"]]
    if as_json:
        print_json({"margin": margin, "passed": not failed, "verdicts": shapes})
    for it in failed:
        print(f"kstore: {it['arm']} lost on {it['metric']}: {it['difference']['value']:+.4f}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
    if not as_json:
        print(f"passed: no significant loss among {len(shapes)}")


def judge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")],
    by: Annotated[str, typer.Option(help="The model that judges: openai+http://HOST/v1#MODEL.", metavar="URL")],
    arms: Annotated[str, typer.Option(help="The two arms to be judged.", metavar="A,B")] = MEMORIES,
    sample: Annotated[int, typer.Option(help="How many pairs of answers.", min=1)] = 100,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Ask a language model which of two arms answers better, in both orders, and tell how far it is to be trusted."""
    from evals.experiment import judged
    from kstore.display import Display

    names = names_in(arms)
    if len(names) != 2:
        raise InputError("--arms takes two arms")
    found = judged(folder, (names[0], names[1]), by, sample, seed, Display().progress)
    if as_json:
        print_json(found)
        return
    for name, arm in (("a_preferred", names[0]), ("b_preferred", names[1]), ("tied", "neither")):
        low, high = found[name]["ci"]
        print(f"{arm} preferred: {found[name]['value']:.3f} [{low:.3f}, {high:.3f}]")
    kappa = "not defined" if found["kappa"] is None else f"{found['kappa']:.3f}"
    print(f"the two orders agree: {found['order_agreement']['value']:.3f}; kappa with the accepted answers: {kappa}")
