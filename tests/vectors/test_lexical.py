"""Lexical search: the words that name something, in the texts alive at a revision, and nothing read as syntax."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kstore.vectors.lexical import QUESTION_WORDS, match_expression, search_lexical
from kstore.vectors.memory import VectorMemory


def put(memory: VectorMemory, **documents: str) -> int:
    return memory.apply(documents, "put").revision


def found(memory: VectorMemory, query: str, revision: int | None = None, k: int = 10) -> list[str]:
    """The documents found, best first."""
    return [hit.document for hit in memory.search(query, k, "lexical", revision).hits]


def test_only_texts_with_a_word_of_the_query_are_found(hashed: VectorMemory) -> None:
    put(hashed, lamp="The lamp burns oil.", gull="The gull announces the boat.", rope="A locker full of rope.")
    assert found(hashed, "gull") == ["gull"]
    assert sorted(found(hashed, "a lamp or a rope")) == ["lamp", "rope"]
    assert found(hashed, "submarine") == []


def test_question_words_are_left_out_of_the_query(hashed: VectorMemory) -> None:
    put(hashed, lamp="The lamp burns oil.", other="What is it that the other does with this?")
    assert found(hashed, "What is the lamp for, and with which does it do what?") == ["lamp"]


def test_a_question_of_nothing_but_question_words_uses_them(hashed: VectorMemory) -> None:
    put(hashed, who="To be or not to be: who said it?", lamp="Oil burns.")
    assert found(hashed, "Who was it?") == ["who"]


def test_question_words_are_written_as_the_query_is_read() -> None:
    assert all(match_expression(word) == f'"{word}"' for word in QUESTION_WORDS)


def test_forms_of_a_word_and_its_accents_find_each_other(hashed: VectorMemory) -> None:
    put(hashed, lamp="Lamps were burning.", cafe="Le café du phare")
    assert found(hashed, "does the LAMP burn") == ["lamp"]
    assert found(hashed, "cafe") == ["cafe"]
    assert found(hashed, "CAFÉ") == ["cafe"]


def test_a_rare_word_counts_more_than_a_common_one(hashed: VectorMemory) -> None:
    common = {f"common{number}": f"The harbour at hour {number}." for number in range(8)}
    put(hashed, **common, rare="The astrolabe at noon.")
    assert found(hashed, "harbour astrolabe")[0] == "rare"


def test_more_of_the_words_is_better(hashed: VectorMemory) -> None:
    put(hashed, one="oil and water and salt", two="oil and lamp and salt", none="rope and tar and sail")
    assert found(hashed, "lamp oil") == ["two", "one"]


def test_the_heading_path_counts_double(hashed: VectorMemory) -> None:
    put(hashed, body="# Stores\n\nastrolabe repairs", heading="# Astrolabe\n\nstores repairs")
    put(hashed, **{f"other{number}": f"# Page\n\nnumber {number}" for number in range(6)})
    assert found(hashed, "astrolabe") == ["heading", "body"]


def test_higher_is_better_and_ties_go_by_id(hashed: VectorMemory) -> None:
    for number in range(5):
        put(hashed, **{f"page{number}": f"# Page {number}\n\nlamp"})
    put(hashed, best="# Lamp\n\nlamp lamp", other="# Rope\n\nrope")
    scored = search_lexical(hashed.store, "lamp", 10, 6)
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    assert scored[0][1] > scored[1][1] > 0
    assert len({score for _, score in scored[1:]}) == 1
    assert [text for text, _ in scored[1:]] == sorted(text for text, _ in scored[1:])
    assert search_lexical(hashed.store, "lamp", 3, 6) == scored[:3]


def test_only_what_is_alive_at_the_revision_is_found(hashed: VectorMemory) -> None:
    put(hashed, log="The storm of Monday.")
    put(hashed, log="The fog of Tuesday.")
    hashed.apply({}, "deleted", deletes=["log"])
    put(hashed, other="The storm of Monday.")  # the same words again, elsewhere
    assert [found(hashed, "storm", revision) for revision in range(5)] == [[], ["log"], [], [], ["other"]]
    assert [found(hashed, "fog", revision) for revision in range(5)] == [[], [], ["log"], [], []]


@pytest.mark.parametrize(
    "query",
    ['"', '""', "lamp AND", "NEAR(lamp oil, 2)", "lamp*", "-lamp", "headings:lamp", "{plain}: lamp", "(lamp", "^lamp",
     "lamp OR NOT", "'; DROP TABLE texts; --", "lamp\0oil", "+lamp", "`lamp`", "\\lamp"],
)  # fmt: skip
def test_nothing_in_a_query_is_syntax(hashed: VectorMemory, query: str) -> None:
    put(hashed, lamp="The lamp burns oil.", texts="Texts drop from the table.")
    assert found(hashed, query) == (["lamp"] if "lamp" in query else ["texts"] if "texts" in query else [])


@pytest.mark.parametrize("query", ["?!", "… — ·", "___", "😀", "\u200b"])
def test_a_query_without_words_finds_nothing(hashed: VectorMemory, query: str) -> None:
    put(hashed, lamp="The lamp burns oil.")
    assert found(hashed, query) == []


def test_words_of_any_script(hashed: VectorMemory) -> None:
    texts = {"el": "Ο φάρος του λιμανιού", "ru": "Маяк на мысе", "ja": "灯台 港", "de": "Große Öllampe", "he": "מגדלור"}
    put(hashed, **texts)
    for name, word in {"el": "φάρος", "ru": "маяк", "ja": "灯台", "de": "öllampe", "he": "מגדלור"}.items():
        assert found(hashed, word) == [name]


def test_a_very_long_query_is_answered(hashed: VectorMemory) -> None:
    put(hashed, lamp="The lamp burns oil.")
    assert found(hashed, "lamp " + " ".join(f"word{number}" for number in range(3000))) == ["lamp"]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(query=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_query_can_be_asked(hashed: VectorMemory, query: str) -> None:
    """The store is not changed by asking, so that all the examples may share it."""
    if hashed.store.head().revision == 0:
        put(hashed, lamp="The lamp burns oil.")
    assert set(found(hashed, query)) <= {"lamp"}
    assert found(hashed, f"{query} lamp"[-19_000:]) == ["lamp"]
