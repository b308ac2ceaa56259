"""The plots of freshness, and of where the weights, the vectors or both win."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator

from evals.report import tables
from evals.report.canvas import INK, MUTED, PAPER, Look, Plot, draw
from evals.report.plots import Looks, legend, thinned
from evals.report.wording import duration, estimated, finite, interval, number, printable

_VERDICTS: tuple[tuple[str, str], ...] = (("new", ""), ("old", "////"), ("other", "...."), ("declined", ""))


def timeline(freshness: Mapping[str, Any], looks: Looks) -> list[Plot]:
    """For how many edits the new answer has come, and the old one gone for good, after how long."""
    asked = (
        ("visible", "New answers after an edit", "the first new answer has come"),
        ("stale_gone", "Old answers after an edit", "the last old answer is past"),
    )
    plots = (_timeline(freshness, looks, *it) for it in asked)
    return [plot for plot in plots if plot]


def _timeline(freshness: Mapping[str, Any], looks: Looks, name: str, title: str, what: str) -> Plot | None:
    times = {arm: _times(found.get(f"{name}_ms") or ()) for arm, found in freshness.get("timeline", {}).items()}
    reached = freshness.get("modes", {}).get(freshness.get("mode", ""), {})
    missed = {arm: reached.get(arm, {}).get(name, {}).get("not_reached", 0) for arm in times}
    times = {arm: found for arm, found in times.items() if found or missed[arm]}

    def paint(figure: Figure, axes: Axes) -> None:
        longest = max((found[-1] for found in times.values() if found), default=1.0)
        for arm, found in times.items():
            edits = len(found) + missed[arm]
            steps = [(0.0, 0.0), *((ms, (rank + 1) / edits) for rank, ms in enumerate(found)),
                     (longest * 1.3, len(found) / edits)]  # fmt: skip
            _step(axes, thinned(steps), looks[arm], arm)
        shortest = min((ms for found in times.values() for ms in found if ms > 0), default=1.0)
        axes.set_xscale("symlog", linthresh=10 ** math.floor(math.log10(shortest)), linscale=0.4)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: duration(ms)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="time since the edit was written", ylabel="share of edits", ylim=(-0.02, 1.04))
        axes.set_xlim(left=0)
        legend(figure, len(times))

    rows = [
        (arm, *(f"{number(found[min(int(len(found) * it), len(found) - 1)])} ms" if found else "never"
                for it in (0.5, 0.95, 1.0)), f"{len(found)} of {len(found) + missed[arm]}")
        for arm, found in times.items()
    ]  # fmt: skip
    columns = ("arm", "median", "p95", "longest", "edits that reached it")
    data = tables.plain(f"{title}: time until {what}", columns, rows)
    caption = (
        f"For what share of the edits {what}, by the time since the edit; those that never came to it are counted."
    )
    slug = f"timeline-{name.replace('_', '-')}"
    height = 250 + 16 * -(-len(times) // 2)
    return Plot(slug, title, caption, draw(slug, title, height, paint), data) if times else None


def _times(found: Sequence[object]) -> list[float]:
    return sorted(ms for it in found if (ms := finite(it)) is not None)


def _step(axes: Axes, points: Sequence[tuple[float, float]], look: Look, label: str) -> None:
    axes.step(
        [x for x, _ in points],
        [y for _, y in points],
        where="post",
        color=look.colour,
        linestyle=look.dashes,
        marker=look.marker,
        markevery=max(1, len(points) // 8),
        label=label,
    )


def verdicts(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Plot | None:
    """What is answered after the edits: new, old, something else, nothing; by arm and kind of edit."""
    bars = [
        (arm, kind, counts) for arm, kinds in found.items() for kind, counts in kinds.items() if any(counts.values())
    ]

    def paint(figure: Figure, axes: Axes) -> None:
        for row, (_, _, counts) in enumerate(bars):
            total, left = sum(counts.values()), 0.0
            for verdict, hatch in _shown(counts):
                width = counts[verdict] / total
                axes.barh(row, width, left=left, height=0.72, hatch=hatch, **_filled(verdict))
                left += width
        for row, ((arm, *_), (after, *_)) in enumerate(pairwise(bars)):
            if arm != after:
                axes.axhline(row + 0.5, color=MUTED, linewidth=0.6)
        axes.set(yticks=range(len(bars)), ylim=(len(bars) - 0.4, -0.6), xlim=(0, 1), xlabel="share of answers")
        axes.set_yticklabels([f"{printable(arm, 14)}: {printable(kind, 10)}" for arm, kind, _ in bars])
        axes.grid(visible=False)
        every = dict.fromkeys(it for *_, counts in bars for it in _shown(counts))
        figure.legend(
            handles=[Patch(label=verdict, hatch=hatch, **_filled(verdict)) for verdict, hatch in every],
            loc="outside lower center",
            ncols=len(every),
            borderaxespad=0.2,
            columnspacing=1.0,
            handlelength=1.6,
        )

    title = "What is answered after an edit"
    rows = {f"{arm}: {kind}": counts for arm, kind, counts in bars}
    data = tables.across("Answers after an edit, by arm and kind of edit", "arm: kind", rows, missing="0")
    caption = "The new answer, the old one, another one or none, by arm and kind of edit."
    return Plot("verdicts", title, caption, draw("verdicts", title, 78 + 20 * len(bars), paint), data) if bars else None


def _shown(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = dict(_VERDICTS)
    return [(verdict, known.get(verdict, "xxxx")) for verdict in (*known, *(it for it in counts if it not in known))
            if counts.get(verdict)]  # fmt: skip


def _filled(verdict: str) -> dict[str, Any]:
    """Solid for what is wanted, empty where nothing is said, hatched otherwise: told without colours."""
    colour = {"new": "#0a0001", "old": "#0a0000", "declined": MUTED}.get(verdict, "#0a0004")
    return {"facecolor": colour if verdict == "new" else PAPER, "edgecolor": colour, "linewidth": 1.0}


def learning(points: Sequence[Mapping[str, Any]], index_ms: object) -> Plot | None:
    """What training on edits for so many seconds brings and costs, beside the time that the index takes."""
    known = [it for it in points if finite(it.get("seconds")) is not None]
    known.sort(key=lambda it: float(it["seconds"]))
    index = finite(index_ms.get("value")) if isinstance(index_ms, Mapping) else finite(index_ms)

    def paint(figure: Figure, axes: Axes) -> None:
        lines = (
            ("new_rate", "edits learned", "#0a0000", "o", "-"),
            ("untouched", "all else still right", "#0a0002", "s", "--"),
        )
        for name, label, colour, marker, dashes in lines:
            given = [it for it in known if estimated(it.get(name))]
            seconds = [it["seconds"] for it in given]
            ends = [interval(it[name]) or (0.0, 0.0) for it in given]
            axes.fill_between(
                seconds, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.18, linewidth=0
            )
            axes.plot(
                seconds, [it[name]["value"] for it in given], color=colour, marker=marker, linestyle=dashes, label=label
            )
        if index is not None:
            axes.axvline(index / 1000, color=INK, linestyle=":", label=f"the index has it: {duration(index)}")
        axes.set_xscale("symlog", linthresh=1.0, linscale=0.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g} s"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="time spent training on the edits", ylabel="share of answers", ylim=(-0.02, 1.04))
        axes.set_xlim(left=0)
        legend(figure, 3)

    title = "Learning the edits by training"
    rows = [
        (number(it["seconds"]), *(str(tables.estimate(it.get(name))) for name in ("new_rate", "untouched")))
        for it in known
    ]
    data = tables.plain("What training brings", ("seconds", "edits learned", "all else still right"), rows)
    line = f" The index has an edit after {duration(index)}." if index is not None else ""
    caption = f"How many edits the weights answer after so much training, and whether what they knew lasts.{line}"
    return Plot("learning", title, caption, draw("learning", title, 282, paint), data) if known else None


def crossover(found: Mapping[str, Any], looks: Looks) -> Plot | None:
    """Which arm wins where: ``winner[i][j]`` at ``changes_per_day[i]`` and ``questions_per_day[j]``."""
    changes, questions = found.get("changes_per_day") or (), found.get("questions_per_day") or ()
    winners = found.get("winner") or ()
    if not winners:
        return None
    if len(winners) != len(changes) or any(len(row) != len(questions) for row in winners):
        raise ValueError(f"{len(winners)} rows of winners for {len(changes)} by {len(questions)}")
    shown = [arm for arm in looks if any(arm in row for row in winners)]

    def paint(figure: Figure, axes: Axes) -> None:
        for y, row in enumerate(winners):
            for x, arm in enumerate(row):
                look = looks.get(arm)
                shade = {"facecolor": look.colour, "alpha": 0.3} if look else {"facecolor": PAPER}
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, edgecolor=PAPER, linewidth=1, **shade))
                if look:
                    axes.plot([x], [y], color=look.colour, marker=look.marker, markersize=6)
        axes.set(xlim=(-0.5, len(questions) - 0.5), ylim=(-0.5, len(changes) - 0.5))
        axes.set(xlabel="questions a day", ylabel="changes a day")
        axes.set_xticks(range(len(questions)), [_count(it) for it in questions])
        axes.set_yticks(range(len(changes)), [_count(it) for it in changes])
        axes.grid(visible=False)
        for arm in shown:
            axes.plot([], [], color=looks[arm].colour, marker=looks[arm].marker, linestyle="", label=arm)
        legend(figure, len(shown))

    title = "The winner, by changes and questions a day"
    rows = [(_count(change), *(arm or "none" for arm in row)) for change, row in zip(changes, winners, strict=True)]
    columns = ("changes a day", *(_count(it) for it in questions))
    data = tables.plain(title, columns, rows)
    caption = "The arm that wins at so many changes of the documents and so many questions a day."
    height = 90 + 26 * len(changes) + 16 * -(-len(shown) // 2)
    return Plot("crossover", title, caption, draw("crossover", title, height, paint), data)


def _count(number_of: float) -> str:
    """``0.1``, ``30``, ``1k``, ``1M``: short enough for an axis."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number_of >= size:
            return f"{number_of / size:g}{letter}"
    return f"{number_of:g}"
