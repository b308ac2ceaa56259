"""What a corpus defines: sections whose first sentence says what their heading is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kstore.text.markdown import split, units

_LONGEST = 60  # words; a longer sentence explains rather than defines


@dataclass(frozen=True, slots=True)
class Definition:
    """A term, the document that defines it, and the sentence that does, without markup."""

    document: str
    term: str
    sentence: str


def definitions(documents: Mapping[str, str]) -> Iterator[Definition]:
    """The definitions in ``{name: text}``: under a heading "Softmax", a sentence that begins "Softmax is ..."."""
    for name in sorted(documents):
        text = documents[name]
        section: tuple[str, ...] = ()
        for passage in split(text):
            opens, section = passage.headings != section, passage.headings
            if not (opens and section):
                continue
            term = passage.headings[-1]
            sentence = units(text[passage.start : passage.end])[0].plain
            opening = rf"(?:An? |The )?{re.escape(term)}\w*[^.]{{0,60}}? (?:is|are) "
            if re.match(opening, sentence, re.IGNORECASE) and len(sentence.split()) <= _LONGEST:
                yield Definition(name, term, sentence)
