"""``python -m kstore.training DIR``: train on lessons that ``kstore train-retrieval --only lessons`` left in DIR."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from kstore.training.course import MODELS, train_models
from kstore.training.loop import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kstore.training", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the lessons are, and the models are to be")
    parser.add_argument("--only", choices=MODELS, action="append", help="train this model alone")
    parser.add_argument("--onward", action="store_true", help="begin with the shipped weights")
    recipe = asdict(Recipe())
    for name, default in recipe.items():
        whole = isinstance(default, int) or name == "steps"
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int if whole else float, default=default, help="see Recipe in loop.py")
    chosen = parser.parse_args()

    def report(model: str, epoch: int, epochs: int, loss: float) -> None:
        sys.stderr.write(f"{model}: epoch {epoch} of {epochs}, loss {loss:.3f}\n")
        sys.stderr.flush()

    records = train_models(
        chosen.folder,
        chosen.only or MODELS,
        Recipe(**{name: getattr(chosen, name) for name in recipe}),
        chosen.onward,
        report,
    )
    sys.stdout.write(json.dumps(records, indent=2) + "\n")


if __name__ == "__main__":
    main()
