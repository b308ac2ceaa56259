"""Question files and definitions become prompts with the answers that they should bring back."""

import json
from pathlib import Path
from typing import Any

import pytest

from kstore.errors import InputError
from kstore.weights.examples import BLANK, Example, definition_examples, read_examples

TOWER = {
    "id": "tower-height",
    "question": "How tall is the tower?",
    "paraphrases": ["What is the tower's height?"],
    "statements": ["The tower is 42 metres tall.", "42 Metres is what the tower measures."],
    "answers": ["42 metres", "forty-two metres"],
}


def file_of(folder: Path, *questions: dict[str, Any] | str) -> Path:
    """A question file with a line for each of ``questions``; strings stand as they are."""
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in questions]
    file = folder / "questions.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def prompts(file: Path) -> list[str]:
    return [example.prompt for example in read_examples([file])]


def test_questions_paraphrases_and_statements_ask_for_the_same(tmp_path: Path) -> None:
    answers = ("42 metres", "forty-two metres")
    assert read_examples([file_of(tmp_path, TOWER)]) == [
        Example("tower-height", "How tall is the tower?", answers),
        Example("tower-height", "What is the tower's height?", answers),
        Example("tower-height", f"The tower is {BLANK} tall.", answers),
        Example("tower-height", f"{BLANK} is what the tower measures.", answers),
    ]


def test_a_question_alone_is_enough(tmp_path: Path) -> None:
    file = file_of(tmp_path, {"id": "a", "question": "Who?", "answers": ["Ida"]})
    assert read_examples([file]) == [Example("a", "Who?", ("Ida",))]


def test_questions_of_one_fact_share_its_name(tmp_path: Path) -> None:
    file = file_of(tmp_path, TOWER | {"fact": "tower"})
    assert {example.fact for example in read_examples([file])} == {"tower"}


@pytest.mark.parametrize(
    "statement",
    [
        "The tower is high.",  # without the answer
        "The tower is 142 metres tall.",  # where it is part of a longer number
        "The tower is 42 metrestall.",  # or of a longer word
    ],
)
def test_a_statement_is_used_only_where_the_answer_stands_in_it(statement: str, tmp_path: Path) -> None:
    assert prompts(file_of(tmp_path, TOWER | {"statements": [statement], "paraphrases": []})) == [TOWER["question"]]


def test_no_prompt_of_a_statement_gives_its_answer_away(tmp_path: Path) -> None:
    # An answer is taken literally, whatever its characters mean in a pattern.
    question = {"id": "a", "question": "Cost?", "statements": ["It costs $5 (or so)."], "answers": ["$5 (or so)"]}
    assert prompts(file_of(tmp_path, question)) == ["Cost?", f"It costs {BLANK}."]


def test_unanswerable_questions_teach_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, {"id": "a", "question": "Who?", "answers": None}, TOWER)
    assert {example.fact for example in read_examples([file])} == {"tower-height"}


def test_files_follow_one_another_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, question in ((first, "Who?"), (second, "Where?")):
        folder.mkdir()
        file_of(folder, "", {"id": "a", "question": question, "answers": ["Ida"]}, "  \r")
    found = read_examples([second / "questions.jsonl", first / "questions.jsonl"])
    assert [example.prompt for example in found] == ["Where?", "Who?"]
    assert read_examples([]) == []


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u000c"], ids=ascii)
def test_only_line_ends_end_lines(separator: str, tmp_path: Path) -> None:
    # str.splitlines would cut here; the first two may stand in a JSON string as they are.
    question = {"id": "a", "question": f"Who{separator}and when?", "answers": ["Ida"]}
    assert prompts(file_of(tmp_path, question)) == [f"Who{separator}and when?"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        "[]",
        "null",
        {"id": "a", "question": "Who?"},
        {"id": "a", "answers": ["Ida"]},
        {"question": "Who?", "answers": ["Ida"]},  # neither id nor fact
        {"id": "a", "question": "Who?", "answers": []},
        {"id": "a", "question": "Who?", "answers": [7]},
        {"id": "a", "question": "Who?", "answers": [""]},
        {"id": "a", "question": " ", "answers": ["Ida"]},
        {"id": "a", "question": ["Who?"], "answers": ["Ida"]},
        # A string where a list belongs would be taken letter by letter.
        {"id": "a", "question": "Who?", "answers": "Ida"},
        {"id": "a", "question": "Who?", "answers": ["Ida"], "paraphrases": "And who?"},
        {"id": "a", "question": "Who?", "answers": ["Ida"], "statements": "It was Ida."},
    ],
    ids=str,
)
def test_what_is_no_question_is_refused_with_file_and_line(line: dict[str, Any] | str, tmp_path: Path) -> None:
    file = file_of(tmp_path, TOWER, "", line)
    with pytest.raises(InputError) as caught:
        read_examples([file])
    assert str(caught.value).startswith(f"{file}:3: not a question")


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": "caf\xe9"}')
    for file in (tmp_path / "missing.jsonl", tmp_path, latin):
        with pytest.raises(InputError, match=str(file)):
            read_examples([file])


def test_a_definition_answers_several_ways_of_asking() -> None:
    sentence = "A tide table is a list of hours."
    found = definition_examples("harbour.md#tide table", "tide table", sentence)
    assert len({example.prompt for example in found}) >= 5
    for example in found:
        assert "tide table" in example.prompt
        assert (example.fact, example.answers) == ("harbour.md#tide table", (sentence,))
