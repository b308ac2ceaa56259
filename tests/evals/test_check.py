"""The check of case files: it tells every way in which a test could leak, and lets sound files be."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.check import check, shared_run
from tests.evals.test_cases import DOCUMENTS, EDIT

TRAIN = {
    "id": "tide", "split": "train", "question": "What pulls the sea?",
    "paraphrases": ["By what is the water of the sea pulled?"], "answers": ["the moon"],
    "evidence": [{"doc": "sea.md", "quote": "The moon pulls."}],
}  # fmt: skip
TEST = {
    **TRAIN,
    "id": "tide.test",
    "fact": "tide",
    "split": "test",
    "question": "Tides: which body is behind them?",
    "paraphrases": [],
}
TOLD = {**TRAIN, "statements": ["Tides have the moon behind them."]}
DEV_TRAIN = {**TRAIN, "split": "dev_train"}
NEIGHBOUR = {
    "question": "Where is it salt?",
    "answers": ["the sea"],
    "evidence": [{"doc": "sky.md", "quote": "sky is"}],
}


def problems_of(folder: Path, *records: dict[str, Any]) -> tuple[str, ...]:
    file = folder / "cases.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return check([file], DOCUMENTS).problems


def test_sound_files_have_no_problem_and_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    unanswerable = {"id": "u", "question": "How deep is the sea?", "why_unanswerable": "no depth is given"}
    edit = {**EDIT, "kind": "value", "neighbours": [NEIGHBOUR]}
    file.write_text("".join(json.dumps(record) + "\n" for record in (TRAIN, TEST, unanswerable, edit)), "utf-8")
    report = check([file], DOCUMENTS)
    assert report.problems == ()
    assert (report.questions, report.facts, report.phrasings, report.unanswerable, report.edits) == (2, 1, 3, 1, 1)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([TRAIN, {**TEST, "id": "tide"}], "the id 'tide' is also at"),
        ([TRAIN, {**TEST, "question": "what pulls the SEA"}], "is also asked at"),
        ([TRAIN, {**TEST, "paraphrases": ["Tides: which body is behind them"]}], "is also asked at"),
        ([TRAIN, {**TEST, "split": "dev"}], "the fact 'tide' is of the split 'train'"),
        ([TRAIN, {**TEST, "split": "heldout"}], "the fact 'tide' is of the split 'train'"),
        ([TRAIN, {**TEST, "split": "heldout_train"}], "the fact 'tide' is of the split 'train'"),
        ([TRAIN, {**TEST, "split": "dev", "fact": "Tide"}], "the fact 'Tide' is of the split 'train'"),
        ([TRAIN, {**TEST, "split": "dev", "fact": "moon"}], "the same answer from the same words"),
        ([TOLD, {**TEST, "question": "Do tides have the moon behind?"}], "shares 'tides have the moon behind'"),
        ([TRAIN, {**TEST, "question": "So what pulls the sea?"}], "shares 'what pulls the sea'"),
        ([DEV_TRAIN, {**TEST, "split": "dev", "question": "What pulls the sea, eh?"}], "shares 'what pulls the sea'"),
        ([TRAIN, {**TEST, "question": "Say what is the water of the tides"}], "shares 'what is the water of'"),
        ([{**TRAIN, "evidence": [{"doc": "sea.md", "quote": "The sun pulls."}]}], "nowhere"),
        ([{**EDIT, "find": "pink"}], "0 times"),
        ([{**EDIT, "kind": "format", "new_answers": ["blue"]}], "changes words"),
        ([{**EDIT, "find": "sky is blue", "replace": "air is green", "neighbours": [NEIGHBOUR]}], "nowhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_could_fool_an_evaluation_is_told(records: list[dict[str, Any]], reason: str, tmp_path: Path) -> None:
    (problem,) = [problem for problem in problems_of(tmp_path, *records) if reason in problem]
    assert problem.startswith(f"{tmp_path / 'cases.jsonl'}:{len(records)}: ")


def test_a_fact_may_be_learned_and_measured_in_splits_that_belong_together(tmp_path: Path) -> None:
    assert problems_of(tmp_path, {**TRAIN, "split": "dev_train"}, {**TEST, "split": "dev"}) == ()


def test_every_problem_of_a_line_is_told(tmp_path: Path) -> None:
    wrong = [{"doc": "sea.md", "quote": "The sun pulls."}, {"doc": "land.md", "quote": "hills"}]
    problems = problems_of(tmp_path, {**TRAIN, "evidence": wrong})
    assert [problem.split(": ", 1)[1] for problem in problems] == [
        "sea.md says 'The sun pulls.' nowhere",
        "there is no document 'land.md'",
    ]


def test_a_file_without_a_case_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n", encoding="utf-8")
    assert check([tmp_path / "empty.jsonl"], DOCUMENTS).problems == (
        f"{tmp_path / 'empty.jsonl'}: there is no case in it",
    )


def test_an_edit_may_ask_what_a_gold_question_asks(tmp_path: Path) -> None:
    assert problems_of(tmp_path, TRAIN, {**EDIT, "question": TRAIN["question"]}) == ()


def test_the_same_words_written_in_two_ways_are_the_same(tmp_path: Path) -> None:
    one = {**TRAIN, "question": "Where is the caf\u00e9?", "paraphrases": []}
    other = {**TEST, "question": "Where is the cafe\u0301?"}
    assert any("is also asked at" in problem for problem in problems_of(tmp_path, one, other))


def test_training_phrasings_of_one_fact_may_resemble_each_other(tmp_path: Path) -> None:
    other = {
        **TRAIN,
        "id": "tide-2",
        "fact": "tide",
        "question": "Say what is the water of the tides",
        "paraphrases": [],
    }
    assert problems_of(tmp_path, TRAIN, other) == ()


def test_a_change_of_format_alone_is_known_as_such(tmp_path: Path) -> None:
    edit = {**EDIT, "kind": "format", "find": "is blue", "replace": "is *blue*", "new_answers": ["blue"]}
    assert problems_of(tmp_path, edit) == ()


def test_runs_are_of_words_whatever_their_case_and_punctuation() -> None:
    assert shared_run("One, two: three four (five) six", "zero two THREE four five, six") == "two three four five six"
    assert shared_run("one two three four five", "one two three four 5") == ""
