"""Tables of a report, made once for the page and for the summary."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.report.wording import (
    NOT_DEFINED,
    between,
    estimated,
    finite,
    in_order,
    number,
    probability,
    verdict,
)

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """``text``, and in smaller letters its ``detail``."""

    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.detail}".rstrip()


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` name what stands in ``rows``; the first cell of a row is its head."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def headline(summary: Summary, meanings: Mapping[str, str]) -> Table:
    """A row for each metric and a column for each arm: value and interval, with n and clusters once in a row, where
    they are the same for all of its arms."""
    arms = summary.get("arms", {})
    names = dict.fromkeys(name for metrics in arms.values() for name in metrics)
    rows = []
    for name in sorted(names, key=lambda it: list(meanings).index(it) if it in meanings else len(meanings)):
        found = [metrics.get(name) for metrics in arms.values()]
        sizes = {(it.get("n"), it.get("clusters")) for it in found if it is not None and estimated(it)}
        shared = next(iter(sizes)) if len(sizes) == 1 else None
        cells = [estimate(it, with_size=shared is None) for it in found]
        rows.append((Cell(name), *cells, *(Cell(number(it) if shared else "varies") for it in shared or (0, 0))))
    return Table(
        "Every metric of every arm",
        ("metric", *arms, "n", "clusters"),
        tuple(rows),
        "Value and 95% interval, clustered by fact: n answers are about so many facts.",
    )


def estimate(found: object, with_size: bool = False) -> Cell:
    """A figure and its interval; *not defined* for what an arm does not have."""
    if not isinstance(found, Mapping) or finite(found.get("value")) is None:
        return Cell(NOT_DEFINED)
    size = f" n {number(found.get('n'))}, {number(found.get('clusters'))} clusters" if with_size else ""
    return Cell(number(found["value"]), between(found) + size)


def contrasts(summary: Summary) -> Table | None:
    """Every contrast with what may be concluded from it; None without one."""
    rows = tuple(_contrast(it) for it in summary.get("contrasts") or ())
    columns = ("metric", "a", "b", "a − b", "n", "clusters", "p", "p after Holm", "MDE", "what it shows")
    note = (
        "Paired differences on the same questions, with 95% intervals clustered by fact. A winner is named only where "
        "the interval leaves out zero and p stays at or below .05 after Holm's correction. MDE: the smallest "
        "difference that this run would have shown four times in five."
    )
    return Table("Paired differences between arms", columns, rows, note) if rows else None


def _contrast(contrast: Mapping[str, Any]) -> tuple[Cell, ...]:
    difference = contrast.get("difference") or {}
    value = finite(difference.get("value"))
    figures = Cell(number(value, signed=True), between(difference, signed=True) if value is not None else "")
    return (
        Cell(contrast["metric"]),
        Cell(contrast["a"]),
        Cell(contrast["b"]),
        figures,
        Cell(number(difference.get("n"))),
        Cell(number(difference.get("clusters"))),
        Cell(probability(contrast.get("p"))),
        Cell(probability(contrast.get("p_holm"))),
        Cell(number(contrast.get("mde"))),
        Cell(verdict(contrast)),
    )


def outcomes(summary: Summary) -> Table | None:
    """How many answers each arm gave, declined and failed to give; None where the summary does not count by arm."""
    counts = summary.get("counts_by_arm") or {}
    if not counts and all(isinstance(it, Mapping) for it in summary.get("counts", {}).values()):
        counts = summary.get("counts", {})
    return across("Outcomes of each arm", "arm", counts) if counts else None


def errors(summary: Summary) -> Table | None:
    """How often each arm failed in which way; None where none did."""
    found = {arm: codes for arm, codes in (summary.get("errors") or {}).items() if codes}
    return across("Failures of each arm, by their kind", "arm", found, missing="0") if found else None


def slices(dimension: str, values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    """Every metric of every arm in every slice of one dimension: ``{slice: {arm: {metric: estimate}}}``."""
    arms = dict.fromkeys(arm for of_arm in values.values() for arm in of_arm)
    metrics = dict.fromkeys(it for of_arm in values.values() for found in of_arm.values() for it in found)
    rows = [
        (
            Cell(value),
            Cell(metric),
            *(estimate(values[value].get(arm, {}).get(metric), with_size=False) for arm in arms),
        )
        for value in sorted_slices(dimension, values)
        for metric in metrics
    ]
    return Table(f"Scores by {dimension}", (dimension, "metric", *arms), tuple(rows))


def sorted_slices(dimension: str, values: Iterable[str]) -> list[str]:
    """Slices that have an order of their own in that; others as the summary has them."""
    return sorted(values, key=in_order) if dimension in {"difficulty", "mentions", "phrasing"} else list(values)


def across(caption: str, head: str, found: Mapping[str, Mapping[str, Any]], missing: str = NOT_DEFINED) -> Table:
    """A row for each of ``found``, a column for whatever any of them has."""
    columns = list(dict.fromkeys(name for cells in found.values() for name in cells))
    rows = tuple((Cell(name), *(cell(it.get(column), missing) for column in columns)) for name, it in found.items())
    return Table(caption, (head, *columns), rows)


def down(caption: str, head: str, found: Mapping[str, Mapping[str, Any]]) -> Table:
    """A column for each of ``found``, a row for whatever any of them has."""
    names = list(dict.fromkeys(name for cells in found.values() for name in cells))
    rows = tuple((Cell(name), *(cell(it.get(name), NOT_DEFINED) for it in found.values())) for name in names)
    return Table(caption, (head, *found), rows)


def cell(found: object, missing: str) -> Cell:
    """Whatever a summary holds in one place: an estimate, how many edits of how many, a number, nothing."""
    if isinstance(found, Mapping) and "value" in found:
        return estimate(found)
    if isinstance(found, Mapping) and {"reached", "not_reached"} <= found.keys():
        return Cell(f"{number(found['reached'])} of {number(found['reached'] + found['not_reached'])}")
    if found is None:
        return Cell(missing)
    return Cell(found if isinstance(found, str) else number(found))


def plain(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of texts."""
    return Table(caption, tuple(columns), tuple(tuple(Cell(it) for it in row) for row in rows))
