"""Teaching the weights: what is asked is not trained on, edits are learned, and the figures are those of the rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from evals.cases import Edit, Question
from evals.freshness.bench import benches
from evals.freshness.classroom import Classroom
from evals.freshness.learning import run_learning, weights_memory
from evals.freshness.lessons import blank, edited, examples_of, kept_examples, teachable, unchanged
from evals.freshness.rows import FreshnessRow
from evals.freshness.swap import matrix, perform_swap
from evals.freshness.taught import LEARNING, LearningRow, summarise_learning
from evals.report.plots_of_change import learning
from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.settings import Settings
from kstore.types import corpus_digest
from kstore.weights.examples import BLANK
from kstore.weights.further import Further
from kstore.weights.generator import TrainingRecord
from tests.weights import facts
from tests.weights.facts import FACTS, RECIPE

WAY = Further(rate=4e-3, batch=24)
TURNED = {"north door": "eleven knots", "bell tower": "Saffron", "ferry": "olive green"}  # words that the weights have


def sentence(what: str, thing: str, answer: str) -> str:
    return f"The {what} of the {thing} is {answer}."


DOCUMENTS = {"island.md": "\n\n".join(["# Island", *(sentence(*it, answer) for it, answer in FACTS.items())]) + "\n"}
TRAINING = [
    Question.model_validate(
        {
            "id": thing, "question": f"What is the {what} of the {thing}?", "answers": [answer],
            "paraphrases": [f"Tell me the {thing}'s {what}.", f"{thing}: what {what}?"],
            "statements": [sentence(what, thing, answer)],
            "evidence": [{"doc": "island.md", "quote": sentence(what, thing, answer)}],
        }
    )
    for (what, thing), answer in FACTS.items()
]  # fmt: skip
UNTOUCHED = [
    it.model_copy(update={"question": f"Please give the {what} that the {thing} has.", "paraphrases": ()})
    for it, (what, thing) in zip(TRAINING, FACTS, strict=True)
]
EDITS = [
    Edit.model_validate(
        {
            "id": thing, "kind": "value", "doc": "island.md", "find": sentence(what, thing, answer),
            "replace": sentence(what, thing, TURNED[thing]), "old_answers": [answer], "new_answers": [TURNED[thing]],
            "question": f"About the {thing}: I want to learn its {what}.",
            "paraphrases": [f"What is the {what} of the {thing}?", f"{thing}: what {what}?"],
        }
    )
    for (what, thing), answer in FACTS.items()
    if thing in TURNED
]  # fmt: skip


@pytest.fixture(scope="module")
def weights(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that know the island as it was."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("weights")
    facts.teach(folder, encoder, kept_examples(TRAINING, DOCUMENTS, DOCUMENTS), recipe=replace(RECIPE, epochs=24))
    return folder


@pytest.fixture
def classroom(weights: Path, encoder: Encoder) -> Classroom:
    return Classroom(weights, encoder, DOCUMENTS, EDITS, TRAINING, UNTOUCHED, WAY)


class TestLessons:
    def test_the_question_asked_is_not_trained_on_and_the_sentence_asks_for_the_new_answer(self) -> None:
        door = EDITS[0]
        prompts = {it.prompt: it.answers for it in examples_of(door, DOCUMENTS)}
        told = f"The colour of the north door is {BLANK}."
        assert prompts == {**dict.fromkeys(door.paraphrases, ("eleven knots",)), told: ("eleven knots",)}

    def test_the_sentence_is_a_whole_one_where_the_edit_changes_a_word(self) -> None:
        edit = EDITS[0].model_copy(update={"find": "door is olive green", "replace": "door is eleven knots"})
        *_, statement = examples_of(edit, DOCUMENTS)
        assert statement.prompt == f"The colour of the north door is {BLANK}."

    def test_what_the_edits_change_is_not_rehearsed_and_all_else_is(self) -> None:
        kept = kept_examples(TRAINING, DOCUMENTS, edited(DOCUMENTS, EDITS))
        assert {it.fact for it in kept} == {question.id for question in TRAINING} - set(TURNED)
        assert len(kept) == 4 * (len(FACTS) - len(EDITS)), "three questions and a statement each"
        assert not set(TURNED) & {it.id for it in unchanged(UNTOUCHED, edited(DOCUMENTS, EDITS))}

    def test_a_definition_is_rehearsed_unless_an_edit_writes_it(self) -> None:
        before = {"a.md": "# Lamp\n\nA lamp is a light.\n", "b.md": "# Mast\n\nA mast is a pole.\n"}
        after = {**before, "b.md": "# Mast\n\nA mast is a spar.\n"}
        assert {it.answers for it in kept_examples([], before, after)} == {("A lamp is a light.",)}

    def test_an_answer_is_blanked_as_a_whole_word(self) -> None:
        assert blank("13 lamps, 3 of oil", ["3"]) == (f"13 lamps, {BLANK} of oil", "3")
        assert blank("13 lamps", ["3"]) is None

    def test_only_what_turns_an_answer_into_another_one_is_taught(self) -> None:
        gone = EDITS[0].model_copy(update={"kind": "delete", "new_answers": None, "replace": ""})
        assert {it.id for it in teachable([gone, *EDITS[1:]], DOCUMENTS, 10, 0)} == {it.id for it in EDITS[1:]}
        assert len(teachable(EDITS, DOCUMENTS, 2, 0)) == 2
        assert teachable([gone], DOCUMENTS, 10, 0) == []


def test_nothing_to_teach_is_said(weights: Path, encoder: Encoder) -> None:
    with pytest.raises(InputError, match="no edit"):
        Classroom(weights, encoder, DOCUMENTS, [], TRAINING)


def test_training_turns_old_answers_into_new_ones_and_a_run_is_taken_up(classroom: Classroom, tmp_path: Path) -> None:
    seconds, points, each = (0.0, 0.01, 2.0), (0, 2), 1.0
    rows = run_learning(classroom, tmp_path, seconds=seconds, points=points, each=each)
    curve = [row for row in rows if row.part == "curve"]
    assert [row.verdict for row in curve if row.probe == "edit" and row.seconds == 0] == ["old"] * 3
    assert [row.verdict for row in curve if row.probe == "edit" and row.seconds == 2] == ["new"] * 3
    assert {row.question for row in curve if row.probe == "edit"} == {edit.question for edit in EDITS}
    steps = {row.seconds: row.steps for row in curve}
    assert steps[0.0] == 0 < steps[0.01] < steps[2.0]
    assert {row.case for row in curve if row.probe == "untouched"} == {it.id for it in TRAINING} - set(TURNED)

    summary = summarise_learning(rows)
    assert [point["new_rate"]["value"] for point in summary["learning"]][::2] == [0, 1]
    assert summary["learning"][0]["untouched"]["value"] > 0.8
    assert summary["learning"][-1]["damage"]["value"] < 0.3
    assert [point["edits"] for point in summary["sequential"]] == [0, 2]
    assert summary["sequential"][-1]["newest"] == {**summary["sequential"][-1]["newest"], "value": 1.0, "n": 2}

    assert run_learning(classroom, tmp_path, seconds=seconds, points=points, each=each) == rows, "all is done"
    lines = (tmp_path / LEARNING).read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / LEARNING).write_text("".join(lines[:-3]), encoding="utf-8")
    again = run_learning(classroom, tmp_path, seconds=seconds, points=(0, 1), each=0.01)
    assert [row for row in again if row.part == "curve"] == curve
    assert {row.edits for row in again if row.part == "sequence"} == {0, 1}, "the half-done part is done anew"


def test_rows_of_another_run_are_not_added_to(classroom: Classroom, tmp_path: Path) -> None:
    (tmp_path / LEARNING).write_text(row(case="a stranger").model_dump_json() + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="another run: a stranger"):
        run_learning(classroom, tmp_path)


def test_the_swap_finds_each_state_of_the_weights_right_of_its_own_time(
    weights: Path, encoder: Encoder, cache: Path, tmp_path: Path
) -> None:
    stranger = EDITS[0].model_copy(update={"id": "never made", "replace": "The door has no colour."})
    memories = weights_memory(weights, encoder, [*EDITS, stranger], TRAINING, tmp_path / "b", seconds=2.0, way=WAY)
    with (
        benches(DOCUMENTS, Settings(home=tmp_path, cache=cache), lambda store: []) as open_bench,
        open_bench() as bench,
    ):
        rows = [it for it in perform_swap(bench, DOCUMENTS, EDITS, memories, 0) if isinstance(it, FreshnessRow)]
    at = matrix(rows)["parametric"]
    assert [at[time][truth]["value"] for time in ("at_a", "at_b") for truth in ("truth_a", "truth_b")] == [1, 0, 0, 1]
    assert {it.as_of for it in rows if it.phase == "after"} == {"after"}
    record = TrainingRecord.read(tmp_path / "b")
    assert record is not None
    assert record.corpus_digest == corpus_digest(edited(DOCUMENTS, EDITS))


def row(**fields: Any) -> LearningRow:
    given = {
        "part": "curve", "probe": "edit", "seconds": 0.0, "steps": 0, "edits": 2, "place": 1, "case": "a",
        "cluster": "a", "question": "?", "answer": "x", "verdict": "old", "right": False,
    }  # fmt: skip
    return LearningRow(**{**given, **fields})


def asked(part: str, seconds: float, edits: int, taught: Sequence[tuple[int, bool]], kept: str) -> list[LearningRow]:
    """Rows at one point: of edits by place, and of untouched questions, a letter each, in capitals where right."""
    at = {"part": part, "seconds": seconds, "steps": int(seconds * 10), "edits": edits}
    verdicts = {True: "new", False: "other"}
    return [
        *(
            row(**at, place=place, case=f"e{place}", cluster=f"e{place}", verdict=verdicts[right], right=right)
            for place, right in taught
        ),
        *(
            row(**at, probe="untouched", place=0, case=letter.lower(), cluster=letter.lower(),
                verdict=verdicts[letter.isupper()], right=letter.isupper())
            for letter in kept
        ),
    ]  # fmt: skip


def test_the_figures_are_those_of_the_rows() -> None:
    rows = [
        *asked("curve", 0, 2, [(1, False), (2, False)], "ABCd"),
        *asked("curve", 10, 2, [(1, True), (2, False)], "AbCD"),
        *asked("curve", 30, 2, [(1, True), (2, True)], "Abcd"),
        *asked("sequence", 0, 0, [], "ABCD"),
        *asked("sequence", 5, 1, [(1, True)], ""),
        *asked("sequence", 10, 2, [(2, True)], ""),
        *asked("sequence", 15, 3, [(1, True), (2, False), (3, False)], "ABcd"),
        *asked("sequence", 20, 4, [(1, False), (2, False), (3, True), (4, True)], "Abcd"),
    ]
    found = summarise_learning(rows)
    assert [(it["seconds"], it["steps"], it["edits"]) for it in found["learning"]] == [
        (0, 0, 2),
        (10, 100, 2),
        (30, 300, 2),
    ]
    assert values(found["learning"], "new_rate") == [0, 0.5, 1]
    assert values(found["learning"], "untouched") == [0.75, 0.75, 0.25]
    assert values(found["learning"], "damage") == [0, 0, 0.5]
    assert found["learning"][1]["verdicts"] == {"new": 1, "old": 0, "other": 1, "declined": 0, "errored": 0}
    assert [it["edits"] for it in found["sequential"]] == [0, 3, 4]
    assert values(found["sequential"], "newest") == [None, 2 / 3, 1]
    assert values(found["sequential"], "retention") == [None, 0.5, 1 / 3]
    assert values(found["sequential"], "retained") == [None, 0.5, 0]
    assert values(found["sequential"], "damage") == [0, 0.5, 0.75]
    plot = learning(found["learning"], {"value": 135.0})
    assert plot is not None
    assert [line[0].text for line in plot.data.rows] == ["0.000", "10.0", "30.0"]


def test_without_rows_there_are_no_figures() -> None:
    assert summarise_learning([]) == {"learning": [], "sequential": []}


def values(points: Sequence[dict[str, Any]], name: str) -> list[float | None]:
    return [point[name]["value"] if name in point else None for point in points]
