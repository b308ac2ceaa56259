"""The decision: what must hold at its limits, whatever was measured."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from evals.decision import (
    BOTH,
    CHANGES,
    QUESTIONS,
    Doubt,
    Outcome,
    Profile,
    Setting,
    decide,
    freshness,
    profile,
    weigh,
    winner,
    with_training,
)
from evals.report.plots_of_change import crossover
from evals.rows import Estimate
from kstore.errors import InputError

WEIGHTS = Profile("parametric", 0.7, 0.02, 250.0, 150.0, 100_000.0, batch=30, learned=0.4, kept=0.9)
VECTORS = Profile("retrieval", 0.6, 0.02, 400.0, 200.0, 140.0)
DOUBT = Doubt(WEIGHTS.margin, VECTORS.margin)
QUIET = Setting(0.0, 1_000.0, 1_000.0, 1_000, 2, 20.0)


def outcomes(at: Setting, weights: Profile = WEIGHTS, vectors: Profile = VECTORS) -> dict[str, Outcome]:
    """By name; the weights taught, where they are."""
    return {it.name: it for it in weigh(weights, vectors, at)}


def two_ways(at: Setting) -> tuple[Outcome, Outcome]:
    """The weights left alone, and taught."""
    alone, taught = (it for it in weigh(WEIGHTS, VECTORS, at) if it.name == "parametric")
    return alone, taught


def test_freshness_is_that_of_the_paper() -> None:
    # A fact that changes once a day, refreshed once a day: 1 - 1/e. Ten times as often: (1 - e^-0.1) / 0.1.
    assert freshness(1.0, 1.0, 0.0) == pytest.approx(1 - 1 / math.e)
    assert freshness(1.0, 0.1, 0.0) == pytest.approx(0.951626, abs=1e-6)
    assert freshness(1.0, 0.0, 0.5) == pytest.approx(math.exp(-0.5))
    assert freshness(0.0, 5.0, 5.0) == freshness(1e-15, 1.0, 0.0) == 1.0


def test_while_nothing_changes_accuracy_decides() -> None:
    found = outcomes(QUIET)
    assert (found["parametric"].accuracy, found["retrieval"].accuracy) == (0.7, 0.6)
    assert found["parametric"].cost == pytest.approx(150.0)
    assert winner(found.values(), DOUBT) == "parametric"
    better = outcomes(QUIET, vectors=replace(VECTORS, accuracy=0.8))
    assert winner(better.values(), DOUBT) == "retrieval"


def test_weights_are_not_taught_for_the_sake_of_next_to_nothing() -> None:
    """Else teaching, which harms all else, would lower them at the first change, and cost them the whole day."""
    alone, taught = two_ways(replace(QUIET, changes=0.1))
    assert alone.accuracy == pytest.approx(0.7 * (1 - 0.0001 * 30 / 2), abs=1e-5)
    assert alone.cost == pytest.approx(150.0)
    assert taught.cost == pytest.approx(150.0 + 0.1 * 100.0, rel=1e-3)  # a training for each change
    assert alone.accuracy > taught.accuracy
    assert winner([alone, taught], DOUBT) == "parametric"


def test_weights_left_alone_are_out_once_most_of_what_they_say_is_old() -> None:
    found = weigh(WEIGHTS, VECTORS, replace(QUIET, changes=50.0))
    assert [it.name for it in found].count("parametric") == 2  # fresh: (1 - e^-1.5) / 1.5 = 0.52
    found = weigh(WEIGHTS, VECTORS, replace(QUIET, changes=60.0))
    assert [it.name for it in found].count("parametric") == 1  # fresh: (1 - e^-1.8) / 1.8 = 0.46


@pytest.mark.parametrize("changes", [100.0, 864.0, 5_000.0])
def test_a_training_is_under_way_as_long_as_a_simulation_says(changes: float) -> None:
    """A training begins as soon as a change waits and none is under way: 100 s each, changes at random times."""
    chance, now, trainings = random.Random(0), 0.0, 20_000
    due = chance.expovariate(changes)
    for _ in range(trainings):
        now = max(now, due) + 100.0 / 86_400
        while due <= now - 100.0 / 86_400:  # all that had come when it began is taught
            due += chance.expovariate(changes)
    taught = outcomes(replace(QUIET, changes=changes))["parametric"]
    assert taught.cost - 150.0 == pytest.approx(trainings * 100.0 / now, rel=0.02)


def test_of_those_that_cannot_be_told_apart_the_cheaper_one_wins() -> None:
    found = outcomes(QUIET, replace(WEIGHTS, accuracy=0.61, cpu_ms=400.0))
    two = [it for name, it in found.items() if name != BOTH]
    assert winner(two, DOUBT) == "retrieval"
    assert winner(two, replace(DOUBT, difference=0.02)) == "retrieval"
    assert winner(two, replace(DOUBT, difference=0.005)) == "parametric", "the same questions tell them apart"
    said = decide(
        replace(WEIGHTS, accuracy=0.61), VECTORS, objective_ms=1e3, facts=1, cores=2, search_ms=1.0, difference=0.005
    )
    assert "61% of the questions and retrieval in 60%." in said["sentences"][0]


def test_what_two_memories_have_in_common_tells_nothing_of_their_difference() -> None:
    mixed, weights = Outcome("mixed", 0.70, 2.0, (0.9, 0.1, 0.0)), Outcome("weights", 0.69, 1.0, (1.0, 0.0, 0.0))
    assert winner([mixed, weights], Doubt(0.5, 0.5, difference=0.005)) == "mixed"
    assert winner([mixed, weights], Doubt(0.5, 0.5, difference=0.02)) == "weights", "a run could not show as little"
    assert winner([mixed, weights], Doubt(0.5, 0.5)) == "weights"


def test_the_doubt_of_a_difference_is_that_which_was_measured() -> None:
    for difference in (0.01, 0.02, 0.04):
        assert Doubt(0.02, 0.03, 0.1, difference).of((1.0, -1.0, 0.0)) == pytest.approx(difference)
        assert Doubt(0.02, 0.03, 0.1, difference).of((1.0, 0.0, 0.0)) == pytest.approx(0.02)
        assert Doubt(0.02, 0.03, 0.1, difference).of((0.0, 0.0, 2.0)) == pytest.approx(0.2)
    assert Doubt(0.03, 0.04).of((1.0, -1.0, 0.0)) == pytest.approx(0.05)
    assert Doubt(0.0, 0.04, difference=0.04).of((1.0, -1.0, 0.0)) == pytest.approx(0.04)


def test_where_changes_outrun_training_the_weights_cannot_do_it() -> None:
    assert "parametric" in outcomes(replace(QUIET, changes=20_000.0))
    assert "parametric" not in outcomes(replace(QUIET, changes=30_000.0))  # 864 trainings a day of 30 changes


def test_a_training_on_both_processors_is_as_quick_while_nobody_asks_and_leaves_less_for_answers() -> None:
    both = replace(WEIGHTS, processors=2)
    idle = replace(QUIET, changes=10.0, questions=0.0)
    assert outcomes(idle, both)["parametric"].accuracy == outcomes(idle)["parametric"].accuracy
    assert outcomes(idle, both)["parametric"].cost == pytest.approx(2 * outcomes(idle)["parametric"].cost)
    busy = replace(QUIET, changes=20_000.0, questions=500_000.0)  # answers take 75,000 s of 172,800
    assert "parametric" in outcomes(busy)
    assert "parametric" not in outcomes(busy, both)


def test_more_changes_never_make_a_memory_better_nor_cheaper() -> None:
    rates = [0.0, 0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0]
    for name in ("parametric", "retrieval"):
        found = [outcomes(replace(QUIET, changes=it))[name] for it in rates]
        accuracies, costs = [it.accuracy for it in found], [it.cost for it in found]
        assert accuracies == sorted(accuracies, reverse=True), name
        assert costs == sorted(costs), name


def test_where_everything_changes_the_vectors_win() -> None:
    best = replace(WEIGHTS, accuracy=0.9)
    winners = decide(best, VECTORS, objective_ms=1_000.0, facts=1_000, cores=2, search_ms=20.0)["crossover"]["winner"]
    thousand = [row[QUESTIONS.index(1_000.0)] for row in winners]
    assert (thousand[0], thousand[-1]) == ("parametric", "retrieval")
    assert thousand == sorted(thousand, key=["parametric", BOTH, "retrieval"].index), "each has its own stretch"


def test_few_edits_taught_leave_it_uncertain_how_good_taught_weights_are() -> None:
    taught = outcomes(replace(QUIET, changes=10_000.0), replace(WEIGHTS, learned_margin=0.2))["parametric"]
    assert taught.accuracy == pytest.approx(0.4, rel=0.03)  # next to everything was taught since
    assert replace(DOUBT, learned=0.2).of(taught.parts) / taught.accuracy == pytest.approx(0.2 / 0.4, rel=0.03)


def test_what_is_forgotten_by_teaching_lowers_the_weights() -> None:
    accuracies = [outcomes(replace(QUIET, changes=it))["parametric"].accuracy for it in (0.0, 0.1, 10.0, 1_000.0)]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[1] == pytest.approx(0.9 * 0.7, rel=0.01)  # taught, but next to nothing has changed
    assert accuracies[3] == pytest.approx(0.4, rel=0.1)  # next to everything was taught since


def test_both_go_over_to_the_vectors_as_facts_change() -> None:
    still, moving = outcomes(QUIET)[BOTH], outcomes(replace(QUIET, changes=10_000.0))[BOTH]
    assert still.accuracy == pytest.approx(0.7)
    assert moving.accuracy == pytest.approx(0.6, rel=0.01)
    assert still.cost == pytest.approx(1_000 * 0.170)


def test_what_changed_since_a_training_began_is_answered_as_it_was() -> None:
    """A change comes every 100 s, as long as a training: x = 1, and one is under way for 1 / (1 + 1/e) of the time."""
    forgetless = replace(WEIGHTS, learned=None, kept=1.0)
    taught = outcomes(replace(QUIET, changes=864.0, facts=10), forgetless)["parametric"]
    busy = 1 / (1 + 1 / math.e)
    assert taught.accuracy == pytest.approx(0.7 * math.exp(-0.1) * (1 - math.exp(-0.1 * busy)) / (0.1 * busy))


def test_both_are_as_slow_as_a_search_and_the_slower_one_and_as_stale_as_the_vectors() -> None:
    assert set(outcomes(replace(QUIET, objective_ms=419.0))) == {"parametric", "retrieval"}
    assert BOTH in outcomes(replace(QUIET, objective_ms=420.0))
    hourly = replace(VECTORS, change_ms=3_600_000.0)
    same, fresh = (1 - math.exp(-60.0)) / 60.0, math.exp(-2.0 / 24)  # each fact changes twice a day, for 30 days
    mixed = outcomes(replace(QUIET, changes=20.0, facts=10), vectors=hourly)[BOTH]
    assert mixed.accuracy == pytest.approx(same * 0.7 + (1 - same) * 0.6 * fresh)


def test_an_objective_and_the_machine_shut_out_what_is_too_slow() -> None:
    assert set(outcomes(replace(QUIET, objective_ms=300.0))) == {"parametric"}
    assert outcomes(replace(QUIET, objective_ms=100.0)) == {}
    assert winner([], DOUBT) is None
    busy = outcomes(replace(QUIET, questions=1_000_000.0))  # 200,000 s of retrieval, and the machine has 172,800
    assert set(busy) == {"parametric", BOTH}
    assert outcomes(replace(QUIET, questions=2_000_000.0)) == {}


def test_the_crossover_fits_its_plot_and_the_sentences_carry_the_figures() -> None:
    found = decide(WEIGHTS, VECTORS, objective_ms=1_000.0, facts=1_000, cores=2, search_ms=20.0)
    winners = found["crossover"]["winner"]
    assert [len(winners), *map(len, winners)] == [len(CHANGES), *[len(QUESTIONS)] * len(CHANGES)]
    looks: Any = {}
    assert crossover(found["crossover"], looks) is not None
    text = " ".join(found["sentences"])
    assert len(found["sentences"]) == 3
    for figure in (
        "70%",
        "60%",
        "140 ms",
        "100.0 s",
        "1,000 facts",
        "250 ms",
        "150 ms",
        "400 ms",
        "1,000 questions a day",
    ):
        assert figure in text, figure
    with pytest.raises(InputError, match="one fact"):
        decide(WEIGHTS, VECTORS, objective_ms=1_000.0, facts=0, cores=2, search_ms=20.0)


def test_what_a_run_does_not_tell_apart_is_not_told_as_better() -> None:
    found = decide(replace(WEIGHTS, accuracy=0.61), VECTORS, objective_ms=1e3, facts=1_000, cores=2, search_ms=20.0)
    assert "does not tell apart: what costs less wins" in found["sentences"][0]


def test_the_sentences_say_who_wins_as_the_crossover_does() -> None:
    said = decide(WEIGHTS, VECTORS, objective_ms=1_000.0, facts=1_000, cores=2, search_ms=20.0)
    winners = said["crossover"]["winner"]
    by_changes = [row[QUESTIONS.index(1_000.0)] for row in winners]
    assert f"the winner is {by_changes[0]}, both from 10 changes a day on, retrieval from" in said["sentences"][1]
    assert by_changes.index(BOTH) == CHANGES.index(10.0)
    assert "computed, not measured" in said["sentences"][1]
    by_questions = winners[CHANGES.index(1.0)]
    assert set(by_questions) == {"parametric"}
    assert "with one change a day the winner is parametric at any number of questions" in said["sentences"][2]
    slow = decide(WEIGHTS, replace(VECTORS, accuracy=0.8), objective_ms=1e3, facts=1_000, cores=2, search_ms=20.0)
    assert "retrieval, parametric from 1,000,000 questions a day on" in slow["sentences"][2]
    cheap = replace(WEIGHTS, accuracy=0.6, learned=None, kept=1.0, cpu_ms=1.0)
    few = decide(cheap, VECTORS, objective_ms=1e3, facts=10, cores=2, search_ms=20.0)
    assert [row[0] for row in few["crossover"]["winner"]][:3] == [BOTH, BOTH, "retrieval"]
    assert [row[QUESTIONS.index(1_000.0)] for row in few["crossover"]["winner"]][:3] == ["parametric"] * 2 + [
        "retrieval"
    ]
    assert "1,000 questions a day the winner is parametric, retrieval from 10 changes a day on" in few["sentences"][1]
    assert "with one change a day the winner is both, parametric from 1,000 questions a day on" in few["sentences"][2]
    strict = decide(WEIGHTS, VECTORS, objective_ms=300.0, facts=1_000, cores=2, search_ms=20.0)
    assert "an objective of 300 ms is met by parametric alone" in strict["sentences"][2]
    assert "measured" not in strict["sentences"][1]
    impossible = decide(WEIGHTS, VECTORS, objective_ms=10.0, facts=1_000, cores=2, search_ms=20.0)
    assert "is met by neither, and with one change a day the winner is none at any" in impossible["sentences"][2]


def shape(value: float, half: float = 0.1) -> dict[str, Any]:
    return Estimate(value, value - half, value + half, 30, 30).shape()


def test_a_profile_is_read_from_a_run() -> None:
    figures = {"contains": shape(0.7), "latency_ms_p99": shape(250.0), "cpu_ms": shape(150.0)}
    found = profile("parametric", figures, 5.0)
    assert found == Profile("parametric", 0.7, found.margin, 250.0, 150.0, 5.0)
    assert found.margin == pytest.approx(0.1)
    with pytest.raises(InputError, match="no cpu_ms of retrieval"):
        profile("retrieval", {name: it for name, it in figures.items() if name != "cpu_ms"}, 5.0)


def test_training_is_as_long_as_it_takes_and_costs_what_it_damages() -> None:
    curve = [
        {"seconds": 0, "edits": 25, "new_rate": shape(0.0), "untouched": shape(0.8)},
        {"seconds": 30, "edits": 25, "new_rate": shape(0.7), "untouched": shape(0.6)},
        {"seconds": 300, "edits": 25, "new_rate": shape(0.75), "untouched": shape(0.4)},
    ]
    found = with_training(WEIGHTS, curve)
    assert (found.change_ms, found.batch, found.learned) == (30_000.0, 25, 0.7)
    assert (found.kept, found.learned_margin) == pytest.approx((0.75, 0.1))
    assert with_training(WEIGHTS, curve, [{"retention": shape(0.5), "untouched": shape(0.7)}]).learned == 0.5
    with pytest.raises(InputError, match="--training"):
        with_training(WEIGHTS, [])
    with pytest.raises(InputError, match="no edit was learned"):
        with_training(WEIGHTS, curve[:1])
