"""Whether case files can be trusted: well-formed, at home in the corpus, and nothing of the test in the training.

Records whose ``split`` is ``train`` or ends in ``_train`` are training phrasings, all others are for measuring. The
splits ``train`` and ``test`` are about the same facts, in other words; every other pair of splits but that of a name
and its ``_train`` (``dev`` and ``dev_train``) must have no fact in common.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.cases import Edit, Line, Question, Unanswerable, locate, read_cases
from kstore.text.markdown import split as passages

SHARED_RUN = 5  # words in a row that a test phrasing may not share with a training phrasing of its fact
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and every problem as ``file:line: reason``."""

    questions: int
    facts: int
    phrasings: int
    unanswerable: int
    edits: int
    problems: tuple[str, ...]


def check(files: Sequence[Path], documents: Mapping[str, str]) -> Report:
    """Check the files by themselves, against the documents ``{name: text}`` and against each other.

    InputError where a file cannot be read at all.
    """
    problems: list[str] = []
    lines = [line for file in files for line in read_cases(file, problems)]
    for line in lines:
        problems += [f"{line.place}: {reason}" for reason in _out_of_place(line, documents)]
    for rule in (_repeated_ids, _repeated_phrasings, _facts_in_two_splits, _shared_runs):
        problems += rule(lines)
    kinds = Counter(type(line.case) for line in lines)
    questions = [line.case for line in lines if isinstance(line.case, Question)]
    return Report(
        questions=kinds[Question],
        facts=len({question.cluster for question in questions}),
        phrasings=sum(len(question.phrasings) for question in questions),
        unanswerable=kinds[Unanswerable],
        edits=kinds[Edit],
        problems=tuple(problems),
    )


def is_training(split: str) -> bool:
    """Whether records of this split are phrasings to learn from."""
    return split == "train" or split.endswith("_train")


def shared_run(one: str, other: str, length: int = SHARED_RUN) -> str:
    """The first run of ``length`` words that both texts have, '' if there is none.

    >>> shared_run("What is the rank of a matrix?", "Tell me: what is the rank of it")
    'what is the rank of'
    """
    known = set(_runs(one, length))
    return next((" ".join(run) for run in _runs(other, length) if run in known), "")


def _runs(text: str, length: int) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return (tuple(words[first : first + length]) for first in range(len(words) - length + 1))


def _out_of_place(line: Line, documents: Mapping[str, str]) -> Iterator[str]:
    """What the case says of the documents and is not so."""
    case = line.case
    try:
        if isinstance(case, Question):
            for evidence in case.evidence:
                locate(evidence, documents)
        elif isinstance(case, Edit):
            edited = case.applied(documents)
            for neighbour in case.neighbours:
                for evidence in neighbour.evidence:
                    locate(evidence, documents)
                    locate(evidence, edited)
            if case.kind == "format" and _plain(documents) != _plain(edited):
                yield "an edit of kind 'format' changes words"
    except ValueError as error:
        yield str(error)


def _plain(documents: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [passage.key for passage in passages(text)] for name, text in documents.items()}


def _repeated_ids(lines: Sequence[Line]) -> Iterator[str]:
    first: dict[str, str] = {}
    for line in lines:
        if first.setdefault(line.case.id, line.place) != line.place:
            yield f"{line.place}: the id {line.case.id!r} is also at {first[line.case.id]}"


def _repeated_phrasings(lines: Sequence[Line]) -> Iterator[str]:
    """The same wording twice: of one split it counts double, of two it carries the test into the training."""
    first: dict[tuple[str, ...], str] = {}
    for line in lines:
        if isinstance(line.case, Edit):
            continue  # an edit may well ask what a gold question asks
        for phrasing in line.case.phrasings:
            words = tuple(_WORD.findall(phrasing.casefold()))
            if words and words in first:
                yield f"{line.place}: {phrasing[:80]!r} is also asked at {first[words]}"
            first[words] = line.place


def _facts_in_two_splits(lines: Sequence[Line]) -> Iterator[str]:
    homes: dict[str, tuple[str, str]] = {}
    for line, question in _questions(lines):
        home = question.split.removesuffix("_train")
        home = "train" if home == "test" else home
        other, place = homes.setdefault(question.cluster, (home, line.place))
        if home != other:
            yield f"{line.place}: the fact {question.cluster!r} is of the split {other!r} at {place}"


def _shared_runs(lines: Sequence[Line]) -> Iterator[str]:
    training: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for line, question in _questions(lines):
        if is_training(question.split):
            training[question.cluster] += [(line.place, phrasing) for phrasing in question.phrasings]
    for line, question in _questions(lines):
        if is_training(question.split):
            continue
        for phrasing in question.phrasings:
            for place, known in training[question.cluster]:
                if run := shared_run(known, phrasing):
                    yield f"{line.place}: {phrasing[:80]!r} shares {run!r} with a training phrasing at {place}"


def _questions(lines: Iterable[Line]) -> Iterator[tuple[Line, Question]]:
    return ((line, line.case) for line in lines if isinstance(line.case, Question))
