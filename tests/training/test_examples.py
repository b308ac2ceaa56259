"""Lessons: what answers, what only seems to, and that a passage nobody asks about is never a negative."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kstore.encoding.graph import vocabulary
from kstore.errors import InputError
from kstore.reading.reader import BODY_TOKENS, stretch_starts
from kstore.training.examples import positive
from kstore.training.lessons import Lesson, Lessons, Text
from kstore.training.pieces import Pieces
from kstore.training.spans import locate
from tests.training import toy


def words(ids: list[int]) -> str:
    text: str = vocabulary().tokenizer.decode(ids)
    return text


def answered(lessons: Lessons) -> Iterator[tuple[str, Lesson]]:
    return zip(toy.SECTIONS, (it for it in lessons.lessons if it.positives), strict=True)


def test_the_answer_of_each_lesson_stands_in_its_text(lessons: Lessons) -> None:
    for heading, lesson in answered(lessons):
        (found,) = lesson.positives
        text = lessons.texts[found.text]
        assert words(text.heading) == heading.lower()
        assert found.answer is not None
        answer = toy.SECTIONS[heading][2].lower().replace("ü", "u").replace(":", " : ")
        assert words(text.body[slice(*found.answer)]) == answer
        assert found.holds == [0]


def test_a_text_without_questions_is_never_a_negative(lessons: Lessons) -> None:
    unasked = {
        number for number, text in enumerate(lessons.texts) if words(text.heading) in {"the goat", "the ice house"}
    }
    pieces = Pieces(toy.corpus())
    assert {pieces.all[number].headings[0] for number in unasked if number < len(pieces.all)} == set(toy.UNASKED)
    for lesson in lessons.lessons:
        assert not unasked & {*lesson.mined, *lesson.near}
        assert lesson.mined
    assert {number for lesson in lessons.lessons for number in lesson.mined} == set(range(len(toy.SECTIONS)))


def test_near_misses_do_not_hold_the_answer(lessons: Lessons) -> None:
    made = 0
    for heading, lesson in answered(lessons):
        assert lesson.near
        for number in lesson.near:
            text = words(lessons.texts[number].body)
            assert toy.SECTIONS[heading][2].lower() not in text
            made += number >= len(Pieces(toy.corpus()).all)
    assert made == len(toy.SECTIONS)  # from each section its answer was taken out, and something was left


def test_an_unanswerable_question_is_read_with_what_is_near_it(lessons: Lessons) -> None:
    unanswerable = [it for it in lessons.lessons if not it.positives]
    assert len(unanswerable) == 2
    for lesson in unanswerable:
        assert 0 < len(lesson.near) <= 4
        assert not set(lesson.near) & set(lesson.mined)
    assert words(lessons.texts[unanswerable[0].near[0]].heading) == "the lamp"


def test_stretches_that_show_the_answer_and_those_that_lack_it() -> None:
    filler = "Boats come and go, and nobody counts them. " * 30
    text = f"{filler}The bell weighs 300 kilograms. {filler}"
    start = text.index("The bell")
    found = positive(0, locate(text, start, start + 30, ["300 kilograms"]), ["300 kilograms"])
    assert found.answer is not None
    starts = stretch_starts(len(vocabulary().tokenizer.encode(text, add_special_tokens=False).ids))
    assert found.holds
    assert found.lacks
    assert all(it <= found.answer[0] and found.answer[1] <= it + BODY_TOKENS for it in found.holds)
    assert all(it > found.answer[1] or it + BODY_TOKENS <= found.answer[0] for it in found.lacks)
    assert {*found.holds, *found.lacks} <= set(starts)


def test_what_is_written_is_read_again_and_is_the_same_bytes(lessons: Lessons, tmp_path: Path) -> None:
    recorded = replace(lessons, record={"seed": 1})
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        recorded.write(tmp_path / name)
    (one,), (two,) = (list((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert Lessons.read(tmp_path / "one") == recorded
    one.write_bytes(one.read_bytes()[:50])
    with pytest.raises(InputError, match="holds no lessons"):
        Lessons.read(tmp_path / "one")


def test_statistics_count_what_there_is(lessons: Lessons) -> None:
    told = lessons.statistics()
    assert (told["lessons"], told["answered in words"], told["unanswerable"]) == (10, 8, 2)
    assert told["without negatives"] == 0
    assert Lessons([Text([], [], [])], []).statistics()["lessons"] == 0
