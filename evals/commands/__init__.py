"""``kstore eval``: the commands of the harness. Nothing heavy is imported before a command runs."""

import typer

from evals.commands import cases, results, runs
from evals.commands.options import ManyValues

app = typer.Typer(
    help="Measure accuracy, latency and freshness; report, compare and gate; check case files.", no_args_is_help=True
)
app.command(cls=ManyValues)(runs.run)
app.command(cls=ManyValues)(runs.freshness)
app.command(cls=ManyValues)(runs.replay)
app.command(cls=ManyValues)(runs.latency)
app.command()(runs.index)
app.command()(results.report)
app.command(name="compare")(results.compare_runs)
app.command()(results.gate)
app.command()(results.judge)
app.command()(cases.score)
app.command()(cases.check)
app.command()(cases.corpus)
