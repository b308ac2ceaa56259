"""The arms of an experiment by their names: the store's own, bounds and controls, or whatever answers at a URL."""

from collections.abc import Sequence

from evals.arms.controls import AlwaysDecline, Majority, NearestQuestion
from evals.arms.local import LongContext, OraclePassage, Own, Retrieval, TopPassage
from evals.arms.protocol import Arm, Ranking
from evals.arms.remote import KStoreArm, is_remote, remote_arm
from evals.cases import Question
from kstore.errors import InputError
from kstore.service import KStore

ARMS = {
    "parametric": "the store's weights, with no document to read",
    "retrieval": "the store's search and reader",
    "lexical-only": "retrieval by words alone",
    "top-passage": "the best passage word for word, without a reader",
    "oracle-passage": "the reader over the passages that hold the evidence: what perfect search would be worth",
    "long-context": "the whole corpus in the prompt of the store's generator",
    "nearest-question": "the answer of the training question nearest to the one asked",
    "majority": "always the answer that is most often right in training",
    "always-decline": "never an answer",
}
_CITING = {"retrieval", "lexical-only", "top-passage", "oracle-passage"}
_LEARNING = {"nearest-question", "majority"}


def choose(names: Sequence[str], store: KStore, cases: Sequence[Question], lessons: Sequence[Question]) -> list[Arm]:
    """The arms of these names, or ``[NAME=]URL``, in their order.

    InputError where a name is unknown or given twice, or where a control has nothing to learn from.
    """
    check_names(names, store)
    arms = [remote_arm(name) if is_remote(name) else _local(name, store, cases, lessons) for name in names]
    called = [arm.name for arm in arms]
    if twice := next((name for name in called if called.count(name) > 1), None):
        raise InputError(f"two arms are called {twice!r}: a URL can be given a name with NAME=URL")
    return arms


def check_names(names: Sequence[str], store: KStore) -> None:
    """InputError where there is none, or one that is neither known, nor the store's, nor an address of an arm."""
    known = dict.fromkeys([*ARMS, *store.arm_names])
    if not names:
        raise InputError(f"no arm to ask: choose some of {', '.join(known)}")
    if unknown := next((name for name in names if name not in known and not is_remote(name)), None):
        raise InputError(f"unknown arm {unknown!r}: choose of {', '.join(known)}, or a URL")
    for address in filter(is_remote, names):
        remote_arm(address)


def meaning(name: str) -> str:
    """What the arm of this name is, in words."""
    return ARMS.get(name, "an endpoint elsewhere" if is_remote(name) else "an arm of the store")


def flags(arm: Arm) -> tuple[bool, bool]:
    """Whether the arm ranks passages, and whether it is to cite them."""
    return isinstance(arm, Ranking), arm.cites if isinstance(arm, KStoreArm) else arm.name in _CITING


def _local(name: str, store: KStore, cases: Sequence[Question], lessons: Sequence[Question]) -> Arm:
    if name in _LEARNING and not any(lesson.answers for lesson in lessons):
        raise InputError(f"{name} has nothing to learn from: give it files with --training")
    match name:
        case "retrieval":
            return Retrieval(store, name, "hybrid")
        case "lexical-only":
            return Retrieval(store, name, "lexical")
        case "top-passage":
            return TopPassage(store)
        case "oracle-passage":
            return OraclePassage(store, cases)
        case "long-context":
            return LongContext(store)
        case "nearest-question":
            return NearestQuestion(lessons, store.memory.encoder)
        case "majority":
            return Majority(lessons)
        case "always-decline":
            return AlwaysDecline()
    return Own(store, name)
