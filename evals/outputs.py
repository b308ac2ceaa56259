"""The files of a finished run besides its rows: the summary, and the report as a page and as Markdown."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.cases import Question
from evals.files import write_whole
from evals.report.render import render
from evals.rows import Row
from evals.summary import SUMMARY, Summary
from kstore.errors import InputError

REPORT = "report.html"
REPORT_MARKDOWN = "report.md"


def write_outputs(
    out: Path,
    manifest: Mapping[str, Any],
    summary: Summary,
    meanings: Mapping[str, str],
    rows: Sequence[Row] = (),
    cases: Mapping[str, Question] | None = None,
) -> None:
    """Write what a run comes to; the same data gives the same bytes."""
    page, text = render(manifest, summary, rows, cases or {}, meanings)
    write_whole(out / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_whole(out / REPORT, page)
    write_whole(out / REPORT_MARKDOWN, text)


def read_summary(out: Path) -> Summary:
    """The summary of a finished run; InputError where there is none."""
    try:
        summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{out} holds no finished run: {error}") from error
    if not isinstance(summary, dict) or "arms" not in summary:
        raise InputError(f"{out / SUMMARY} is not the summary of a run")
    return summary
