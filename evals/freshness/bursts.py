"""Edits that can be made together: none touches what another one does."""

import random
from collections.abc import Mapping, Sequence

from evals.cases import Edit, places


def together(edits: Sequence[Edit], documents: Mapping[str, str], size: int, seed: int) -> list[tuple[Edit, ...]]:
    """As many groups of ``size`` as there are, drawn with the seed; where there is none, one of all that go together.

    The edits of a group change different places of the documents ``{name: text}``, so that it makes no difference in
    which order they are applied, and no edit's texts come up a second time through another one.
    """
    waiting = list(edits)
    random.Random(f"{seed} {size}").shuffle(waiting)
    groups = []
    while waiting:
        group = _fitting(waiting, documents, size)
        groups.append(group)
        waiting = [edit for edit in waiting if edit not in group]
    full = [group for group in groups if len(group) == size]
    return full or groups[:1]


def _fitting(edits: Sequence[Edit], documents: Mapping[str, str], size: int) -> tuple[Edit, ...]:
    """The first edits, ``size`` at most, that fit to those before them; at least one."""
    group: list[Edit] = []
    taken: list[tuple[str, int, int]] = []
    current = dict(documents)
    for edit in edits:
        if len(group) == size:
            break
        spans = _spans(edit, documents)
        if any(
            name == other and start <= last and first <= end
            for name, start, end in spans
            for other, first, last in taken
        ):
            continue
        try:
            edited = edit.applied(current)
        except ValueError:  # another edit has brought the text a second time
            continue
        group.append(edit)
        taken += spans
        current = edited
    return tuple(group)


def _spans(edit: Edit, documents: Mapping[str, str]) -> list[tuple[str, int, int]]:
    """(document, start, end) of every text that the edit replaces."""
    found = []
    for change in (edit, *edit.also):
        start = places(change.find, documents[change.doc])[0]
        found.append((change.doc, start, start + len(change.find)))
    return found
