"""What an arm is to the harness."""

from typing import Protocol, runtime_checkable

from kstore.types import Answer, Hit


class Arm(Protocol):
    """Anything that answers; what goes wrong it raises."""

    @property
    def name(self) -> str: ...

    def answer(self, question: str) -> Answer: ...


@runtime_checkable
class Ranking(Protocol):
    """An arm that also tells which passages it finds, the ten best, best first."""

    def rank(self, question: str) -> tuple[Hit, ...]: ...
