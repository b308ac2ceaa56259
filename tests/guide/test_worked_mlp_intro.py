"""The numbers of the chapter on multi-layer perceptrons follow from its example network."""

from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.guide.chapters import says

CHAPTER = "mlp_intro.md"
RATE = 0.5
Array = NDArray[np.float64]


class Network(NamedTuple):
    w1: Array
    b1: Array
    w2: Array
    b2: Array


class Forward(NamedTuple):
    z1: Array
    a1: Array
    z2: Array
    exponentials: Array
    p: Array


class Backward(NamedTuple):
    d2: Array
    w2: Array
    sent_back: Array
    slope: Array
    d1: Array
    w1: Array


START = Network(
    np.array([[0.8, 0.2], [-0.4, 0.6]]),
    np.array([0.1, 0.3]),
    np.array([[0.5, -0.7], [0.9, 0.4]]),
    np.array([0.2, -0.1]),
)
X, Y = np.array([0.5, -1.0]), np.array([1.0, 0.0])


def forward(net: Network, x: Array = X) -> Forward:
    z1 = net.w1 @ x + net.b1
    a1 = 1 / (1 + np.exp(-z1))
    z2 = net.w2 @ a1 + net.b2
    exponentials = np.exp(z2)
    return Forward(z1, a1, z2, exponentials, exponentials / exponentials.sum())


def loss(net: Network, x: Array = X, y: Array = Y) -> float:
    return float(-np.log(forward(net, x).p @ y))


def backward(net: Network, x: Array = X, y: Array = Y) -> Backward:
    seen = forward(net, x)
    d2 = seen.p - y
    sent_back, slope = net.w2.T @ d2, seen.a1 * (1 - seen.a1)
    d1 = sent_back * slope
    return Backward(d2, np.outer(d2, seen.a1), sent_back, slope, d1, np.outer(d1, x))


def step(net: Network) -> Network:
    it = backward(net)
    return Network(net.w1 - RATE * it.w1, net.b1 - RATE * it.d1, net.w2 - RATE * it.w2, net.b2 - RATE * it.d2)


def moved(first_output_weight: float) -> float:
    w2 = START.w2.copy()
    w2[0, 0] = first_output_weight
    return loss(START._replace(w2=w2))


def states(heading: str, values: Array, digits: int = 4) -> bool:
    return all(says(CHAPTER, heading, float(value), digits) for value in values.flat)


def test_forward_pass_by_hand() -> None:
    it = forward(START)
    assert states("The hidden layer by hand", it.z1, 1)
    assert states("The hidden layer by hand", np.exp(-it.z1))
    assert states("The hidden layer by hand", it.a1)
    assert states("The output layer by hand", it.z2)
    assert states("The output layer by hand", it.exponentials)
    assert says(CHAPTER, "The output layer by hand", float(it.exponentials.sum()), 4)
    assert states("The output layer by hand", it.p)


def test_loss_by_hand_is_worse_than_that_of_a_coin() -> None:
    assert says(CHAPTER, "The loss by hand", loss(START), 4)
    assert says(CHAPTER, "The loss by hand", log(2), 4)
    assert loss(START) > log(2)


def test_error_signals_by_hand() -> None:
    it = backward(START)
    assert states("The error signal of the output layer", it.d2)
    assert abs(it.d2.sum()) < 1e-12
    assert states("The error signal of the hidden layer", it.sent_back)
    assert states("The error signal of the hidden layer", 1 - forward(START).a1)
    assert states("The error signal of the hidden layer", it.slope)
    assert states("The error signal of the hidden layer", it.d1)


def test_gradients_by_hand() -> None:
    it = backward(START)
    assert states("Gradients of the output weights", it.w2)
    assert states("Gradients of the hidden weights", it.w1)
    assert abs(it.w1).max() < abs(it.w2).max() / 2
    assert np.linalg.matrix_rank(it.w1) == 1
    assert states("Gradients of the biases", it.d1)
    assert states("Gradients of the biases", it.d2)


def test_updated_parameters_by_hand() -> None:
    for parameters in step(START):
        assert states("One step of gradient descent by hand", parameters)


def test_loss_after_the_step_by_hand() -> None:
    heading = "The loss after the step"
    after = step(START)
    seen = forward(after)
    for values in (seen.z1, seen.z2, seen.p):
        assert states(heading, values)
    assert says(CHAPTER, heading, loss(after), 4)
    assert says(CHAPTER, heading, loss(START) - loss(after), 4)
    it = backward(START)
    squared = sum(float((part**2).sum()) for part in (it.d2, it.w2, it.d1, it.w1))
    assert says(CHAPTER, heading, squared, 4)
    assert says(CHAPTER, heading, RATE * squared, 4)
    trained = [START]
    for _ in range(10):
        trained.append(step(trained[-1]))
    assert says(CHAPTER, heading, loss(trained[2]), 4)
    assert says(CHAPTER, heading, loss(trained[10]), 4)


def test_finite_differences_agree_with_back_propagation() -> None:
    heading = "Checking gradients by finite differences"
    assert says(CHAPTER, heading, moved(0.51), 7)
    assert says(CHAPTER, heading, moved(0.49), 7)
    assert says(CHAPTER, heading, moved(0.51) - moved(0.49), 7)
    central = (moved(0.51) - moved(0.49)) / 0.02
    assert says(CHAPTER, heading, central, 5)
    assert says(CHAPTER, heading, (moved(0.51) - moved(0.5)) / 0.01, 5)
    assert round(central, 5) == round(float(backward(START).w2[0, 0]), 5)


def test_batch_of_two_examples() -> None:
    heading = "Batches in matrix form"
    x, y = np.array([1.0, 0.5]), np.array([0.0, 1.0])
    second = backward(START, x, y)
    assert states(heading, forward(START, x).p)
    assert states(heading, second.d2)
    assert says(CHAPTER, heading, loss(START, x, y), 4)
    assert says(CHAPTER, heading, (loss(START) + loss(START, x, y)) / 2, 4)
    assert says(CHAPTER, heading, float(backward(START).d2[0] + second.d2[0]) / 2, 4)


def test_operations_and_kept_numbers_of_the_image_classifier() -> None:
    inputs, hidden, outputs = 784, 256, 10
    weights = inputs * hidden + hidden * outputs
    for operations in (weights, 2 * weights, 4 * weights, 6 * weights, 2 * inputs * hidden):
        assert says(CHAPTER, "Cost of the forward and backward pass", operations, 0)
    kept = inputs + hidden
    for numbers in (kept, 64 * kept, 4 * 64 * kept):
        assert says(CHAPTER, "Memory for the backward pass", numbers, 0)


def test_gradients_of_the_computational_graph() -> None:
    u, v, w = 3, -2, 5
    upstream = 2 * (u * v + w)
    for gradient in (u * v + w, upstream, upstream * v, upstream * u):
        assert says(CHAPTER, "Computational graphs", gradient, 0)


def test_parameter_counts() -> None:
    sizes = (784, 256, 10)
    layers = [(inputs + 1) * outputs for inputs, outputs in pairwise(sizes)]
    for count in (*layers, sum(layers), 4 * sum(layers)):
        assert says(CHAPTER, "Parameter count of a multi-layer perceptron", count, 0)
    d = 768
    for count in (8 * d**2 + 5 * d, 12 * (8 * d**2 + 5 * d), 4 * d**2 + 4 * d):
        assert says(CHAPTER, "The perceptron inside a transformer", count, 0)


def test_two_linear_layers_are_one() -> None:
    heading = "Why the hidden layer must be non-linear"
    matrix, bias = START.w2 @ START.w1, START.w2 @ START.b1 + START.b2
    assert states(heading, matrix, 2)
    assert states(heading, bias, 2)
    assert states(heading, matrix @ X + bias, 2)
    assert np.allclose(matrix @ X + bias, START.w2 @ (START.w1 @ X + START.b1) + START.b2)


def test_equal_neurons_stay_equal() -> None:
    heading = "Symmetry breaking"
    equal = Network(np.full((2, 2), 0.5), np.zeros(2), np.array([[0.5, 0.5], [-0.5, -0.5]]), np.zeros(2))
    it = backward(equal)
    assert states(heading, forward(equal).a1)
    assert states(heading, it.d1)
    assert states(heading, it.w1)
    after = step(equal)
    assert states(heading, after.w1)
    assert np.array_equal(after.w1[0], after.w1[1])
    assert not backward(Network(*(0 * part for part in START))).w1.any()
