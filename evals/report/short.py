"""The least that a reader wants to know of a run of questions and one of edits, for a README.

python -m evals.report.short RUN FRESHNESS
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.outputs import read_summary

_COLUMNS = (
    ("test", "exact_match", "exact match"),
    ("test", "f1", "token F1"),
    ("test", "contains", "contains the answer"),
    ("heldout", "contains", "held-out facts: contains"),
    ("unanswerable", "exact_match", "unanswerable: declined"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("freshness", type=Path)
    given = parser.parse_args()
    print(table(read_summary(given.run)))
    print()
    print(sentence(read_summary(given.freshness)))


def table(summary: Mapping[str, Any]) -> str:
    """Each arm by what it was asked, with half of each interval's width, as a Markdown table."""
    lines = [
        f"| arm | {' | '.join(title for *_, title in _COLUMNS)} | evidence in the first 5 | median ms |",
        f"|---|{'---|' * (len(_COLUMNS) + 2)}",
    ]
    splits = summary["slices"]["split"]
    for arm, figures in summary["arms"].items():
        shown = [splits.get(split, {}).get(arm, {}).get(metric) for split, metric, _ in _COLUMNS]
        cells = [*map(_share, shown), _share(figures.get("recall@5")), f"{figures['latency_ms_p50']['value']:.0f}"]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sentence(summary: Mapping[str, Any]) -> str:
    """What an edit takes to be answered, from the vectors and from the weights."""
    arms, freshness = summary["arms"], summary["freshness"]
    visible, success = arms["retrieval"]["t_visible_ms_p50"], arms["retrieval"]["update_success_of_known"]
    curve = [it for it in freshness["learning"] if it["seconds"] > 0]
    taught = ", ".join(f"{it['seconds']:g} s {it['new_rate']['value']:.2f}" for it in curve)
    kept = ", ".join(f"{it['untouched']['value']:.2f}" for it in freshness["learning"])
    return (
        f"An edit is in the answer of the vectors {visible['value']:.0f} ms after it is handed over (median, "
        f"[{visible['ci'][0]:.0f}, {visible['ci'][1]:.0f}]); of edits of what they had answered before, "
        f"{success['value']:.0%} are answered anew. Of {curve[0]['edits']} edits that the weights are taught together, "
        f"they answer, after so many seconds of training: {taught}; of questions that no edit touches, from the "
        f"beginning on: {kept}."
    )


def _share(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    low, high = figure["ci"]
    return f"{figure['value']:.2f} ± {(high - low) / 2:.2f}"


if __name__ == "__main__":
    main()
