"""The eyes of the guide's tests: what counts as a number that a section states."""

import pytest

from tests.guide import chapters
from tests.guide.chapters import says, section

TEXT = """# Sums

## One

It is 1,536.5 and -0.25.

### Below

Also 1e-5 of v2.

## Two

```text
## Three
```
End 7."""


@pytest.fixture(autouse=True)
def sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chapters.TEXTS, "sums.md", TEXT)


def test_a_section_ends_at_the_next_heading_of_its_level_and_not_in_code() -> None:
    assert "v2" in section("sums.md", "One")
    assert "End" not in section("sums.md", "One")
    assert section("sums.md", "Two").endswith("## Three\n```\nEnd 7.")


@pytest.mark.parametrize(("value", "digits"), [(1536.5, 1), (-0.25, 2)])
def test_numbers_are_found_with_their_sign_and_commas(value: float, digits: int) -> None:
    assert says("sums.md", "One", value, digits)


@pytest.mark.parametrize(("value", "digits"), [(0.25, 2), (536.5, 1), (1536, 0), (2, 0), (5, 0), (1, 0), (7, 0)])
def test_parts_of_other_numbers_and_names_are_not_numbers(value: float, digits: int) -> None:
    assert not says("sums.md", "One", value, digits)
