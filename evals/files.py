"""Files of a run: one is written whole or not at all, the other grows by whole lines and survives a kill."""

import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from kstore.errors import InputError

_Line = TypeVar("_Line", bound=BaseModel)


def write_whole(file: Path, text: str) -> None:
    """Write ``text`` so that whoever reads the file sees all of it or what was there before."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(file)


def read_lines(file: Path, kind: type[_Line]) -> list[_Line]:
    """The lines of a file of JSON Lines, packed by ``gzip`` or not; InputError naming the line that is none."""
    try:
        lines = _text(file).split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(kind.model_validate_json(line))
            except ValidationError as error:
                raise InputError(f"{file}:{number}: {error.errors()[0]['msg']}") from error
    return found


def _packed(file: Path) -> Path:
    return file.with_name(f"{file.name}.gz")


def _text(file: Path) -> str:
    if not file.exists() and _packed(file).exists():
        return gzip.decompress(_packed(file).read_bytes()).decode()
    return file.read_text(encoding="utf-8")


class Journal(Generic[_Line]):
    """A file of JSON Lines that only grows. A context manager.

    Each line is handed to the system as soon as it is added, so that a killed process loses at most the line that it
    was writing. What a kill cut in half is cut off when the journal is opened again.
    """

    def __init__(self, file: Path, kind: type[_Line]) -> None:
        self._file = file
        self._kind = kind

    def __enter__(self) -> Self:
        """InputError where the file was packed: what is finished is not added to."""
        if _packed(self._file).exists():
            raise InputError(f"{self._file} was packed by gzip: a run that is finished cannot be taken up")
        _cut_half_a_line(self._file)
        self._stream = self._file.open("a", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def lines(self) -> list[_Line]:
        """What it holds."""
        return read_lines(self._file, self._kind)

    def add(self, lines: Iterable[_Line]) -> None:
        """Write the lines in one go."""
        self._stream.write("".join(f"{line.model_dump_json()}\n" for line in lines))
        self._stream.flush()

    def keep(self, wanted: Callable[[_Line], bool]) -> None:
        """Drop the lines that are not wanted: those of a unit of work that a kill left half done."""
        kept = [line for line in self.lines() if wanted(line)]
        self._stream.close()
        write_whole(self._file, "".join(f"{line.model_dump_json()}\n" for line in kept))
        self._stream = self._file.open("a", encoding="utf-8", newline="\n")


def _cut_half_a_line(file: Path) -> None:
    if not file.exists():
        return
    data = file.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with file.open("r+b") as stream:
            stream.truncate(whole)
