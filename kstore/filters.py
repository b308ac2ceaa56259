"""Filters: which passages a search may find, by their document, their headings and their document's metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kstore.errors import InputError

_DOCUMENT, _HEADING = "document", "heading"
_MOST = 100  # values of one part: a filter is written by somebody


@dataclass(frozen=True, slots=True)
class Filter:
    """All parts must hold, and of a part any of its values; without any part, every passage passes.

    ``documents`` are shell patterns of whole names, in which ``*`` stands for any characters, also ``/``. ``headings``
    are compared, whatever their case, with each heading that a passage stands under. ``metadata`` are by key, as a
    document's front matter has them, its values as they are written there.
    """

    documents: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    metadata: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        named = [(_DOCUMENT, self.documents), (_HEADING, self.headings), *self.metadata]
        for name, values in named:
            if len(values) > _MOST:
                raise InputError(f"a filter takes at most {_MOST} values for {name}, not {len(values)}")
            if not name or any(not value for value in values):
                raise InputError("a filter's names and values cannot be empty")
            if any("\0" in value for value in (name, *values)):
                raise InputError("a filter holds a NUL character")

    def __bool__(self) -> bool:
        return bool(self.documents or self.headings or self.metadata)

    @classmethod
    def of(
        cls,
        documents: Sequence[str] = (),
        headings: Sequence[str] = (),
        metadata: Mapping[str, Sequence[str]] | None = None,
    ) -> "Filter":
        """The filter of these values, each once."""
        parts = sorted((metadata or {}).items())
        if empty := next((key for key, values in parts if not values), None):
            raise InputError(f"a filter on {empty} takes a value")
        distinct = tuple((key, tuple(dict.fromkeys(values))) for key, values in parts)
        return cls(tuple(dict.fromkeys(documents)), tuple(dict.fromkeys(headings)), distinct)


EVERYTHING = Filter()


def read_filter(given: Sequence[str]) -> Filter:
    """The filter written as ``document=PATTERN``, ``heading=TEXT``, ``KEY=VALUE``; of the same name, any may hold."""
    values: dict[str, list[str]] = {}
    for part in given:
        name, sign, value = part.partition("=")
        if not sign:
            raise InputError(f"a filter is written document=PATTERN, heading=TEXT or KEY=VALUE, not {part!r}")
        values.setdefault(name.strip(), []).append(value.strip())
    return Filter.of(values.pop(_DOCUMENT, ()), values.pop(_HEADING, ()), values)
