"""What a document says of itself: the front matter that Markdown files begin with, in YAML between dashes."""

import re

_FRONT_MATTER = re.compile(r"\ufeff?-{3,}[ \t]*\r?\n(?P<inside>.*?)(?:(?<=\n)|\r?\n)-{3,}[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_LONGEST = 20_000  # characters of a front matter that is read
_NOTHING = ("", "~", "null")


def metadata(text: str) -> list[tuple[str, str]]:
    """The keys of the front matter with their values, as they are written there; a list's values one by one.

    Values that are neither a scalar nor a list of scalars are left out, and so is all of what is not YAML: it is text
    then, like any other.
    """
    found = _FRONT_MATTER.match(text)
    if found is None or len(found["inside"]) > _LONGEST:
        return []
    import yaml  # which few documents want

    try:
        said = yaml.load(found["inside"], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    if not isinstance(said, dict):
        return []
    pairs = [
        (key, value)
        for key, values in said.items()
        for value in (values if isinstance(values, list) else [values])
        if isinstance(key, str) and isinstance(value, str) and key and value not in _NOTHING
    ]
    return list(dict.fromkeys(pairs))
