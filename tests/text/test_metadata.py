"""Metadata: what the front matter says, as it is written there, and nothing where there is none."""

import pytest

from kstore.text.markdown import split
from kstore.text.metadata import metadata


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("---\nlang: en\nteam: [red, blue]\n---\n# T\n", [("lang", "en"), ("team", "red"), ("team", "blue")]),
        ("---\ntags:\n  - a b\n  - c\n---\n", [("tags", "a b"), ("tags", "c")]),
        ("---\nyear: 2024\ndraft: true\ndate: 2024-05-01\nv: 1.10\n---\n",
         [("year", "2024"), ("draft", "true"), ("date", "2024-05-01"), ("v", "1.10")]),
        ("---\r\nlang: de\r\n---\r\nText.\r\n", [("lang", "de")]),
        ("\ufeff---\nlang: de\n---\nText.", [("lang", "de")]),
        ("---\nlang: en\n---", [("lang", "en")]),
        ("---\nempty:\nnone: null\nnested: {a: b}\nmixed: [a, {b: c}]\ntwice: [x, x]\n---\n",
         [("mixed", "a"), ("twice", "x")]),
        ("---\n---\nText.", []),
        ("# T\n\n---\nlang: en\n---\n", []),
        ("---\nlang: en\n", []),
        ("---\n: : {[\n---\nText.", []),
        ("---\n- a list\n---\nText.", []),
        ("", []),
        ("----\nlang: en\n----\n", [("lang", "en")]),
        ("---\n!!python/object/apply:os.system ['true']\n---\n", []),
    ],
)  # fmt: skip
def test_what_the_front_matter_says(text: str, pairs: list[tuple[str, str]]) -> None:
    assert metadata(text) == pairs


def test_a_very_long_or_deep_front_matter_is_none() -> None:
    assert metadata("---\n" + "key: value\n" * 5000 + "---\n") == []
    assert metadata("---\nkey: " + "[" * 5000 + "]" * 5000 + "\n---\n") == []


def test_front_matter_is_no_passage() -> None:
    passages = split("---\nsecret: harbour\n---\n# Bread\n\nOats.\n")
    assert [passage.plain for passage in passages] == ["Oats."]
