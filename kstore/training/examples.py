"""From questions and documents to lessons: evidence located, negatives mined, near misses made.

A passage that no question is about is never a negative. What was only ever a negative would be learnt as what never
answers: with such negatives, questions about chapters without training questions found theirs far less often.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kstore.encoding.encoder import Encoder
from kstore.encoding.graph import vocabulary
from kstore.encoding.tokens import passage_ids, question_ids
from kstore.reading.reader import BODY_TOKENS, heading_ids, stretch_starts
from kstore.reading.view import view
from kstore.training.lessons import Lesson, Lessons, Positive, Text
from kstore.training.pieces import Piece, Pieces
from kstore.training.questions import Material, Question
from kstore.training.spans import Evidence, holds, locate, occurrences, without_answer
from kstore.types import Progress, no_progress

_DEPTH = 50  # passages that are looked at for negatives
_MINED = 24  # negatives that are kept of these
_NEIGHBOURS = 2  # beside each positive
_NEAREST = 4  # passages that an unanswerable question is read with
_LONGEST_ANSWER = 24  # tokens; the reader gives no longer one


@dataclass(frozen=True, slots=True)
class _Studied:
    """A question with the pieces of its evidence, and the numbers of texts made of these by taking the answer out."""

    question: Question
    positives: list[Positive]
    about: list[int]
    made: list[int]


def make_lessons(material: Material, encoder: Encoder, progress: Progress = no_progress) -> Lessons:
    """The lessons of all phrasings of all questions; ``encoder`` is that of the product's search."""
    pieces = Pieces(material.documents)
    texts = [text_of(piece) for piece in pieces.all]
    studied = [_study(question, pieces, texts) for question in material.questions]
    asked = {number for it in studied if it.positives for number in it.about}
    phrasings = (phrasing for it in studied for phrasing in it.question.phrasings)
    found = pieces.search(phrasings, encoder, _DEPTH, progress)
    lessons = [
        lesson
        for it in studied
        if it.positives or not it.question.answers
        for lesson in _lessons(it, pieces, asked, found)
    ]
    return Lessons(texts, lessons)


def text_of(piece: Piece) -> Text:
    """What the two models read of a passage, as they do when they answer."""
    body = vocabulary().tokenizer.encode(view(piece.text).plain, add_special_tokens=False).ids
    return Text(passage_ids(piece.encoder_text), heading_ids(piece.headings), body)


def _study(question: Question, pieces: Pieces, texts: list[Text]) -> _Studied:
    """Locate the evidence. Where an answer stands in some of it, only that part answers; the rest leads to it."""
    positives: dict[int, Positive] = {}
    about: list[int] = []
    made: list[int] = []
    for place in question.places:
        number = pieces.at(place)
        if number is None or number in about:
            continue
        about.append(number)
        if not question.answers:
            continue
        piece = pieces.all[number]
        start, end = place.start - piece.start, place.end - piece.start
        positives[number] = positive(number, locate(piece.text, start, end, question.answers), question.answers)
        left = without_answer(piece.text, piece.headings, start, end, question.answers)
        if left is not None:
            made.append(len(texts))
            texts.append(text_of(Piece(piece.document, piece.start, piece.headings, left, view(left).plain)))
    in_words = [it for it in positives.values() if it.answer]
    return _Studied(question, in_words or list(positives.values()), about, made)


def positive(number: int, evidence: Evidence, answers: Sequence[str]) -> Positive:
    """Spans of characters as spans of tokens, and which stretches show them."""
    offsets = vocabulary().tokenizer.encode(evidence.seen.plain, add_special_tokens=False).offsets
    answer = _tokens(evidence.answer, offsets) if evidence.answer else None
    if answer and answer[1] - answer[0] > _LONGEST_ANSWER:
        answer = None
    wanted = answer or _tokens(evidence.quote, offsets)
    starts = stretch_starts(len(offsets))
    shown = {it: min(it + BODY_TOKENS, wanted[1]) - max(it, wanted[0]) for it in starts}
    most = max(shown.values())
    told = [_tokens(evidence.quote, offsets)]
    told += [_tokens(span, offsets) for it in answers for span in occurrences(it, evidence.seen.plain)]
    lacks = [it for it in starts if all(it + BODY_TOKENS <= low or high <= it for low, high in told)]
    return Positive(number, answer, [it for it in starts if shown[it] == most], lacks)


def _tokens(span: tuple[int, int], offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The tokens that a span of characters touches."""
    low = bisect_left([high for _, high in offsets], span[0] + 1)
    high = bisect_left([start for start, _ in offsets], span[1])
    return min(low, len(offsets) - 1), max(high, low + 1)


def _lessons(it: _Studied, pieces: Pieces, asked: set[int], found: dict[str, list[int]]) -> Iterator[Lesson]:
    question = it.question
    held: dict[int, bool] = {}

    def tells(number: int) -> bool:
        """Whether an accepted answer stands in a passage, or in its headings."""
        if number not in held:
            held[number] = holds(question.answers, pieces.all[number].told)
        return held[number]

    neighbours = [
        [other for other in pieces.siblings(number) if other in asked and other not in it.about and not tells(other)]
        for number in it.about
    ]
    beside = [other for others in neighbours for other in others[:_NEIGHBOURS]]
    for phrasing in question.phrasings:
        others = [number for number in found[phrasing] if number in asked and number not in it.about]
        mined = [number for number in others if not tells(number)][:_MINED]
        spared = [number for number in others if tells(number)]
        if question.answers:
            near = [*it.made, *beside]
        else:
            near = [number for number in it.about if number in asked] or mined[:_NEAREST]
            mined = [number for number in mined if number not in near]
        # What is evidence and does not answer alone is neither right nor wrong.
        answering = {one.text for one in it.positives}
        spared += [number for number in it.about if question.answers and number not in answering]
        yield Lesson(question_ids(phrasing), it.positives, mined, list(dict.fromkeys(near)), spared)
