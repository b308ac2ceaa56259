"""The plots of how good and how fast the arms are; each is None, or not in the list, where its figures are absent."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from evals.report import tables
from evals.report.canvas import MUTED, Look, Plot, draw
from evals.report.tables import Table
from evals.report.wording import duration, estimated, finite, interval, number, printable

Points = Sequence[tuple[float, float]]
Looks = Mapping[str, Look]

_ACCURACY = ("f1", "exact_match", "contains")
_SIDE_BY_SIDE = 4  # arms that can be told apart in one row of a plot
MAIN_ARMS = ("parametric", "retrieval", "adaptive")
_MOST_POINTS = 120
_DECADES = 6  # that are named at an axis of times: more names would run into each other
_QUANTILES = (0.5, 0.9, 0.95, 0.99)
_COVERAGES = (0.1, 0.25, 0.5, 0.75, 1.0)


def by_slice(slices: Mapping[str, Mapping[str, Any]], looks: Looks) -> list[Plot]:
    """For each dimension the accuracy of the main arms in each slice, with its interval; the longest plots first, so
    that those next to each other are about as long."""
    longest_first = sorted(slices.items(), key=lambda it: -len(it[1]))
    made = (_one_dimension(f"slices-{at}", *it, looks) for at, it in enumerate(longest_first, start=1))
    return [plot for plot in made if plot]


def _one_dimension(slug: str, dimension: str, values: Mapping[str, Any], looks: Looks) -> Plot | None:
    found = [found for of_arm in values.values() for found in of_arm.values()]
    metric = next((it for it in _ACCURACY if any(it in of_metric for of_metric in found)), None)
    if metric is None:
        return None
    arms = foremost([arm for arm in looks if any(arm in of_arm for of_arm in values.values())])
    names = tables.sorted_slices(dimension, values)

    def paint(figure: Figure, axes: Axes) -> None:
        for place, arm in enumerate(arms):
            beside = (place - (len(arms) - 1) / 2) * 0.8 / len(arms)
            found = [(row + beside, values[name].get(arm, {}).get(metric)) for row, name in enumerate(names)]
            _dots(axes, [(height, it) for height, it in found if estimated(it)], looks[arm], arm)
        axes.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5), xlim=(-0.02, 1.02), xlabel=metric)
        axes.set_yticklabels([_named_with_size(name, values[name], metric) for name in names])
        axes.grid(axis="y", visible=False)
        for upper, lower in pairwise(range(len(names))):
            axes.axhline((upper + lower) / 2, color=MUTED, linewidth=0.4)
        legend(figure, len(arms))

    title = f"{metric} by {dimension}"
    height = 78 + 16 * -(-len(arms) // 2) + len(names) * max(34, 11 * len(arms) + 8)
    others = "" if len(arms) == len(looks) else " The other arms and metrics are in the table."
    caption = f"{metric} with 95% intervals in each slice of {dimension}.{others}"
    svg = draw(slug, title, height, paint)
    return Plot(slug, title, caption, svg, tables.slices(dimension, values))


def _dots(axes: Axes, found: Sequence[tuple[float, Mapping[str, Any]]], look: Look, label: str) -> None:
    """Estimates, each at its height, with their intervals."""
    heights = [height for height, _ in found]
    ends = [interval(it) or (it["value"], it["value"]) for _, it in found]
    axes.hlines(heights, [low for low, _ in ends], [high for _, high in ends], color=look.colour, linewidth=1.6)
    values = [it["value"] for _, it in found]
    axes.plot(values, heights, color=look.colour, marker=look.marker, linestyle="", label=label)


def _named_with_size(name: str, of_arm: Mapping[str, Any], metric: str) -> str:
    sizes = [finite(found.get(metric, {}).get("n")) for found in of_arm.values()]
    n = max((size for size in sizes if size is not None), default=None)
    return printable(name, 22) + (f"\nn {n:,.0f}" if n is not None else "")


def foremost(arms: Sequence[str]) -> list[str]:
    """The arms to be drawn where not all can be: those that answer a user first, the rest as they come."""
    first = [arm for arm in MAIN_ARMS if arm in arms]
    chosen = {*first, *[arm for arm in arms if arm not in first][: _SIDE_BY_SIDE - len(first)]}
    return [arm for arm in arms if arm in chosen]


def reliability(curves: Mapping[str, Any], looks: Looks) -> Plot | None:
    """Accuracy against confidence, by bins of confidence."""
    bins = {arm: [it for it in found if _whole(it, "confidence", "accuracy")] for arm, found in curves.items()}
    bins = {arm: found for arm, found in bins.items() if found}

    def paint(figure: Figure, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label="confidence = accuracy")
        for arm, found in bins.items():
            _line(axes, [(it["confidence"], it["accuracy"]) for it in found], looks[arm], arm, marks=len(found))
        axes.set(xlabel="confidence", ylabel="accuracy", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        legend(figure, len(bins) + 1)

    rows = [
        (arm, number(float(it["confidence"])), number(float(it["accuracy"])), number(it.get("n")))
        for arm, found in bins.items()
        for it in found
    ]
    data = tables.plain("Reliability: the bins", ("arm", "confidence", "accuracy", "n"), rows)
    caption = "How often an answer is right, by how sure the arm was of it. Below the dotted line it was too sure."
    return _plot("reliability", "Reliability", caption, tall(len(bins) + 1), paint, data) if bins else None


def risk_coverage(curves: Mapping[str, Any], looks: Looks) -> Plot | None:
    """The share of wrong answers among the surest answers, by how many of them are given."""
    lines = {arm: [(it["coverage"], it["risk"]) for it in found if _whole(it, "coverage", "risk")]
             for arm, found in curves.items()}  # fmt: skip
    lines = {arm: found for arm, found in lines.items() if found}

    def paint(figure: Figure, axes: Axes) -> None:
        for arm, found in lines.items():
            _line(axes, thinned(found), looks[arm], arm)
        axes.set(xlabel="coverage: share of questions answered", ylabel="risk: share of these wrong")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        legend(figure, len(lines))

    rows = [(arm, *(number(_at(found, it)) for it in _COVERAGES)) for arm, found in lines.items()]
    data = tables.plain("Risk at a coverage", ("arm", *(f"{it:.0%}" for it in _COVERAGES)), rows)
    caption = "If only the surest answers are given, how many of them are wrong? The lower the line the better."
    return _plot("risk-coverage", "Risk and coverage", caption, tall(len(lines)), paint, data) if lines else None


def latency(curves: Mapping[str, Any], looks: Looks) -> Plot | None:
    """The distribution of the time to an answer."""
    lines = {arm: _pairs(found.get("total") or ()) for arm, found in curves.items()}
    lines = {arm: found for arm, found in lines.items() if found}

    def paint(figure: Figure, axes: Axes) -> None:
        for arm, found in lines.items():
            _line(axes, [(max(ms, 1e-3), share) for share, ms in thinned(found)], looks[arm], arm)
        axes.set(xlabel="time to the answer", ylabel="share of answers", ylim=(-0.02, 1.02))
        axes.set_xscale("log")
        durations(axes)
        legend(figure, len(lines))

    rows = [(arm, *(f"{number(_at(found, it))} ms" for it in _QUANTILES)) for arm, found in lines.items()]
    data = tables.plain("Time to an answer, by quantile", ("arm", *(f"p{it * 100:.0f}" for it in _QUANTILES)), rows)
    caption = "How many answers are there after how long; a line further left is faster. The scale is logarithmic."
    return _plot("latency", "Time to an answer", caption, tall(len(lines)), paint, data) if lines else None


def stages(slug: str, title: str, medians: Mapping[str, Mapping[str, Any]], looks: Looks) -> Plot | None:
    """Where the time goes: ``{arm: {stage: median ms}}``."""
    known = {
        arm: {stage: ms for stage, it in found.items() if (ms := finite(it)) is not None and ms > 0}
        for arm, found in medians.items()
    }
    known = {arm: found for arm, found in known.items() if found}
    bars = [(arm, stage, ms) for arm in foremost(list(known)) for stage, ms in known[arm].items()]

    def paint(figure: Figure, axes: Axes) -> None:
        for row, (arm, _, ms) in enumerate(bars):
            axes.plot([min(it for *_, it in bars) / 2, ms], [row, row], color=looks[arm].colour, linewidth=1.2)
            axes.plot([ms], [row], color=looks[arm].colour, marker=looks[arm].marker)
            axes.annotate(duration(ms), (ms, row), (6, 0), textcoords="offset points", va="center", fontsize=10.5)
        for row, ((arm, *_), (after, *_)) in enumerate(pairwise(bars)):
            if arm != after:
                axes.axhline(row + 0.5, color=MUTED, linewidth=0.4)
        axes.set_xscale("log")
        axes.set(yticks=range(len(bars)), ylim=(len(bars) - 0.4, -0.6), xlabel="median")
        axes.set_yticklabels([f"{printable(arm, 14)}: {printable(stage, 14)}" for arm, stage, _ in bars])
        axes.set_xlim(left=min(it for *_, it in bars) / 2, right=max(it for *_, it in bars) * 8)
        axes.grid(axis="y", visible=False)
        durations(axes)

    texts = {arm: {stage: f"{number(ms)} ms" for stage, ms in found.items()} for arm, found in known.items()}
    data = tables.down(f"{title}: medians", "stage", texts)
    others = "" if len(foremost(list(known))) == len(known) else " The other arms are in the table."
    caption = f"Median of each stage; medians do not add up to the median of the whole.{others}"
    return _plot(slug, title, caption, 66 + 18 * len(bars), paint, data) if bars else None


def _plot(
    slug: str, title: str, caption: str, height: float, paint: Callable[[Figure, Axes], None], data: Table
) -> Plot:
    return Plot(slug, title, caption, draw(slug, title, height, paint), data)


def _line(axes: Axes, points: Points, look: Look, label: str, marks: int = 8) -> None:
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        color=look.colour,
        marker=look.marker,
        markevery=max(1, len(points) // marks),
        linestyle=look.dashes,
        label=label,
    )


def legend(figure: Figure, entries: int) -> None:
    """The names below the plot, two in a row."""
    if entries:
        figure.legend(loc="outside lower center", ncols=min(2, entries), borderaxespad=0.2, columnspacing=1.2)


def tall(entries: int) -> float:
    """The height of a plot with so many names in its legend."""
    return 250 + 16 * -(-entries // 2)


def durations(axes: Axes) -> None:
    """Name the decades of an axis of milliseconds as people say them."""
    axes.xaxis.set_major_locator(LogLocator(numticks=_DECADES))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: duration(ms)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def thinned(points: Points) -> Points:
    """At most ``_MOST_POINTS`` of the points, the first and the last among them: no screen shows more."""
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return points if step <= 1 else [points[round(it * step)] for it in range(_MOST_POINTS)]


def _whole(record: Mapping[str, Any], *names: str) -> bool:
    return all(finite(record.get(name)) is not None for name in names)


def _pairs(points: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points if finite(x) is not None and finite(y) is not None]


def _at(points: Points, place: float) -> float:
    """The y of the point whose x is nearest to ``place``."""
    return min(points, key=lambda point: abs(point[0] - place))[1]
