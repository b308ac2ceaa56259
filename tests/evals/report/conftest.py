"""The report of the full example, made once."""

import pytest

from evals.report.render import render
from tests.evals.report.examples import CASES, FULL, MANIFEST, MEANINGS, ROWS


@pytest.fixture(scope="session")
def report() -> tuple[str, str]:
    """The page and the summary."""
    return render(MANIFEST, FULL, ROWS, CASES, MEANINGS)
