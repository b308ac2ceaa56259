"""A filter in SQL: the condition on a passage ``p`` and its text ``t`` at revision ``:r``."""

import json
from typing import Any

from kstore.filters import Filter

_HEADING = (
    "EXISTS (SELECT 1 FROM json_each(t.headings) heading JOIN json_each(:headings) wanted"
    " ON casefold(heading.value) = casefold(wanted.value))"
)


def condition(where: Filter) -> tuple[str, dict[str, Any]]:
    """The condition, beginning with AND, and its parameters besides ``r``; ("", {}) for a filter without parts.

    Patterns and metadata choose documents, of which there are few, before their passages are looked at.
    """
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    chosen = ["d.born <= :r AND d.died > :r"]
    if where.documents:
        chosen.append("EXISTS (SELECT 1 FROM json_each(:patterns) pattern WHERE d.name GLOB pattern.value)")
        parameters["patterns"] = json.dumps(where.documents)
    for number, (key, values) in enumerate(where.metadata):
        chosen.append(
            "d.name IN (SELECT m.document FROM metadata m WHERE m.born <= :r AND m.died > :r"
            f" AND m.key = :key{number} AND m.value IN (SELECT value FROM json_each(:values{number})))"
        )
        parameters |= {f"key{number}": key, f"values{number}": json.dumps(values)}
    if len(chosen) > 1:
        parts.append(f" AND p.document IN (SELECT d.name FROM documents d WHERE {' AND '.join(chosen)})")
    if where.headings:
        parts.append(f" AND {_HEADING}")
        parameters["headings"] = json.dumps(where.headings)
    return "".join(parts), parameters


def standing(where: Filter) -> tuple[str, dict[str, Any]]:
    """What follows FROM to name the passages ``p`` that stand at ``:r`` and pass the filter; more conditions may be
    added with AND. Their texts are joined only where the filter looks at them."""
    also, parameters = condition(where)
    texts = " JOIN texts t ON t.id = p.text" if where.headings else ""
    return f"passages p{texts} WHERE p.born <= :r AND p.died > :r{also}", parameters
