"""The worked numbers of the first mathematics chapter, computed again; its derived gradients against autograd."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from tests.guide.chapters import says

CHAPTER = "transformers_math1.md"


def stated(heading: str, values: object, digits: int = 3) -> None:
    """Fail unless the section states each of the values."""
    array = values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)
    for value in array.ravel():
        assert says(CHAPTER, heading, float(value), digits), f"{heading}: {value:.{digits}f} is not stated"


def leaf(rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def const(rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def jacobian_of(y: Tensor, x: Tensor) -> Tensor:
    return torch.stack([torch.autograd.grad(part, x, retain_graph=True)[0] for part in y])


def softmax(z: Iterable[float]) -> np.ndarray:
    e = np.exp(np.asarray(z, dtype=float))
    p: np.ndarray = e / e.sum()
    return p


def test_dot_product_angle_and_projection() -> None:
    heading = "Vectors and the dot product"
    a, b = np.array([1, 2, 2]), np.array([2, 0, 1])
    cosine = a @ b / math.sqrt((a @ a) * (b @ b))
    projection = (a @ b) / (a @ a) * a
    stated(heading, cosine)
    stated(heading, math.degrees(math.acos(cosine)), 1)
    stated(heading, projection)
    stated(heading, b - projection)
    assert abs((b - projection) @ a) < 1e-12


def test_norms_of_the_example_and_their_order() -> None:
    x = np.array([3, -4, 0])
    norms = [np.linalg.norm(x, p) for p in (np.inf, 2, 1)]
    stated("Norms", norms, 0)
    assert norms[0] <= norms[1] <= norms[2] <= math.sqrt(3) * norms[1]
    y = leaf([3.0, -4.0, 0.0])
    y.norm().backward()
    assert y.grad is not None
    assert torch.allclose(y.grad, y.detach() / 5)


def test_matrix_as_map_and_product() -> None:
    image = np.array([[2, 1], [0, 1]]) @ [3, -1]
    assert image.tolist() == [5, -1]
    stated("Matrices as maps", image, 0)
    product = np.array([[1, 2, 0], [3, -1, 1]]) @ np.array([[1, 0], [2, 1], [4, 5]])
    assert product.tolist() == [[5, 2], [5, 4]]
    stated("Matrix multiplication by hand", product, 0)


def test_rank_one_matrix_and_numbers_of_low_rank_factors() -> None:
    assert np.linalg.matrix_rank(np.array([[1, 2], [2, 4]])) == 1
    n, r = 4096, 8
    stated("Rank", [r * 2 * n, n * n], 0)
    stated("Rank", 100 * r * 2 * n / n**2, 2)


def test_eigenvalues_and_powers() -> None:
    heading = "Eigenvalues and eigenvectors"
    stated(heading, np.linalg.eigvalsh([[2, 1], [1, 2]]), 0)
    stated(heading, 0.9**100, 7)
    stated(heading, 1.1**100, 0)


def test_singular_values_and_best_rank_one_matrix() -> None:
    matrix = np.array([[3.0, 0.0], [4.0, 5.0]])
    left, values, right = np.linalg.svd(matrix)
    stated("Singular value decomposition", values)
    stated("Singular value decomposition", values**2, 0)
    best = values[0] * np.outer(left[:, 0], right[0])
    stated("Best low-rank approximation", best, 1)
    stated("Best low-rank approximation", np.linalg.norm(matrix - best))
    stated("Best low-rank approximation", 100 * values[0] ** 2 / (matrix**2).sum(), 0)


def test_chain_rule_with_one_and_with_two_paths() -> None:
    heading = "Derivatives and the chain rule"
    x = leaf(0.5)
    value = torch.log(1 + torch.exp(3 * x))
    (slope,) = torch.autograd.grad(value, x)
    stated(heading, [value.item(), slope.item()])
    stated(heading, slope.item() / 3, 4)
    x = leaf(2.0)
    (slope,) = torch.autograd.grad(x**2 * (3 * x), x)
    stated(heading, slope.item(), 0)


def test_gradient_and_hessian_of_the_example_function() -> None:
    def f(point: Tensor) -> Tensor:
        return point[0] ** 2 * point[1] + point[1]

    point = leaf([1.0, 2.0])
    (gradient,) = torch.autograd.grad(f(point), point, create_graph=True)
    assert gradient.tolist() == [4, 2]
    stated("Gradients", gradient, 0)
    stated("Gradients", gradient.norm().item())
    stated("Gradients", f(point + const([0.01, 0.005])).item(), 4)
    hessian = jacobian_of(gradient, point)
    assert hessian.tolist() == [[4, 2], [2, 0]]
    stated("The Hessian", torch.linalg.eigvalsh(hessian))


def test_jacobian_and_vector_jacobian_product() -> None:
    point = leaf([2.0, 3.0])
    x, y = point
    jacobian = jacobian_of(torch.stack([x * y, x + y**2]), point)
    assert jacobian.tolist() == [[3, 2], [1, 6]]
    stated("Jacobians", jacobian, 0)
    stated("Jacobians", const([1.0, -1.0]) @ jacobian, 0)
    stated("Jacobians", 4096**2, 0)


def test_gradient_of_a_linear_layer_against_autograd() -> None:
    x, w, b = leaf([[1.0, 2], [3, -1]]), leaf([[1.0, 0], [2, -1]]), leaf([0.0, 0])
    upstream = const([[1.0, 0], [0.5, -1]])
    by_autograd = torch.autograd.grad(x @ w + b, (w, x, b), upstream)
    by_formula = x.T @ upstream, upstream @ w.T, upstream.sum(0)
    for one, other in zip(by_autograd, by_formula, strict=True):
        assert torch.allclose(one, other)
    heading = "Gradient of a linear layer"
    for value in torch.cat([part.flatten() for part in by_autograd]).tolist():
        stated(heading, value, 0 if value == int(value) else 1)


def test_expectation_and_variance() -> None:
    heading = "Random variables and expectation"
    x, p = np.array([1, 2, 6]), np.array([0.5, 0.3, 0.2])
    mean, square = x @ p, x**2 @ p
    stated(heading, [mean, square, math.sqrt(square - mean**2)], 1)
    stated(heading, [mean**2, square - mean**2], 2)


def test_variance_of_a_correlated_mean() -> None:
    n, rho = 100, 0.1
    covariance = np.full((n, n), rho) + (1 - rho) * np.eye(n)
    variance = covariance.sum() / n**2
    stated("Variance of a sum", variance)
    stated("Variance of a sum", 1 / variance, 1)


def test_bayes_rule_with_one_and_two_flags() -> None:
    prior, hit, false_alarm = 0.1, 0.8, 0.15
    flag = prior * hit + (1 - prior) * false_alarm
    ratio, odds = hit / false_alarm, prior / (1 - prior)
    twice = odds * ratio**2
    stated("Bayes' rule", [flag, prior * hit / flag, odds * ratio, ratio, twice, twice / (1 + twice)])


def test_log_likelihoods_of_three_distributions() -> None:
    counts = np.array([6, 3, 1])
    best = counts @ np.log(counts / 10)
    others = [counts @ np.log(p) for p in ([0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3])]
    assert best > max(others)
    stated("Maximum likelihood", [best, -best / 10, *others])


def test_masses_of_the_normal_distribution() -> None:
    heading = "The normal distribution"
    inside = [math.erf(k / math.sqrt(2)) for k in (1, 2)]
    assert abs(100 * inside[1] - 95.45) < 0.001
    stated(heading, 100 * inside[0], 1)
    stated(heading, 100 * (1 - inside[1]), 2)
    stated(heading, 1 / math.sqrt(2 * math.pi))


def test_norms_concentrate() -> None:
    heading, d = "Concentration of norms", 768
    spread = math.sqrt(2 * d) / (2 * math.sqrt(d))
    stated(heading, [math.sqrt(d), spread], 2)
    stated(heading, spread)
    stated(heading, 100 * spread / math.sqrt(d), 1)
    stated(heading, 100 * (1 - 0.99**3), 0)
    stated(heading, 100 * (1 - 0.99**d), 2)


def test_room_for_nearly_orthogonal_vectors() -> None:
    heading, d, epsilon = "Random vectors are nearly orthogonal", 768, 0.3
    stated(heading, 1 / math.sqrt(d))
    stated(heading, math.exp(d * epsilon**2 / 4) / 1e6, 0)


def test_cosines_break_the_triangle_inequality_and_depend_on_the_origin() -> None:
    heading = "Cosine similarity and Euclidean distance"
    step = 1 - math.cos(math.pi / 4)
    assert 2 * step < 1
    stated(heading, [step, 2 * step])
    a, b = np.array([10, 1]), np.array([10, -1])
    stated(heading, a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_dimensions_of_the_johnson_lindenstrauss_lemma() -> None:
    needed = [math.ceil(4 * math.log(1e6) / (e**2 / 2 - e**3 / 3)) for e in (0.2, 0.1)]
    stated("The Johnson-Lindenstrauss lemma", needed, 0)


def test_softmax_and_its_shifted_form() -> None:
    heading, z = "Softmax by hand", np.array([2.0, 1.0, -1.0])
    shifted = np.exp(z - 2)
    stated(heading, [*np.exp(z), np.exp(z).sum(), *softmax(z)])
    stated(heading, [*shifted[1:], shifted.sum()])
    stated(heading, math.exp(3), 1)
    assert np.allclose(softmax(z), softmax(z - 2))


def test_softmax_jacobian_and_backward_pass_against_autograd() -> None:
    z, upstream = leaf([2.0, 1.0, -1.0]), const([1.0, 0.0, 2.0])
    p = torch.softmax(z, 0)
    jacobian = jacobian_of(p, z)
    assert torch.allclose(torch.diag(p) - torch.outer(p, p), jacobian)
    stated("The Jacobian of softmax", jacobian)
    (gradient,) = torch.autograd.grad(p, z, upstream)
    assert torch.allclose(p * (upstream - p @ upstream), gradient)
    stated("The backward pass of softmax", (p @ upstream).item())
    stated("The backward pass of softmax", gradient)


def test_softmax_jacobian_has_norm_at_most_a_half() -> None:
    rng = np.random.default_rng(0)
    for p in [*rng.dirichlet([0.3] * 4, size=50), np.array([0.5, 0.5])]:
        assert np.linalg.norm(np.diag(p) - np.outer(p, p), 2) <= 0.5 + 1e-12


def test_log_sum_exp_and_its_gradient() -> None:
    heading, z = "Log-sum-exp", leaf([2.0, 1.0, -1.0])
    value = torch.logsumexp(z, 0)
    (gradient,) = torch.autograd.grad(value, z)
    assert torch.allclose(gradient, torch.softmax(z, 0))
    stated(heading, [value.item(), 2 + math.log(3), 1001 + math.log1p(math.exp(-1))])
    stated(heading, torch.log_softmax(z, 0))


def test_cross_entropy_gradient_against_autograd() -> None:
    heading, z = "The gradient of cross-entropy with softmax", leaf([2.0, 1.0, -1.0])
    loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([1]))
    (gradient,) = torch.autograd.grad(loss, z)
    assert torch.allclose(gradient, torch.softmax(z, 0) - const([0.0, 1.0, 0.0]))
    stated(heading, [loss.item(), gradient.norm().item()])
    stated(heading, gradient)


def test_softmax_maximises_score_plus_entropy() -> None:
    heading, s = "From lookup to soft lookup", np.array([2.0, 1.0, -1.0])
    w = softmax(s)
    score, entropy = w @ s, -(w * np.log(w)).sum()
    stated(heading, [score, entropy, score + entropy, s.mean(), math.log(3), s.mean() + math.log(3)])
    others = np.random.default_rng(0).dirichlet([1, 1, 1], size=200)
    assert ((others @ s - (others * np.log(others)).sum(1)) <= score + entropy).all()


def test_width_of_the_attention_kernel() -> None:
    stated("Attention as kernel regression", 64**0.25)


def test_scaling_keeps_softmax_from_saturating() -> None:
    heading = "Why scores are divided by the square root"
    rough, fine = softmax([8, 0, -8]), softmax([1, 0, -1])
    stated(heading, rough, 4)
    stated(heading, fine)
    norms = [np.linalg.norm(np.diag(p) - np.outer(p, p), 2) for p in (rough, fine)]
    stated(heading, norms[0], 5)
    stated(heading, norms[1])
    stated(heading, round(norms[1] / norms[0], -1), 0)


def test_attention_gradient_formulas_against_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(3))
    upstream = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    mask = torch.triu(torch.full((5, 5), -torch.inf, dtype=torch.float64), 1)
    a = torch.softmax(q @ k.T / 2 + mask, -1)
    o = a @ v
    by_autograd = torch.autograd.grad(o, (q, k, v), upstream)
    d = (upstream * o).sum(-1, keepdim=True)
    s = a * (upstream @ v.T - d)
    for one, other in zip(by_autograd, (s @ k / 2, s.T @ q / 2, a.T @ upstream), strict=True):
        assert torch.allclose(one, other)


def test_gradient_of_attention_by_hand() -> None:
    heading = "The gradient of attention by hand"
    q, k, v = leaf([2.0, 0, 1, 1]), leaf([[1.0, 1, 0, 0], [0, 1, 0, 0]]), leaf([[1.0, 0], [0, 2]])
    upstream = const([1.0, -1.0])
    a = torch.softmax(k @ q / 2, 0)
    o = a @ v
    gradients = torch.autograd.grad(o, (q, k, v), upstream)
    stated(heading, torch.cat([a, o]))
    stated(heading, (upstream @ o).item())
    stated(heading, a * (v @ upstream - upstream @ o))
    stated(heading, gradients[2])
    for gradient in (gradients[0], gradients[1][0]):
        stated(heading, gradient[gradient != 0])
    assert torch.allclose(gradients[1][1], -gradients[1][0])


def test_heads_add_up() -> None:
    heading = "Multi-head attention as a sum"
    joined = np.array([3, 5]) @ np.array([[1, 2], [0, -1]])
    assert joined.tolist() == [3, 1]
    stated(heading, [768**2, 2 * 768 * 64], 0)


def test_attention_without_positions_is_permutation_equivariant() -> None:
    rng = np.random.default_rng(0)
    x, order = rng.standard_normal((6, 4)), rng.permutation(6)
    wq, wk, wv = rng.standard_normal((3, 4, 4))

    def attend(rows: np.ndarray) -> np.ndarray:
        e = np.exp(rows @ wq @ wk.T @ rows.T / 2)
        out: np.ndarray = e / e.sum(1, keepdims=True) @ rows @ wv
        return out

    assert np.allclose(attend(x)[order], attend(x[order]))


def test_sinusoids_two_apart() -> None:
    heading = "Sinusoids as rotations"
    frequencies = 10000.0 ** (-np.arange(0, 4, 2) / 4)

    def encoding(p: int) -> np.ndarray:
        return np.array([f(w * p) for w in frequencies for f in (math.sin, math.cos)])

    stated(heading, [*encoding(3), *encoding(5), *np.cos(frequencies * 2), encoding(3) @ encoding(5)])
    assert np.isclose(encoding(3) @ encoding(5), encoding(40) @ encoding(42))


def test_rotary_embedding_depends_on_distance_only() -> None:
    heading = "Rotary embedding derived"

    def rotated(vector: tuple[float, float], angle: float) -> np.ndarray:
        c, s = math.cos(angle), math.sin(angle)
        return np.array([[c, -s], [s, c]]) @ vector

    for m, n in ((5, 3), (12, 10)):
        q, k = rotated((1, 0), 0.5 * m), rotated((0.6, 0.8), 0.5 * n)
        stated(heading, [*q, *k, q @ k])
    stated(heading, 2 * math.pi, 2)
    stated(heading, 2 * math.pi * 10000 ** (126 / 128), 0)


def test_alibi_half_lives() -> None:
    heading = "ALiBi as a decay"
    stated(heading, math.log(2) / 2**-1, 2)
    stated(heading, math.log(2) / 2**-8, 1)
    stated(heading, [math.exp(-0.5), 1 - math.exp(-0.5)])


def test_layer_normalisation_gradient_against_autograd() -> None:
    heading = "The gradient of layer normalisation by hand"
    x, upstream = leaf([0.0, 2, 2, 8]), const([1.0, 0, -1, 2])
    y = torch.nn.functional.layer_norm(x, (4,), eps=0.0)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    hat, s = y.detach(), x.detach().std(correction=0)
    along = (upstream * hat).mean()
    assert torch.allclose(gradient, (upstream - upstream.mean() - hat * along) / s)
    stated(heading, hat[1:])
    stated(heading, along.item())
    stated(heading, gradient)
    assert abs(gradient.sum()) < 1e-12
    assert abs(gradient @ hat) < 1e-12
    wrong = upstream / s
    assert (wrong - gradient).abs().min() > 0.01
    stated(heading, wrong[wrong != 0])


def test_rmsnorm_gradient_against_autograd() -> None:
    heading = "The gradient of RMSNorm"
    x, upstream = leaf([2.0, 4, 4, 8]), const([1.0, 0, -1, 2])
    y = torch.nn.functional.rms_norm(x, (4,), eps=0.0)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    hat = y.detach()
    assert torch.allclose(gradient, (upstream - hat * (upstream * hat).mean()) / 5)
    stated(heading, hat, 1)
    stated(heading, (upstream * hat).mean().item(), 1)
    stated(heading, gradient)


def test_residual_products() -> None:
    heading = "Gradients through residual connections"
    stated(heading, 1.1**24, 2)
    stated(heading, 0.9**24)


def test_block_forward_and_backward_against_autograd() -> None:
    x, identity, swap = leaf([[1.0, 1], [1.4, 0.2]]), [[1.0, 0], [0, 1]], [[0.0, 1], [1, 0]]
    start = [leaf(rows) for rows in (identity, swap, identity, [[1.0, 0], [0, -1]], [[1.0, -1], [1, 1]], swap)]
    kept: dict[str, Tensor] = {}

    def normed(rows: Tensor) -> Tensor:
        return rows / rows.square().mean(-1, keepdim=True).sqrt()

    def loss(wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        hat = normed(x)
        q, k, v = hat[1] @ wq, hat @ wk, hat @ wv
        s = k @ q / math.sqrt(2)
        a = torch.softmax(s, 0)
        o = a @ v
        h = x[1] + o @ wo
        n = normed(h)
        z = n @ w1
        m = torch.relu(z)
        y = h + m @ w2
        kept.update(hat=hat, q=q, k=k, v=v, s=s, a=a, o=o, h=h, n=n, z=z, m=m, y=y)
        return torch.logsumexp(y, 0) - y[1]

    before = loss(*start)
    bars = dict(zip(kept, torch.autograd.grad(before, list(kept.values()), retain_graph=True), strict=True))
    (x_bar,) = torch.autograd.grad(before, x, retain_graph=True)
    gradients = torch.autograd.grad(before, start)

    for name in ("s", "a", "o", "h"):
        stated("Forward through attention", kept[name])
    r = kept["h"].square().mean().sqrt()
    stated("Forward to the loss", [r.item(), before.item(), *torch.softmax(kept["y"], 0).tolist()])
    stated("Forward to the loss", torch.cat([kept["n"], kept["z"], kept["y"]]))

    heading = "Backward through the feed-forward layer"
    along = (bars["n"] * kept["n"]).mean()
    stated(heading, torch.cat([bars["y"], bars["m"], bars["n"], bars["h"]]))
    stated(heading, along.item())
    stated(heading, (bars["n"] - kept["n"] * along) / r)
    assert torch.allclose(bars["y"] + (bars["n"] - kept["n"] * along) / r, bars["h"])

    heading = "Backward through attention"
    stated(heading, (kept["a"] @ bars["a"]).item())
    for name in ("o", "v", "a", "s", "q", "k"):
        stated(heading, bars[name])

    heading = "Backward to the two inputs"
    stated(heading, bars["hat"])
    stated(heading, (bars["hat"] * kept["hat"]).mean(-1))
    stated(heading, x_bar)
    stated(heading, x_bar[1] - bars["h"])

    heading = "Gradients of the weights in the block"
    squared = sum(gradient.square().sum().item() for gradient in gradients)
    for gradient in gradients:
        stated(heading, gradient[gradient != 0])
    after = loss(*[weight - 0.1 * gradient for weight, gradient in zip(start, gradients, strict=True)])
    stated(heading, squared, 2)
    stated(heading, [0.1 * squared, before.item(), after.item(), before.item() - after.item()])


def test_central_and_one_sided_differences() -> None:
    heading = "Checking a gradient numerically"

    def central(h: float) -> float:
        return ((2 + h) ** 3 - (2 - h) ** 3) / (2 * h)

    stated(heading, [central(0.1), ((2.1) ** 3 - 8) / 0.1], 2)
    stated(heading, central(0.01), 4)
    assert round(2.2e-16 ** (1 / 3), 6) == 6e-6
    assert round(1.2e-7 ** (1 / 3), 3) == 5e-3
