"""Answers made elsewhere, scored as the official SQuAD 2.0 script does."""

from collections.abc import Container
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictStr

from evals.casefiles import read_cases, read_records
from evals.cases import Question, Unanswerable
from evals.metrics import exact_match, f1
from evals.scoring import as_question
from kstore.errors import InputError


class Given(BaseModel):
    """An answer from elsewhere: ``text`` None where the question was declined. Further fields are let be."""

    model_config = ConfigDict(frozen=True)

    id: StrictStr
    text: StrictStr | None


def score_answers(questions: Path, answers: Path) -> dict[str, Any]:
    """``{"questions": [{"id", "exact_match", "f1"}], "exact_match", "f1", "missing": [id]}``, the means over all.

    A question that has no answer counts as wrong, also where declining would have been right, and is named as missing.
    An empty text is no answer, as in the official script. InputError, with the line, where a file is malformed, an
    answer is to none of the questions, or one is answered twice.
    """
    cases = _cases(questions)
    given = _given(answers, cases)
    scored = [_score(case, given.get(name)) for name, case in cases.items()]
    return {
        "questions": scored,
        "exact_match": sum(it["exact_match"] for it in scored) / len(scored),
        "f1": sum(it["f1"] for it in scored) / len(scored),
        "missing": [name for name in cases if name not in given],
    }


def _given(file: Path, cases: Container[str]) -> dict[str, Given]:
    """The answers by the question that they are to."""
    answers, problems = read_records(file, lambda _: Given)
    if problems:
        raise InputError(problems[0])
    given: dict[str, Given] = {}
    for place, answer in answers:
        if answer.id not in cases:
            raise InputError(f"{place}: {answer.id[:80]!r} is none of the questions")
        if given.setdefault(answer.id, answer) is not answer:
            raise InputError(f"{place}: {answer.id[:80]!r} is answered twice")
    return given


def _cases(file: Path) -> dict[str, Question]:
    lines, problems = read_cases(file)
    if problems:
        raise InputError(problems[0])
    cases: dict[str, Question] = {}
    for line in lines:
        if not isinstance(line.case, Question | Unanswerable):
            raise InputError(f"{line.place}: not a question")
        case = line.case if isinstance(line.case, Question) else as_question(line.case)
        if cases.setdefault(case.id, case) is not case:
            raise InputError(f"{line.place}: there is another question {case.id!r}")
    if not cases:
        raise InputError(f"{file} has no questions")
    return cases


def _score(case: Question, given: Given | None) -> dict[str, Any]:
    if given is None:
        return {"id": case.id, "exact_match": 0.0, "f1": 0.0}
    return {"id": case.id, "exact_match": exact_match(given.text, case.answers), "f1": f1(given.text, case.answers)}
