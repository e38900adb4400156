"""The functions for PyTorch: derivatives of first and second order, batches, types, errors, transforms."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import matbackprop
import matbackprop.torch as mt
from torch.autograd import gradcheck, gradgradcheck

DOUBLE = torch.float64


def gaussian(*shape, seed=1):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def spd(*batch, n=4, seed=1):
    x = gaussian(*batch, n, 2 * n, seed=seed)
    return x @ x.mT / (2 * n) + 0.1 * torch.eye(n, dtype=DOUBLE)


def with_spectrum(values, seed=1):
    n = len(values)
    q, _ = torch.linalg.qr(gaussian(n, n, seed=seed))
    a = q @ torch.diag(torch.tensor(values, dtype=DOUBLE)) @ q.mT
    return 0.5 * (a + a.mT)


# Generic, repeated, identity.
SPECTRA = {"generic": [3.0, 2.0, 1.0, 0.5], "pairs": [2.0, 2.0, 1.0, 1.0], "identity": [1.0] * 4}
SYMMETRIC = {
    "logm": mt.logm,
    "logm with a ridge": lambda a: mt.logm(a, 0.1),
    "sqrtm": mt.sqrtm,
    "inverse_sqrtm": mt.inverse_sqrtm,
    "expm": mt.expm,
    "power": lambda a: mt.matrix_power(a, 0.3),
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("name", SYMMETRIC)
def test_functions_of_symmetric_matrices_to_second_order(name, spectrum):
    f = SYMMETRIC[name]
    a = with_spectrum(SPECTRA[spectrum]).requires_grad_()
    assert gradcheck(lambda a: f(mt.symmetric(a)), a)
    assert gradgradcheck(lambda a: f(mt.symmetric(a)), a)


FEATURES = {
    "generic": lambda: gaussian(7, 4),
    "wide": lambda: gaussian(3, 5),
    "repeated": lambda: torch.linalg.qr(gaussian(7, 4))[0],
    "rank 2": lambda: gaussian(7, 2) @ gaussian(2, 4, seed=2),
    "dead channel": lambda: gaussian(7, 4) * torch.tensor([1.0, 0.0, 1.0, 1.0], dtype=DOUBLE),
    "zero": lambda: torch.zeros(5, 3, dtype=DOUBLE),
}


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("map_", ["log", "sqrt", 0.3])
def test_pooling_to_second_order(kind, map_):
    f = FEATURES[kind]().requires_grad_()
    assert gradcheck(lambda f: mt.cov_pool(f, 0.5, map_), f)
    assert gradgradcheck(lambda f: mt.cov_pool(f, 0.5, map_), f)


RECTANGULAR = {"tall": (5, 3), "wide": (3, 5), "square": (4, 4)}


@pytest.mark.parametrize("kind", RECTANGULAR)
@pytest.mark.parametrize("name", ["polar", "projector", "pinv"])
def test_factors_to_second_order(name, kind):
    f = {"polar": lambda a: mt.polar(a).W, "projector": mt.projector, "pinv": mt.pinv}[name]
    a = gaussian(2, *RECTANGULAR[kind]).requires_grad_()
    assert gradcheck(f, a)
    assert gradgradcheck(f, a)


def test_both_polar_factors_together():
    a = gaussian(2, 4, 3).requires_grad_()
    assert gradcheck(lambda a: tuple(mt.polar(a)), a)


def test_rotations_at_rotations_and_reflections():
    q, _ = torch.linalg.qr(gaussian(3, 3))
    q = q * torch.linalg.det(q)
    reflection = q @ torch.diag(torch.tensor([3.0, 2.0, -1.0], dtype=DOUBLE))
    for a in (q, reflection, gaussian(3, 3, seed=3)):
        a = a.clone().requires_grad_()
        assert gradcheck(mt.special_orthogonal, a)
        assert torch.allclose(torch.linalg.det(mt.special_orthogonal(a)), torch.ones((), dtype=DOUBLE))


def test_alignment_finds_the_motion_and_has_its_gradient():
    x = gaussian(2, 6, 3)
    rotation = mt.special_orthogonal(gaussian(2, 3, 3, seed=2))
    shift = gaussian(2, 3, seed=3)
    y = 1.5 * x @ rotation.mT + shift[:, None, :]
    found = mt.procrustes(x, y, scale=True)
    assert torch.allclose(found.R, rotation) and torch.allclose(found.t, shift)
    assert torch.allclose(found.s, torch.full((2,), 1.5, dtype=DOUBLE))
    noisy = (y + 0.1 * gaussian(2, 6, 3, seed=4)).requires_grad_()
    weights = torch.rand(2, 6, dtype=DOUBLE, generator=torch.Generator().manual_seed(5)).requires_grad_()
    assert gradcheck(lambda x, y, w: mt.procrustes(x, y, w)[:2], (x.requires_grad_(), noisy, weights))


def test_decompositions_as_torch_has_them():
    a = spd(3, n=5)
    ours, theirs = mt.eigh(a), torch.linalg.eigh(a)
    assert torch.allclose(ours.eigenvalues, theirs.eigenvalues)
    assert torch.allclose(ours.eigenvectors.abs(), theirs.eigenvectors.abs())
    b = gaussian(3, 5, 4)
    ours, theirs = mt.svd(b), torch.linalg.svd(b, full_matrices=False)
    assert torch.allclose(ours.S, theirs.S) and ours.Vh.shape == theirs.Vh.shape
    assert torch.allclose(ours.U @ torch.diag_embed(ours.S) @ ours.Vh, b)
    # Losses that do not see signs.
    x = gaussian(5)
    assert gradcheck(lambda a: (mt.eigh(mt.symmetric(a)).eigenvectors.mT @ x) ** 2, a.requires_grad_())
    assert gradcheck(lambda b: torch.cat([mt.svd(b).S, (mt.svd(b).Vh @ x[:4]) ** 2]), b.requires_grad_())


def test_a_closed_gap_is_an_error_that_says_what_to_do():
    a = torch.eye(3, dtype=DOUBLE).requires_grad_()
    loss = (mt.eigh(a).eigenvectors * gaussian(3, 3)).sum()
    with pytest.raises(matbackprop.GapClosed, match="logm"):
        loss.backward()


def test_the_gradient_where_autograd_has_none():
    a = (2 * torch.eye(3, dtype=DOUBLE)).requires_grad_()
    values, v = torch.linalg.eigh(a)
    (theirs,) = torch.autograd.grad(((v * values.log()) @ v.mT).sum(), a)
    (ours,) = torch.autograd.grad(mt.logm(a).sum(), a)
    assert theirs.isnan().any()
    assert torch.allclose(ours, torch.full((3, 3), 0.5, dtype=DOUBLE), rtol=1e-15)


def test_single_precision_stays_single_and_leading_axes_are_batches():
    a = spd(2, 3, n=8).float().requires_grad_()
    value = mt.logm(a)
    assert value.dtype == torch.float32 and value.shape == (2, 3, 8, 8)
    value.square().sum().backward()
    double = a.detach().double().requires_grad_()
    mt.logm(mt.symmetric(double)).square().sum().backward()
    assert a.grad.dtype == torch.float32
    assert (a.grad - double.grad).norm() < 1e-5 * double.grad.norm()


def test_any_layout_of_memory():
    a = gaussian(6, 5, 4)
    dense = mt.pinv(a)
    for strided in (a.mT.contiguous().mT, a.permute(1, 0, 2).contiguous().permute(1, 0, 2)):
        assert not strided.is_contiguous() and torch.equal(mt.pinv(strided), dense)
    every_second = torch.stack([a, a], 1).flatten(0, 1)[::2]
    assert torch.equal(mt.pinv(every_second), dense)
    assert torch.equal(mt.pinv(a[:1].expand(6, 5, 4))[5], dense[0])
    assert mt.pinv(a[:0]).shape == (0, 4, 5)


def test_one_bad_matrix_names_itself_or_is_nan():
    a = torch.stack([torch.eye(2), -torch.eye(2), 2 * torch.eye(2)]).double().requires_grad_()
    with pytest.raises(matbackprop.OutsideDomain, match="matrix 1"):
        mt.logm(a)
    with mt.nan_for_failures():
        value = mt.logm(a)
        value.sum().backward()
    assert value[1].isnan().all() and not value[[0, 2]].isnan().any()
    assert a.grad[1].isnan().all() and not a.grad[[0, 2]].isnan().any()


def test_wrong_input_is_named():
    with pytest.raises(matbackprop.NotSymmetric):
        mt.logm(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.raises(matbackprop.MatbackpropError, match="float16"):
        mt.logm(torch.eye(2, dtype=torch.float16))
    with pytest.raises(matbackprop.MatbackpropError, match="dense tensor, found torch.sparse_coo"):
        mt.logm(torch.eye(3).to_sparse())
    with pytest.raises(TypeError, match="found str 'a'"):
        mt.cov_pool(torch.eye(3), "a")
    with pytest.raises(matbackprop.MatbackpropError, match="two axes"):
        mt.logm(torch.ones(3))
    with pytest.raises(TypeError, match="ndarray"):
        mt.logm(np.eye(2))
    with pytest.raises(matbackprop.MatbackpropError, match="finite"):
        mt.pinv(torch.full((2, 2), float("nan")))
    with pytest.raises(matbackprop.MatbackpropError, match="square"):
        mt.logm(torch.ones(2, 3))


def test_no_second_order_is_an_error():
    a = gaussian(3, 3).requires_grad_()
    (grad,) = torch.autograd.grad(
        mt.special_orthogonal(a).square().sum() + mt.special_orthogonal(a)[0, 1], a, create_graph=True
    )
    with pytest.raises(matbackprop.NotDifferentiable):
        grad.sum().backward()


def test_a_learned_exponent():
    a = with_spectrum(SPECTRA["pairs"]).requires_grad_()
    p = torch.tensor(0.4, dtype=DOUBLE, requires_grad=True)
    assert gradcheck(lambda a, p: mt.matrix_power(mt.symmetric(a), p), (a, p))


def test_least_squares_at_any_rank():
    b = gaussian(5, 2, seed=7).requires_grad_()
    assert gradcheck(mt.lstsq, (gaussian(5, 3).requires_grad_(), b))
    low = FEATURES["rank 2"]()[:5]
    x = mt.lstsq(low, b)
    assert torch.allclose(x, torch.linalg.pinv(low, rtol=1e-10) @ b)


def test_forward_mode_and_functional_transforms():
    a = spd(3, n=3)
    dot = mt.symmetric(gaussian(3, 3, 3, seed=9))
    _, tangent = torch.func.jvp(mt.logm, (a,), (dot,))
    step = 1e-6
    expected = (mt.logm(a + step * dot) - mt.logm(a - step * dot)) / (2 * step)
    assert torch.allclose(tangent, expected, atol=1e-8)
    grads = torch.func.vmap(torch.func.grad(lambda a: mt.logm(a).square().sum()))(a)
    x = a.clone().requires_grad_()
    mt.logm(x).square().sum().backward()
    assert torch.allclose(grads, x.grad)
    scalar = lambda f: mt.cov_pool(f, 0.3)[0, 1] ** 2
    f = gaussian(4, 2)
    forward_over_reverse = torch.func.hessian(scalar)(f)
    reverse = torch.autograd.functional.hessian(scalar, f)
    assert torch.allclose(forward_over_reverse, reverse)


def test_compiled_code_gives_the_same_numbers():
    f = gaussian(2, 9, 4).requires_grad_()
    plain = mt.cov_pool(f, 0.1).square().sum()
    (expected,) = torch.autograd.grad(plain, f)
    compiled = torch.compile(lambda f: mt.cov_pool(f, 0.1).square().sum(), backend="aot_eager", fullgraph=True)
    value = compiled(f)
    (found,) = torch.autograd.grad(value, f)
    assert torch.equal(value, plain) and torch.equal(found, expected)


def test_the_loss_of_normalised_cuts_to_second_order():
    features = gaussian(2, 12, 3).abs().requires_grad_()
    labels = torch.arange(12).div(4, rounding_mode="floor").expand(2, 12)
    several = torch.stack([labels, labels.flip(-1) // 2], 1)
    for eps in (1e-2, None):
        for people in (labels, several):
            assert gradcheck(lambda f: mt.ncuts_loss(f, people, eps), features)
            assert gradgradcheck(lambda f: mt.ncuts_loss(f, people, eps), features)
    with pytest.raises(matbackprop.MatbackpropError, match="labels of shape"):
        mt.ncuts_loss(features, labels[:, :5])


def cut_pictures():
    """Two pictures of twelve pixels, and labels of two annotators."""
    features = gaussian(2, 12, 3).abs().requires_grad_()
    labels = torch.arange(12).div(4, rounding_mode="floor").expand(2, 12)
    return features, torch.stack([labels, labels.flip(-1) // 2], 1)


@pytest.mark.parametrize("eps", [1e-2, None])
def test_a_metric_of_the_features_to_second_order(eps):
    features, people = cut_pictures()
    for batch in ((), (2,)):
        metric = spd(*batch, n=3).abs().requires_grad_()
        loss = lambda f, m: mt.ncuts_loss(f, people, eps, mt.symmetric(m))
        assert gradcheck(loss, (features, metric), check_forward_ad=True)
        assert gradgradcheck(loss, (features, metric))
    # The identity is the loss without one; a root of the metric may as well be in the features.
    plain = mt.ncuts_loss(features, people, eps)
    assert torch.allclose(mt.ncuts_loss(features, people, eps, torch.eye(3)), plain)
    root = mt.sqrtm(metric.detach())
    whole = mt.ncuts_loss(features @ root, people, eps)
    assert torch.allclose(mt.ncuts_loss(features, people, eps, metric), whole)
    (bar,) = torch.autograd.grad(mt.ncuts_loss(features, people, eps, metric).sum(), metric)
    assert torch.equal(bar, bar.mT) and bar.shape == (2, 3, 3)
    module = mt.NCutsLoss(eps, reduction="none")
    assert torch.equal(module(features, people, metric), mt.ncuts_loss(features, people, eps, metric))


@pytest.mark.parametrize("eps", [1e-2, None])
def test_the_loss_of_normalised_cuts_under_vmap_and_compiled(eps):
    features, people = cut_pictures()
    metric = spd(2, n=3)
    alone = [mt.ncuts_loss(f, p, eps, m) for f, p, m in zip(features, people, metric)]
    together = torch.func.vmap(lambda f, p, m: mt.ncuts_loss(f, p, eps, m))(features, people, metric)
    assert torch.equal(together, torch.stack(alone))
    # A gradient a picture; of one metric for all; over the annotators of one picture.
    gradient = torch.func.grad(lambda f, p: mt.ncuts_loss(f, p, eps))
    (whole,) = torch.autograd.grad(mt.ncuts_loss(features, people, eps).sum(), features)
    assert torch.allclose(torch.func.vmap(gradient)(features.detach(), people), whole, rtol=1e-12)
    each = torch.func.vmap(lambda p: mt.ncuts_loss(features[0], p, eps))(people[0])
    assert torch.allclose(each.mean(), mt.ncuts_loss(features[0], people[0], eps))
    loss = lambda f, m: mt.ncuts_loss(f, people, eps, m).square().sum()
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    metric.requires_grad_()
    expected = torch.autograd.grad(loss(features, metric), (features, metric))
    value = compiled(features, metric)
    assert torch.equal(value, loss(features, metric))
    for found, one in zip(torch.autograd.grad(value, (features, metric)), expected):
        assert torch.equal(found, one)


def test_labels_are_any_integers_also_beside_features_of_32_bits():
    features, people = cut_pictures()
    features = features.detach().float()
    plain = mt.ncuts_loss(features, people)
    # Neighbours that float32 cannot tell apart, negative ones, and other types.
    for labels in (people + 2**40, -3 * people, people.to(torch.uint8), people.int()):
        assert torch.equal(mt.ncuts_loss(features, labels), plain)
    assert plain.dtype == torch.float32
    empty = mt.ncuts_loss(features[:0], people[:0])
    assert empty.shape == (0,)


def test_a_picture_without_a_loss_is_nan_where_that_is_asked_for():
    features, people = cut_pictures()
    bad = features.detach().clone()
    bad[1] -= 5 * bad[1].mean(0) * (people[1, 0, :, None] - 0.5)
    with pytest.raises(matbackprop.MatbackpropError, match="matrix 1 of the stack"):
        mt.ncuts_loss(bad, people)
    with mt.nan_for_failures():
        loss = mt.ncuts_loss(bad, people)
    assert torch.isfinite(loss[0]) and torch.isnan(loss[1])


def test_metrics_that_are_none():
    features, people = cut_pictures()
    with pytest.raises(matbackprop.MatbackpropError, match=r"metric of shape \(3, 3\) or \(2, 3, 3\), found \(4, 4\)"):
        mt.ncuts_loss(features, people, metric=torch.eye(4))
    with pytest.raises(TypeError, match="metric as a tensor, found list"):
        mt.ncuts_loss(features, people, metric=[[1.0]])
    with pytest.raises(matbackprop.MatbackpropError, match="semidefinite"):
        mt.ncuts_loss(features, people, metric=torch.diag(torch.tensor([2.0, 1.0, -1.0])))


def test_modules_in_a_network_learn():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3), torch.nn.ReLU(), mt.CovPool(1e-2), torch.nn.Flatten(), torch.nn.Linear(36, 2)
    )
    images = torch.randn(8, 3, 12, 12)
    images[4:] = torch.nn.functional.avg_pool2d(images[4:], 3, 1, 1) * 3
    target = torch.arange(8) // 4
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(network(images), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < 0.3 * losses[0]
    assert "eps=0.01" in repr(network)
    loss = mt.NCutsLoss()(
        torch.rand(2, 3, 4, 4, requires_grad=True), torch.arange(16).reshape(4, 4).expand(2, 4, 4) // 8
    )
    assert loss.shape == () and loss.requires_grad


def test_a_rotation_regressor_where_autograd_gives_nan():
    """From the identity on, where all singular values are one: projection onto rotations by SVD has no gradient."""
    target = mt.special_orthogonal(gaussian(3, 3, seed=11))

    def by_svd(a):
        u, _, vh = torch.linalg.svd(a)
        return u @ vh

    def train(project):
        a = torch.eye(3, dtype=DOUBLE).requires_grad_()
        for _ in range(300):
            loss = (project(a) - target).square().sum()
            (grad,) = torch.autograd.grad(loss, a)
            a = (a - 0.2 * grad).detach().requires_grad_()
        return float((project(a) - target).norm())

    a = torch.eye(3, dtype=DOUBLE).requires_grad_()
    (grad,) = torch.autograd.grad((by_svd(a) - target).square().sum(), a)
    assert not torch.isfinite(grad).all()
    assert train(mt.special_orthogonal) < 1e-3


def test_a_small_spd_network_where_autograd_gives_nan():
    """Features of equal variance make covariances with equal eigenvalues: x log x through eigh is NaN, ours learns."""
    torch.manual_seed(1)
    weight = torch.nn.Parameter(torch.eye(4, dtype=DOUBLE))
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 4).double()
    stretched = signs * torch.tensor([2.0, 1.0, 1.0, 1.0], dtype=DOUBLE)
    batch = torch.stack([signs, stretched])
    target = torch.tensor([0.0, 1.0], dtype=DOUBLE)

    def by_eigh(f):
        c = f.mT @ f / 16
        values, v = torch.linalg.eigh(c)
        return (v * values.log().unsqueeze(-2)) @ v.mT

    bad = torch.nn.functional.mse_loss(by_eigh(batch @ weight)[:, 0, 0], target)
    (grad,) = torch.autograd.grad(bad, weight)
    assert grad.isnan().any()
    optimiser = torch.optim.SGD([weight], 0.2)
    for _ in range(100):
        pooled = mt.cov_pool(batch @ weight / 4, 1e-6)
        loss = torch.nn.functional.mse_loss(pooled[:, 0, 0], target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss) < 0.05 and torch.isfinite(weight).all()
