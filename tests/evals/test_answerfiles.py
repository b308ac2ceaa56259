"""Answers from elsewhere: scored per question and in all, and each malformed line told."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.answerfiles import score_answers
from kstore.errors import InputError

QUESTIONS = [
    {"id": "a", "question": "What do cats eat?", "answers": ["fish", "raw fish"]},
    {"id": "b", "question": "Where do cats sleep?", "answers": ["in the sun"]},
    {"id": "c", "question": "Who owns the cat?", "answers": None},
    {"id": "d", "question": "Who feeds the cat?", "why_unanswerable": "it is not said"},
]


def lines(file: Path, records: list[dict[str, Any]]) -> Path:
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return file


def scored(folder: Path, *answers: tuple[str, str | None]) -> dict[str, Any]:
    given = [{"id": name, "text": text} for name, text in answers]
    return score_answers(lines(folder / "questions.jsonl", QUESTIONS), lines(folder / "answers.jsonl", given))


def test_each_question_and_all(tmp_path: Path) -> None:
    found = scored(tmp_path, ("a", "the raw fish"), ("b", "in sun and shade"), ("c", None), ("d", "the neighbour"))
    by_id = {it["id"]: (it["exact_match"], it["f1"]) for it in found["questions"]}
    assert by_id == {"a": (1.0, 1.0), "b": (0.0, pytest.approx(2 / 3)), "c": (1.0, 1.0), "d": (0.0, 0.0)}
    assert (found["exact_match"], found["f1"]) == (0.5, pytest.approx((1 + 2 / 3 + 1) / 4))
    assert found["missing"] == []


def test_what_is_not_answered_is_wrong_even_where_declining_is_right(tmp_path: Path) -> None:
    found = scored(tmp_path, ("a", "fish"))
    assert found["missing"] == ["b", "c", "d"]
    assert found["exact_match"] == 0.25


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "a"}', ":2: text: .*required"),
        ('{"id": "a", "text": 3}', ":2: text: .*string"),
        ('{"id": "a", "text": NaN}', ":2: text: .*string"),
        ('{"id": 7, "text": "x"}', ":2: id: .*string"),
        ('{"id": "a", "text": "x", "text": null}', ":2: a field is there twice"),
        ('{"id": "a", "text": "\\ud800"}', ":2: half of a surrogate pair"),
        ("not json", ":2: not JSON"),
        ("[]", ":2: not a JSON object"),
        ('{"id": "z", "text": "x"}', ":2: 'z' is none of the questions"),
        ('{"id": "b", "text": "x"}', ":2: 'b' is answered twice"),
    ],
)
def test_a_malformed_line_is_told(tmp_path: Path, line: str, reason: str) -> None:
    questions = lines(tmp_path / "questions.jsonl", QUESTIONS)
    answers = tmp_path / "answers.jsonl"
    answers.write_text(f'{{"id": "b", "text": null}}\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        score_answers(questions, answers)


def test_a_malformed_question_is_told(tmp_path: Path) -> None:
    questions = lines(tmp_path / "questions.jsonl", [*QUESTIONS, {"id": "e", "question": "?", "answers": []}])
    with pytest.raises(InputError, match=r"questions\.jsonl:5: "):
        score_answers(questions, lines(tmp_path / "answers.jsonl", []))


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does(tmp_path: Path) -> None:
    questions, answers = lines(tmp_path / "questions.jsonl", QUESTIONS), tmp_path / "answers.jsonl"
    for file, text in ((questions, questions.read_text(encoding="utf-8")), (answers, '{"id": "a", "text": "fish"}\n')):
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert score_answers(questions, answers)["exact_match"] == 0.25


@pytest.mark.parametrize("content", [None, b"\xff\xfe{"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    answers = tmp_path / "answers.jsonl"
    if content is not None:
        answers.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*answers\.jsonl: (no such file|not UTF-8)"):
        score_answers(lines(tmp_path / "questions.jsonl", QUESTIONS), answers)
