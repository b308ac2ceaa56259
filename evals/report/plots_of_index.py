"""The plots of kinds of index: what they find against the time it takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.report import tables
from evals.report.canvas import Plot, draw, looks
from evals.report.plots import durations, legend, tall
from evals.report.wording import number


def recall_by_time(curves: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> list[Plot]:
    """For each number of vectors recall@10 against the median time of a query, a line for each kind."""
    return [_one(size, kinds) for size, kinds in curves.items()]


def _one(size: str, kinds: Mapping[str, Sequence[Sequence[float]]]) -> Plot:
    look = looks(list(kinds))
    title = f"Recall against time, {number(int(size))} vectors"

    def paint(figure: Figure, axes: Axes) -> None:
        for kind, points in kinds.items():
            times, recalls = zip(*points, strict=True)
            axes.plot(
                times,
                recalls,
                color=look[kind].colour,
                marker=look[kind].marker,
                linestyle=look[kind].dashes,
                label=kind,
            )
        axes.set(xlabel="median time of a query", ylabel="recall@10", ylim=(-0.02, 1.02))
        axes.set_xscale("log")
        durations(axes)
        legend(figure, len(kinds))

    rows = [
        (kind, f"{number(round(float(ms), 3))} ms", number(round(float(recall), 4)))
        for kind, points in kinds.items()
        for ms, recall in points
    ]
    caption = "Each point is one effort of searching; further left is faster, higher finds more. Logarithmic scale."
    slug = f"index-{size}"
    data = tables.plain(title, ("kind", "median time", "recall@10"), rows)
    return Plot(slug, title, caption, draw(slug, title, tall(len(kinds)), paint), data)


def comparison(table: Sequence[Mapping[str, Any]]) -> tables.Table:
    """The kinds beside each other."""
    columns = ("kind", "vectors", "effort", "median ms", "p95 ms", "recall@10", "MB", "built in s")
    names = ("kind", "vectors", "effort", "search_ms_p50", "search_ms_p95", "recall_at_10", "megabytes", "build_s")
    rows = [tuple("–" if row[it] is None else _text(row[it]) for it in names) for row in table]
    return tables.plain("Kinds of index", columns, rows)


def _text(value: object) -> str:
    return value if isinstance(value, str) else number(value)
