"""Controls: arms without a memory of the documents, which a memory has to beat to be worth its name."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from evals.cases import Question
from evals.metrics import normalise
from kstore.encoding.encoder import Encoder
from kstore.types import Answer, Stopwatch


class NearestQuestion:
    """Answers with the answer of the training question nearest to the one asked: a table, not a memory."""

    name = "nearest-question"

    def __init__(self, lessons: Sequence[Question], encoder: Callable[[], Encoder]) -> None:
        """``lessons``: one at least with an answer."""
        asked = [(text, it.answers[0]) for it in lessons if it.answers for text in it.phrasings]
        self._encoder = encoder
        self._answers = [answer for _, answer in asked]
        self._known = encoder().encode_questions([text for text, _ in asked])

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        vector = self._encoder().encode_questions([question])[0]
        watch.lap("encode")
        nearest = int(np.argmax(self._known @ vector))
        watch.lap("search")
        return Answer(
            self.name, f"{len(self._answers)} training questions", self._answers[nearest], timings=watch.timings()
        )


class Majority:
    """Gives always the answer that is most often right among the training questions, as exact match counts it."""

    name = "majority"

    def __init__(self, lessons: Sequence[Question]) -> None:
        """``lessons``: one at least with an answer."""
        accepted = [dict.fromkeys(map(normalise, it.answers or ())) for it in lessons]
        best = Counter(answer for it in accepted for answer in it).most_common(1)[0][0]
        spelt = Counter(text for it in lessons for text in it.answers or () if normalise(text) == best)
        self._commonest = spelt.most_common(1)[0][0]

    def answer(self, question: str) -> Answer:
        return Answer(self.name, "the commonest answer", self._commonest, timings=Stopwatch().timings())


class AlwaysDecline:
    """Declines: what the questions without an answer alone are worth."""

    name = "always-decline"

    def answer(self, question: str) -> Answer:
        return Answer(self.name, "none", None, declined="on principle", timings=Stopwatch().timings())
