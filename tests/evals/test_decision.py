"""The decision: what must hold at its limits, whatever was measured."""

import math
from dataclasses import replace
from typing import Any

import pytest

from evals.decision import (
    BOTH,
    CHANGES,
    QUESTIONS,
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
QUIET = Setting(0.0, 1_000.0, 1_000.0, 1_000, 2, 20.0)


def outcomes(at: Setting, weights: Profile = WEIGHTS, vectors: Profile = VECTORS) -> dict[str, Outcome]:
    return {it.name: it for it in weigh(weights, vectors, at)}


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
    assert winner(found.values()) == "parametric"


def test_of_those_that_cannot_be_told_apart_the_cheaper_one_wins() -> None:
    found = outcomes(QUIET, replace(WEIGHTS, accuracy=0.61, cpu_ms=400.0))
    assert winner(it for name, it in found.items() if name != BOTH) == "retrieval"


def test_where_changes_outrun_training_the_weights_cannot_do_it() -> None:
    assert "parametric" in outcomes(replace(QUIET, changes=20_000.0))
    assert "parametric" not in outcomes(replace(QUIET, changes=30_000.0))  # 864 trainings a day of 30 changes


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


def test_an_objective_and_the_machine_shut_out_what_is_too_slow() -> None:
    assert set(outcomes(replace(QUIET, objective_ms=300.0))) == {"parametric"}
    assert outcomes(replace(QUIET, objective_ms=100.0)) == {}
    assert winner([]) is None
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
    for figure in ("70%", "60%", "140 ms", "100.0 s", "1,000 facts", "250 ms", "400 ms"):
        assert figure in text, figure
    with pytest.raises(InputError, match="one fact"):
        decide(WEIGHTS, VECTORS, objective_ms=1_000.0, facts=0, cores=2, search_ms=20.0)


def test_what_a_run_does_not_tell_apart_is_not_told_as_better() -> None:
    found = decide(replace(WEIGHTS, accuracy=0.61), VECTORS, objective_ms=1e3, facts=1_000, cores=2, search_ms=20.0)
    assert "does not tell apart" in found["sentences"][0]


def shape(value: float, half: float = 0.1) -> dict[str, Any]:
    return Estimate(value, value - half, value + half, 30, 30).shape()


def test_a_profile_is_read_from_a_run() -> None:
    figures = {"contains": shape(0.7), "latency_ms_p99": shape(250.0), "cpu_ms": shape(150.0)}
    assert profile("parametric", figures, 5.0) == Profile("parametric", 0.7, pytest.approx(0.1), 250.0, 150.0, 5.0)
    with pytest.raises(InputError, match="no cpu_ms of retrieval"):
        profile("retrieval", {name: it for name, it in figures.items() if name != "cpu_ms"}, 5.0)


def test_training_is_as_long_as_it_takes_and_costs_what_it_damages() -> None:
    curve = [
        {"seconds": 0, "edits": 25, "new_rate": shape(0.0), "untouched": shape(0.8)},
        {"seconds": 30, "edits": 25, "new_rate": shape(0.7), "untouched": shape(0.6)},
        {"seconds": 300, "edits": 25, "new_rate": shape(0.75), "untouched": shape(0.4)},
    ]
    found = with_training(WEIGHTS, curve)
    assert (found.change_ms, found.batch, found.learned, found.kept) == (30_000.0, 25, 0.7, pytest.approx(0.75))
    assert with_training(WEIGHTS, curve, [{"retention": shape(0.5), "untouched": shape(0.7)}]).learned == 0.5
    with pytest.raises(InputError, match="--training"):
        with_training(WEIGHTS, [])
    with pytest.raises(InputError, match="no edit was learned"):
        with_training(WEIGHTS, curve[:1])
