"""Expansion: a question finds what it could also have asked for, as the corpus of that time explains it."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from kstore.controls import Refinements
from kstore.text.markdown import SPLITTER, split
from kstore.vectors.expansion import expansions, towards
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import HashEncoder

EXPLAINED = "# Offices\n\nThe Kell Point harbour office (KPHO) keeps the log.\n"
PAGES = {
    "offices.md": EXPLAINED,
    "short.md": "# Hours\n\nKPHO opens at nine.\n",
    "long.md": "# Rules\n\nNo dog may enter the Kell Point harbour office.\n",
}


def test_abbreviations_are_looked_up_both_ways(hashed: VectorMemory) -> None:
    revision = hashed.apply(PAGES, "put").revision
    assert expansions(hashed.store, "When does KPHO open?", revision) == ["kell point harbour office"]
    assert expansions(hashed.store, "When does the Kell Point Harbour Office open?", revision) == ["kpho"]
    assert expansions(hashed.store, "Is the Kell Point harbour office called KPHO?", revision) == []
    assert expansions(hashed.store, "When does the office open?", revision) == []


def test_what_is_explained_holds_while_it_stands(hashed: VectorMemory) -> None:
    first = hashed.apply(PAGES, "put").revision
    second = hashed.apply({}, "deleted", deletes=["offices.md"]).revision
    assert expansions(hashed.store, "KPHO", second) == []
    assert expansions(hashed.store, "KPHO", first) == ["kell point harbour office"]
    third = hashed.apply({"offices.md": EXPLAINED.replace("harbour", "haulage")}, "another office").revision
    assert expansions(hashed.store, "KPHO", third) == ["kell point haulage office"]


def test_what_most_texts_explain_comes_first_and_four_at_most(hashed: VectorMemory) -> None:
    meanings = ["apple bread corn", "ale beer cider", "arm breast calf", "ash birch cedar", "ant bee cricket"]
    pages = {f"{n}.md": f"# Page {n}\n\nThe {meaning} (ABC) is here.\n" for n, meaning in enumerate(meanings)}
    pages["again.md"] = "# Again\n\nThe ash birch cedar (ABC) is here again.\n"
    revision = hashed.apply(pages, "put").revision
    found = expansions(hashed.store, "abc", revision)
    assert found[0] == "ash birch cedar"
    assert len(found) == 4


def test_a_word_that_asks_is_no_abbreviation(hashed: VectorMemory) -> None:
    revision = hashed.apply({"it.md": "# Words\n\nThe information technology (IT) of the harbour.\n"}, "put").revision
    assert expansions(hashed.store, "Is it there?", revision) == []


@pytest.mark.parametrize("question", ["KPHO", "Kell Point harbour office"])
def test_a_search_finds_both_forms(hashed: VectorMemory, question: str) -> None:
    hashed.apply(PAGES | {f"other{n}.md": f"# Other {n}\n\nNothing of that kind, {n}.\n" for n in range(80)}, "put")

    def found(glossary: bool) -> set[str]:
        hits = hashed.search(question, 100, refinements=Refinements(glossary=glossary)).hits
        return {hit.document for hit in hits if hit.lexical}

    assert found(glossary=True) == set(PAGES)
    assert found(glossary=False) < set(PAGES)


def test_a_store_made_before_learns_what_its_texts_explain(tmp_path: Path) -> None:
    def opened() -> VectorMemory:
        return VectorMemory(tmp_path, lambda name: HashEncoder(), split, SPLITTER)

    memory = opened()
    revision = memory.apply(PAGES, "put").revision
    memory.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("DROP TABLE abbreviations")
        connection.execute("DROP TABLE metadata")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    memory = opened()
    assert expansions(memory.store, "KPHO", revision) == ["kell point harbour office"]
    memory.close()


def test_feedback_finds_what_is_near_to_what_was_found_first(hashed: VectorMemory) -> None:
    lamps = {
        f"lamp{n}.md": f"# Lamp {n}\n\nThe lamp burns oil of rape seed pressed nearby with care {n}.\n"
        for n in range(3)
    }
    mill = {"mill.md": "# Mill\n\nThere burns oil of rape seed pressed nearby with care.\n"}
    others = {f"far{n}.md": f"# Far {n}\n\nQuite another matter {n}.\n" for n in range(80)}
    hashed.apply(lamps | mill | others, "put")

    def rank(feedback: bool) -> list[str]:
        return [hit.document for hit in hashed.search("lamp", 100, refinements=Refinements(feedback=feedback)).hits]

    assert set(rank(feedback=True)[:3]) == set(lamps)
    assert rank(feedback=True).index("mill.md") < rank(feedback=False).index("mill.md")


def test_similarities_stay_those_to_the_question_itself(hashed: VectorMemory) -> None:
    hashed.apply(PAGES, "put")
    plain = {it.document: it.similarity for it in hashed.search("the harbour log", 10).hits}
    moved = hashed.search("the harbour log", 10, refinements=Refinements(feedback=True)).hits
    assert {it.document: it.similarity for it in moved} == pytest.approx(plain)


def test_the_moved_query_is_nearer_to_the_passages_and_has_length_one() -> None:
    query, passage = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    moved = towards(query, [passage])
    assert np.linalg.norm(moved) == pytest.approx(1.0)
    assert query @ moved > passage @ moved > 0
