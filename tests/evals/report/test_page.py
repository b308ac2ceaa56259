"""The page stands by itself, says nothing that it cannot show, and can be read by anybody."""

import copy
import math
import re
from itertools import pairwise
from typing import Any

import pytest

from evals.report.render import render
from tests.evals.report.examples import (
    CASES,
    FULL,
    HEADINGS,
    MANIFEST,
    MEANINGS,
    MINIMAL,
    ROWS,
    contrast,
    estimate,
    question,
    row,
)
from tests.evals.report.reading import Element, read

EVIL = "<script>alert('x')</script> \"quoted\" & <b onclick=x>"


@pytest.fixture(scope="module")
def html(report: tuple[str, str]) -> str:
    return report[0]


@pytest.fixture(scope="module")
def page(html: str) -> Element:
    return read(html)


def rendered(summary: dict[str, Any], rows: Any = ROWS, cases: Any = CASES) -> Element:
    return read(render(MANIFEST, summary, rows, cases, MEANINGS)[0])


def headings(page: Element) -> list[str]:
    return [it.words for it in page.all("h2")]


def test_it_loads_nothing_and_runs_nothing(html: str, page: Element) -> None:
    assert not page.all("script", "iframe", "object", "embed", "img", "base", "form")
    for element in page.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name not in {"src", "srcset", "action", "data", "poster"}
            if name.endswith("href"):
                assert value is not None
                assert value.startswith(("#", "data:,"))
    assert re.findall(r"url\((?!#)|@import|https?:", html) == []
    (policy,) = [it for it in page.all("meta") if it.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy.attributes["content"]).startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_it_has_every_part_in_order(page: Element) -> None:
    assert headings(page) == HEADINGS
    (contents,) = page.all("nav")
    assert [it.words for it in contents.all("a")] == headings(page)


def test_a_part_that_the_summary_lacks_is_not_there(page: Element) -> None:
    assert headings(rendered(MINIMAL, [], {})) == ["In short", "Results", "Provenance"]
    assert not rendered(MINIMAL, [], {}).all("figure")
    without = {**FULL, "freshness": {}, "decision": None, "curves": {"reliability": {}}, "contrasts": []}
    gone = set(headings(page)) - set(headings(rendered({**without, "slices": {}})))
    assert gone == {"Accuracy by slice", "Contrasts", "Confidence", "Latency", "Freshness", "Where each wins"}


def test_a_run_of_edits_has_no_rows_and_counts_by_arm() -> None:
    counts = {"retrieval": {"new": 8, "old": 1, "total": 9}}
    page = rendered({"arms": FULL["arms"], "counts": counts, "freshness": FULL["freshness"]}, [], {})
    assert headings(page) == ["Results", "Freshness", "Outcomes", "Provenance"]
    assert "retrieval 8 1 9" in page.words


def test_its_structure_serves_those_who_do_not_see_it(page: Element) -> None:
    (root,) = page.all("html")
    assert root.attributes["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(landmark)) == 1
    levels = [int(it.tag[1]) for it in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [str(it.attributes["id"]) for it in page.all() if "id" in it.attributes]
    assert len(ids) == len(set(ids))
    pointed_at = {str(it.attributes.get(name, "")) for it in page.all() for name in ("aria-labelledby", "href")}
    assert {it.lstrip("#") for it in pointed_at if it and not it.startswith("data:")} <= set(ids)


def test_every_table_says_what_it_shows_and_names_its_rows_and_columns(page: Element) -> None:
    for table in page.all("table"):
        assert table.all("caption")[0].words
        assert all(it.attributes.get("scope") in {"row", "col"} for it in table.all("th"))
        head, *rows = table.all("tr")
        assert rows
        assert {len(it.all("th", "td")) for it in rows} == {len(head.all("th"))}


def test_every_plot_has_a_name_and_the_same_in_figures(page: Element) -> None:
    figures = page.all("figure")
    assert len(figures) == 11
    for figure in figures:
        (drawing,) = figure.all("svg")
        assert drawing.attributes["role"] == "img"
        (title,) = drawing.all("title")
        assert title.words
        assert title.attributes["id"] == drawing.attributes["aria-labelledby"]
        assert figure.all("figcaption")[0].words
        (data,) = figure.all("details")
        assert data.all("table")


def test_the_headline_gives_value_and_interval_and_n_once(page: Element) -> None:
    table = page.all("table")[0]
    cells = {row.all("th")[0].words: [it.words for it in row.all("td")] for row in table.all("tr")[1:]}
    assert cells["f1"][1] == "0.700 [0.650, 0.750]"
    assert cells["f1"][-2:] == ["60", "20"]
    assert cells["recall@5"][:2] == ["not defined", "0.800 [0.750, 0.850]"]
    assert cells["recall@5"][-2:] == ["40", "15"]


def test_where_n_differs_each_figure_has_its_own() -> None:
    arms = {"parametric": {"f1": estimate(0.5)}, "retrieval": {"f1": estimate(0.7, n=59)}}
    words = rendered({"arms": arms}, [], {}).all("table")[0].words
    assert "0.500 [0.450, 0.550] n 60, 20 clusters" in words
    assert "0.700 [0.650, 0.750] n 59, 20 clusters" in words
    assert words.endswith("varies varies")


def test_no_winner_is_named_where_the_interval_spans_zero() -> None:
    spanning = contrast(0.02)  # the summary names a winner all the same
    page, markdown = render(MANIFEST, {**MINIMAL, "contrasts": [spanning]}, [], {}, MEANINGS)
    assert spanning["winner"] == "retrieval"
    for text in (read(page).words, markdown):
        assert "no difference shown; the smallest that this run could have shown is 0.062" in text
        assert "is better" not in text


def test_a_winner_is_named_where_there_is_one(page: Element) -> None:
    assert "f1: retrieval is better than parametric by 0.300 [0.250, 0.350]" in page.words
    assert "f1, retrieval against adaptive: no difference shown" in page.words


def test_words_of_others_are_only_words() -> None:
    citation = ROWS[1].citations[0]
    rows = [
        row("parametric", "tide", EVIL),
        row("retrieval", "tide", None, reason=EVIL, question=EVIL),
        row(EVIL, "tide", "x", citations=({**vars_of(citation), "document": EVIL, "text": EVIL},)),
    ]
    summary = {
        "arms": {EVIL: {EVIL: estimate(0.5)}},
        "counts_by_arm": {EVIL: {EVIL: 1}},
        "contrasts": [contrast(0.3, metric=EVIL, a=EVIL, b=EVIL, winner=EVIL)],
        "slices": {EVIL: {EVIL: {EVIL: {"f1": estimate(0.5)}}}},
        "curves": {"reliability": {EVIL: [{"confidence": 0.5, "accuracy": 0.5, "n": 1}]}},
        "decision": {"sentences": [EVIL]},
    }
    cases = {"tide": question("tide", EVIL)}
    html, _ = render({"identity": EVIL, EVIL: [EVIL, EVIL]}, summary, rows, cases, {EVIL: EVIL})
    page = read(html)
    assert not page.all("script", "b")
    assert not [it for it in page.all() if "onclick" in it.attributes]
    assert all(re.fullmatch(r"[\w.-]+", str(it.attributes.get("id", "no-id"))) for it in page.all())
    assert page.words.count("<script>alert('x')</script>") > 15


def vars_of(citation: Any) -> dict[str, Any]:
    return {name: getattr(citation, name) for name in citation.__slots__}


def test_what_is_not_a_figure_is_nowhere_in_it() -> None:
    summary = copy.deepcopy(FULL)
    nothing = {"value": math.nan, "ci": [math.nan, math.nan], "n": 0, "clusters": 0}
    summary["arms"]["parametric"] = {"f1": nothing, "recall@5": None}
    summary["slices"]["difficulty"]["easy"]["parametric"] = {"f1": nothing}
    summary["contrasts"][0]["difference"] = nothing
    summary["curves"]["risk_coverage"]["parametric"] = [{"coverage": math.nan, "risk": 0.1}]
    summary["curves"]["latency_ms"]["parametric"] = {"total": [[0.5, math.nan]], "stages": {"generate": math.inf}}
    summary["freshness"]["timeline"]["parametric"]["visible_ms"] = [math.nan]
    summary["freshness"]["learning"][0]["new_rate"] = nothing
    html, markdown = render(MANIFEST, summary, ROWS, CASES, MEANINGS)
    for text in (html, markdown):
        assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)
    assert "not defined" in read(html).all("table")[0].words


def test_the_questions_show_gold_answers_outcomes_and_citations(page: Element) -> None:
    (contested,) = [it for it in page.all("section") if it.attributes["aria-labelledby"] == "contested"]
    assert "parametric scores higher on 1 facts, retrieval on 2" in contested.words
    assert "Accepted: the moon" in contested.words
    assert "parametric scored, F1 0.00, confidence 0.90 the sun" in contested.words
    assert "sea.md:12 The moon pulls." in contested.words
    assert "retrieval errored, F1 0.00 timeout: no answer within 30 s" in contested.words
    assert "The corpus does not answer it." in contested.words


def test_where_a_run_came_from_is_told(page: Element) -> None:
    (provenance,) = [it for it in page.all("div") if it.attributes.get("class") == "provenance"]
    assert provenance.children
    assert "identity 9f2c" in provenance.words
    assert "file tiny.jsonl sha256 abab" in provenance.words
    assert "ranks no cites none" in provenance.words


def test_the_same_data_makes_the_same_report(html: str) -> None:
    assert render(copy.deepcopy(MANIFEST), copy.deepcopy(FULL), list(ROWS), dict(CASES), dict(MEANINGS))[0] == html


def test_it_stays_small_however_long_the_answers_are() -> None:
    cases = {f"q{it}": question(f"q{it}", "yes") for it in range(40)}
    rows = [
        row(f"arm {arm}", case, f"no {arm} " * 1000, citations=ROWS[1].citations * 9)
        for case in cases
        for arm in range(8)
    ]
    html, markdown = render(MANIFEST, MINIMAL, rows, cases, MEANINGS)
    assert len(html) < 400_000
    assert len(markdown) < 100_000
