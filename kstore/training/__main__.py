"""``python -m kstore.training DIR``: train on lessons that ``kstore train-retrieval --only lessons`` left in DIR."""

import argparse
import json
import sys
from pathlib import Path

from kstore.training.course import MODELS, train_models
from kstore.training.loop import Recipe


def main() -> None:
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m kstore.training", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the lessons are, and the models are to be")
    parser.add_argument("--only", choices=MODELS, action="append", help="train this model alone")
    parser.add_argument("--onward", action="store_true", help="begin with the shipped weights")
    parser.add_argument("--epochs", type=int, default=recipe.epochs)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float, help="end each model's training in good order after so many")
    parser.add_argument("--batch", type=int, default=recipe.batch)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    chosen = parser.parse_args()
    recipe = Recipe(
        epochs=chosen.epochs, steps=chosen.steps, minutes=chosen.minutes, batch=chosen.batch, seed=chosen.seed
    )

    def report(model: str, epoch: int, epochs: int, loss: float) -> None:
        sys.stderr.write(f"{model}: epoch {epoch} of {epochs}, loss {loss:.3f}\n")
        sys.stderr.flush()

    records = train_models(chosen.folder, chosen.only or MODELS, recipe, chosen.onward, report)
    sys.stdout.write(json.dumps(records, indent=2) + "\n")


if __name__ == "__main__":
    main()
