"""The reader's view of Markdown: words without marks, every character traced to where it stands."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.reading.view import view
from tests.conftest import GUIDE


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("**RoPE** rotates *pairs*.", "RoPE rotates pairs."),
        ("See [the lamp](lamp.md#oil), please.", "See the lamp, please."),
        ("![a red crane](crane.png) lifts", "a red crane lifts"),
        ("- one\n- two\n10. three", "one two three"),
        ("> quoted\n> twice", "quoted twice"),
        ("## A heading\n\nand text", "A heading and text"),
        ("call `x ** 2 | y` now", "call x ** 2 | y now"),
        ("is $a*b$ or $$c_1$$ here", "is a*b or c_1 here"),
        ("```python\nx = 2 ** 3  # *no* emphasis\n```\nafter", "x = 2 ** 3 # *no* emphasis after"),
        ("| part | steel |\n|---|:-:|\n| hook | 2 |", "part steel hook 2"),
        ("half of a block\n```\nand more", "half of a block and more"),
        ("[no link] stays (so)", "[no link] stays (so)"),
        ("", ""),
        (" \n\t ", ""),
    ],
)
def test_marks_go_and_words_stay(source: str, plain: str) -> None:
    assert view(source).plain == plain


def assert_traced(source: str) -> None:
    seen = view(source)
    assert len(seen.plain) == len(seen.offsets)
    assert list(seen.offsets) == sorted(set(seen.offsets))
    for character, offset in zip(seen.plain, seen.offsets, strict=True):
        assert character in (source[offset], " ")
    for start, end in ((0, len(seen.plain)), (len(seen.plain) // 2, len(seen.plain))):
        if start < end and " " not in (seen.plain[start], seen.plain[end - 1]):
            low, high = seen.span(start, end)
            assert source[low] == seen.plain[start]
            assert source[high - 1] == seen.plain[end - 1]


@pytest.mark.parametrize("file", sorted(GUIDE.glob("*.md")), ids=lambda file: file.name)
def test_every_character_of_the_guide_is_traced(file: Path) -> None:
    assert_traced(file.read_text(encoding="utf-8"))


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.sampled_from(["**", "`", "```", "$", "|", "\n", " ", "[a](b)", "- ", "> ", "é", "word", "~~~", "\r\n"]))
)
def test_odd_markdown_is_traced_too(pieces: list[str]) -> None:
    assert_traced("".join(pieces))
