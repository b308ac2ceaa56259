"""The values: identities that depend on what they should and nothing else, ages in words, times that add up."""

import re
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.types import (
    Answer,
    Hit,
    Passage,
    Stopwatch,
    corpus_digest,
    count_lines,
    describe_age,
    document_term,
    text_digest,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("ab/.", min_size=1, max_size=4)
lined = st.lists(st.sampled_from(("\n", "\r", "\r\n", "a", "ä", " ", "\u2028", "\x0b"))).map("".join)


def passage(plain: str, headings: tuple[str, ...] = (), start: int = 0) -> Passage:
    return Passage(start, start + 9, 1 + start, 2 + start, headings, plain)


class TestDigests:
    def test_a_text_is_known_by_the_sha256_of_its_utf8(self) -> None:
        assert text_digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert text_digest("Größe") == "aedc3f80989a6546962705852b2f4a481dbd1e490760693525c3724bacab3f50"

    def test_the_empty_corpus_has_the_digest_zero(self) -> None:
        assert corpus_digest({}) == "0" * 64

    @settings(deadline=None)
    @given(st.dictionaries(names, texts, max_size=5), st.randoms(use_true_random=False))
    def test_the_order_of_documents_does_not_matter(self, documents: dict[str, str], random: Random) -> None:
        shuffled = list(documents.items())
        random.shuffle(shuffled)
        assert corpus_digest(dict(shuffled)) == corpus_digest(documents)
        assert re.fullmatch("[0-9a-f]{64}", corpus_digest(documents))

    @settings(deadline=None)
    @given(*[st.dictionaries(names, texts, max_size=5)] * 2)
    def test_different_corpora_have_different_digests(self, one: dict[str, str], other: dict[str, str]) -> None:
        assert (corpus_digest(one) == corpus_digest(other)) == (one == other)

    @settings(deadline=None)
    @given(st.dictionaries(names, texts, max_size=5), names, texts)
    def test_an_edit_changes_the_digest_by_its_own_document_alone(
        self, documents: dict[str, str], name: str, text: str
    ) -> None:
        # A store relies on this to keep the digest without reading the other documents.
        total = int(corpus_digest(documents), 16) + document_term(name, text_digest(text))
        if name in documents:
            total -= document_term(name, text_digest(documents[name]))
        assert corpus_digest({**documents, name: text}) == f"{total % 2**256:064x}"

    def test_names_and_texts_do_not_run_into_each_other(self) -> None:
        assert len({corpus_digest(each) for each in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"abc": ""})}) == 4


class TestPassages:
    def test_the_key_depends_on_headings_and_words_and_not_on_the_place(self) -> None:
        assert passage("words", ("A",)).key == passage("words", ("A",), start=70).key
        different = [
            passage("words"),
            passage("words", ("A",)),
            passage("words", ("A", "B")),
            passage("words", ("A B",)),
            passage("B words", ("A",)),
            passage("", ("A", "words")),
            passage("words", ("",)),
        ]
        assert len({each.key for each in different}) == len(different)

    def test_the_encoder_reads_the_path_and_then_the_words(self) -> None:
        assert passage("words", ("A", "B")).encoder_text == "A > B\nwords"
        assert passage("words").encoder_text == "words"
        assert passage("", ("A",)).encoder_text == "A"


class TestCitations:
    @settings(deadline=None, max_examples=300)
    @given(lined, st.data())
    def test_a_citation_is_at_home_in_the_document(self, document: str, data: st.DataObject) -> None:
        edges = st.integers(0, len(document))
        low, start, end, high = sorted(data.draw(st.tuples(edges, edges, edges, edges)))
        line = count_lines(document[:low]) + 1
        hit = Hit("a.md", ("A",), low, high, line, line, document[low:high], 0.5, 7)
        citation = hit.cite(start - low, end - low, 0.9)
        assert document[citation.start : citation.end] == citation.text == document[start:end]
        assert (citation.document, citation.headings, citation.revision) == ("a.md", ("A",), 7)
        assert citation.score == 0.9

    @settings(deadline=None, max_examples=300)
    @given(st.lists(st.sampled_from(("one two", "drei", "四")), min_size=1), st.sampled_from(("\n", "\r\n", "\r")))
    def test_lines_of_a_citation_are_the_documents_lines(self, lines: list[str], line_end: str) -> None:
        document = line_end.join(lines)
        hit = Hit("a.md", (), 0, len(document), 1, len(lines), document, 0.5, 7)
        start = 0
        for number, line in enumerate(lines, start=1):
            citation = hit.cite(start, start + len(line), 1.0)
            assert (citation.text, citation.line_start, citation.line_end) == (line, number, number)
            start += len(line) + len(line_end)
        assert hit.cite(0, len(document), 1.0).line_end == len(lines)

    @settings(deadline=None)
    @given(lined)
    def test_lines_end_as_in_markdown(self, text: str) -> None:
        assert count_lines(text) == len(re.split(r"\r\n|\r|\n", text)) - 1


class TestAnswers:
    def test_an_answer_says_something_or_why_not(self) -> None:
        assert Answer("a", "m", "text").declined is None
        assert Answer("a", "m", None, "no passage is near enough").text is None
        for text, declined in ((None, None), ("text", "reason")):
            with pytest.raises(ValueError, match="either a text or a reason"):
                Answer("a", "m", text, declined)

    @pytest.mark.parametrize(
        ("as_of", "current", "words"),
        [
            (5, 5, "current"),
            (0, 0, "current"),
            (4, 5, "behind by 1 revision"),
            (0, 12, "behind by 12 revisions"),
            (None, 5, "unknown here"),
            (5, None, "unknown here"),
            (None, None, "unknown here"),
            (6, 5, "current"),  # the store moved on between the answer and the look at its revision
        ],
    )
    def test_age_is_said_in_words(self, as_of: int | None, current: int | None, words: str) -> None:
        assert describe_age(as_of, current) == words
        answer = Answer("a", "m", "text", as_of=as_of, timings={"total": 1.0})
        aged = answer.aged(current)
        assert aged.age == words
        assert (aged.text, aged.as_of, aged.timings) == (answer.text, as_of, answer.timings)
        assert answer.age == ""


class TestStopwatch:
    def test_stages_add_up_to_all_the_time_there_was(self) -> None:
        before = time.perf_counter()
        stopwatch = Stopwatch()
        begun = time.perf_counter()
        for stage in ("search", "read", "search", "idle"):
            sum(range(20_000))
            ended = time.perf_counter()
            stopwatch.lap(stage)
        timings = stopwatch.timings()
        after = time.perf_counter()
        assert list(timings) == ["total", "search", "read", "idle"]
        assert timings["total"] == pytest.approx(timings["search"] + timings["read"] + timings["idle"])
        # Nothing between the start and the last lap is left out, and nothing from outside is counted.
        assert ended - begun < timings["total"] / 1e3 < after - before

    def test_a_stage_entered_again_goes_on_counting(self) -> None:
        stopwatch = Stopwatch()
        stopwatch.lap("read")
        first = stopwatch.timings()["read"]
        sum(range(1000))
        stopwatch.lap("read")
        assert stopwatch.timings()["read"] > first
        assert list(stopwatch.timings()) == ["total", "read"]

    def test_before_the_first_lap_nothing_has_been_measured(self) -> None:
        assert Stopwatch().timings() == {"total": 0}
