"""What the commands share: options, and how values are read and printed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from kstore.errors import InputError

ARMS = "parametric,retrieval,lexical-only,top-passage,oracle-passage,always-decline"  # those that want nothing more
MEMORIES = "parametric,retrieval"


class ManyValues(TyperCommand):
    """A command whose repeatable options also take several values at once: ``--questions A B`` as well as
    ``--questions A --questions B``, so that a shell can expand ``*.jsonl``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
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
ArmsOption = Annotated[str, typer.Option(help="Names or URLs, with commas between them.", metavar="A,B,...")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Take up the run that is there.")]
SeedOption = Annotated[int, typer.Option(help="Draws the order of what is asked and all resampling.")]
OutOption = Annotated[Path, typer.Option("--out", help="The folder of the run.", metavar="DIR")]


def names_in(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())


def whole_numbers(option: str, given: str) -> tuple[int, ...]:
    """The numbers that an option was given; InputError where one is none."""
    try:
        return tuple(int(it) for it in names_in(given))
    except ValueError as error:
        raise InputError(f"{option} takes whole numbers with commas between them, not {given!r}") from error


def print_json(shape: dict[str, Any]) -> None:
    print(json.dumps(shape, ensure_ascii=False, indent=2))
