"""The speed of the explicit memory, in ratios to what the work itself takes; run with ``python -m evals.speed``."""
