"""Plain text and units: what the encoder reads of a passage, and what of it can be quoted alone."""

import pytest

from kstore.text.markdown import split, units

LONG = "The keeper of the lamp has written a sentence that is long enough to need cutting"


def plains(text: str, limit: int = 1200) -> list[str]:
    return [passage.plain for passage in split(text, limit)]


def quoted(text: str) -> list[tuple[str, str]]:
    """(as it stands, without markup) of each unit."""
    return [(text[unit.start : unit.end], unit.plain) for unit in units(text)]


class TestPlainText:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("**Bold** _it_ ***both*** `code` ~~struck~~", "Bold it both code ~~struck~~"),
            ("a snake_case_name and 2 * 3 * 4", "a snake_case_name and 2 * 3 * 4"),
            ('[text](https://e.org/x_y "title") <https://e.org>', "text https://e.org"),
            ("![a lamp](lamp.png) [![badge](b.svg)](c.md)", "a lamp badge"),
            (r"\*stars\* &amp; &lt;b&gt; &eacute;", "*stars* & <b> é"),
            ("$x_1$ costs \\$5, $$y$$ and $6", "x_1 costs $5, y and $6"),
            ("$a$ and 1", "a and 1"),  # the parser takes the digit at the end for one before the formula
            ("H<sub>2</sub>O<br>and<br/>\nice <!-- not\nthis -->now", "H2O and ice now"),
            ("two  \nlines\\\nand\ttabs\u00a0here", "two lines and tabs here"),
            ("| a | `b` |\n|---|---|\n| **c** | d \\| e |", "a b c d | e"),
            ("- a\n- [ ] b\n  1. c\n\n     d", "a [ ] b c d"),
            ("> a\nlazy\n> > *b*", "a lazy b"),
            ("~~~~ python title=x\nx  =  1\n~~~\n~~~~", "x = 1 ~~~"),
            ("    indented = 1\n\n    code", "indented = 1 code"),
            ("<div class='x'>\n*raw* <i>words</i>\n<!-- gone\n-->\n</div>", "*raw* words"),
            ("$$\nE = mc^2\n$$ (einstein)", "E = mc^2"),
            ("日本語の**文**。", "日本語の文。"),
        ],
    )
    def test_markup_goes_and_words_stay(self, text: str, plain: str) -> None:
        assert plains(text) == [plain]

    def test_code_is_compared_by_its_words_so_reindenting_encodes_nothing(self) -> None:
        assert plains("```\nif a:\n  b()\n```") == plains("~~~py\nif a:\n\n\tb()\n~~~")


class TestLongParagraphs:
    def test_sentences_stay_whole_and_are_packed(self) -> None:
        text = "One is short. Two is e.g. Dr. Who's. Is three 3.5 m? Four!"
        assert plains(text, 38) == ["One is short. Two is e.g. Dr. Who's.", "Is three 3.5 m? Four!"]

    def test_emphasis_around_sentences_leaves_no_marks_and_moves_no_boundary(self) -> None:
        # Each sentence was once parsed alone, so bold text over a boundary kept its asterisks and got new keys.
        plain = "One is short. Two is longer. " + LONG + ". The end."
        bold = (
            "**One is short. Two is longer.** "
            + LONG.replace("has written a", "_has\nwritten  \na_")
            + ". ***The* end.**"
        )
        assert plains(bold, 40) == plains(plain, 40)
        assert " ".join(plains(plain, 40)) == plain

    def test_a_cut_is_measured_on_words_not_on_markup(self) -> None:
        linked = LONG.replace("lamp", "[lamp](https://example.org/a/very/long/address/that/nobody/reads)")
        assert plains(linked, 40) == plains(LONG, 40)
        assert all(len(plain) <= 40 for plain in plains(linked, 40))

    @pytest.mark.parametrize(
        "whole",
        [
            "`code. With a space`",
            "$a. B + c$",
            "$$a. B + c$$",
            "[a link. With space](x.md 'y')",
            "<b class='a b'>x</b>",
        ],
    )
    def test_nothing_inline_is_cut(self, whole: str) -> None:
        for limit in range(1, 60):
            for text in (f"{LONG} {whole} {LONG}", f"{LONG} {whole.replace(' ', chr(10))} {LONG}"):
                parts = [text[passage.start : passage.end] for passage in split(text, limit)]
                assert sum(whole in part.replace("\n", " ") for part in parts) == 1, (limit, parts)

    def test_quotations_and_items_keep_their_paragraphs_whole(self) -> None:
        text = f"> {LONG}.\n> {LONG}.\n>\n> Short.\n\n- {LONG}. {LONG}.\n\n  {LONG}.\n- Short."
        assert plains(text, 40) == [f"{LONG}. {LONG}.", "Short.", f"{LONG}. {LONG}. {LONG}.", "Short."]


class TestUnits:
    def test_each_kind_of_block_has_its_own_parts(self) -> None:
        text = (
            "One. *Two*\nhere.\n\n- item. One\n  - inner\n- two\n\n| h | i |\n|---|---|\n| a. B | `c` |\n\n"
            "```\nx. Y\n```\n\n$$\ny. Z\n$$\n\n> Quote. One.\n>\n> Two.\n"
        )
        assert quoted(text) == [
            ("One.", "One."),
            ("*Two*\nhere.", "Two here."),
            ("- item. One\n  - inner", "item. One inner"),
            ("- two", "two"),
            ("| h | i |", "h i"),
            ("| a. B | `c` |", "a. B c"),
            ("```\nx. Y\n```", "x. Y"),
            ("$$\ny. Z\n$$", "y. Z"),
            ("> Quote. One.", "Quote. One."),
            ("> Two.", "Two."),
        ]

    def test_the_rows_of_a_table_that_was_cut_are_still_rows(self) -> None:
        # Without the head of its table, such a passage reads as one long paragraph.
        rows = [f"| part {number}. A | *cast* \\| iron |" for number in range(9)]
        text = "\n".join(["| part | material |", "|---|---|", *rows])
        passages = split(text, 100)
        assert len(passages) > 2
        found = [part for each in passages for part in quoted(text[each.start : each.end])]
        assert found == [("| part | material |", "part material")] + [
            (row, f"part {number}. A cast | iron") for number, row in enumerate(rows)
        ]

    def test_a_sentence_about_a_bar_is_not_a_row(self) -> None:
        assert quoted("|x| is positive. It is the size of x.") == [
            ("|x| is positive.", "|x| is positive."),
            ("It is the size of x.", "It is the size of x."),
        ]

    def test_a_heading_is_quotable_where_it_is_the_passage(self) -> None:
        assert quoted("## The *lamp* ##") == [("## The *lamp* ##", "The lamp")]

    @pytest.mark.parametrize("text", ["-", "[Note]: see", "||||", "# "])
    def test_what_reads_as_markup_alone_is_one_unit(self, text: str) -> None:
        # A cut in the middle of a paragraph can leave such a beginning; a citation of it is better than none.
        assert quoted(text) == [(text, text.strip())]

    @pytest.mark.parametrize("text", ["", " \n", "\r\n\t"])
    def test_nothing_has_no_units(self, text: str) -> None:
        assert units(text) == []
