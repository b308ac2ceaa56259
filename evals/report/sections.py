"""What stands in a report, in its order, whatever form it takes: sentences, tables and plots. What the summary does
not hold has no section."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evals.report import plots, plots_of_change, plots_of_index, tables
from evals.report.canvas import Plot, looks
from evals.report.tables import Summary, Table
from evals.report.wording import between, claim, estimated, number

_LEADING = ("contains", "f1", "exact_match")
CONTROL = "nearest-question"
_CLAIMS = 6


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of a report; ``folded`` are tables for those who look something up."""

    slug: str
    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    folded: tuple[Table, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.sentences or self.tables or self.plots)


def sections(summary: Summary, meanings: Mapping[str, str]) -> list[Section]:
    """All that have something to show."""
    curves, freshness = summary.get("curves") or {}, summary.get("freshness") or {}
    look = looks(arms_of(summary))
    latencies = curves.get("latency_ms") or {}
    stages = {arm: found.get("stages") or {} for arm, found in latencies.items()}
    made = [
        Section("short", "In short", tuple(_claims(summary))),
        _results(summary, meanings),
        Section("contrasts", "Contrasts", tables=_some(tables.contrasts(summary))),
        Section("slices", "Accuracy by slice", plots=tuple(plots.by_slice(summary.get("slices") or {}, look))),
        Section(
            "confidence",
            "Confidence",
            plots=_some(
                plots.reliability(curves.get("reliability") or {}, look),
                plots.risk_coverage(curves.get("risk_coverage") or {}, look),
            ),
        ),
        Section(
            "latency",
            "Latency",
            plots=_some(plots.latency(latencies, look), plots.stages("stages", "Stages of an answer", stages, look)),
        ),
        _load(summary.get("load") or {}),
        _freshness(freshness, look),
        _decision(summary.get("decision") or {}, look),
        _index(summary.get("index") or {}),
        Section("outcomes", "Outcomes", tables=_some(tables.outcomes(summary), tables.errors(summary))),
    ]
    return [section for section in made if not section.empty]


def arms_of(summary: Summary) -> list[str]:
    """Every arm that is named anywhere: the first two of the headline, then those that win somewhere, which have to be
    told apart by their colours, then all others. Each looks the same in all plots."""
    curves, freshness = summary.get("curves") or {}, summary.get("freshness") or {}
    places = [
        summary.get("arms") or {},
        *curves.values(),
        freshness.get("timeline") or {},
        freshness.get("stages_ms") or {},
    ]
    won = [arm for row in (summary.get("decision") or {}).get("crossover", {}).get("winner", ()) for arm in row if arm]
    named = [arm for place in places for arm in place]
    return list(dict.fromkeys([*named[:2], *won, *named]))


def _claims(summary: Summary) -> Iterable[str]:
    """What the run shows, first what it means and then how the main arms compare in the leading metric."""
    yield from (summary.get("decision") or {}).get("sentences") or ()
    yield from (claim(contrast) for contrast in _leading(summary.get("contrasts") or ())[:_CLAIMS])
    yield from _worth(summary.get("arms") or {})
    counts = summary.get("counts") or {}
    if counts.keys() >= {"scored", "declined", "errored", "total"}:
        parts = ", ".join(f"{number(counts[it])} {it}" for it in ("scored", "declined", "errored"))
        yield f"{number(counts['total'])} times an arm was asked: {parts}."


def _worth(arms: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Whether choosing between the memories is worth more for its time than either; only a gap between the intervals
    counts."""
    told = {arm: arms[arm]["right_per_second"] for arm in plots.MAIN_ARMS if "right_per_second" in arms.get(arm, {})}
    if len(told) < len(plots.MAIN_ARMS) or not all(map(estimated, told.values())):
        return
    adaptive = told.pop("adaptive")
    beaten = [arm for arm, other in told.items() if adaptive["ci"][0] > other["ci"][1]]
    verdict = f"adaptive beats {' and '.join(beaten)}" if beaten else "adaptive beats neither memory"
    figures = ", ".join(
        f"{arm} {number(it['value'])} {between(it)}" for arm, it in {"adaptive": adaptive, **told}.items()
    )
    only = ", not both memories" if len(beaten) == 1 else ""
    yield f"For each second of answering, so many are right: {figures}; {verdict}{only}."


def _leading(contrasts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The contrasts to be told first: of the main arms with each other, and with the control that a memory must beat;
    without any of these, all of the first leading metric that there is."""
    known = [(it["metric"], {it["a"], it["b"]}, it) for it in contrasts]
    main = [
        it for leading in _LEADING for metric, pair, it in known if metric == leading and pair <= {*plots.MAIN_ARMS}
    ]
    controlled = [
        it for metric, pair, it in known if metric == _LEADING[0] and CONTROL in pair and pair & {*plots.MAIN_ARMS}
    ]
    first = next((it for it in _LEADING if any(metric == it for metric, *_ in known)), None)
    return [*main, *controlled] or [it for metric, _, it in known if metric == first]


def _results(summary: Summary, meanings: Mapping[str, str]) -> Section:
    if not summary.get("arms"):
        return Section("results", "Results")
    table = tables.headline(summary, meanings)
    shown = [row[0].text for row in table.rows if row[0].text in meanings]
    legend = tables.plain("What the metrics mean", ("metric", "meaning"), [(it, meanings[it]) for it in shown])
    return Section("results", "Results", tables=(table,), folded=(legend,) if shown else ())


def _load(found: Mapping[str, Any]) -> Section:
    """Closed loops have so many clients, open ones so many Poisson arrivals a second."""
    modes: Mapping[str, Mapping[str, Any]] = found.get("modes") or {}
    shown = tuple(tables.across(f"{arm} under load, times in ms", "mode", of_arm) for arm, of_arm in modes.items())
    objective = number(found.get("objective_ms"))
    sentence = (
        f"closed-N: N clients, each asking when it is answered. open-R: R questions a second, at random times, each "
        f"timed from when it was due; kept: whether p99 is within {objective} ms."
    )
    return Section("load", "Under load", (sentence,) if shown else (), shown)


def _freshness(found: Mapping[str, Any], look: plots.Looks) -> Section:
    main = found.get("mode")
    swapped = {
        f"{memory}, {at.replace('_', ' ')}": shares
        for memory, times in (found.get("swap") or {}).items()
        for at, shares in times.items()
    }
    taught = {number(int(it["edits"])): _without_place(it) for it in found.get("sequential") or ()}
    shown = [
        *(
            tables.down(f"Edits in mode {mode}{', the main one' if mode == main else ''}", "measure", arms)
            for mode, arms in (found.get("modes") or {}).items()
        ),
        *([tables.across("Two states of the documents, swapped", "memory", swapped)] if swapped else []),
        *(
            [tables.across("Where weights and documents differ", "arm", found["conflict"])]
            if found.get("conflict")
            else []
        ),
        *([tables.across("Edits taught to the weights one after another", "taught", taught)] if taught else []),
        *([tables.down("What the writes cost", "of a mode", found["writes"])] if found.get("writes") else []),
    ]
    return Section(
        "freshness",
        "Freshness",
        tables=tuple(table for table in shown if table.rows),
        plots=(
            *plots_of_change.timeline(found, look),
            *_some(
                plots_of_change.verdicts(found.get("verdicts") or {}),
                plots_of_change.learning(found.get("learning") or (), found.get("index_ms")),
                plots.stages("freshness-stages", "From an edit to its answer", found.get("stages_ms") or {}, look),
            ),
        ),
    )


def _without_place(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: it for name, it in point.items() if name not in {"edits", "steps"}}


def _decision(found: Mapping[str, Any], look: plots.Looks) -> Section:
    return Section(
        "decision", "Where each wins", plots=_some(plots_of_change.crossover(found.get("crossover") or {}, look))
    )


def _index(found: Mapping[str, Any]) -> Section:
    sentence = (
        "One query at a time on one thread. Effort is ef_search or nprobe: the least of those tried that finds 95 % "
        "of the ten true neighbours or, where none does, that which finds most. The vectors are drawn around those of "
        "real passages. Product codes give four times as many candidates, which are compared by their exact vectors."
    )
    if not found:
        return Section("index", "Kinds of index")
    return Section(
        "index",
        "Kinds of index",
        (sentence,),
        (plots_of_index.comparison(found["table"]),),
        tuple(plots_of_index.recall_by_time(found["curves"])),
    )


def _some(*items: Any) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)
