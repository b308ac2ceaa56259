"""The page: one HTML file without a script and without anything from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evals.report.canvas import COLOURS
from evals.report.contested import Contested, Listed
from evals.report.sections import Section
from evals.report.wording import number


def page(
    manifest: Mapping[str, Any], sections: Sequence[Section], worst: Sequence[Listed], contested: Contested | None
) -> str:
    """Everything but the plots is escaped: questions, answers, names and quotations are other people's words."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = number
    environment.tests["many"] = lambda value: isinstance(value, list | tuple)
    html = environment.get_template("page.html.jinja").render(
        manifest=manifest, sections=sections, worst=worst, contested=contested, colours=COLOURS
    )
    return html.lstrip()
