"""What a user may set for one question: how many passages, from when, cut how, sampled how; and the presets.

The chapter's part II draws the parallel that the two dataclasses here make concrete: temperature, top-k and top-p
shape what the weights write; similarity threshold, top-k, cumulative cut-off and similarity gap shape what the
vectors return.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from kstore.errors import InputError
from kstore.filters import EVERYTHING, Filter

Method = Literal["dense", "lexical", "hybrid"]
Metric = Literal["cosine", "inner-product", "euclidean"]

MAX_K = 1000
MAX_QUESTION = 20_000  # characters; longer than any question, shorter than an attack


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(f"{rule}, not {value}")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a generator chooses each token.

    ``temperature`` 0 takes the likeliest token. ``top_k`` keeps that many tokens, ``top_p`` the smallest set whose
    probability reaches it (Holtzman et al. 2020). ``max_tokens`` bounds the answer; it also ends at any of ``stop``.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    max_tokens: int = 128
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(0.0 <= self.temperature <= 10.0, "temperature must be between 0 and 10", self.temperature)
        _require(self.top_k is None or self.top_k >= 1, "top_k must be at least 1", self.top_k)
        _require(0.0 < self.top_p <= 1.0, "top_p must be above 0 and at most 1", self.top_p)
        _require(1 <= self.max_tokens <= 8192, "max_tokens must be between 1 and 8192", self.max_tokens)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which of the ranked passages are kept, besides the first k.

    ``threshold``: least similarity. ``gap``: stop where similarity falls by more than this from one passage to the
    next. Both are in the ``metric``: the cosine and the inner product, which are one for vectors of length 1, or the
    Euclidean distance, of which ``threshold`` is the greatest and ``gap`` a rise. ``cumulative``: keep the fewest
    passages that hold this share of the softmax over the cosines.
    """

    threshold: float | None = None
    gap: float | None = None
    cumulative: float | None = None
    metric: Metric = "cosine"

    def __post_init__(self) -> None:
        _require(self.metric in get_args(Metric), f"metric must be one of {', '.join(get_args(Metric))}", self.metric)
        least, most = (0, 2) if self.metric == "euclidean" else (-1, 1)
        _require(
            self.threshold is None or least <= self.threshold <= most,
            f"threshold must be in [{least}, {most}]",
            self.threshold,
        )
        _require(self.gap is None or 0 < self.gap <= 2, "gap must be above 0 and at most 2", self.gap)
        _require(
            self.cumulative is None or 0 < self.cumulative <= 1,
            "cumulative must be above 0 and at most 1",
            self.cumulative,
        )


@dataclass(frozen=True, slots=True)
class Refinements:
    """What a hybrid search does beside looking for the query's own words and meaning; each can be left out.

    ``glossary``: look also for the words that the query's abbreviations stand for, and for the abbreviations of what it
    says, as the corpus explains them. ``feedback``: search by meaning a second time, nearer to what was found first.
    ``rerank``: let the tokens decide the order.
    """

    glossary: bool = True
    feedback: bool = False
    rerank: bool = True


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that may be set for one question; the defaults are the service's."""

    k: int = 5
    as_of: int | None = None
    method: Method = "hybrid"
    where: Filter = EVERYTHING  # the passages that may be found
    refinements: Refinements = field(default_factory=Refinements)
    skim: bool = False  # quote the sentence that shares most words with the question; no model reads
    cut: Cut = field(default_factory=Cut)
    confidence: float = 0.0  # the least of an answer, where it is calibrated; below it the answer is declined
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        check_k(self.k)
        check_method(self.method)
        _require(0.0 <= self.confidence <= 1.0, "confidence must be between 0 and 1", self.confidence)


def check_k(k: int) -> None:
    """Raise InputError unless ``k`` is a sensible number of passages."""
    _require(1 <= k <= MAX_K, f"k must be between 1 and {MAX_K}", k)


def check_method(method: str) -> Method:
    """Return ``method`` if it is a way of searching; InputError otherwise."""
    for known in get_args(Method):
        if method == known:
            return cast(Method, known)
    raise InputError(f"unknown method {method!r}: choose one of {', '.join(get_args(Method))}")


def check_text(text: str, what: str) -> str:
    """Return ``text`` if it can be kept and come back as it was: no NUL, where SQLite ends a text, and no half of a
    surrogate pair, which UTF-8 cannot hold. InputError, naming ``what`` it is, otherwise."""
    if "\0" in text:
        raise InputError(f"{what} is binary (it holds a NUL character)")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{what} is not text: half of a surrogate pair at character {error.start}") from error
    return text


def check_question(question: str) -> None:
    """Raise InputError for a question that cannot be asked: empty, no text, beyond ``MAX_QUESTION`` characters."""
    if not question.strip():
        raise InputError("the question is empty")
    check_text(question, "the question")
    if len(question) > MAX_QUESTION:
        raise InputError(f"the question has {len(question)} characters; at most {MAX_QUESTION} are read")


PRESETS: dict[str, Controls] = {
    "factual": Controls(),
    "code": Controls(sampling=Sampling(temperature=0.2, top_p=0.95)),
    "creative": Controls(sampling=Sampling(temperature=0.9, top_p=0.95, top_k=50)),
    "high-precision": Controls(k=3, cut=Cut(threshold=0.45, gap=0.15)),
    "exploratory": Controls(k=20),
    "real-time": Controls(k=3, refinements=Refinements(glossary=False, rerank=False), skim=True),
}


_KINDS: dict[str, tuple[type, ...]] = {
    "a number": (int, float),
    "a whole number": (int,),
    "true or false": (bool,),
    "text": (str,),
}
SETTABLE = {  # by name, beside k and as_of: the part of Controls that has it ("": itself), and its kind of value
    "method": ("", "text"),
    "skim": ("", "true or false"),
    "confidence": ("", "a number"),
    "metric": ("cut", "text"),
    **dict.fromkeys(("glossary", "feedback", "rerank"), ("refinements", "true or false")),
    **dict.fromkeys(("threshold", "gap", "cumulative"), ("cut", "a number")),
    **dict.fromkeys(("temperature", "top_p"), ("sampling", "a number")),
    **dict.fromkeys(("top_k", "max_tokens", "seed"), ("sampling", "a whole number")),
}


def controls_for(
    preset: str | None,
    *,
    k: int | None = None,
    as_of: int | None = None,
    where: Filter = EVERYTHING,
    changes: Mapping[str, object] = {},
) -> Controls:
    """The preset's controls (the defaults without one), with ``k``, ``as_of``, the filter and the ``changes`` over
    them.

    ``changes`` are by the names of ``SETTABLE``. InputError for an unknown name or a value that cannot be.
    """
    if preset is not None and preset not in PRESETS:
        raise InputError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    controls = PRESETS[preset] if preset else Controls()
    of_parts: dict[str, dict[str, object]] = {}
    for name, value in changes.items():
        of_parts.setdefault(_part_of(name, value), {})[name] = value
    for part, values in of_parts.items():  # together: what a threshold may be depends on the metric
        changed = values if not part else {part: replace(getattr(controls, part), **values)}
        controls = replace(controls, **changed)
    return replace(controls, k=controls.k if k is None else k, as_of=as_of, where=where)


def _part_of(name: str, value: object) -> str:
    """The part of Controls that a change belongs to; InputError where it is none."""
    if name not in SETTABLE:
        raise InputError(f"unknown control {name!r}: choose one of {', '.join(SETTABLE)}")
    part, kind = SETTABLE[name]
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "true or false"):
        raise InputError(f"{name} takes {kind}, not {value!r}")
    return part


def read_controls(given: Sequence[str]) -> dict[str, object]:
    """Changes written as ``NAME=VALUE``, the value as in JSON or, where it is none, as text."""
    changes: dict[str, object] = {}
    for setting in given:
        name, sign, value = setting.partition("=")
        if not sign:
            raise InputError(f"a control is written NAME=VALUE, not {setting!r}")
        try:
            changes[name.strip()] = json.loads(value)
        except ValueError:
            changes[name.strip()] = value.strip()
    return changes
