"""What is asked of an edit: about what it changes, about what stands near by, about what stands far away."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.cases import Change, Edit, Evidence, Kind, Question, Texts
from evals.freshness.bench import Said
from evals.freshness.rows import FreshnessRow, Phase, Role
from evals.freshness.verdict import Verdict, judge, same_answers
from kstore.text.markdown import split


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with the answers accepted before (``old``) and after (``new``); None: unanswerable then."""

    edit: str
    kind: Kind
    role: Role
    case: str
    phrasing: int
    question: str
    old: Texts | None
    new: Texts | None

    def verdict(self, said: Said) -> tuple[Verdict, bool]:
        """The verdict on what was said, and whether it is mixed."""
        return ("errored", False) if said.error else judge(said.text, self.old, self.new)

    @property
    def becomes_answerable(self) -> bool:
        """Whether an answer is wanted after the change that was not accepted before it."""
        return self.new is not None and (self.old is None or not same_answers(self.old, self.new))

    def row(
        self,
        mode: str,
        unit: str,
        phase: Phase,
        arm: str,
        said: Said,
        unchanged: bool | None = None,
        timings: Mapping[str, float] | None = None,
    ) -> FreshnessRow:
        """The row of what an arm said to it."""
        verdict, mixed = self.verdict(said)
        return FreshnessRow(
            mode=mode,
            unit=unit,
            phase=phase,
            edit=self.edit,
            kind=self.kind,
            role=self.role,
            case=self.case,
            phrasing=self.phrasing,
            question=self.question,
            arm=arm,
            verdict=verdict,
            mixed=mixed,
            unchanged=unchanged,
            answer=said.text,
            reason=said.reason,
            error=said.error,
            as_of=said.as_of,
            citations=said.citations,
            timings_ms={"wall": said.wall_ms, **(timings or {})},
        )


def about(change: Change, kind: Kind) -> list[Inquiry]:
    """Every phrasing of the question about what changes."""
    return [
        Inquiry(change.id, kind, "target", change.id, phrasing, question, change.old_answers, change.new_answers)
        for phrasing, question in enumerate(change.phrasings)
    ]


def around(edit: Edit, kind: Kind, controls: Sequence[Question]) -> list[Inquiry]:
    """The edit's neighbours and the controls chosen for it, each in one wording; nothing of theirs changes."""
    near = [
        Inquiry(edit.id, kind, "neighbour", f"{edit.id}.neighbour{number}", 0, it.question, it.answers, it.answers)
        for number, it in enumerate(edit.neighbours, start=1)
    ]
    far = [Inquiry(edit.id, kind, "control", it.id, 0, it.question, it.answers, it.answers) for it in controls]
    return [*near, *far]


def controls_from(edits: Sequence[Edit]) -> list[Question]:
    """The edits' own questions as controls for each other, as far as the documents answer them unedited."""
    return [
        Question(
            id=f"{edit.id}.control",
            question=edit.question,
            answers=edit.old_answers,
            evidence=tuple(Evidence(doc=it.doc, quote=it.find) for it in (edit, *edit.also)),
        )
        for edit in edits
        if edit.old_answers is not None
    ]


def choose_controls(edit: Edit, controls: Sequence[Question], count: int, seed: int) -> list[Question]:
    """``count`` of the controls whose evidence stands in none of the documents that the edit touches."""
    touched = {change.doc for change in (edit, *edit.also)}
    far = [it for it in controls if it.evidence and touched.isdisjoint(place.doc for place in it.evidence)]
    return random.Random(f"{seed} {edit.id}").sample(far, min(count, len(far)))


def kind_of(edit: Edit, documents: Mapping[str, str]) -> Kind:
    """The edit's kind; where it names none, what its answers and texts show."""
    if edit.kind:
        return edit.kind
    kind = kind_of_change(edit)
    return "format" if kind == "move" and of_form_alone(documents, edit.applied(documents)) else kind


def of_form_alone(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether two states of the same documents ``{name: text}`` differ in nothing that an encoder reads."""
    changed = [name for name in before if before[name] != after[name]]
    return bool(changed) and all(_read(before[name]) == _read(after[name]) for name in changed)


def kind_of_change(change: Change) -> Kind:
    """What the answers alone show: ``move`` where they stay the same."""
    if change.old_answers is None:
        return "insert"
    if change.new_answers is None:
        return "delete"
    return "move" if same_answers(change.old_answers, change.new_answers) else "value"


def _read(text: str) -> list[str]:
    return [passage.key for passage in split(text)]
