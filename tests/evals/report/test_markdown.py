"""The summary in Markdown says what the page says, and what others wrote stays text."""

from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from evals.report.markdown import escaped
from evals.report.render import render
from evals.report.sections import sections
from tests.evals.report.examples import HEADINGS, MANIFEST, MEANINGS, MINIMAL, contrast, estimate, question, row

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
EVIL = (
    "<script>x</script> [a](http://x.y) ![i](u) | cell *em* _em_ `code` ~~gone~~ $x$ &amp; \\ <http://z.y>"
    "\n\n# head\n- item"
)
TEXT = {"inline", "text", "paragraph_open", "paragraph_close", "softbreak"}


def tokens(markdown: str) -> list[Token]:
    found = READER.parse(markdown)
    return [it for token in found for it in (token, *(token.children or ()))]


def test_text_of_others_is_read_as_text_and_as_the_same_text() -> None:
    for text in (EVIL, "# head", "- item", "+ item", "> quote", "1. one", "2) two", "---", "f1_score", "a_b_ c", "1.5"):
        found = tokens(escaped(text))
        assert {it.type for it in found} <= TEXT, text
        assert "".join(it.content for it in found if it.type == "text") == " ".join(text.split())


def test_figures_and_names_can_be_read_without_a_reader_of_markdown() -> None:
    assert escaped("exact_match 0.712 [0.690, 0.733]") == "exact_match 0.712 [0.690, 0.733]"


def test_it_has_the_parts_of_the_page_and_its_figures(report: tuple[str, str]) -> None:
    markdown = report[1]
    found = READER.parse(markdown)
    heads = [found[at + 1].content for at, it in enumerate(found) if (it.type, it.tag) == ("heading_open", "h2")]
    assert heads == HEADINGS
    assert "| f1 | 0.300 [0.250, 0.350] | 0.700 [0.650, 0.750] |" in markdown
    assert "f1: retrieval is better than parametric by 0.300 [0.250, 0.350]" in markdown
    assert "sea.md:12" in markdown


def test_a_table_keeps_its_columns_whatever_its_cells_hold() -> None:
    summary = {**MINIMAL, "arms": {EVIL: {EVIL: estimate(0.5)}, "b": {}}}
    found = READER.parse(render({"identity": EVIL}, summary, [], {}, {EVIL: EVIL})[1])
    rows = [at for at, it in enumerate(found) if it.type == "tr_open"]
    ends = [at for at, it in enumerate(found) if it.type == "tr_close"]
    counts = [sum(it.type in {"th_open", "td_open"} for it in found[a:b]) for a, b in zip(rows, ends, strict=True)]
    assert counts == [5, 5, 2, 2]


def test_nothing_that_others_wrote_becomes_markup() -> None:
    rows = [row("parametric", "tide", EVIL), row(EVIL, "tide", None, question=EVIL, reason=EVIL)]
    markdown = render({EVIL: EVIL}, MINIMAL, rows, {"tide": question("tide", EVIL)}, MEANINGS)[1]
    types = {it.type for it in tokens(markdown)}
    assert not types & {"html_inline", "html_block", "link_open", "image", "em_open", "s_open", "fence", "code_block"}


def test_without_rows_and_contrasts_it_is_short() -> None:
    markdown = render(MANIFEST, MINIMAL, [], {}, {})[1]
    assert [line for line in markdown.splitlines() if line.startswith("## ")] == [
        "## In short",
        "## Results",
        "## Provenance",
    ]
    assert "| f1 | 0.500 [0.450, 0.550] | 60 | 20 |" in markdown


def test_first_is_told_how_the_memories_compare_and_whether_they_beat_the_control() -> None:
    found = [
        contrast(0.1, metric="f1", a="top-passage", b="parametric", winner=None),
        contrast(0.2, metric="f1", a="retrieval", b="parametric"),
        contrast(-0.3, metric="contains", a="retrieval", b="parametric", winner="parametric"),
        contrast(0.01, metric="contains", a="parametric", b="nearest-question", winner=None),
        contrast(0.4, metric="contains", a="nearest-question", b="majority", winner="nearest-question"),
    ]
    (short,) = [it for it in sections({"contrasts": found}, {}) if it.slug == "short"]
    assert [sentence.split(":")[0] for sentence in short.sentences] == [
        "contains",
        "f1",
        "contains, parametric against nearest-question",
    ]
    assert "parametric is better than retrieval" in short.sentences[0]


@pytest.mark.parametrize(
    ("adaptive", "verdict"),
    [
        ((20.0, 19.0, 21.0), "adaptive beats neither memory."),
        ((31.0, 29.0, 33.0), "adaptive beats retrieval, not both memories."),
        ((50.0, 45.0, 55.0), "adaptive beats parametric and retrieval."),
    ],
)
def test_accuracy_for_time_is_told_where_an_arm_chooses(adaptive: tuple[float, float, float], verdict: str) -> None:
    def figure(value: float, low: float, high: float) -> dict[str, Any]:
        return {"right_per_second": {"value": value, "ci": [low, high], "n": 9, "clusters": 3}}

    arms = {"parametric": figure(30.0, 28.0, 32.0), "retrieval": figure(18.0, 16.0, 20.0)}
    told = next(it for it in sections({"arms": {**arms, "adaptive": figure(*adaptive)}}, {}) if it.slug == "short")
    assert told.sentences[0].endswith(verdict)
    assert "parametric 30.0 [28.0, 32.0], retrieval 18.0 [16.0, 20.0]" in told.sentences[0]
    assert all(it.slug != "short" for it in sections({"arms": arms}, {}))
