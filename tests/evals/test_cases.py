"""Cases: what a line of a question or edit file may hold, and where its quotes stand."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.casefiles import load, read_cases
from evals.cases import Edit, Evidence, Question, Replay, Unanswerable
from evals.evidence import locate
from kstore.errors import InputError

DOCUMENTS = {
    "sea.md": "# The sea\n\n## Tides\n\nThe moon pulls. It is salt.\n\n## Salt\n\nIt is salt. Rivers bring it.\n",
    "sky.md": "# The sky\n\nThe sky is blue.\n",
}
QUESTION = {"id": "q", "question": "What pulls the sea?", "answers": ["the moon", "moon"]}
EDIT = {
    "id": "e", "doc": "sky.md", "find": "blue", "replace": "green", "question": "What colour is the sky?",
    "old_answers": ["blue"], "new_answers": ["green"],
}  # fmt: skip

REPLAY = {
    "id": "r", "old_commit": "a", "new_commit": "b", "question": "What colour is the sky?", "old_answers": ["blue"],
    "new_answers": ["green"],
}  # fmt: skip


def written(folder: Path, *lines: dict[str, Any] | str) -> Path:
    file = folder / "cases.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return file


def problems_of(folder: Path, *lines: dict[str, Any] | str) -> list[str]:
    return read_cases(written(folder, *lines))[1]


def test_the_kind_of_a_case_shows_in_its_fields(tmp_path: Path) -> None:
    unanswerable = {"id": "u", "question": "Why is the sea deep?", "why_unanswerable": "nothing is said of depth"}
    file = written(tmp_path, QUESTION, unanswerable, EDIT, REPLAY)
    lines, problems = read_cases(file)
    assert problems == []
    assert [type(line.case) for line in lines] == [Question, Unanswerable, Edit, Replay]
    assert [line.place for line in lines] == [f"{file}:{number}" for number in (1, 2, 3, 4)]


def test_a_question_counts_as_a_fact_of_its_own_where_none_is_named() -> None:
    assert Question.model_validate(QUESTION).cluster == "q"
    assert Question.model_validate({**QUESTION, "fact": "tides"}).cluster == "tides"


def test_answers_null_means_that_the_corpus_does_not_answer() -> None:
    assert Question.model_validate({**QUESTION, "answers": None}).answers is None


def test_fields_of_the_callers_own_are_let_be(tmp_path: Path) -> None:
    assert problems_of(tmp_path, {**QUESTION, "author": "ada"}) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: Expecting property name"),
        ('{"id": "q", "id": "q2", "question": "What?", "answers": ["x"]}', "a field is there twice"),
        ("[" * 50_000, "recursion"),
        ("[]", "not a JSON object"),
        ({**QUESTION, "answers": []}, "null means that the corpus does not answer"),
        ({**QUESTION, "answers": ["moon", " "]}, "answers.1: a text with something in it is needed"),
        ({**QUESTION, "answers": ["moon", "moon"]}, "the same answer twice"),
        ({**QUESTION, "answers": ["##"]}, "cannot be scored"),
        ({**QUESTION, "answers": "moon"}, "answers: a list is needed"),
        ({**QUESTION, "answers": None, "evidence": [{"doc": "sea.md", "quote": "salt"}]}, "and yet there is evidence"),
        ({**QUESTION, "question": 7}, "question: Input should be a valid string"),
        ({**QUESTION, "question": "What? " * 5000}, "the question has 30000 characters"),
        ({**QUESTION, "paraphrases": ["a\0b"]}, "paraphrases.0: the question"),
        ({**QUESTION, "difficulty": "tricky"}, "difficulty: Input should be '', 'easy', 'medium' or 'hard'"),
        ({**QUESTION, "popular": "yes"}, "popular: Input should be a valid boolean"),
        ({**QUESTION, "split": "Train"}, "split: 'Train' is no name"),
        ({**QUESTION, "split": "_train"}, "split: '_train' is no name"),
        ({**QUESTION, "fact": "the tides"}, "fact: 'the tides' is no name"),
        ({**QUESTION, "Fact": "tides"}, "is 'fact' meant?"),
        ({**QUESTION, "why_unanswerable": "no"}, "fields of two kinds of case: Unanswerable and Question"),
        ({**EDIT, "answers": ["blue"]}, "fields of two kinds of case: Edit and Question"),
        ({**EDIT, "old_commit": "a", "new_commit": "b"}, "fields of two kinds of case: Edit and Replay"),
        ({**REPLAY, "new_commit": "a"}, "old_commit and new_commit are the same"),
        ({**REPLAY, "old_answers": None, "new_answers": None}, "old_answers and new_answers are both null"),
        ({key: value for key, value in REPLAY.items() if key != "new_commit"}, "new_commit: Field required"),
        ({**QUESTION, "paraphrase": ["Which body pulls?"]}, "is 'paraphrases' meant?"),
        ({**QUESTION, "evidence": [{"doc": "sea.md"}]}, "evidence.0.quote: Field required"),
        ({"id": "q", "question": "What?"}, "answers: Field required"),
        ({"question": "What?", "answers": ["x"]}, "id: Field required"),
        ({"id": "u", "question": "What?", "why_unanswerable": ""}, "why_unanswerable: a text with something in it"),
        ({**EDIT, "old_answers": None, "new_answers": None}, "both null"),
        ({**EDIT, "kind": "insert"}, "kind 'insert' cannot have these answers"),
        ({**EDIT, "kind": "delete"}, "kind 'delete' cannot have these answers"),
        ({**EDIT, "kind": "format"}, "kind 'format' cannot have these answers"),
        ({**EDIT, "kind": "value", "new_answers": ["green", "blue"]}, "kind 'value' cannot have these answers"),
        ({**EDIT, "kind": "value", "new_answers": ["the blue."]}, "kind 'value' cannot have these answers"),
        ({**EDIT, "kind": "rename", "new_answers": ["Blue"]}, "kind 'rename' cannot have these answers"),
        ({**EDIT, "kind": "move"}, "kind 'move' cannot have these answers"),
        ({**EDIT, "kind": "move", "new_answers": ["blue"]}, "names in 'also' where the text goes"),
        ({**EDIT, "old_answers": []}, "old_answers is empty"),
        ({**EDIT, "new_answers": ["green", "green"]}, "new_answers has the same answer twice"),
        ({**EDIT, "replace": "blue"}, "find and replace are the same"),
        ({**EDIT, "also": [{"doc": "sea.md", "find": "x"}]}, "also.0.replace: Field required"),
        (
            {**EDIT, "neighbours": [{"question": "What is salt?", "answers": ["the sea"]}]},
            "a neighbour without evidence",
        ),
        ({key: value for key, value in EDIT.items() if key != "find"}, "find: Field required"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) > 5 else "",
)
def test_a_malformed_line_is_told_with_its_number_and_the_reason(
    line: dict[str, Any] | str, reason: str, tmp_path: Path
) -> None:
    problems = problems_of(tmp_path, {**QUESTION, "id": "before"}, line)
    assert problems
    assert problems[0].startswith(f"{tmp_path / 'cases.jsonl'}:2: ")
    assert reason in problems[0]


def test_every_wrong_line_is_told_and_the_right_ones_are_read(tmp_path: Path) -> None:
    lines, problems = read_cases(written(tmp_path, "{", QUESTION, "nonsense"))
    assert [problem.split(":")[1] for problem in problems] == ["1", "3"]
    assert [line.case.id for line in lines] == ["q"]


def test_loading_one_kind_refuses_another_and_what_is_malformed(tmp_path: Path) -> None:
    assert [case.id for case in load(Question, [written(tmp_path, QUESTION)])] == ["q"]
    with pytest.raises(InputError, match="not a Question"):
        load(Question, [written(tmp_path, EDIT)])
    with pytest.raises(InputError, match=r"cases\.jsonl:2: "):
        load(Question, [written(tmp_path, QUESTION, "{")])


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": "caf\xe9"}\n')
    for file, reason in ((tmp_path / "nowhere.jsonl", "no such file"), (tmp_path, "not a file"), (latin, "not UTF-8")):
        with pytest.raises(InputError, match=f"cannot read .*{reason}"):
            read_cases(file)


def test_lines_end_only_where_json_lines_do(tmp_path: Path) -> None:
    question = {**QUESTION, "question": "What pulls\u2028the sea?"}
    file = tmp_path / "cases.jsonl"
    file.write_bytes((json.dumps(question, ensure_ascii=False) + "\r\n\n" + json.dumps(EDIT)).encode())
    lines, problems = read_cases(file)
    assert problems == []
    assert [line.place for line in lines] == [f"{file}:1", f"{file}:3"]


def test_a_quote_is_located_word_for_word() -> None:
    span = locate(Evidence(doc="sea.md", quote="The moon pulls."), DOCUMENTS)
    assert DOCUMENTS[span.document][span.start : span.end] == "The moon pulls."


def test_a_quote_that_stands_twice_is_told_apart_by_its_heading() -> None:
    text = DOCUMENTS["sea.md"]
    first = locate(Evidence(doc="sea.md", heading="Tides", quote="It is salt."), DOCUMENTS)
    second = locate(Evidence(doc="sea.md", heading="Salt", quote="It is salt."), DOCUMENTS)
    assert (first.start, second.start) == (text.index("It is salt."), text.rindex("It is salt."))


def test_a_section_reaches_over_the_headings_below_its_own() -> None:
    span = locate(Evidence(doc="sea.md", heading="The sea", quote="Rivers bring it."), DOCUMENTS)
    assert DOCUMENTS["sea.md"][span.start : span.end] == "Rivers bring it."


def test_a_comment_in_code_is_no_heading() -> None:
    documents = {"code.md": "# Code\n\n```python\n# Salt\n```\n\nIt is salt.\n"}
    with pytest.raises(ValueError, match="the heading 'Salt' 0 times"):
        locate(Evidence(doc="code.md", heading="Salt", quote="It is salt."), documents)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(doc="land.md", quote="hills"), "no document"),
        (Evidence(doc="sea.md", quote="The sun pulls."), "nowhere"),
        (Evidence(doc="sea.md", quote="It is salt."), "2 times, not once"),
        (Evidence(doc="sea.md", heading="The sea", quote="It is salt."), "2 times, not once"),
        (Evidence(doc="sea.md", heading="Waves", quote="The moon pulls."), "the heading 'Waves' 0 times"),
        (Evidence(doc="sea.md", heading="Salt", quote="The moon pulls."), "under 'Salt' nowhere"),
        (Evidence(doc="sea.md", heading="Tides", quote="Rivers bring it."), "under 'Tides' nowhere"),
        (Evidence(doc="sea.md", heading="Salt", quote="## Salt"), "nowhere"),
    ],
)
def test_a_quote_that_is_not_there_once_is_refused(evidence: Evidence, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        locate(evidence, DOCUMENTS)


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    move = {"doc": "sea.md", "find": "Rivers bring it.\n", "replace": ""}
    edited = Edit.model_validate({**EDIT, "also": [move]}).applied(DOCUMENTS)
    assert edited["sky.md"] == "# The sky\n\nThe sky is green.\n"
    assert edited["sea.md"] == DOCUMENTS["sea.md"].replace("Rivers bring it.\n", "")
    assert DOCUMENTS["sky.md"].count("blue") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"doc": "land.md"}, "no document"),
        ({"find": "pink"}, "0 times"),
        ({"doc": "sea.md", "find": "It is salt."}, "2 times"),
        ({"also": [{"doc": "sky.md", "find": "sky is blue", "replace": "sea"}]}, "changes 'sky is blue' twice"),
    ],
)
def test_an_edit_that_cannot_be_made_is_refused(change: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Edit.model_validate({**EDIT, **change}).applied(DOCUMENTS)
