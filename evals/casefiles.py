"""Files of cases, JSON Lines: one case a line, each wrong line told with its number and the reason."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evals.cases import AnyCase, Edit, Question, Replay, Unanswerable
from kstore.errors import InputError

_Kind = TypeVar("_Kind", Question, Unanswerable, Edit, Replay)
_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Line:
    """A case and the place that it was read from, ``file:line``."""

    place: str
    case: AnyCase


def read_cases(file: Path) -> tuple[list[Line], list[str]]:
    """The cases of the file, and what is wrong with each other line as ``file:line: reason``.

    The kind of a case shows in its fields. InputError where the file cannot be read at all.
    """
    found, problems = read_records(file, _kind)
    return [Line(place, case) for place, case in found], problems


def read_records(
    file: Path, kind_of: Callable[[Mapping[str, Any]], type[_Record]]
) -> tuple[list[tuple[str, _Record]], list[str]]:
    """Each record of a file of JSON Lines with its place, ``file:line``, and what is wrong with each other line.

    ``kind_of`` tells from the fields of a record what it is to be; ValueError where it is nothing. InputError where the
    file cannot be read at all.
    """
    found: list[tuple[str, _Record]] = []
    problems: list[str] = []
    for place, text in _lines(file):
        try:
            record = json.loads(text, object_pairs_hook=_without_repetition)
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
            _check_writable(record)
            found.append((place, kind_of(record).model_validate(record)))
        except ValidationError as error:
            problems += [f"{place}: {_reason(detail)}" for detail in error.errors()]
        except json.JSONDecodeError as error:
            problems.append(f"{place}: not JSON: {error.msg} (column {error.colno})")
        except (ValueError, RecursionError) as error:
            problems.append(f"{place}: {error}")
    return found, problems


def load(kind: type[_Kind], files: Sequence[Path]) -> list[_Kind]:
    """The cases of one kind in these files; InputError naming the first line that is malformed or of another kind."""
    cases: list[_Kind] = []
    for file in files:
        lines, problems = read_cases(file)
        problems += [f"{line.place}: not a {kind.__name__}" for line in lines if not isinstance(line.case, kind)]
        if problems:
            raise InputError(problems[0])
        cases += [line.case for line in lines if isinstance(line.case, kind)]
    return cases


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError(f"a field is there twice among {', '.join(name for name, _ in pairs)}")
    return record


def _check_writable(record: Mapping[str, Any]) -> None:
    """ValueError for a text that could be read, but not written to a row or a report."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair, which is no text") from error


def _kind(record: Mapping[str, Any]) -> type[AnyCase]:
    """The kind that the fields show; ValueError where they show two."""
    change = {"old_answers", "new_answers"}
    tied_to_commits = bool(record.keys() & {"old_commit", "new_commit"})
    own: dict[type[AnyCase], set[str]] = {
        Unanswerable: {"why_unanswerable"},
        Edit: {"find", "replace"} if tied_to_commits else {"find", "replace", *change},
        Replay: {"old_commit", "new_commit"},
        Question: {"answers"},
    }
    shown = [kind for kind, fields in own.items() if record.keys() & fields]
    if len(shown) > 1:
        raise ValueError(f"fields of two kinds of case: {' and '.join(kind.__name__ for kind in shown)}")
    return shown[0] if shown else Question


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    if not file.is_file():
        raise InputError(f"cannot read {file}: {'not a file' if file.exists() else 'no such file'}")
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {file}: not UTF-8 text (byte {error.start})") from error
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 may stand in a JSON text
        if line.strip():
            yield f"{file}:{number}", line


def _reason(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        named = where in {"split", "fact"}
        message = f"{detail['input'][:40]!r} is no name" if named else "a text with something in it is needed"
    elif detail["type"] == "tuple_type":
        message = "a list is needed"
    return f"{where}: {message}" if where else message
