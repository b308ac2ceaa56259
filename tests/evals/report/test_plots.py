"""Plots become parts of a page that can be read in light, in dark, without colours and without eyes."""

import math
import re
from typing import Any

import pytest

from evals.report import plots, plots_of_change
from evals.report.canvas import COLOURS, looks
from evals.report.sections import arms_of
from tests.evals.report.examples import ARMS, FULL, estimate
from tests.evals.report.reading import read

LOOKS = looks(ARMS)


def table(plot: Any) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in plot.data.rows]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_paper(dark: bool) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    shades = {name: luminance(pair[dark]) for name, pair in COLOURS.items()}
    ratio = {name: (max(it, shades["paper"]) + 0.05) / (min(it, shades["paper"]) + 0.05) for name, it in shades.items()}
    assert ratio["ink"] >= 7
    assert ratio["muted"] >= 4.5
    assert ratio["arm1"] >= 4.5  # links have it too
    assert all(it >= 3 for name, it in ratio.items() if name.startswith("arm"))


def test_no_two_arms_look_the_same_nor_are_they_told_by_colour_alone() -> None:
    many = list(looks([f"arm {it}" for it in range(60)]).values())
    assert len(set(many)) == 60
    assert len({it.marker for it in many[:8]}) == 8


def test_a_drawing_takes_its_colours_and_letters_from_the_page() -> None:
    plot = plots.reliability(FULL["curves"]["reliability"], LOOKS)
    assert plot is not None
    assert not re.search("#[0-9a-f]{6}|DejaVu|<style|<metadata|http", plot.svg)
    used = set(re.findall(r"var\(--(\w+)\)", plot.svg))
    assert {"ink", "muted", "grid", "arm0", "arm1", "arm2", "arm3", "arm4"} <= used <= set(COLOURS)
    (drawing,) = read(plot.svg).all("svg")
    ids = [it.attributes["id"] for it in drawing.all() if "id" in it.attributes]
    assert len(ids) == len(set(ids))
    assert all(it.startswith("reliability-") for it in ids if it)
    pointed_at = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", plot.svg))
    assert pointed_at <= set(ids)
    assert pointed_at  # the markers and the frame that cuts off what lies outside


def test_names_of_arms_are_words_even_if_they_look_like_formulas_or_markup() -> None:
    names = ["$x^2$ & <b>", "権重"]
    plot = plots.reliability({name: [{"confidence": 0.5, "accuracy": 0.5, "n": 3}] for name in names}, looks(names))
    assert plot is not None
    texts = [it.words for it in read(plot.svg).all("text")]
    assert set(names) <= set(texts)


def test_what_is_no_figure_is_not_drawn() -> None:
    bins = [{"confidence": 0.5, "accuracy": math.nan, "n": 0}, {"confidence": 0.9, "accuracy": None, "n": 0}]
    assert plots.reliability({"parametric": bins}, LOOKS) is None
    plot = plots.reliability({"parametric": [*bins, {"confidence": 0.7, "accuracy": 0.6, "n": 9}]}, LOOKS)
    assert plot is not None
    assert table(plot) == [["parametric", "0.700", "0.600", "9"]]


def test_a_long_curve_is_drawn_with_few_points_from_end_to_end() -> None:
    points = [(it / 5000, it / 5000) for it in range(5001)]
    thinned = plots.thinned(points)
    assert len(thinned) == 120
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])
    assert plots.thinned(points[:7]) == points[:7]


def test_risk_is_told_at_coverages_and_latency_at_quantiles() -> None:
    risk = plots.risk_coverage(FULL["curves"]["risk_coverage"], LOOKS)
    time = plots.latency(FULL["curves"]["latency_ms"], LOOKS)
    assert risk is not None
    assert time is not None
    assert table(risk) == [["retrieval", "0.050", "0.125", "0.250", "0.375", "0.500"]]
    assert table(time)[0] == ["retrieval", "55.0 ms", "95.0 ms", "100.0 ms", "104.0 ms"]


def test_slices_are_in_their_own_order_with_every_arm_in_the_table_and_the_main_ones_in_the_drawing() -> None:
    values = {
        name: {arm: {"exact_match": estimate(0.5)} for arm in ARMS} for name in ("20 or more", "2 to 4", "none", "1")
    }
    (plot,) = plots.by_slice({"mentions": values}, LOOKS)
    assert [row[0] for row in table(plot)] == ["none", "1", "2 to 4", "20 or more"]
    assert plot.data.columns == ("mentions", "metric", *ARMS)
    texts = [it.words for it in read(plot.svg).all("text")]
    assert {"parametric", "retrieval", "adaptive", "oracle"} <= set(texts)
    assert "always-declines" not in texts
    assert "other arms" in plot.caption


def test_a_slice_that_an_arm_has_no_figure_for_is_not_defined_there() -> None:
    values = {
        "easy": {"parametric": {"f1": estimate(0.5)}},
        "hard": {"retrieval": {"f1": estimate(0.5)}, "parametric": {}},
    }
    (plot,) = plots.by_slice({"difficulty": values}, LOOKS)
    assert [row[3] for row in table(plot)] == ["not defined", "0.500 [0.450, 0.550]"]


def test_edits_that_never_came_to_it_count_in_the_timeline() -> None:
    visible, gone = plots_of_change.timeline(FULL["freshness"], LOOKS)
    assert table(visible) == [
        ["retrieval", "200.0 ms", "300.0 ms", "300.0 ms", "3 of 4"],
        ["parametric", "never", "never", "never", "0 of 4"],
    ]
    assert [row[0] for row in table(gone)] == ["retrieval"]


def test_the_winner_is_read_by_changes_and_then_by_questions() -> None:
    plot = plots_of_change.crossover(FULL["decision"]["crossover"], LOOKS)
    assert plot is not None
    assert plot.data.columns == ("changes a day", "1", "1k", "1M")
    assert table(plot) == [["0", "retrieval", "retrieval", "parametric"], ["10", "retrieval", "adaptive", "none"]]
    turned = {**FULL["decision"]["crossover"], "winner": [["retrieval", "retrieval"]] * 3}
    with pytest.raises(ValueError, match="3 rows"):
        plots_of_change.crossover(turned, LOOKS)


def test_training_is_set_against_the_time_of_the_index() -> None:
    plot = plots_of_change.learning(FULL["freshness"]["learning"], FULL["freshness"]["index_ms"])
    assert plot is not None
    assert "210 ms" in plot.caption
    assert table(plot)[1] == ["100", "0.800 [0.750, 0.850]", "0.400 [0.350, 0.450]"]
    alone = plots_of_change.learning(FULL["freshness"]["learning"], None)
    assert alone is not None
    assert "index" not in alone.caption


def test_every_verdict_that_occurs_is_drawn_even_one_that_is_not_known() -> None:
    plot = plots_of_change.verdicts({"retrieval": {"value": {"new": 3, "old": 0, "odd": 1}, "move": {"new": 0}}})
    assert plot is not None
    texts = [it.words for it in read(plot.svg).all("text")]
    assert {"new", "odd"} <= set(texts)
    assert "old" not in texts
    assert table(plot) == [["retrieval: value", "3", "0", "1"]]


def test_who_wins_somewhere_has_a_colour_of_its_own_however_many_arms_there_are() -> None:
    summary = {
        "arms": dict.fromkeys(f"arm{number}" for number in range(20)),
        "decision": {"crossover": {"winner": [["arm0", "both"], ["arm19", None]]}},
    }
    drawn = looks(arms_of(summary))
    assert len(drawn) == 21
    assert len({drawn[arm].colour for arm in ("arm0", "arm1", "both", "arm19")}) == 4
