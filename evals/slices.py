"""The ways in which a run is cut up: by what is asked about, and by how it is asked."""

from collections.abc import Mapping, Sequence

from evals.cases import Question
from evals.metrics import normalise
from evals.rows import Row
from kstore.text.markdown import split

# What the bounds of ``mentions`` are called: few facts stand in very many passages.
_MENTIONS = ((0, "none"), (1, "1"), (4, "2 to 4"), (19, "5 to 19"))
_MANY = "20 or more"


class Slices:
    """Names, for a row, the slice of each dimension that it falls in.

    ``type``, ``difficulty``, ``popular`` and ``split`` are the question's own, ``chapter`` the document of its first
    evidence, ``phrasing`` the number of the wording (the guide's test phrasings have one voice each: a beginner's, a
    terse expert's, one without the key term, an examiner's), ``mentions`` how many passages of the corpus hold one of
    the accepted answers. A dimension that a question says nothing of has no slice for it.
    """

    def __init__(self, cases: Mapping[str, Question], documents: Mapping[str, str]) -> None:
        passages = [f" {normalise(it.plain)} " for text in documents.values() for it in split(text)]
        self._of_case = {case.id: _own(case) | _mentions(case, passages) for case in cases.values()}

    def of(self, row: Row) -> dict[str, str]:
        """``{dimension: slice}``."""
        return self._of_case[row.case] | {"phrasing": str(row.phrasing + 1)}


def _own(case: Question) -> dict[str, str]:
    own = {
        "type": case.type,
        "difficulty": case.difficulty,
        "chapter": case.evidence[0].doc if case.evidence else "",
        "popular": ("popular" if case.popular else "of the corpus") if case.answers is not None else "",
        "split": case.split or "",
    }
    return {dimension: value for dimension, value in own.items() if value}


def _mentions(case: Question, passages: Sequence[str]) -> dict[str, str]:
    if case.answers is None:
        return {}
    wanted = {f" {normalise(answer)} " for answer in case.answers}
    count = sum(any(answer in passage for answer in wanted) for passage in passages)
    return {"mentions": next((name for most, name in _MENTIONS if count <= most), _MANY)}
