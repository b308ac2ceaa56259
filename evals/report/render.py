"""A report from the data of a run alone: its manifest, its summary, its rows and the cases that were asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from evals.cases import Question
from evals.report.contested import Answers
from evals.report.markdown import markdown
from evals.report.page import page
from evals.report.sections import sections
from evals.rows import Row


def render(
    manifest: Mapping[str, Any],
    summary: Mapping[str, Any],
    rows: Sequence[Row],
    cases: Mapping[str, Question],
    meanings: Mapping[str, str],
) -> tuple[str, str]:
    """``report.html`` and ``report.md``; the same data gives the same bytes.

    ``summary`` is that of ``summary.json``; parts that it lacks are left out. ``rows`` may be empty, as for a run of
    edits. ``meanings`` are sentences that explain the metrics, in the order in which they are to be shown.
    """
    answers = Answers(rows, cases)
    parts = manifest, sections(summary, meanings), answers.worst(), answers.contested()
    return page(*parts), markdown(*parts)
