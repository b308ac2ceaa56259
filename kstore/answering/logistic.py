"""From a logit to a probability: what every calibration of a confidence ends with."""

import math


def logistic(logit: float) -> float:
    """``1 / (1 + exp(-logit))``, without its overflow."""
    return (1 + math.tanh(logit / 2)) / 2
