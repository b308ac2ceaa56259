"""Files of one JSON value a line, read for those who say what a line must be."""

from collections.abc import Iterator
from pathlib import Path

from kstore.errors import InputError


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a question file that hold something, with their numbers from 1; InputError where it cannot be
    read."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # not splitlines: JSON lets U+2028 and its like stand
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the questions in {file}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line
