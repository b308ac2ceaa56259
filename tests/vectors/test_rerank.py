"""Reranking in the store: token vectors are made once, kept, made up for where they lack, and decide the order."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from kstore.controls import Refinements
from kstore.encoding.tokens import Matches, TokenEncoder, TokenVectors
from kstore.text.markdown import SPLITTER, split
from kstore.types import Stopwatch
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import HashEncoder

PAGES = {
    "lamp.md": "# Lamp\n\nThe lamp of Kell Point burns rapeseed oil.\n",
    "dog.md": "# Dog\n\nBosun the dog weighs 31 kilograms.\n",
    "bread.md": "# Bread\n\nOat bread bakes for 55 minutes.\n",
}


class Counting(TokenEncoder):
    """The shipped token encoder, counting the passages that it encodes."""

    encoded = 0

    def encode_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        self.encoded += len(texts)
        return super().encode_passages(texts)


def opened(home: Path, matcher: TokenEncoder | None) -> VectorMemory:
    return VectorMemory(home, lambda name: HashEncoder(), split, SPLITTER, matcher=matcher)


def test_tokens_decide_the_order_and_say_so(tmp_path: Path) -> None:
    memory = opened(tmp_path, Counting())
    memory.apply(PAGES, "put")
    for question, name in (("What fuels the light?", "lamp.md"), ("How heavy is the hound?", "dog.md")):
        hits = memory.search(question, 3).hits
        assert hits[0].document == name
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all(hit.match is not None and hit.focus == 0.5 for hit in hits)
        assert hits[0].match == max(hit.match or 0 for hit in hits)
    memory.close()


def test_without_reranking_nothing_is_matched(tmp_path: Path) -> None:
    memory = opened(tmp_path, Counting())
    memory.apply(PAGES, "put")
    for hit in (
        memory.search("lamp", 3, refinements=Refinements(rerank=False)).hits + memory.search("lamp", 3, "dense").hits
    ):
        assert hit.match is None
    watch = Stopwatch()
    memory.search("lamp", 3, watch=watch)
    assert "rerank" in watch.timings()
    memory.close()


def test_a_passage_is_encoded_once_however_often_it_comes_and_is_found(tmp_path: Path) -> None:
    matcher = Counting()
    memory = opened(tmp_path, matcher)
    memory.apply(PAGES, "put")
    assert matcher.encoded == 3
    memory.apply({"copy.md": PAGES["lamp.md"]}, "a copy")
    memory.search("lamp", 3)
    memory.close()
    again = opened(tmp_path, matcher)
    again.search("lamp", 3)
    again.apply({"lamp.md": PAGES["lamp.md"].replace("rapeseed", "whale")}, "edited")
    again.close()
    assert matcher.encoded == 4


def test_a_store_made_before_is_brought_up_and_its_passages_are_encoded_when_found(tmp_path: Path) -> None:
    memory = opened(tmp_path, None)
    memory.apply(PAGES, "put")
    memory.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("DROP TABLE token_vectors")
        connection.execute("DROP TABLE abbreviations")
        connection.execute("DROP TABLE metadata")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    matcher = Counting()
    old = opened(tmp_path, matcher)
    assert old.search("What fuels the light?", 1).hits[0].document == "lamp.md"
    assert matcher.encoded == 3
    old.search("How heavy is the hound?", 1)
    assert matcher.encoded == 3
    old.close()


def test_another_model_makes_its_own_vectors(tmp_path: Path) -> None:
    class Other(Counting):
        fingerprint = "tokens-of-another-model"

        def match(self, question: str, passages: Mapping[int, TokenVectors]) -> Matches:
            assert all(vectors.shape[1] == self.dimension for vectors in passages.values())
            return super().match(question, passages)

    memory = opened(tmp_path, Counting())
    memory.apply(PAGES, "put")
    memory.close()
    other = Other()
    memory = opened(tmp_path, other)
    memory.search("lamp", 3)
    assert other.encoded == 3
    memory.close()


def test_the_past_is_reranked_too(tmp_path: Path) -> None:
    memory = opened(tmp_path, Counting())
    memory.apply(PAGES, "put")
    memory.apply({}, "deleted", deletes=["lamp.md"])
    assert memory.search("What fuels the light?", 1).hits[0].document != "lamp.md"
    assert memory.search("What fuels the light?", 1, as_of=1).hits[0].document == "lamp.md"
    assert memory.search("What?", 3, as_of=0).hits == ()
    memory.close()
