"""The cases that an evaluation asks: questions, questions without an answer, edits; JSON Lines, one case a line.

A case is read in two steps. Its shape is checked line by line (``read_cases``), so that a file can be wrong in many
places and each is told. Then its quotes are located in a corpus (``locate``): a quote names a document and stands in it
word for word, which survives any change of how documents are cut into passages.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from evals.metrics import normalise
from kstore.errors import InputError

Text = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
Texts = tuple[Text, ...]
Kind = Literal["value", "insert", "delete", "rename", "move", "format"]


class Case(BaseModel):
    """What all cases share. Fields of the caller's own are let be, but not those that look like a slip of the pen."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _no_slip_of_the_pen(cls, record: Any) -> Any:
        for name in record if isinstance(record, dict) else ():
            meant = difflib.get_close_matches(name, cls.model_fields, n=1, cutoff=0.8)
            if name not in cls.model_fields and meant:
                raise ValueError(f"there is no field {name!r}; is {meant[0]!r} meant?")
        return record


class Evidence(Case):
    """A quotation that proves an answer: ``quote`` stands word for word in ``doc``, below ``heading`` if given."""

    doc: Text
    quote: Text
    heading: Text | None = None


class Asked(Case):
    """A question with its accepted answers, the first the best; ``answers`` None: the corpus does not answer it."""

    question: Text
    answers: Texts | None
    evidence: tuple[Evidence, ...] = ()

    @model_validator(mode="after")
    def _answers(self) -> Self:
        check_answers("answers", self.answers)
        return self


class Question(Asked):
    """One gold question in all its phrasings.

    ``fact`` names what is asked about: questions of one fact are not independent of each other. ``statements`` tell the
    fact in full sentences, for training. ``popular``: whether a general language model may be expected to know it.
    """

    id: Text
    paraphrases: Texts = ()
    statements: Texts = ()
    key_points: Texts = ()
    type: str = ""
    difficulty: Literal["", "easy", "medium", "hard"] = ""
    popular: bool = False
    fact: str = ""
    split: str = ""

    @property
    def phrasings(self) -> Texts:
        """Every wording of the question, the first the main one."""
        return (self.question, *self.paraphrases)

    @property
    def cluster(self) -> str:
        """The fact that the question is about; its own id where none is named."""
        return self.fact or self.id


class Unanswerable(Case):
    """A question that the corpus does not answer, and why not: what it says nearby, or nothing."""

    id: Text
    question: Text
    paraphrases: Texts = ()
    why_unanswerable: Text
    split: str = ""

    @property
    def phrasings(self) -> Texts:
        """Every wording of the question, the first the main one."""
        return (self.question, *self.paraphrases)


class Replacement(Case):
    """A change of one document: ``find``, which stands in it exactly once, becomes ``replace``."""

    doc: Text
    find: Text
    replace: str


class Edit(Replacement):
    """A change of the corpus, a question about it, and its answers before and after; None: unanswerable then.

    ``also`` are further replacements of the same change, such as the other end of a move. ``neighbours`` are questions
    about what stands near by, whose answers the edit must leave alone.
    """

    id: Text
    question: Text
    paraphrases: Texts = ()
    old_answers: Texts | None
    new_answers: Texts | None
    kind: Kind | None = None
    also: tuple[Replacement, ...] = ()
    neighbours: tuple[Asked, ...] = ()

    @property
    def phrasings(self) -> Texts:
        """Every wording of the question, the first the main one."""
        return (self.question, *self.paraphrases)

    @model_validator(mode="after")
    def _before_and_after(self) -> Self:
        check_answers("old_answers", self.old_answers)
        check_answers("new_answers", self.new_answers)
        before, after = self.old_answers, self.new_answers
        if before is None and after is None:
            raise ValueError("old_answers and new_answers are both null")
        fits = {
            "insert": before is None,
            "delete": after is None,
            "value": before is not None and after is not None and not {*before} & {*after},
            "rename": before is not None and after is not None and not {*before} & {*after},
            "move": before == after,
            "format": before == after,
        }
        if self.kind and not fits[self.kind]:
            raise ValueError(f"an edit of kind {self.kind!r} cannot have these answers before and after")
        return self

    def applied(self, documents: Mapping[str, str]) -> dict[str, str]:
        """The documents after the edit; ValueError where a text to be replaced is not there exactly once."""
        edited = dict(documents)
        for change in (self, *self.also):
            if change.doc not in edited:
                raise ValueError(f"there is no document {change.doc!r}")
            times = edited[change.doc].count(change.find)
            if times != 1:
                raise ValueError(f"{change.doc} has {change.find[:60]!r} {times} times, not once")
            edited[change.doc] = edited[change.doc].replace(change.find, change.replace)
        if edited == documents:
            raise ValueError("the edit changes nothing")
        return edited


AnyCase = Question | Unanswerable | Edit
_Kind = TypeVar("_Kind", Question, Unanswerable, Edit)


@dataclass(frozen=True, slots=True)
class Line:
    """A case and the place that it was read from, ``file:line``."""

    place: str
    case: AnyCase


@dataclass(frozen=True, slots=True)
class Span:
    """Where a quote stands: ``document[start:end]``."""

    document: str
    start: int
    end: int


def check_answers(field: str, answers: Texts | None) -> None:
    """ValueError unless ``answers`` is None or holds some, all different, of which scoring leaves something."""
    if answers is not None and not answers:
        raise ValueError(f"{field} is empty; null means that the corpus does not answer")
    if answers is not None and len(set(answers)) < len(answers):
        raise ValueError(f"{field} has the same answer twice")
    if any(not normalise(answer) for answer in answers or ()):
        raise ValueError(f"{field} has an answer of punctuation or articles alone, which cannot be scored")


def read_cases(file: Path, problems: list[str]) -> list[Line]:
    """The cases of the file; what is wrong with a line is added to ``problems`` as ``file:line: reason``.

    The kind of a case shows in its fields. InputError where the file cannot be read at all.
    """
    lines = []
    for place, text in _lines(file):
        try:
            record = json.loads(text)
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
            lines.append(Line(place, _kind(record).model_validate(record)))
        except ValidationError as error:
            problems += [f"{place}: {_reason(detail)}" for detail in error.errors()]
        except (ValueError, RecursionError) as error:
            problems.append(f"{place}: {error}")
    return lines


def load(kind: type[_Kind], files: Sequence[Path]) -> list[_Kind]:
    """The cases of one kind in these files; InputError naming the first line that is malformed or of another kind."""
    problems: list[str] = []
    lines = [line for file in files for line in read_cases(file, problems)]
    problems += [
        f"{line.place}: not a case of the kind wanted here" for line in lines if not isinstance(line.case, kind)
    ]
    if problems:
        raise InputError(problems[0])
    return [line.case for line in lines if isinstance(line.case, kind)]


def locate(evidence: Evidence, documents: Mapping[str, str]) -> Span:
    """Where the quote stands in ``{name: text}``; ValueError where it does not, or where more than once and undecided.

    A quote that stands twice is told apart by its heading: the first after that heading is meant.
    """
    text = documents.get(evidence.doc)
    if text is None:
        raise ValueError(f"there is no document {evidence.doc!r}")
    after = 0
    if evidence.heading is not None:
        after = _heading(evidence.heading, text)
        if after < 0:
            raise ValueError(f"{evidence.doc} has no heading {evidence.heading!r}")
    start = text.find(evidence.quote, after)
    if start < 0:
        raise ValueError(f"{evidence.doc} does not say {evidence.quote[:60]!r}")
    if evidence.heading is None and text.find(evidence.quote, start + 1) >= 0:
        raise ValueError(f"{evidence.doc} says {evidence.quote[:60]!r} more than once; name the heading")
    return Span(evidence.doc, start, start + len(evidence.quote))


def _heading(heading: str, text: str) -> int:
    offset = 0
    for line in text.split("\n"):
        if line.startswith("#") and line.lstrip("#").strip() == heading:
            return offset
        offset += len(line) + 1
    return -1


def _kind(record: Mapping[str, Any]) -> type[AnyCase]:
    if "why_unanswerable" in record:
        return Unanswerable
    if record.keys() & {"find", "replace", "old_answers", "new_answers"}:
        return Edit
    return Question


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # not splitlines: U+2028 may stand in a JSON text
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
    for number, text in enumerate(lines, start=1):
        if text.strip():
            yield f"{file}:{number}", text


def _reason(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        message = "a text with something in it is needed"
    return f"{where}: {message}" if where else message
