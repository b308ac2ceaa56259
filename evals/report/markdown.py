"""The summary in Markdown: what the page says, without its plots."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.report.contested import Contested, Listed
from evals.report.sections import Section
from evals.report.tables import Table
from evals.report.wording import number

_LISTED = 5
_ROWS = 40  # of a plot's figures; more are in the page alone
# An underscore within a word is none to Markdown, nor is a bracket that no address follows: there are no references.
_SPECIAL = re.compile(r"[\\`*|~$]|(?<!\w)_|_(?!\w)|\](?=\()|^[-+>#]|^\d+(?=[.)](?:\s|$))")


def markdown(
    manifest: Mapping[str, Any], sections: Sequence[Section], worst: Sequence[Listed], contested: Contested | None
) -> str:
    """CommonMark with tables; every word of others is escaped, so that none of it is markup or HTML."""
    return "\n".join([*_lines(manifest, sections, worst, contested), ""])


def _lines(
    manifest: Mapping[str, Any], sections: Sequence[Section], worst: Sequence[Listed], contested: Contested | None
) -> Iterator[str]:
    yield from ("# Weights and vectors: report of a run", "")
    yield "Plots and all figures are in `report.html`."
    for section in sections:
        yield from _section(section)
    if worst:
        yield from (
            "",
            "## Worst questions",
            "",
            "The facts that the main arms answer worst, each in its worst phrasing.",
        )
        yield from _questions(worst)
    if contested and contested.listed:
        yield from ("", "## Contested questions", "")
        yield (
            f"{escaped(contested.a)} scores higher on {number(contested.higher_a)} facts, {escaped(contested.b)} on "
            f"{number(contested.higher_b)}, both the same on {number(contested.same)}."
        )
        yield from _questions(contested.listed)
    yield from ("", "## Provenance", "")
    yield from _tree(manifest, "")


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {section.title}")
    if section.sentences:
        yield ""
        yield from (f"- {escaped(sentence)}" for sentence in section.sentences)
    for table in (*section.tables, *section.folded):
        yield from _table(table)
    for plot in section.plots:
        if len(plot.data.rows) <= _ROWS:
            yield from _table(plot.data)
        else:
            yield from ("", f"{escaped(plot.data.caption)}: {len(plot.data.rows)} rows, in `report.html`.")


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"**{escaped(table.caption)}**", "")
    yield f"| {' | '.join(escaped(column) for column in table.columns)} |"
    yield f"|{' --- |' * len(table.columns)}"
    for row in table.rows:
        yield f"| {' | '.join(escaped(str(cell)) for cell in row)} |"
    if table.note:
        yield from ("", escaped(table.note))


def _questions(listed: Sequence[Listed]) -> Iterator[str]:
    for rank, it in enumerate(listed[:_LISTED], start=1):
        golds = " · ".join(escaped(gold) for gold in it.golds)
        yield from ("", f"### {rank}. {escaped(it.question)}", "")
        yield f"{f'Accepted: {golds}' if golds else 'The corpus does not answer it.'} ({escaped(it.about)})"
        yield ""
        for said in it.said:
            places = "".join(f"; {escaped(place)}" for place, _ in said.citations)
            text = escaped(said.text) or "no reason given"
            yield f"- **{escaped(said.arm)}** ({said.outcome}, F1 {said.f1:.2f}): {text}{places}"
    if len(listed) > _LISTED:
        yield from ("", f"{len(listed) - _LISTED} more are in `report.html`.")


def _tree(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield f"{indent}- {escaped(name)}:"
            yield from _tree(inner, f"{indent}  ")
        elif isinstance(inner, list | tuple) and inner and isinstance(inner[0], Mapping):
            yield f"{indent}- {escaped(name)}:"
            for one in inner:
                yield f"{indent}  - {escaped('; '.join(f'{key} {it}' for key, it in one.items()))}"
        else:
            text = ", ".join(map(str, inner)) if isinstance(inner, list | tuple) else str(inner)
            yield f"{indent}- {escaped(name)}: {escaped(text)}"


def escaped(text: str) -> str:
    """The text on one line, with nothing left in it that Markdown or HTML would read as more than text.

    >>> escaped("a|b <i>*c*")
    'a\\\\|b &lt;i>\\\\*c\\\\*'
    """
    line = " ".join(text.split())
    return _SPECIAL.sub(_guarded, line.replace("&", "&amp;").replace("<", "&lt;"))


def _guarded(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"
