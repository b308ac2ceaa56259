"""The numbers of the introduction to neural networks follow from its examples."""

from collections.abc import Callable
from itertools import product
from math import erf, exp, expm1, log, log1p, sqrt, tanh

import numpy as np

from tests.guide.chapters import says, section

CHAPTER = "nn_intro.md"


def sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z))


def relu(z: float) -> float:
    return max(0.0, z)


def gelu(z: float) -> float:
    return z * (1 + erf(z / sqrt(2))) / 2


def test_worked_neuron() -> None:
    heading = "A worked neuron"
    w = np.array([0.6, 0.4, -1.2])
    z = float(w @ [2, -1, 0.5]) + 0.5
    assert says(CHAPTER, heading, z, 1)
    assert says(CHAPTER, heading, sigmoid(z), 3)
    assert says(CHAPTER, heading, tanh(z), 3)
    assert says(CHAPTER, heading, float(w @ [3, -1, 0.5]) + 0.5, 1)
    assert says(CHAPTER, heading, z - 1, 1)


def test_one_neuron_computes_and_but_not_all_functions_of_two_bits() -> None:
    heading = "What one neuron can separate"
    for x1, x2 in product((0, 1), repeat=2):
        assert says(CHAPTER, heading, x1 + x2 - 1.5, 1)
        assert (x1 + x2 - 1.5 > 0) == (x1 and x2)
        assert (x1 + x2 - 0.5 > 0) == (x1 or x2)
    assert says(CHAPTER, heading, 0.5 / sqrt(2), 3)
    assert says(CHAPTER, heading, separable_functions(2), 0)
    assert says(CHAPTER, heading, separable_functions(3), 0)


def separable_functions(bits: int) -> int:
    """How many Boolean functions a threshold neuron with small integer weights computes."""
    points = np.array(list(product((0, 1), repeat=bits)))
    weights = np.array(list(product(range(-3, 4), repeat=bits)))
    biases = np.arange(-9.5, 10)
    outputs = (weights @ points.T)[:, None, :] + biases[:, None] > 0
    return len(np.unique(outputs.reshape(-1, 2**bits), axis=0))


def test_two_hidden_neurons_solve_xor() -> None:
    for x1, x2 in product((0, 1), repeat=2):
        first, second = relu(x1 + x2), relu(x1 + x2 - 1)
        assert first - 2 * second == (x1 ^ x2)
        row = f"| $({x1}, {x2})$ | {first:.0f} | {second:.0f} | {x1 ^ x2} |"
        assert row in section(CHAPTER, "The XOR problem")


def test_values_of_activation_functions() -> None:
    heading = "Sigmoid and tanh"
    assert says(CHAPTER, heading, sigmoid(5), 4)
    assert says(CHAPTER, heading, sigmoid(5) * (1 - sigmoid(5)), 4)
    assert says(CHAPTER, heading, tanh(5), 4)
    assert says(CHAPTER, heading, 1 - tanh(5) ** 2, 4)
    assert abs(tanh(0.7) - (2 * sigmoid(1.4) - 1)) < 1e-12
    for value in (0.01 * -2, expm1(-2), log1p(exp(-2))):
        assert says(CHAPTER, "ReLU and its relatives", value, 3)


def test_values_of_gelu_and_swiglu() -> None:
    heading = "GELU and SwiGLU"
    for z in (-1, 1):
        assert says(CHAPTER, heading, gelu(z), 3)
        assert says(CHAPTER, heading, z * sigmoid(z), 3)
    lowest = min((k / 1000 for k in range(-3000, 0)), key=gelu)
    assert says(CHAPTER, heading, lowest, 2)
    assert says(CHAPTER, heading, gelu(lowest), 3)
    assert says(CHAPTER, heading, sigmoid(1) * 2, 3)


def test_layer_as_a_matrix() -> None:
    heading = "Layers as matrices"
    weighted = np.array([[0.5, -1, 2], [1.5, 0, -0.5]]) @ [2, 1, -1]
    total = weighted + np.array([0.5, -1])
    assert says(CHAPTER, heading, weighted[0], 0)
    assert says(CHAPTER, heading, weighted[1], 1)
    assert says(CHAPTER, heading, total[0], 1)
    assert says(CHAPTER, heading, total[1], 1)
    assert says(CHAPTER, heading, 2 * (3 + 1), 0)


def test_three_neurons_make_a_tent() -> None:
    tent = [relu(x) - 2 * relu(x - 1) + relu(x - 2) for x in (-1, 0, 0.5, 1, 2, 5)]
    assert tent == [0, 0, 0.5, 1, 0, 0]


def test_ten_folds_make_a_zigzag() -> None:
    heading = "Depth and width"
    y = np.linspace(0, 1, 2**14 + 1)
    for _ in range(10):
        y = 2 * np.maximum(0, y) - 4 * np.maximum(0, y - 0.5)
    pieces = 1 + np.count_nonzero(np.diff(np.sign(np.diff(y))))
    assert says(CHAPTER, heading, pieces, 0)
    assert says(CHAPTER, heading, pieces - 1, 0)


def test_parameters_of_a_dense_layer_and_a_convolution() -> None:
    heading = "Families of architectures"
    inputs = 224 * 224 * 3
    for count in (inputs, 1000 * (inputs + 1), 64 * (9 * 64 + 1)):
        assert says(CHAPTER, heading, count, 0)


def test_mean_squared_error() -> None:
    heading = "Mean squared error"
    errors = np.array([2.5, 5.5, 2]) - [3, 5, 4]
    assert says(CHAPTER, heading, float((errors**2).mean()), 1)
    assert says(CHAPTER, heading, float(abs(errors).mean()), 0)
    assert says(CHAPTER, heading, 100 * float((errors**2).max() / (errors**2).sum()), 0)


def test_binary_cross_entropy() -> None:
    heading = "Binary cross-entropy"
    losses = [-log(0.9), -log(0.6), -log(1 - 0.2)]
    for value in (*losses, sum(losses) / 3, -log(0.01), log(2)):
        assert says(CHAPTER, heading, value, 3)


def test_categorical_cross_entropy() -> None:
    heading = "Categorical cross-entropy"
    exponentials = np.exp([2, 1, -1])
    p = exponentials / exponentials.sum()
    for value in (*exponentials, exponentials.sum(), *p, *-np.log(p), log(10), log(50257)):
        assert says(CHAPTER, heading, float(value), 3)


def test_gradient_of_a_saturated_output() -> None:
    heading = "Matching the loss to the output"
    p = sigmoid(-5)
    for value in (p, p - 1, p * (1 - p), (p - 1) * p * (1 - p)):
        assert says(CHAPTER, heading, value, 4)
    assert says(CHAPTER, heading, round(1 / (p * (1 - p)), -1), 0)


def test_two_steps_on_a_line() -> None:
    heading = "A worked step of gradient descent"
    x, y = np.array([1.0, 2, 3]), np.array([3.0, 5, 7])
    w, b, losses = 0.0, 0.0, []
    seen: list[tuple[float, float, np.ndarray]] = []
    for _ in range(3):
        errors = w * x + b - y
        losses.append(float((errors**2).mean()))
        seen.append((w, b, w * x + b))
        if not w:
            assert says(CHAPTER, heading, 2 * float((errors * x).mean()), 3)
            assert says(CHAPTER, heading, 2 * float(errors.mean()), 0)
        w, b = w - 0.1 * 2 * float((errors * x).mean()), b - 0.1 * 2 * float(errors.mean())
    (_, _, _), (w1, b1, predictions), (w2, b2, _) = seen
    for value in (losses[0], w1, *predictions, losses[1], w2, b2):
        assert says(CHAPTER, heading, float(value), 3)
    assert says(CHAPTER, heading, b1, 0)
    assert says(CHAPTER, heading, losses[2], 4)


def test_steps_of_an_epoch() -> None:
    heading = "Batches, steps and epochs"
    steps = -(-50_000 // 128)
    for value in (steps, 10 * steps, 50_000 % 128):
        assert says(CHAPTER, heading, value, 0)


def test_learning_rates_on_a_parabola() -> None:
    heading = "The learning rate"
    for rate in (0.01, 0.1, 0.25, 0.4, 0.6):
        w = 3.0
        for _ in range(5):
            w -= rate * 4 * w
        assert f"| {rate} | {1 - 4 * rate:g} |".replace("-", "\u2212") in section(CHAPTER, heading)
        assert says(CHAPTER, heading, w, 3)


def test_size_of_starting_weights() -> None:
    heading = "Initialisation"
    assert says(CHAPTER, heading, sqrt(2 / 512), 4)
    factor = 512 * 0.01**2 / 2
    assert says(CHAPTER, heading, factor, 4)
    assert says(CHAPTER, heading, factor**10 * 1e16, 1)
    assert says(CHAPTER, heading, 512 / 2, 0)
    assert says(CHAPTER, heading, 256**10 / 1e24, 1)


def test_products_of_slopes() -> None:
    heading = "Vanishing and exploding gradients"
    assert says(CHAPTER, heading, 0.25**10 * 1e7, 1)
    assert says(CHAPTER, heading, 1.5**20, 0)


def test_error_of_an_accuracy() -> None:
    assert says(CHAPTER, "Training, validation and test sets", sqrt(0.9 * 0.1 / 1000), 4)


def test_the_line_beats_the_cubic() -> None:
    heading = "Over-fitting and under-fitting"
    x, y, new = np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 1, 3]), np.array([0.5, 2.5, 4])
    slope, offset = np.polyfit(x, y, 1)

    def cubic(x: np.ndarray) -> np.ndarray:
        return x + x * (3 - x) * (1.5 - x)

    def line(x: np.ndarray) -> np.ndarray:
        return slope * x + offset

    def error(model: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
        return float(((model(x) - y) ** 2).mean())

    assert np.array_equal(cubic(x), y)
    assert f"{slope:.1f}x + {offset:.1f}" in section(CHAPTER, heading)
    for value in (error(line, x, y), error(line, new, new), *cubic(new)[:2]):
        assert says(CHAPTER, heading, float(value), 2)
    for value in line(new):
        assert says(CHAPTER, heading, float(value), 1)
    assert says(CHAPTER, heading, float(cubic(new)[2]), 0)
    assert says(CHAPTER, heading, error(cubic, new, new), 3)


def test_dropout_and_weight_decay() -> None:
    heading = "Regularisation in practice"
    assert says(CHAPTER, heading, 1 / (1 - 0.2), 2)
    shrink = 1 - 0.01 * 0.1
    assert says(CHAPTER, heading, shrink, 3)
    assert says(CHAPTER, heading, 100 * shrink**1000, 0)
