"""Filters as people write them."""

import pytest

from kstore.errors import InputError
from kstore.filters import EVERYTHING, Filter, read_filter


def test_parts_are_read_by_name_and_of_the_same_name_any_may_hold() -> None:
    assert read_filter(["document=notes/*", "lang=en", "heading= The lamp ", "document=a=b.md", "lang=de"]) == Filter(
        documents=("notes/*", "a=b.md"), headings=("The lamp",), metadata=(("lang", ("en", "de")),)
    )


def test_no_part_is_no_filter() -> None:
    assert read_filter([]) == Filter.of() == EVERYTHING
    assert not EVERYTHING
    assert Filter(headings=("x",))


def test_the_order_of_keys_and_repetition_do_not_matter() -> None:
    assert Filter.of(metadata={"b": ["1", "1"], "a": ["2"]}) == Filter.of(metadata={"a": ["2"], "b": ["1"]})


@pytest.mark.parametrize("given", ["notes", "lang=", "=en", "document=", "a\0=b"])
def test_what_is_no_filter_says_why(given: str) -> None:
    with pytest.raises(InputError, match="filter"):
        read_filter([given])


def test_a_filter_has_not_many_values() -> None:
    with pytest.raises(InputError, match=r"at most 100 values for document, not 101"):
        Filter(documents=tuple(map(str, range(101))))
