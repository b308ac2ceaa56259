"""From the rows of a latency run to its figures."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from evals.estimates import mean, quantile
from evals.latency.capacity import keeps
from evals.latency.cold import MODE as COLD
from evals.latency.costs import Prices
from evals.latency.rows import LatencyRow
from evals.rows import Estimate, Outcome
from evals.summary import distribution, stages

ONE_CLIENT = "closed-1"
TOLERANCE = 0.01  # of the total, that stages may leave unexplained
_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))

MEANINGS = {
    "latency_ms_p50": "median time of an answer, with one client",
    "latency_ms_p95": "time within which 95 of 100 answers come, with one client",
    "latency_ms_p99": "time within which 99 of 100 answers come, with one client",
    "first_token_ms_p50": "median time to the first token, with one client",
    "cold_ms_p50": "median time from nothing to an answer, in a process of its own",
    "throughput_per_s": "answers a second, with as many clients as give the most",
    "capacity_per_s": "the highest rate of Poisson arrivals at which p99 keeps the objective",
    "cpu_ms": "time of all processors for an answer",
    "tokens": "tokens that a generator writes for an answer",
    "joules": "energy of the whole machine for an answer",
    "price": "the price of an answer",
}

Shapes = dict[str, Any]


def summarise(rows: Sequence[LatencyRow], objective_ms: float, prices: Prices | None = None) -> Shapes:
    """``{"arms", "counts", "curves", "load"}``, as ``summary.json`` of a latency run holds it.

    AssertionError where the stages of an answer leave more than 1 % of its time unexplained.
    """
    by_arm: dict[str, dict[str, list[LatencyRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_arm[row.arm][row.mode].append(row)
        check_stages(row)
    return {
        "arms": {arm: _shapes(_figures(modes, objective_ms, prices)) for arm, modes in by_arm.items()},
        "counts": _counts(rows),
        "curves": {"latency_ms": {arm: _curve(modes[ONE_CLIENT]) for arm, modes in by_arm.items()}},
        "load": {
            "objective_ms": objective_ms,
            "currency": prices.currency if prices else None,
            "modes": {arm: {mode: _mode(own, objective_ms) for mode, own in it.items()} for arm, it in by_arm.items()},
        },
    }


def check_stages(row: LatencyRow) -> None:
    """AssertionError where the stages do not add up to the total within 1 %, or 50 microseconds."""
    total = row.timings_ms.get("total")
    if total is None:
        return
    told = sum(ms for stage, ms in row.timings_ms.items() if stage != "total")
    if abs(told - total) > max(TOLERANCE * total, 0.05):
        raise AssertionError(f"{row.arm}, {row.question!r}: stages of {told:.3f} ms in a total of {total:.3f} ms")


def latencies(rows: Sequence[LatencyRow]) -> list[float]:
    """Of all that was due, answered or not."""
    return [row.latency_ms for row in rows]


def throughput(rows: Sequence[LatencyRow]) -> float:
    """Answers a second, from the first that was started to the last that ended."""
    answered = sum(row.error is None for row in rows)
    spent = max(row.ended for row in rows) - min(row.started for row in rows)
    return answered / max(spent / 1e3, 1e-9)


def _figures(
    modes: Mapping[str, Sequence[LatencyRow]], objective_ms: float, prices: Prices | None
) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    alone = [row for row in modes.get(ONE_CLIENT, ()) if row.error is None]
    if alone:
        found |= {f"latency_ms_{name}": quantile(latencies(alone), q) for name, q in _QUANTILES}
        begun = [row.timings_ms["first_token"] for row in alone if "first_token" in row.timings_ms]
        found |= {"first_token_ms_p50": quantile(begun, 0.5)} if begun else {}
        found |= _costs(alone, prices)
    if cold := [row for row in modes.get(COLD, ()) if row.error is None]:
        found["cold_ms_p50"] = quantile(latencies(cold), 0.5)
    loops = [own for mode, own in modes.items() if mode.startswith("closed-")]
    if loops:
        best = max(loops, key=throughput)
        found["throughput_per_s"] = _exactly(throughput(best), len(best))
    rates = {rate: own for mode, own in modes.items() if (rate := rate_of(mode)) is not None}
    if rates:
        kept = [rate for rate, own in rates.items() if keeps(own, objective_ms)]
        missed = [rate for rate in rates if rate not in kept]
        low, high = max(kept, default=0.0), min(missed, default=max(rates))
        found["capacity_per_s"] = Estimate(low, low, max(high, low), sum(map(len, rates.values())), len(rates))
    return {name: found[name] for name in MEANINGS if name in found}


def _costs(alone: Sequence[LatencyRow], prices: Prices | None) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    cpu = [row.cpu_ms for row in alone if row.cpu_ms is not None]
    tokens = [float(row.tokens) for row in alone if row.tokens is not None]
    joules = next((row.joules for row in alone if row.joules is not None), None)
    if cpu:
        found["cpu_ms"] = mean(cpu, range(len(cpu)), bounded=False)
    if tokens:
        found["tokens"] = mean(tokens, range(len(tokens)), bounded=False)
    if joules is not None:
        found["joules"] = _exactly(joules / len(alone), len(alone))
    if prices and cpu:
        paid = [
            prices.of(row.cpu_ms or 0.0, None if joules is None else joules / len(alone), row.tokens) for row in alone
        ]
        found["price"] = mean(paid, range(len(paid)), bounded=False)
    return found


def rate_of(mode: str) -> float | None:
    """The rate of an open loop; None for another mode."""
    return float(mode.removeprefix("open-")) if mode.startswith("open-") else None


def _mode(rows: Sequence[LatencyRow], objective_ms: float) -> Shapes:
    return {
        **{name: quantile(latencies(rows), q).shape() for name, q in _QUANTILES},
        "per_s": throughput(rows),
        "asked": len(rows),
        "errored": sum(row.error is not None for row in rows),
        "kept": "yes" if keeps(rows, objective_ms) else "no",
    }


def _curve(rows: Sequence[LatencyRow]) -> Shapes:
    answered = [row for row in rows if row.error is None]
    if not answered:
        return {"total": [], "stages": {}}
    return {"total": distribution(latencies(answered)), "stages": stages([row.timings_ms for row in answered])}


def _counts(rows: Sequence[LatencyRow]) -> dict[str, int]:
    counts = Counter(row.outcome for row in rows)
    return {**{outcome: counts[outcome] for outcome in get_args(Outcome)}, "total": len(rows)}


def _exactly(value: float, n: int) -> Estimate:
    """A figure of which one run knows no spread: its interval is itself."""
    return Estimate(value, value, value, n, n)


def _shapes(estimates: Mapping[str, Estimate]) -> Shapes:
    return {name: estimate.shape() for name, estimate in estimates.items()}
