"""Passages are exact spans, whole blocks, and the same whatever the formatting."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.text.markdown import LIMIT, split, units
from kstore.types import Passage
from tests.conftest import TINY
from tests.text.documents import Section, Style, blocks, nasty_documents, sections, styles, write

limits = st.sampled_from((60, 300, LIMIT))
anything = st.one_of(
    nasty_documents(), st.tuples(sections, styles).map(lambda document_and_style: write(*document_and_style).text)
)


def line_of(text: str, offset: int) -> int:
    """1-based line of ``offset`` as an editor counts them: CRLF, CR and LF each end one."""
    return len(re.split(r"\r\n|\r|\n", text[:offset]))


def contents(passages: Sequence[Passage]) -> list[tuple[tuple[str, ...], str]]:
    """What the encoder sees of each passage; the keys are digests of it, but do not say what differs."""
    return [(passage.headings, passage.plain) for passage in passages]


def plains(text: str, limit: int = LIMIT) -> list[str]:
    return [passage.plain for passage in split(text, limit)]


def quoted_units(text: str) -> list[tuple[str, str]]:
    """(as it stands, without markup) of each unit."""
    return [(text[unit.start : unit.end], unit.plain) for unit in units(text)]


class TestAnyText:
    @settings(deadline=None, max_examples=500)
    @given(anything, st.one_of(limits, st.integers(1, 50)))
    def test_passages_are_exact_spans_in_order(self, text: str, limit: int) -> None:
        end = 0
        for passage in split(text, limit):
            assert end <= passage.start < passage.end <= len(text)
            end = passage.end
            quote = text[passage.start : passage.end]
            assert quote == quote.rstrip()
            assert not re.match(r"[ \t]*[\r\n]", quote), "indentation may lead a passage, blank lines do not"
            assert passage.plain == " ".join(passage.plain.split()) != ""
            # A character that ends a line belongs to that line, so the last one is looked for where it begins.
            assert passage.line_start == line_of(text, passage.start)
            assert passage.line_end == line_of(text, passage.end - 1)

    @settings(deadline=None, max_examples=200)
    @given(anything, limits)
    def test_every_passage_has_units_and_they_are_exact_spans_of_it(self, text: str, limit: int) -> None:
        for passage in split(text, limit):
            quote = text[passage.start : passage.end]
            parts = units(quote)
            assert parts, "a passage found is a passage that can be quoted"
            assert all(0 <= part.start < part.end <= len(quote) and part.plain for part in parts)
            assert all(before.end <= after.start for before, after in pairwise(parts))

    @pytest.mark.parametrize(
        "text", ["", "\ufeff", "\n\r\n\r", " \t\n", "\u00a0\n", "<!-- only -->", "---\na: b\n---\n", "---\n"]
    )
    def test_a_text_without_words_has_no_passages(self, text: str) -> None:
        assert split(text) == []

    @pytest.mark.parametrize(
        "piece", ["!", "$$x\n\n", "[a ", "a`", "<!-", "**a ", "> [", "- a\n", "| a |\n", "漢。", "\\", "&"]
    )
    def test_endless_repetition_is_read_to_the_end(self, piece: str) -> None:
        # Sentence ends were once looked for in quadratic time, so that such a document never got in.
        text = piece * (60_000 // len(piece))
        passages = split(text)
        assert passages[0].start == 0
        assert passages[-1].end == len(text.rstrip())
        gaps = [text[before.end : after.start] for before, after in pairwise(passages)]
        assert not "".join(gaps).strip()


class TestSize:
    def test_a_line_of_two_megabytes_without_a_space_is_cut_anywhere_but_loses_nothing(self) -> None:
        text = "0123456789abcdef" * 125_000
        passages = split(text)
        assert "".join(text[passage.start : passage.end] for passage in passages) == text
        assert {len(passage.plain) for passage in passages[:-1]} == {LIMIT}
        assert {(passage.line_start, passage.line_end) for passage in passages} == {(1, 1)}

    def test_a_line_of_two_megabytes_of_words_is_cut_between_words(self) -> None:
        text = "lighthouse-keeper " * 111_000
        passages = split(text)
        assert " ".join(passage.plain for passage in passages) == text.strip()
        assert all(LIMIT - 18 <= len(passage.plain) <= LIMIT for passage in passages[:-1])

    def test_an_unclosed_fence_of_two_megabytes_is_one_passage(self) -> None:
        text = "# Log\n\n```\n" + "fog at 4:00. Storm\n\n" * 100_000
        (passage,) = split(text)
        assert (passage.start, passage.end) == (text.index("```"), len(text.rstrip()))
        assert passage.headings == ("Log",)

    def test_passages_are_filled_to_the_limit_and_no_further(self) -> None:
        fitting = f"{'a' * 599}\n\n{'b' * 600}\n"  # with the space between, 1200 characters
        assert plains(fitting) == ["a" * 599 + " " + "b" * 600]
        assert plains(fitting + "\nc") == ["a" * 599 + " " + "b" * 600, "c"]
        assert plains(f"{'a' * 600}\n\n{'b' * 600}\n") == ["a" * 600, "b" * 600]

    @settings(deadline=None, max_examples=100)
    @given(sections, styles, limits)
    def test_only_what_may_not_be_cut_is_longer_than_the_limit(
        self, document: tuple[Section, ...], style: Style, limit: int
    ) -> None:
        written = write(document, style)
        for passage in split(written.text, limit):
            if len(passage.plain) > limit:
                assert written.text[passage.start : passage.end] in {*written.whole, *written.headings}


class TestKnownDocuments:
    @settings(deadline=None, max_examples=200)
    @given(sections, styles, limits)
    def test_every_word_is_found_once_and_in_order(
        self, document: tuple[Section, ...], style: Style, limit: int
    ) -> None:
        written = write(document, style)
        passages = split(written.text, limit)
        in_text = re.findall(r"\d{5}", " ".join(passage.plain for passage in passages))
        in_headings = set(re.findall(r"\d{5}", " ".join(" ".join(passage.headings) for passage in passages)))
        assert in_text == sorted(set(in_text))
        assert set(in_text) | in_headings == set(written.shown)
        assert not set(in_text) & in_headings, "a heading is a passage only where no other passage names it"

    @settings(deadline=None, max_examples=200)
    @given(sections, styles, limits)
    def test_no_code_table_row_list_item_quotation_or_formula_is_cut(
        self, document: tuple[Section, ...], style: Style, limit: int
    ) -> None:
        written = write(document, style)
        quotes = [written.text[passage.start : passage.end] for passage in split(written.text, limit)]
        for whole in written.whole:
            assert any(whole in quote for quote in quotes), whole

    @settings(deadline=None, max_examples=300)
    @given(sections, styles, styles, limits)
    def test_formatting_changes_no_passage(
        self, document: tuple[Section, ...], style: Style, other: Style, limit: int
    ) -> None:
        before, after = (split(write(document, each).text, limit) for each in (style, other))
        assert contents(before) == contents(after)
        assert [passage.key for passage in before] == [passage.key for passage in after]

    @settings(deadline=None, max_examples=200)
    @given(sections, styles, blocks, limits, st.data())
    def test_a_changed_section_changes_only_its_own_passages(
        self, document: tuple[Section, ...], style: Style, changed: tuple, limit: int, data: st.DataObject
    ) -> None:
        place = data.draw(st.integers(0, len(document) - 1))
        named = tuple(Section(section.level, ("w{}", *section.title), section.blocks) for section in document)
        edited = (*named[:place], Section(named[place].level, named[place].title, changed), *named[place + 1 :])

        def elsewhere(sections: tuple[Section, ...]) -> list[str]:
            passages = split(write(sections, style).text, limit)
            title = f"w{place + 1:02}000"  # which also is the passage where nothing is below it
            return [each.key for each in passages if title not in " ".join((*each.headings[-1:], each.plain))]

        assert elsewhere(named) == elsewhere(edited)


class TestHeadings:
    def test_the_tiny_lighthouse(self) -> None:
        text = (TINY / "lighthouse.md").read_text(encoding="utf-8")
        top, lamp, keeper, log = split(text)
        title = "The lighthouse of Kell Point"
        assert [each.headings for each in (top, lamp, keeper, log)] == [
            (title,),
            (title, "The lamp"),
            (title, "The keeper"),
            (title, "Reading the log"),
        ]
        assert [(each.line_start, each.line_end) for each in (top, lamp, keeper, log)] == [
            (3, 3),
            (7, 14),
            (18, 22),
            (26, 29),
        ]
        assert text[top.start : top.end] == top.plain
        assert lamp.plain.endswith("which flashes once. part material lens flint glass gallery cast iron stairs oak")
        assert keeper.plain == (
            "The keeper winds the clockwork every four hours. The work of one turn is W = m g h with m = 60 kg and"
            r" h = 12 m: W = 60 \cdot 9.81 \cdot 12 \approx 7063 \text{ joules}"
        )
        assert text[log.start : log.end].startswith("```python\nlog = {")
        assert log.plain == 'log = {"fog": 14, "storm": 3} assert sum(log.values()) == 17'

    def test_a_path_holds_the_headings_above_and_no_others(self) -> None:
        text = "before\n# A\na\n### C\nc\n## B\nb\n### D\nd\n# E\ne\n###### F\nf\n"
        assert contents(split(text)) == [
            ((), "before"),
            (("A",), "a"),
            (("A", "C"), "c"),
            (("A", "B"), "b"),
            (("A", "B", "D"), "d"),
            (("E",), "e"),
            (("E", "F"), "f"),
        ]

    @pytest.mark.parametrize(
        "below",
        ["", "<!-- later -->\n", "---\n", "[a]: http://b.c\n", "#### \n", "#### \n\n<!-- later -->\n", "```\n```\n"],
    )
    def test_a_heading_over_nothing_is_a_passage_itself(self, below: str) -> None:
        # Such a heading once vanished, with all headings above it, where what is below has no words.
        text = f"# A\n\n### B\n\n{below}\n## C\n\nc\n"
        assert contents(split(text)) == [(("A",), "B"), (("A", "C"), "c")]

    def test_headings_over_nothing_but_headings_are_named_once(self) -> None:
        assert contents(split("# A\n## B\n### C\n## D\n")) == [(("A", "B"), "C"), (("A",), "D")]

    def test_headings_within_quotations_lists_and_code_open_no_section(self) -> None:
        text = "# A\n\n> # Q\n\n- # L\n\n```\n# K\n```\n\n    # I\n\n<div>\n# H\n</div>\n"
        assert contents(split(text)) == [(("A",), "Q L # K # I # H")]

    @pytest.mark.parametrize("text", ["A *b*\nc\n===\n\nx\n", "# A *b* c #\nx\n", "\ufeffA `b`\tc\n=\nx\n"])
    def test_setext_and_atx_headings_are_the_same_words(self, text: str) -> None:
        assert contents(split(text)) == [(("A b c",), "x")]


class TestOuterThings:
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_front_matter_is_no_passage_but_counts_as_lines(self, mark: str, line_end: str) -> None:
        text = mark + "---\ntitle: secret\n---\n# A\n\nfirst\nsecond\n".replace("\n", line_end)
        (passage,) = split(text)
        assert (passage.headings, passage.plain, passage.line_start, passage.line_end) == (("A",), "first second", 6, 7)
        assert text[passage.start : passage.end] == f"first{line_end}second"

    def test_a_rule_that_is_never_closed_is_no_front_matter(self) -> None:
        assert plains("---\n\nwords\n") == ["words"]

    def test_a_link_definition_changes_no_passage(self) -> None:
        # Else an edit of one would encode every passage that refers to it again.
        text = "# A\n\nsee [the docs][d].\n\n# B\n\nb\n\n"
        assert contents(split(text)) == contents(split(text + "[d]: https://example.org 'Docs'\n"))

    def test_an_unclosed_formula_harms_no_other_block(self) -> None:
        assert [plain for _, plain in quoted_units("$$\nx = 1\n\nOne. Two.\n\n$$\ny = 2\n$$\n")] == [
            "$$ x = 1",
            "One.",
            "Two.",
            "y = 2",
        ]


def test_deeply_nested_words_are_within_reach() -> None:
    found = " ".join(passage.plain for passage in split(">" * 40 + " hello world\n"))
    assert "hello world" in found
    nested = "\n".join("  " * depth + f"- word{depth}" for depth in range(30))
    found = " ".join(passage.plain for passage in split(nested))
    assert all(f"word{depth}" in found.split() for depth in range(30))
