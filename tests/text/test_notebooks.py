"""Notebooks become Markdown that holds what people wrote, and nothing that a kernel printed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.errors import InputError
from kstore.text.markdown import split, units
from kstore.text.notebooks import notebook_to_markdown
from kstore.text.sources import read_source

PYTHON = {"language_info": {"name": "python"}}


def cell(kind: str, source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def notebook(*cells: dict[str, Any], metadata: dict[str, Any] = PYTHON) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def converted(*cells: dict[str, Any], metadata: dict[str, Any] = PYTHON) -> str:
    return notebook_to_markdown(notebook(*cells, metadata=metadata), "n.ipynb")


class TestCells:
    def test_text_stays_as_it_is_and_code_is_fenced(self) -> None:
        text = converted(
            cell("markdown", ["# The tide\n", "\n", "It *turns* at $t = 6$."]),
            cell("code", "level = 3\nprint(level)\n", outputs=[{"output_type": "stream", "text": ["SECRET"]}]),
            cell("raw", "RAW"),
            cell("markdown", "The end.\n"),
        )
        assert text == (
            "# The tide\n\nIt *turns* at $t = 6$.\n\n```python\nlevel = 3\nprint(level)\n```\n\nThe end.\n\n"
        )

    def test_a_heading_in_one_cell_leads_the_cells_below(self) -> None:
        text = converted(
            cell("markdown", "# Tide"), cell("code", "x = 1"), cell("markdown", "## Ebb"), cell("code", "y")
        )
        assert [(each.headings, each.plain) for each in split(text)] == [(("Tide",), "x = 1"), (("Tide", "Ebb"), "y")]

    @pytest.mark.parametrize("empty", ["", " \n", [], ["\n", ""]])
    def test_empty_cells_leave_nothing(self, empty: str | list[str]) -> None:
        assert converted(cell("code", empty), cell("markdown", empty), cell("code", "x")) == "```python\nx\n```\n"

    @pytest.mark.parametrize(
        ("metadata", "fence"),
        [
            ({"language_info": {"name": "julia"}, "kernelspec": {"language": "python"}}, "```julia"),
            ({"kernelspec": {"name": "ir", "language": "R"}}, "```R"),
            ({"kernelspec": {"name": "ir"}}, "```"),
            ({}, "```"),
        ],
    )
    def test_the_language_is_what_the_notebook_says(self, metadata: dict[str, Any], fence: str) -> None:
        assert converted(cell("code", "x"), metadata=metadata) == f"{fence}\nx\n```\n"

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.sampled_from(("`", "```", "````", "~~~", "\n", "x", "# no", "$$", "<!--", " "))).map("".join))
    def test_code_never_breaks_out_of_its_fence(self, code: str) -> None:
        text = converted(cell("code", code), cell("markdown", "after"))
        found = [text[unit.start : unit.end] for unit in units(text)]
        assert found[-1] == "after"
        assert len(found) == (2 if code.strip() else 1)
        assert not code.strip() or code.rstrip() in found[0]

    def test_a_notebook_is_a_document_of_a_folder_whatever_the_case_of_its_suffix(self, tmp_path: Path) -> None:
        for name in ("a.ipynb", "B.IPYNB"):
            (tmp_path / name).write_text(notebook(cell("markdown", "größe")), encoding="utf-8")
        assert read_source(str(tmp_path), 1000).documents == {"a.ipynb": "größe\n", "B.IPYNB": "größe\n"}


class TestRefusals:
    @pytest.mark.parametrize(
        "source",
        [
            *("", "not JSON", "[]", "3", "null", '"text"', "{}", '{"cells": 3}', '{"cells": [3]}', '{"cells": [{}]}'),
            *('{"cells": [{"cell_type": "code"}]}', '{"cells": [{"source": "x"}]}', "[" * 100_000),
            '{"cells": [{"cell_type": "code", "source": 3}]}',
            '{"cells": [{"cell_type": "code", "source": [3]}]}',
            '{"cells": [], "metadata": []}',
            '{"worksheets": [{"cells": []}], "nbformat": 3}',
        ],
    )
    def test_anything_else_is_named_and_refused(self, source: str) -> None:
        with pytest.raises(InputError, match=r"^n\.ipynb is not a Jupyter notebook of format 4: "):
            notebook_to_markdown(source, "n.ipynb")

    @pytest.mark.parametrize(
        ("escape", "reason"), [(r"\u0000", "binary"), (r"\ud83e", "not text"), (r"\udd8a and \ud83e", "not text")]
    )
    def test_characters_that_only_json_can_spell_are_refused(self, escape: str, reason: str) -> None:
        # They pass the check of the file's bytes, and no store could keep them as text.
        source = notebook(cell("markdown", "@")).replace("@", escape)
        with pytest.raises(InputError, match=rf"^n\.ipynb is {reason}"):
            notebook_to_markdown(source, "n.ipynb")
        assert notebook_to_markdown(source.replace(escape, r"\ud83e\udd8a"), "n.ipynb") == "🦊\n"
