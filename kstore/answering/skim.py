"""Skimming: without a model, the sentence that shares the most telling words with the question."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from kstore.answering.reader import after_marker
from kstore.answering.reading import Reading
from kstore.controls import Sampling
from kstore.reading.view import view
from kstore.text.markdown import units
from kstore.types import Hit
from kstore.vectors.lexical import telling_words

_ENDING = 3  # letters in which two forms of a word may differ
_LATER = 0.8  # what each passage's sentences are worth beside those of the one before it


class Skimmer:
    """Nothing judges whether the sentence answers, so it is never declined and has no confidence."""

    name = "no reader"
    calibrated_on = None

    def read(self, question: str, hits: Sequence[Hit], sampling: Sampling = Sampling()) -> Reading | None:  # noqa: B008
        """The sentence, list item, row or block of the passages that shares most with the question; None without
        passages.

        A word counts the more, the fewer of these sentences hold it (Spärck Jones 1972); a heading's words count for
        none.
        """
        sentences = [(rank, unit) for rank, hit in enumerate(hits) for unit in units(hit.text)]
        if not sentences:
            return None
        held = [set(_stems(unit.plain)) for _, unit in sentences]
        spread = Counter(stem for stems in held for stem in stems)
        asked = set(_stems(" ".join(telling_words(question))))
        scores = [
            _LATER**rank * sum(math.log(1 + len(held) / spread[stem]) for stem in asked & stems)
            for (rank, _), stems in zip(sentences, held, strict=True)
        ]
        best = max(range(len(scores)), key=lambda number: scores[number])
        rank, unit = sentences[best]
        text = hits[rank].text
        citation = hits[rank].cite(after_marker(text, unit.start, unit.end), unit.end, scores[best])
        return Reading(view(citation.text).plain or unit.plain, (citation,))


def _stems(words: str) -> Iterator[str]:
    for word in re.findall(r"\w+", words.lower()):
        yield word[: max(len(word) - _ENDING, 4)]
