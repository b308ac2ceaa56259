"""Reading what is trained on: evidence located in its document, SQuAD as documents, articles kept back."""

import json
from pathlib import Path

import pytest

from kstore.errors import InputError
from kstore.training.questions import read_questions, read_squad
from tests.training import toy


def test_evidence_is_found_where_it_stands(tmp_path: Path) -> None:
    material = toy.material(tmp_path)
    answered = [it for it in material.questions if it.answers]
    assert len(answered) == len(toy.SECTIONS)
    for question, (text, _, answer) in zip(answered, toy.SECTIONS.values(), strict=True):
        (place,) = question.places
        assert material.documents[place.document][place.start : place.end] == text
        assert question.answers == (answer,)
    assert [it.places for it in material.questions if not it.answers] == [(), ()]


def test_of_several_places_the_one_below_the_heading_is_meant(tmp_path: Path) -> None:
    text = "# One\n\nIt is red.\n\n# Two\n\nIt is red.\n"
    case = {"id": "a", "question": "Which colour has two?", "answers": ["red"]}
    case["evidence"] = [{"doc": "a.md", "heading": "Two", "quote": "It is red."}]
    (tmp_path / "q.jsonl").write_text(json.dumps(case), encoding="utf-8")
    (question,) = read_questions([tmp_path / "q.jsonl"], {"a.md": text}).questions
    assert question.places[0].start == text.rindex("It is red.")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"id": "a", "answers": ["b"]}',
        '{"id": "a", "question": "b", "answers": ["c"], "evidence": [{"doc": "gone.md", "quote": "d"}]}',
        '{"id": "a", "question": "b", "answers": ["c"], "evidence": [{"doc": "island.md", "quote": "not there"}]}',
        '{"id": "a", "question": "b", "answers": ["c"], "evidence": [{"doc": "island.md", "quote": ""}]}',
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "q.jsonl").write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"q\.jsonl:2"):
        read_questions([tmp_path / "q.jsonl"], toy.corpus())


def squad_file(file: Path, title: str, *asked: dict[str, object]) -> Path:
    context = "The lamp is old. It burns oil. Nobody knows why."
    article = {"title": title, "paragraphs": [{"context": context, "qas": list(asked)}]}
    file.write_text(json.dumps({"data": [article]}), encoding="utf-8")
    return file


def test_squad_paragraphs_are_documents_and_answers_lie_in_them(tmp_path: Path) -> None:
    fuel = {"id": "1", "question": "What does it burn?", "answers": [{"text": "oil", "answer_start": 26}]}
    price = {"id": "2", "question": "What does oil cost?", "answers": [], "is_impossible": True}
    files = [
        squad_file(tmp_path / "1.json", "Old_lamp", fuel),
        squad_file(tmp_path / "2.json", "Old_lamp", fuel, price),
    ]
    learnt, kept = read_squad([*files, squad_file(tmp_path / "3.json", "Steam_engine", fuel)])
    assert list(learnt.documents) == ["squad/Old_lamp.md"]
    assert learnt.documents["squad/Old_lamp.md"].startswith("# Old lamp\n\nThe lamp is old.")
    assert [it.fact for it in learnt.questions] == ["squad#1", "squad#2"]  # the first is in both files
    texts = [learnt.documents[it.document][it.start : it.end] for one in learnt.questions for it in one.places]
    assert texts == ["It burns oil.", "The lamp is old. It burns oil. Nobody knows why."]
    assert [it.answers for it in learnt.questions] == [("oil",), ()]
    assert list(kept.documents) == ["squad/Steam_engine.md"]


def test_what_is_no_squad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text('{"data": [{}]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"no\.json"):
        read_squad([tmp_path / "no.json"])
