"""What weights say while they are taught edits, and the figures of it. No model is needed for these."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from evals.estimates import mean
from evals.freshness.verdict import Verdict
from evals.rows import Estimate

LEARNING = "learning.jsonl"

Part = Literal["curve", "sequence"]


class LearningRow(BaseModel):
    """One answer of weights that were trained for ``seconds`` and ``steps`` on the first ``edits`` of the run's edits.

    ``probe``: ``edit``, a phrasing of an edit that was not trained on, with ``place``, the edit's number from 1 in the
    order of teaching; or ``untouched``, a question that no edit bears upon, ``place`` 0. ``right``: of an edit, that
    the verdict is ``new``; of an untouched question, an exact match. ``cluster``: the edit, or the question's fact. The
    row that ``closes`` a part is its last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    part: Part
    probe: Literal["edit", "untouched"]
    seconds: float
    steps: int
    edits: int
    place: int
    case: str
    cluster: str
    question: str
    answer: str | None
    verdict: Verdict
    right: bool
    closes: bool = False


def summarise_learning(rows: Sequence[LearningRow]) -> dict[str, Any]:
    """``{"learning": [...], "sequential": [...]}``, an item for each point, as the report reads them.

    Of both: ``seconds`` and ``steps`` of training, ``edits`` taught, ``untouched``, the share of untouched questions
    that are answered right, and ``damage``, how much less that is than before (paired). Of the curve: ``new_rate`` and
    how often there was which verdict. Of the sequence: ``newest``, how many of the edits taught since the last point
    were answered right after their turn; ``retention``, how many of all edits before the newest still are, and
    ``retained``, that share of those that were learned in their turn. Estimates are in their ``shape``; what nothing
    was asked about is not there.
    """
    return {
        "learning": [_point(rows, here) for here in _points(rows, "curve")],
        "sequential": list(_sequential(rows)),
    }


def _points(rows: Iterable[LearningRow], part: Part) -> list[list[LearningRow]]:
    """The rows of the part, by the point at which they were asked."""
    own = (row for row in rows if row.part == part)
    return [list(here) for _, here in groupby(own, key=lambda row: (row.edits, row.seconds))]


def _point(rows: Sequence[LearningRow], here: Sequence[LearningRow]) -> dict[str, Any]:
    taught = [row for row in here if row.probe == "edit"]
    counts = Counter(row.verdict for row in taught)
    return {
        **_where(here),
        **_shapes(new_rate=_share(taught), **_beside(rows, here)),
        "verdicts": {verdict: counts[verdict] for verdict in get_args(Verdict)},
    }


def _sequential(rows: Sequence[LearningRow]) -> Iterator[dict[str, Any]]:
    turns: dict[str, LearningRow] = {}  # each edit's row right after it was taught
    since: list[LearningRow] = []
    for here in _points(rows, "sequence"):
        earlier = [row for row in here if row.probe == "edit" and row.place < row.edits]
        own = [row for row in here if row.probe == "edit" and row.place == row.edits]
        turns |= {row.case: row for row in own}
        since += own
        if own and not any(row.probe == "untouched" for row in here):
            continue
        retained = [row for row in earlier if turns[row.case].right]
        estimates = _shapes(
            newest=_share(since), retention=_share(earlier), retained=_share(retained), **_beside(rows, here)
        )
        yield {**_where(here), **estimates}
        since = []


def _beside(rows: Sequence[LearningRow], here: Sequence[LearningRow]) -> dict[str, Estimate | None]:
    """``untouched`` and ``damage`` at a point, held against the same part before any training."""
    asked = [row for row in here if row.probe == "untouched"]
    before = {
        row.case: row.right
        for row in rows
        if row.part == here[0].part and row.seconds == 0 and row.probe == "untouched"
    }
    losses = [(before[row.case] - row.right, row.cluster) for row in asked if row.case in before]
    damage = mean([loss for loss, _ in losses], [cluster for _, cluster in losses], bounded=False) if losses else None
    return {"untouched": _share(asked), "damage": damage}


def _where(here: Sequence[LearningRow]) -> dict[str, Any]:
    return {"seconds": here[0].seconds, "steps": here[0].steps, "edits": here[0].edits}


def _share(rows: Sequence[LearningRow]) -> Estimate | None:
    return mean([float(row.right) for row in rows], [row.cluster for row in rows]) if rows else None


def _shapes(**estimates: Estimate | None) -> dict[str, Any]:
    return {name: it.shape() for name, it in estimates.items() if it is not None}
