"""``kstore eval latency``: arms and questions in, the files of a run out."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.arms.protocol import Arm
from evals.casefiles import load
from evals.cases import Question
from evals.files import Journal, read_lines
from evals.latency.capacity import search_capacity
from evals.latency.cold import MODE as COLD
from evals.latency.cold import cold_start
from evals.latency.costs import EnergyMeter, Prices
from evals.latency.load import closed_loop, open_loop
from evals.latency.measures import MEANINGS, summarise
from evals.latency.rows import LatencyRow
from evals.outputs import write_outputs
from evals.summary import Summary
from kstore.assemble import open_kstore
from kstore.errors import KStoreError
from kstore.settings import load_settings
from kstore.types import Progress, no_progress

LATENCY = "latency"
ROWS = "rows.jsonl"
ARRIVALS = 120  # at least, at each rate: fewer have no 99th in a hundred
COLD_STARTS = 5
WARM_UP = 200  # questions


@dataclass(frozen=True, slots=True)
class Load:
    """What is put on the arms: closed loops of so many ``clients``, each for so many ``seconds``, then open loops to
    find the rate at which p99 keeps ``objective_ms``; ``cold`` starts where the arm is the store's own."""

    clients: tuple[int, ...] = (1, 2, 4)
    seconds: float = 20.0
    objective_ms: float = 1_000.0
    cold: int = COLD_STARTS


def conduct(
    questions: Sequence[Path],
    names: Sequence[str],
    load_: Load,
    out: Path,
    seed: int,
    resume: bool,
    command: str,
    prices: Prices | None = None,
    progress: Progress = no_progress,
) -> Summary:
    """Put the load on each arm, or the rest of it, and write the files to ``out``; return the summary.

    The arms are those of the user's own store, or elsewhere by URL.
    """
    from evals.arms.choose import choose, meaning
    from evals.arms.remote import is_remote

    settings = load_settings()
    cases = load(Question, questions)
    asked = [text for case in cases for text in case.phrasings]
    with open_kstore(settings, progress=progress) as store:
        arms = choose(names, store, cases, [])
        parts = {
            "kind": LATENCY,
            "questions": manifests.describe_files(questions, [load(Question, [file]) for file in questions]),
            "arms": {name: {"meaning": meaning(name)} for name in names},
            "load": {it: getattr(load_, it) for it in Load.__slots__},
            "prices": prices.model_dump() if prices else None,
        }
        manifest = manifests.begin(out, manifests.describe(parts, settings, store.status(), seed, command), resume)
        with Journal(out / ROWS, LatencyRow) as journal:
            for arm, name in zip(arms, names, strict=True):
                here = not is_remote(name)
                modes = _Modes(arm, journal, progress)
                if here and name in store.arm_names:
                    modes.take(COLD, partial(_cold, settings.home, arm.name, asked, load_.cold))
                _under_load(modes, arm, asked, load_, seed, here)
    return report_latency(out, manifest)


def report_latency(out: Path, manifest: manifests.Manifest | None = None) -> Summary:
    """Make summary and report of a latency run again from its rows; nothing is asked."""
    manifest = manifest or manifests.read(out)
    prices = Prices.model_validate(manifest["prices"]) if manifest.get("prices") else None
    summary = summarise(read_lines(out / ROWS, LatencyRow), manifest["load"]["objective_ms"], prices)
    write_outputs(out, manifest, summary, MEANINGS)
    return summary


def _under_load(modes: "_Modes", arm: Arm, asked: Sequence[str], load_: Load, seed: int, here: bool) -> None:
    def drawn(mode: str) -> list[str]:
        """The questions in an order of the mode's own, so that none profits from what the one before has just asked."""
        return random.Random(f"{seed} {mode}").sample(asked, len(asked))

    _warm_up(arm, drawn("warm-up"))
    for clients in load_.clients:
        mode = f"closed-{clients}"
        modes.take(mode, partial(closed_loop, arm, drawn(mode), clients, load_.seconds, here))

    def at_rate(rate: float) -> list[LatencyRow]:
        mode, seconds = f"open-{rate:g}", max(load_.seconds, ARRIVALS / rate)
        return modes.take(mode, partial(open_loop, arm, drawn(mode), rate, seconds, seed))

    alone = modes.take(f"closed-{load_.clients[0]}", list)
    service = sorted(row.latency_ms for row in alone)[len(alone) // 2]
    search_capacity(at_rate, load_.objective_ms, float(f"{500 / max(service, 1.0):.2g}"))


def _warm_up(arm: Arm, asked: Sequence[str]) -> None:
    """Ask a while unrecorded: what is loaded, or kept, by the first answers was told by the cold starts."""
    for question in asked[:WARM_UP]:
        try:
            arm.answer(question)
        except KStoreError:  # which will be told when it counts
            return


def _cold(home: Path, arm: str, asked: Sequence[str], times: int) -> Iterator[LatencyRow]:
    began = time.perf_counter()
    for number in range(times):
        yield cold_start(home, arm, asked[number % len(asked)], number, began)


class _Modes:
    """The modes of one arm: each is run once, and taken from the journal where it is there already."""

    def __init__(self, arm: Arm, journal: Journal[LatencyRow], progress: Progress) -> None:
        self._arm = arm
        self._journal = journal
        self._progress = progress
        rows = [row for row in journal.lines() if row.arm == arm.name]
        done = {row.mode for row in rows if row.closes}
        journal.keep(lambda row: row.arm != arm.name or row.mode in done)
        self._done = {mode: [row for row in rows if row.mode == mode] for mode in done}

    def take(self, mode: str, run: Callable[[], Any]) -> list[LatencyRow]:
        """The rows of the mode, in which ``run`` is called at most once."""
        if mode not in self._done:
            self._progress(f"{self._arm.name}, {mode}", 0, 0)
            meter = EnergyMeter()
            rows: list[LatencyRow] = list(run())
            rows[-1] = rows[-1].model_copy(update={"closes": True, "joules": meter.joules()})
            self._journal.add(rows)
            self._done[mode] = rows
        return self._done[mode]
