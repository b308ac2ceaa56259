"""The cases that an evaluation asks: questions, questions without an answer, edits of the corpus."""

import difflib
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StringConstraints, model_validator

from evals.metrics import normalise
from kstore.controls import check_question
from kstore.errors import InputError


def _askable(question: str) -> str:
    try:
        check_question(question)
    except InputError as error:
        raise ValueError(str(error)) from error
    return question


Text = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
Texts = tuple[Text, ...]
Wording = Annotated[Text, AfterValidator(_askable)]
Wordings = tuple[Wording, ...]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\s]+$")]
Split = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Kind = Literal["value", "insert", "delete", "rename", "move", "format"]


class Case(BaseModel):
    """What all cases share. Fields of the caller's own are let be, but not those that look like a slip of the pen."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _no_slip_of_the_pen(cls, record: Any) -> Any:
        for name in record if isinstance(record, dict) else ():
            if name in cls.model_fields or len(name) < 4:
                continue
            meant = difflib.get_close_matches(name.casefold(), cls.model_fields, n=1, cutoff=0.88)
            if meant:
                raise ValueError(f"there is no field {name!r}; is {meant[0]!r} meant?")
        return record


class Asking(Case):
    """A case with a question in one wording or more."""

    id: Text
    question: Wording
    paraphrases: Wordings = ()

    @property
    def phrasings(self) -> Texts:
        """Every wording of the question, the first the main one."""
        return (self.question, *self.paraphrases)


class Evidence(Case):
    """A quotation that proves an answer: ``quote`` stands word for word in ``doc``, below ``heading`` if given."""

    doc: Text
    quote: Text
    heading: Text | None = None


class Asked(Case):
    """A question with its accepted answers, the first the best; ``answers`` None: the corpus does not answer it."""

    question: Wording
    answers: Texts | None
    evidence: tuple[Evidence, ...] = ()

    @model_validator(mode="after")
    def _answers(self) -> Self:
        check_answers("answers", self.answers)
        if self.answers is None and self.evidence:
            raise ValueError("answers is null, and yet there is evidence")
        return self


class Question(Asked, Asking):
    """One gold question in all its phrasings.

    ``fact`` names what is asked about: questions of one fact are not independent of each other. ``statements`` tell the
    fact in full sentences, for training. ``popular``: whether a general language model may be expected to know it.
    """

    statements: Texts = ()
    key_points: Texts = ()
    type: str = ""
    difficulty: Literal["", "easy", "medium", "hard"] = ""
    popular: StrictBool = False
    fact: Name | None = None
    split: Split | None = None

    @property
    def cluster(self) -> str:
        """The fact that the question is about; its own id where none is named."""
        return self.fact or self.id


class Unanswerable(Asking):
    """A question that the corpus does not answer, and why not: what it says nearby, or nothing."""

    why_unanswerable: Text
    split: Split | None = None


class Replacement(Case):
    """A change of one document: ``find``, which stands in it exactly once, becomes ``replace``."""

    doc: Text
    find: Text
    replace: str

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.find == self.replace:
            raise ValueError("find and replace are the same")
        return self


class Change(Asking):
    """A question about something that changes, and its answers before and after; None: unanswerable then."""

    old_answers: Texts | None
    new_answers: Texts | None

    @model_validator(mode="after")
    def _answered_once_at_least(self) -> Self:
        check_answers("old_answers", self.old_answers)
        check_answers("new_answers", self.new_answers)
        if self.old_answers is None and self.new_answers is None:
            raise ValueError("old_answers and new_answers are both null")
        return self


class Replay(Change):
    """A change that a repository's history holds: the answers are the old ones at ``old_commit`` and the new ones at
    ``new_commit``."""

    old_commit: Name
    new_commit: Name

    @model_validator(mode="after")
    def _two_commits(self) -> Self:
        if self.old_commit == self.new_commit:
            raise ValueError("old_commit and new_commit are the same")
        return self


class Edit(Replacement, Change):
    """A change of the corpus and a question about it.

    ``also`` are further replacements of the same change, such as the other end of a move. ``neighbours`` are questions
    about what stands near by, whose answers the edit must leave alone.
    """

    kind: Kind | None = None
    also: tuple[Replacement, ...] = ()
    neighbours: tuple[Asked, ...] = ()

    @model_validator(mode="after")
    def _before_and_after(self) -> Self:
        if self.kind and not self._fits(self.kind):
            raise ValueError(f"an edit of kind {self.kind!r} cannot have these answers before and after")
        if self.kind == "move" and not self.also:
            raise ValueError("an edit of kind 'move' names in 'also' where the text goes")
        if any(not neighbour.evidence for neighbour in self.neighbours):
            raise ValueError("a neighbour without evidence: it could not be seen that the edit leaves it alone")
        return self

    def _fits(self, kind: Kind) -> bool:
        """Whether the answers before and after, as they are scored, are such as this kind of edit brings about."""
        before, after = _scored(self.old_answers), _scored(self.new_answers)
        if kind in {"insert", "delete"}:
            return not (before if kind == "insert" else after)
        same_question = bool(before and after)
        return same_question and (before == after if kind in {"move", "format"} else not before & after)

    def applied(self, documents: Mapping[str, str]) -> dict[str, str]:
        """The documents after the edit; ValueError where a text to be replaced is not there exactly once at first."""
        edited = dict(documents)
        for change in (self, *self.also):
            if change.doc not in edited:
                raise ValueError(f"there is no document {change.doc!r}")
            times = len(places(change.find, documents[change.doc]))
            if times != 1:
                raise ValueError(f"{change.doc} has {change.find[:60]!r} {times} times, not once")
            if change.find not in edited[change.doc]:
                raise ValueError(f"the edit changes {change.find[:60]!r} twice")
            edited[change.doc] = edited[change.doc].replace(change.find, change.replace)
        return edited


AnyCase = Question | Unanswerable | Edit | Replay


def check_answers(field: str, answers: Texts | None) -> None:
    """ValueError unless ``answers`` is None or holds some, all different, of which scoring leaves something."""
    if answers is not None and not answers:
        raise ValueError(f"{field} is empty; null means that the corpus does not answer")
    if answers is not None and len(set(answers)) < len(answers):
        raise ValueError(f"{field} has the same answer twice")
    if not all(any(unicodedata.category(letter)[0] in "LNS" for letter in normalise(it)) for it in answers or ()):
        raise ValueError(f"{field} has an answer of punctuation or articles alone, which cannot be scored")


def places(quote: str, text: str) -> list[int]:
    """Every offset at which the quote begins, overlapping ones too."""
    places = []
    place = text.find(quote)
    while place >= 0:
        places.append(place)
        place = text.find(quote, place + 1)
    return places


def _scored(answers: Texts | None) -> set[str]:
    return {normalise(answer) for answer in answers or ()}
