"""What has been encoded is not encoded again: only words that are new to the store cost anything."""

from kstore.vectors.commit import Receipt
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import Encoders


def sections(count: int, **changed: str) -> str:
    """A document of ``count`` sections; ``s3="..."`` gives the fourth another text."""
    return "\n".join(
        f"# Section {number}\n\n{changed.get(f's{number}', f'the text of part {number}')}\n" for number in range(count)
    )


def test_a_change_of_formatting_alone_encodes_nothing(hashed: VectorMemory, encoders: Encoders) -> None:
    hashed.apply({"a": "# Lamp\n\nIt burns *oil* and\nflashes `twice`.\n"}, "put")
    read = len(encoders["first"].read)
    reformatted = "Lamp\n====\n\n\nIt   burns **oil** and flashes twice.\n\n<!-- a remark -->\n"
    assert hashed.apply({"a": reformatted}, "put") == Receipt(2, changed=1)
    assert len(encoders["first"].read) == read
    for revision in (1, 2):  # yet each revision quotes its own characters
        hit = hashed.search("burns oil", 1, as_of=revision).hits[0]
        assert hit.text == hashed.store.document("a", revision).text[hit.start : hit.end]
    assert "**oil**" in hit.text


def test_a_rename_encodes_nothing(hashed: VectorMemory, encoders: Encoders) -> None:
    hashed.apply({"old": sections(5)}, "put")
    read = len(encoders["first"].read)
    assert hashed.apply({"new": sections(5)}, "renamed", deletes=["old"]) == Receipt(2, added=1, deleted=1)
    assert len(encoders["first"].read) == read
    assert {hit.document for hit in hashed.search("text of part", 100).hits} == {"new"}
    assert {hit.document for hit in hashed.search("text of part", 100, as_of=1).hits} == {"old"}


def test_changing_one_section_of_many_encodes_that_one(hashed: VectorMemory, encoders: Encoders) -> None:
    assert hashed.apply({"a": sections(40)}, "put") == Receipt(1, added=1, encoded=40)
    receipt = hashed.apply({"a": sections(40, s17="quite another text, and longer than it was")}, "put")
    assert receipt == Receipt(2, changed=1, encoded=1)
    assert encoders["first"].read[40:] == ["Section 17\nquite another text, and longer than it was"]


def test_what_comes_back_is_not_encoded_again(hashed: VectorMemory) -> None:
    hashed.apply({"a": sections(3)}, "put")
    hashed.apply({}, "deleted", deletes=["a"])
    assert hashed.apply({"b": sections(3)}, "put") == Receipt(3, added=1)
    assert len(hashed.search("text of part", 100).hits) == 3


def test_a_text_that_stands_twice_is_encoded_once(hashed: VectorMemory) -> None:
    receipt = hashed.apply({"a": "the storm", "b": "the storm", "c": "# Log\n\nfog\n\n# Log\n\nfog\n"}, "put")
    assert receipt == Receipt(1, added=3, encoded=2)
    assert len(hashed.search("fog", 100, "lexical").hits) == 2


def test_the_same_words_under_another_heading_are_another_text(hashed: VectorMemory, encoders: Encoders) -> None:
    """The encoder reads the headings, so that a passage moved to another section is found by its new ones."""
    hashed.apply({"a": "# Cat\n\nIt sleeps.\n"}, "put")
    assert hashed.apply({"a": "# Dog\n\nIt sleeps.\n"}, "put").encoded == 1
    assert encoders["first"].read == ["Cat\nIt sleeps.", "Dog\nIt sleeps."]
    assert hashed.search("dog", 1, "lexical").hits[0].text == "It sleeps."
    assert hashed.search("cat", 1, "lexical").hits == ()
