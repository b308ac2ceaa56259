"""The arms of an experiment by their names: the store's own, bounds and controls, or whatever answers at a URL."""

import dataclasses
from collections.abc import Sequence

from evals.arms.controls import AlwaysDecline, Majority, NearestQuestion
from evals.arms.local import LongContext, OraclePassage, Own, Retrieval, TopPassage
from evals.arms.protocol import Arm, Ranking
from evals.arms.remote import KStoreArm, is_remote, remote_arm
from evals.cases import Question
from kstore.controls import Method, Refinements, check_method
from kstore.errors import InputError
from kstore.service import KStore

ARMS = {
    "parametric": "the store's weights, with no document to read",
    "retrieval": "the store's search and reader",
    "adaptive": "the store's weights where they are sure and up to date, its retrieval otherwise",
    "lexical-only": "retrieval by words alone",
    "top-passage": "the best passage word for word, without a reader",
    "oracle-passage": "the reader over the passages that hold the evidence: what perfect search would be worth",
    "long-context": "the whole corpus in the prompt of the store's generator",
    "nearest-question": "the answer of the training question nearest to the one asked",
    "majority": "always the answer that is most often right in training",
    "always-decline": "never an answer",
}
_CITING = {"retrieval", "adaptive", "lexical-only", "top-passage", "oracle-passage"}
_LEARNING = {"nearest-question", "majority"}
_WAY = "top-passage:"  # of searching: METHOD, or hybrid+PART+..., the parts named as in Refinements


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
    for name in names:
        if is_remote(name):
            remote_arm(name)
        elif name.startswith(_WAY):
            _way(name)
        elif name not in known:
            raise InputError(f"unknown arm {name!r}: choose of {', '.join(known)}, or a URL")


def meaning(name: str) -> str:
    """What the arm of this name is, in words."""
    if name.startswith(_WAY):
        return f"the best passage of a {name.removeprefix(_WAY)} search"
    return ARMS.get(name, "an endpoint elsewhere" if is_remote(name) else "an arm of the store")


def flags(arm: Arm) -> tuple[bool, bool]:
    """Whether the arm ranks passages, and whether it is to cite them."""
    return isinstance(arm, Ranking), arm.cites if isinstance(arm, KStoreArm) else arm.name.partition(":")[0] in _CITING


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
        case _ if name.startswith(_WAY):
            return TopPassage(store, name, *_way(name))
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


def _way(name: str) -> tuple[Method, Refinements]:
    """The way of searching that an arm's name tells; InputError where there is none such."""
    method, *parts = name.removeprefix(_WAY).split("+")
    known = [field.name for field in dataclasses.fields(Refinements)]
    if unknown := next((part for part in parts if part not in known), None):
        raise InputError(f"{name}: no part of a search is called {unknown!r}: choose of {', '.join(known)}")
    if parts and method != "hybrid":
        raise InputError(f"{name}: only a hybrid search has parts beside its method")
    return check_method(method), Refinements(**{part: part in parts for part in known})
