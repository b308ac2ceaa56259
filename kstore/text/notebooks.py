"""Jupyter notebooks as Markdown: the text cells as they are, the code cells fenced, the outputs left out."""

import json
from typing import Any

from kstore.controls import check_text
from kstore.errors import InputError


def notebook_to_markdown(source: str, name: str) -> str:
    """The Markdown text of a notebook (format 4, the JSON that Jupyter has written since 2015).

    Raises InputError, naming the notebook, where it is not one.
    """
    try:
        notebook = json.loads(source)
        cells = notebook["cells"]
        metadata = notebook.get("metadata", {})
        language = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language", "")
        parts = [_cell(cell, language) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{name} is not a Jupyter notebook of format 4: {error!r}") from error
    text = "\n\n".join(part for part in parts if part.strip()) + "\n"
    return check_text(text, name)  # JSON can spell characters that its own UTF-8 cannot hold


def _cell(cell: dict[str, Any], language: str) -> str:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    if cell["cell_type"] == "markdown":
        return text
    if cell["cell_type"] == "code" and text.strip():
        fence = "```"
        while fence in text:
            fence += "`"
        return f"{fence}{language}\n{text.rstrip()}\n{fence}"
    return ""
