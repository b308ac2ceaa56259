"""What people see in a terminal: answers side by side, tables, progress on standard error."""

import re
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kstore.types import Answer, Citation, Evidence, Reply

_SIDE_BY_SIDE = 96  # columns; on a narrower terminal the answers stand below each other
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EVERY = 60.0  # seconds between two lines about work under way, where there is no terminal
_PREVIEW = 280  # characters of a passage in a listing


class Display:
    """Prints results to standard output and progress to standard error; plain where these are not terminals."""

    def __init__(self) -> None:
        self._out = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far work is: a bar on a terminal, elsewhere a line now and then; ``total`` 0 only announces it."""
        if not self._progress.console.is_terminal or total == 0:
            self._progress_line(what, done, total)
            return
        if what not in self._tasks:
            self._progress.start()
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)
        if done == total:
            self._progress.remove_task(self._tasks.pop(what))
        if not self._tasks:
            self._progress.stop()

    def _progress_line(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or what not in self._begun:
            self._begun[what] = self._told[what] = now
            print(f"kstore: {what}" + (f" ({total})" if total else ""), file=sys.stderr, flush=True)
        elif now - self._told[what] >= _EVERY and done < total:
            self._told[what] = now
            left = (now - self._begun[what]) * (total - done) / done
            print(f"kstore: {what}: {done} of {total}, {left / 60:.0f} min left", file=sys.stderr, flush=True)

    def training(self, epoch: int, epochs: int, loss: float, model: str = "") -> None:
        """One line an epoch; ``model`` where several are trained."""
        of = f"{model}, " if model else ""
        print(f"kstore: {of}epoch {epoch} of {epochs}, loss {loss:.3f}", file=sys.stderr, flush=True)

    def reply(self, reply: Reply) -> None:
        """The answers as panels, next to each other where there is room."""
        self._out.print(Text(printable(reply.question), style="bold"))
        count = len(reply.answers)
        wide = self._out.width >= _SIDE_BY_SIDE and count > 1
        width = (self._out.width - (count - 1)) // count if wide else self._out.width
        panels = [_panel(answer, width) for answer in reply.answers]
        self._out.print(Columns(panels, padding=(0, 1, 0, 0)) if wide else Group(*panels))

    def evidence(self, evidence: Evidence) -> None:
        """The hits, best first, with where they stand."""
        for rank, hit in enumerate(evidence.hits, start=1):
            place = f"{hit.document}:{hit.line_start}-{hit.line_end}"
            headings = printable(" > ".join(hit.headings))
            self._out.print(f"[bold]{rank}.[/] [cyan]{escape(place)}[/]  {escape(headings)}  {hit.score:.3f}")
            self._out.print(Text(_shortened(hit.text)), style="dim")
        if not evidence.hits:
            self._out.print(f"nothing found at revision {evidence.revision}")

    def documents(self, shape: dict[str, Any]) -> None:
        """One line a document."""
        table = Table(title=f"revision {shape['revision']}", title_justify="left")
        table.add_column("document")
        table.add_column("passages", justify="right")
        table.add_column("since revision", justify="right")
        table.add_column("digest")
        for document in shape["documents"]:
            row = (escape(document["name"]), str(document["passages"]), str(document["born"]), document["digest"][:12])
            table.add_row(*row)
        self._out.print(table)

    def history(self, shape: dict[str, Any]) -> None:
        """One line an event, oldest first."""
        table = Table()
        for column in ("revision", "at", "what", "digest"):
            table.add_column(column)
        for event in shape["events"]:
            table.add_row(str(event["revision"]), event["at"], escape(event["what"]), (event["digest"] or "")[:12])
        self._out.print(table)

    def status(self, shape: dict[str, Any]) -> None:
        """One line a fact."""
        table = Table(show_header=False)
        for what, value in shape.items():
            shown = value["name"] if isinstance(value, dict) else value
            if isinstance(value, list):
                shown = ", ".join(_segment(it) if isinstance(it, dict) else it for it in value)
            table.add_row(what.replace("_", " "), escape(str(shown)))
        self._out.print(table)


def _segment(shape: dict[str, Any]) -> str:
    """A part of the index in words."""
    return f"{shape['kind']} of {shape['vectors']} vectors (recall {shape['recall']:.2f})"


def _panel(answer: Answer, width: int) -> Panel:
    parts: list[Text | str | Markdown] = []
    if answer.text is not None:
        parts.append(Markdown(printable(_marked(answer.text, answer.citations))))  # quotes carry their own markup
    else:
        parts.append(Text(f"declined: {answer.declined}", style="yellow"))
    parts.append("")
    for number, citation in enumerate(answer.citations, start=1):
        place = f"{citation.document}:{citation.line_start}"
        headings = printable(" > ".join(citation.headings))
        parts.append(Text(f"[{number}] {place}  {headings}", style="cyan"))
    as_of = "" if answer.as_of is None else f" (revision {answer.as_of})"
    parts.append(Text.assemble(("knowledge  ", "dim"), f"{answer.age}{as_of}; {answer.knowledge}"))
    if answer.because is not None:
        parts.append(Text.assemble(("why        ", "dim"), answer.because))
    if answer.confidence is not None:
        parts.append(Text.assemble(("confidence ", "dim"), f"{answer.confidence:.0%}"))
    stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in answer.timings.items() if stage != "total")
    parts.append(Text.assemble(("time       ", "dim"), f"{answer.timings['total']:.1f} ms ({stages})"))
    parts.append(Text.assemble(("model      ", "dim"), answer.model))
    return Panel(Group(*parts), title=f"[bold]{answer.arm}[/]", title_align="left", width=width)


def _marked(text: str, citations: Sequence[Citation]) -> str:
    """The text with the numbers of the citations behind the claims that they support, each line of claims by itself."""
    behind = [(it.claim[1], number) for number, it in enumerate(citations, start=1) if it.claim]
    for end, number in sorted(behind, reverse=True):
        text = f"{text[:end]} [{number}]{text[end:]}"
    return text.replace("\n", "  \n") if behind else text


def _shortened(text: str) -> str:
    return printable(text if len(text) <= _PREVIEW else text[:_PREVIEW].rstrip() + " …")


def printable(text: str) -> str:
    """The text with its control characters replaced: what a document holds must not drive the reader's terminal."""
    return _CONTROL.sub("\ufffd", text)
