"""Where running text may be cut: between sentences, between words, never inside code, formulas or links."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.text.sentences import bounded_spans, sentence_spans, whole_spans, word_spans

WHOLE = (
    "`code. With`",
    "``a` b. C``",
    "$x. Y$",
    "$a\nb$",
    r"$c \$ d$",
    "$$y. Z$$",
    "[link. Text](a.md)",
    "[![i. J](k.svg)](l.md)",
    '[m](n "O. P")',
    "[q](r 's')",
    "<https://e.org/t.U>",
    "<a href='v. W'>",
    "<!-- x. Y -->",
)
_PLAIN = ("word", "Word.", "end!", "why?", "e.g.", "J.", "漢字。", "…")
_MARKS = ("**bold", "it*.", "(so.)", "`", "$", "[", "]", "<", "\\$")
_fragments = st.sampled_from((*WHOLE, *_PLAIN, *_MARKS))
prose = st.lists(st.tuples(_fragments, st.sampled_from((" ", "  ", "\n", "\u00a0", "", " "))), max_size=30).map(
    lambda pairs: "".join(fragment + space for fragment, space in pairs)
)


def squeezed(text: str) -> str:
    """``text`` without its white space."""
    return "".join(text.split())


def sentences(text: str) -> list[str]:
    return [text[low:high] for low, high in sentence_spans(text)]


class TestSentences:
    @pytest.mark.parametrize(
        "expected",
        [
            ["One.", "Two!", "Three?", "Four…", "Five?!", "Six..."],
            ["He said “no.”", "She (too.)", "[Or.]", "'Then.'", "End"],
            ["It is 3.5 m at 7.30 p.m. and v1.2 of kstore.text.", "No. 5 and Fig. 2 of Smith et al. 2020."],
            ["See e.g. Bosun, i.e. Dr. J. R. Who vs. Mrs. Gull, cf. St. Ives and Prof. X."],
            ["Plan A...", "Then vitamin C!", "More."],
            ["It ends.", "`kstore ask` begins.", "$x$ begins.", "\\emph too."],
            ["It ends.", "1871 as well.", "“So” it goes.", "Élan."],
            ["lower case. after a stop is not a new sentence."],
            ["日本語です。", "次の文！", "「はい。」", "おわり？", "End."],
            ["**Bold ends.**", "*Italics.*", "__Both.__", "Plain."],
            ["The *e.g.* Of emphasis, _Dr._ Who and (cf. That)."],
            ["A line\nbreak is a space.", "So\nis this."],
        ],
    )
    def test_where_sentences_end(self, expected: list[str]) -> None:
        for space in (" ", "\n", "   "):
            assert sentences(space.join(expected)) == expected

    @pytest.mark.parametrize("whole", WHOLE)
    def test_a_stop_inside_something_whole_ends_nothing(self, whole: str) -> None:
        assert whole_spans(f"Before {whole} after. Next.") == [(7, 7 + len(whole))]
        assert sentences(f"Before {whole} after. Next.") == [f"Before {whole} after.", "Next."]

    @pytest.mark.parametrize(
        "text", ["costs $5. Then $6.", "a ` tick. Then more.", "an [open. Bracket", "x < y. Then z > y."]
    )
    def test_half_a_mark_protects_nothing(self, text: str) -> None:
        assert len(sentences(text)) == 2

    @settings(deadline=None, max_examples=200)
    @given(prose)
    def test_sentences_hold_every_character_but_the_space_between(self, text: str) -> None:
        spans = sentence_spans(text)
        assert squeezed("".join(text[low:high] for low, high in spans)) == squeezed(text)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(text[low:high] == text[low:high].strip() != "" for low, high in spans)


class TestWords:
    def test_what_stays_whole_is_one_word_and_a_sentence_begins_a_word(self) -> None:
        text = 'See `the code. Here` and\n[a link](b.md "c d"). 終。始 $a + b$,'
        assert [text[low:high] for low, high in word_spans(text)] == [
            "See",
            "`the code. Here`",
            "and",
            '[a link](b.md "c d").',
            "終。",
            "始",
            "$a + b$,",
        ]

    @settings(deadline=None, max_examples=200)
    @given(prose)
    def test_words_part_at_spaces_and_sentences_only(self, text: str) -> None:
        words = word_spans(text)
        begins = {low for low, _ in sentence_spans(text)}
        assert begins <= {low for low, _ in words}
        assert all(text[low:high] == text[low:high].strip() != "" for low, high in words)
        for (_, end), (begin, _) in pairwise(words):
            assert text[end:begin].isspace() or (end == begin and begin in begins)
        assert squeezed("".join(text[low:high] for low, high in words)) == squeezed(text)

    @settings(deadline=None, max_examples=200)
    @given(prose, st.integers(1, 40))
    def test_no_cut_enters_anything_whole(self, text: str, limit: int) -> None:
        whole = whole_spans(text)
        for spans in (sentence_spans(text), word_spans(text), bounded_spans(text, limit)):
            assert not [
                (edge, span)
                for edge in {edge for span in spans for edge in span}
                for span in whole
                if span[0] < edge < span[1]
            ]


class TestPieces:
    @settings(deadline=None, max_examples=200)
    @given(st.lists(_fragments).map("".join), st.integers(1, 40))
    def test_pieces_hold_the_whole_word_and_exceed_the_limit_only_where_something_is_whole(
        self, word: str, limit: int
    ) -> None:
        pieces = bounded_spans(word, limit)
        assert squeezed("".join(word[low:high] for low, high in pieces)) == squeezed(word)
        assert all(high - low <= limit or (low, high) in whole_spans(word) for low, high in pieces)

    def test_pieces_are_as_long_as_they_may_be(self) -> None:
        assert bounded_spans("x" * 25, 10) == [(0, 10), (10, 20), (20, 25)]
        assert bounded_spans("xxxxxxx`code`y", 10) == [(0, 7), (7, 14)]
        assert bounded_spans("xx$aaaaaaaaaaaa$yy", 5) == [(0, 2), (2, 16), (16, 18)]
