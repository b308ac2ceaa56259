"""What instruction-following models are told. Each prompt is a constant with a reason for each odd choice."""

from collections.abc import Sequence

from kstore.weights.generator import Message

# "In one sentence" keeps small models from drifting; "say that you do not know" gives them a way to decline.
CLOSED_BOOK = (
    "You answer questions about machine learning from memory. Answer with the fact asked for, in one sentence or less. "
    "If you do not know, say that you do not know."
)


def closed_book(question: str, instructable: bool) -> Sequence[Message]:
    """The conversation that asks a question of the weights alone: the bare question where no instruction helps."""
    asked = Message("user", question)
    return [Message("system", CLOSED_BOOK), asked] if instructable else [asked]


# The question comes after the documents: models attend best to what stands at the ends (Liu et al. 2023).
OPEN_BOOK = (
    "You answer questions from the documents that you are given and from nothing else. Answer with the fact asked for, "
    "in one sentence or less. If the documents do not tell it, say that they do not."
)


def open_book(question: str, documents: str) -> Sequence[Message]:
    """The conversation that asks a question about documents that stand in the prompt."""
    return [Message("system", OPEN_BOOK), Message("user", f"{documents}\n\nQuestion: {question}")]
