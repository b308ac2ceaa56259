"""Bursts hold edits that do not touch each other; and how many bytes an edit changes."""

from evals.cases import Edit
from evals.freshness.bursts import together
from evals.freshness.changes import changed_bytes

DOCUMENTS = {"a.md": "one two three four five six", "b.md": "seven"}


def edit(name: str, doc: str, find: str, replace: str, *also: dict[str, str]) -> Edit:
    answers = {"old_answers": ["before"], "new_answers": ["after"]}
    record = {"id": name, "doc": doc, "find": find, "replace": replace, "question": f"{name}?", **answers, "also": also}
    return Edit.model_validate(record)


def test_edits_of_one_document_go_together_where_they_do_not_overlap() -> None:
    edits = [edit("x", "a.md", "one", "1"), edit("y", "a.md", "three four", "34"), edit("z", "b.md", "seven", "7")]
    groups = together(edits, DOCUMENTS, 3, 0)
    assert [{it.id for it in group} for group in groups] == [{"x", "y", "z"}]
    crossing = edit("v", "a.md", "four five", "45")
    for seed in range(20):
        names = [{it.id for it in group} for group in together([*edits, crossing], DOCUMENTS, 3, seed)]
        assert len(names) == 1
        assert not {"y", "v"} <= names[0]


def test_every_other_place_of_an_edit_counts_too() -> None:
    moved = edit("m", "b.md", "seven", "", {"doc": "a.md", "find": "six", "replace": "six seven"})
    touching = edit("t", "a.md", "five six", "56")
    for seed in range(20):
        assert [len(group) for group in together([moved, touching], DOCUMENTS, 2, seed)] == [1]


def test_an_edit_that_brings_the_text_of_another_one_again_is_kept_apart_from_it() -> None:
    first, second = edit("f", "a.md", "one", "five"), edit("s", "a.md", "five", "5")
    for seed in range(20):
        (group,) = together([first, second], DOCUMENTS, 2, seed)
        text = DOCUMENTS
        for it in group:
            text = it.applied(text)
        assert text["a.md"] in {"five two three four five six", "five two three four 5 six", "one two three four 5 six"}


def test_only_full_groups_are_taken_and_the_seed_draws_them() -> None:
    words = [f"word{number:02}x" for number in range(25)]
    edits = [edit(word, "c.md", word, word.upper()) for word in words]
    documents = {"c.md": " ".join(words)}
    groups = together(edits, documents, 10, 0)
    assert [len(group) for group in groups] == [10, 10]
    assert len({it.id for group in groups for it in group}) == 20
    assert groups == together(edits, documents, 10, 0) != together(edits, documents, 10, 1)
    assert [len(group) for group in together(edits, documents, 100, 0)] == [25]


def test_bytes_are_those_that_differ() -> None:
    assert changed_bytes({"a": "the lamp is 42 metres"}, {"a": "the lamp is 45 metres"}) == 2
    assert changed_bytes({"a": "one\ntwo\nthree\n"}, {"a": "one\nthree\n"}) == len("two\n")
    assert changed_bytes({"a": "x\ny\nz\n"}, {"a": "x!\ny\nz?\n"}) == 2
    assert changed_bytes({"a": "gone", "b": "same"}, {"b": "same", "c": "é"}) == len("gone") + 2
    assert changed_bytes({"a": "aaa"}, {"a": "aa"}) == 1
    assert changed_bytes({}, {}) == 0
