"""The functions for JAX: derivatives, transforms, types, and what is NaN."""

import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp
import matbackprop
import matbackprop.jax as mj
from jax.test_util import check_grads


@pytest.fixture(autouse=True)
def double():
    """Numbers of 64 bits, which differences need."""
    with jax.enable_x64(True):
        yield


def gaussian(*shape, seed=1):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def with_spectrum(values, seed=1):
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))
    return mj.symmetric(jnp.asarray(q @ np.diag(values) @ q.T))


def checked(function, *arguments, order=2):
    check_grads(jax.jit(function), arguments, order=order, modes=["rev"])


SPECTRA = {"generic": [3.0, 2.0, 1.0, 0.5], "pairs": [2.0, 2.0, 1.0, 1.0], "identity": [1.0] * 4}
SYMMETRIC = {
    "logm": mj.logm,
    "logm with a ridge": lambda a: mj.logm(a, 0.1),
    "sqrtm": mj.sqrtm,
    "inverse_sqrtm": mj.inverse_sqrtm,
    "expm": mj.expm,
    "power": lambda a: mj.matrix_power(a, 0.3),
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("name", SYMMETRIC)
def test_functions_of_symmetric_matrices_to_second_order(name, spectrum):
    f = SYMMETRIC[name]
    checked(lambda a: f(mj.symmetric(a)), with_spectrum(SPECTRA[spectrum]))


def test_values_are_those_of_numpy():
    a = gaussian(5, 3)
    values, vectors = mj.eigh(a.T @ a)
    assert np.allclose(values, np.linalg.eigvalsh(a.T @ a)) and np.allclose(vectors * values @ vectors.T, a.T @ a)
    u, s, vh = mj.svd(a)
    assert np.allclose(s, np.linalg.svd(a)[1]) and np.allclose(u * s @ vh, a)
    assert np.allclose(mj.pinv(a), np.linalg.pinv(a)) and np.allclose(mj.projector(a), a @ np.linalg.pinv(a))
    w, h = mj.polar(a)
    assert np.allclose(w @ h, a) and np.allclose(w.T @ w, np.eye(3))
    assert np.allclose(mj.lstsq(a, a[:, :1]), np.eye(3)[:, :1])
    assert np.linalg.det(mj.special_orthogonal(gaussian(3, 3))) == pytest.approx(1.0)
    assert np.allclose(mj.cov_pool(a, 0.1, 1.0), a.T @ a + 0.1 * np.eye(3))
    assert np.allclose(mj.cov_pool(a, 0.1), mj.logm(a.T @ a, 0.1))


FEATURES = {
    "generic": lambda: gaussian(7, 4),
    "wide": lambda: gaussian(3, 5),
    "repeated": lambda: jnp.eye(7, 4) * 2,
    "rank 2": lambda: gaussian(7, 2) @ gaussian(2, 4, seed=2),
    "dead channel": lambda: gaussian(7, 4) * jnp.array([1.0, 0.0, 1.0, 1.0]),
    "zero": lambda: jnp.zeros((5, 3)),
}


@pytest.mark.parametrize("map_", ["log", "sqrt", "inverse_sqrt", 0.3])
@pytest.mark.parametrize("name", FEATURES)
def test_pooled_features_to_second_order(name, map_):
    checked(lambda f: mj.cov_pool(f, 0.5, map_), FEATURES[name]())


def test_factors():
    a = gaussian(5, 3)
    for f in (lambda a: mj.polar(a).W, mj.projector, mj.pinv):
        checked(f, a)
    for f in (mj.polar, mj.svd, mj.special_orthogonal, lambda a: mj.lstsq(a, a @ a.T @ gaussian(3, 2))):
        checked(f, a[:3], order=1)
    checked(lambda a: mj.eigh(mj.symmetric(a)), with_spectrum([3.0, 2.0, 1.0]), order=1)
    # Equal values, where their vectors do not count.
    trace_of_exp = lambda eigh: lambda a: jnp.sum(jnp.exp(eigh(a)[0])) + jnp.sum(eigh(a)[1] ** 2)
    assert np.allclose(jax.grad(trace_of_exp(mj.eigh))(jnp.eye(3)), np.e * np.eye(3))
    # JAX's own rule at the same place.
    assert np.isnan(jax.grad(trace_of_exp(jnp.linalg.eigh))(jnp.eye(3))).any()


def test_transforms_agree():
    x = gaussian(4, 5, 3)
    loss = lambda x: jnp.sum(mj.cov_pool(x, 1e-2) ** 2)
    gradient = jax.grad(loss)(x)
    assert np.array_equal(jax.jit(jax.grad(loss))(x), gradient)
    assert np.allclose(jax.vmap(jax.grad(loss))(x), gradient, rtol=1e-13, atol=0)
    # Over one of two arguments, and over the second axis.
    a, b = gaussian(5, 3), gaussian(6, 5, 2)
    found = jax.vmap(mj.lstsq, in_axes=(None, 0))(a, b)
    assert np.allclose(found, jnp.stack([mj.lstsq(a, one) for one in b]))
    assert np.allclose(jax.vmap(mj.pinv, in_axes=1)(jnp.swapaxes(x, 0, 1)), mj.pinv(x))
    hessian = jax.jacrev(jax.grad(lambda a: mj.logm(mj.symmetric(a))[0, 0]))(jnp.eye(2))
    assert np.allclose(hessian, np.transpose(hessian, (2, 3, 0, 1))) and hessian[0, 0, 0, 0] == pytest.approx(-1.0)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(mj.logm, (jnp.eye(2),), (jnp.eye(2),))


def test_batches_without_matrices_and_numbers_of_32_bits():
    assert mj.logm(jnp.zeros((0, 3, 3))).shape == (0, 3, 3)
    assert jax.grad(lambda x: jnp.sum(mj.pinv(x)))(jnp.zeros((2, 0, 3, 2))).shape == (2, 0, 3, 2)
    code = (
        "import jax, jax.numpy as jnp, matbackprop.jax as mj\n"
        "f = lambda a: jnp.sum(mj.logm(a))\n"
        "g = jax.jit(jax.grad(f))(2 * jnp.eye(3))\n"
        "assert g.dtype == jnp.float32 and jnp.allclose(g, 0.5), g\n"
        "h = jax.jacrev(jax.grad(f))(2 * jnp.eye(3))\n"
        "assert jnp.isfinite(h).all()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_failures_are_nan_with_words():
    a = jnp.stack([jnp.eye(2), -jnp.eye(2), 4 * jnp.eye(2)])
    with mj.failures() as messages:
        found = jax.block_until_ready(jax.jit(mj.logm)(a))
    assert np.allclose(found[0], 0) and np.isnan(found[1]).all() and np.allclose(found[2], np.log(4) * np.eye(2))
    assert len(messages) == 1 and "symmetric_log: matrix 1" in messages[0]
    # A gradient that is not there.
    with mj.failures() as messages:
        bar = jax.block_until_ready(jax.grad(lambda a: jnp.sum(mj.eigh(a)[1][..., 0, 0]))(a))
    assert np.isnan(bar).any() and any("the gradient of eigh" in message for message in messages)
    # A second derivative that is not there: H of a polar factor, for the matrices whose H counts.
    x = jnp.stack([jnp.eye(2), 2 * jnp.eye(2)])
    weights = jnp.array([0.0, 1.0])[:, None, None]

    def loss(x):
        w, h = mj.polar(x)
        return jnp.sum(w**3) + jnp.sum(weights * h**2)

    with mj.failures() as messages:
        second = jax.block_until_ready(jax.grad(lambda x: jnp.sum(jax.grad(loss)(x) ** 2))(x))
    assert np.isfinite(second[0]).all() and np.isnan(second[1]).all()
    assert len(messages) == 1 and "the second derivative of polar: matrix 1" in messages[0]


def cut_picture():
    return jnp.abs(gaussian(6, 3)), jnp.array([0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("eps", [1e-2, None])
def test_the_loss_of_normalised_cuts_to_second_order(eps):
    features, labels = cut_picture()
    checked(lambda f: mj.ncuts_loss(f, labels, eps), features)
    metric = jnp.eye(3) + 0.1
    checked(lambda f, m: mj.ncuts_loss(f, labels, eps, mj.symmetric(m)), features, metric)
    two = jnp.stack([features, features[::-1]])
    people = jnp.stack([jnp.stack([labels, 1 - labels // 2])] * 2)
    found = mj.ncuts_loss(two, people, eps)
    assert found.shape == (2,)
    one_by_one = jnp.stack([mj.ncuts_loss(two[k], people[k], eps) for k in range(2)])
    assert np.allclose(found, one_by_one, rtol=1e-12)
    assert np.allclose(jax.vmap(lambda f, p: mj.ncuts_loss(f, p, eps))(two, people), found, rtol=1e-12)
    gradient = jax.jit(jax.grad(lambda f: mj.ncuts_loss(f, labels, eps)))(features)
    assert np.isfinite(gradient).all()


def test_labels_are_any_integers_also_beside_features_of_32_bits():
    features, labels = cut_picture()
    plain = mj.ncuts_loss(features.astype(jnp.float32), labels)
    assert plain.dtype == jnp.float32
    for other in (labels + 2**40, -3 * labels, labels.astype(jnp.uint8)):
        assert mj.ncuts_loss(features.astype(jnp.float32), other) == plain


def test_an_exponent_that_is_learned():
    a = jnp.stack([with_spectrum(SPECTRA["generic"]), jnp.eye(4)])
    power = lambda a, p: mj.matrix_power(mj.symmetric(a), p, 0.1)
    assert np.allclose(power(a, jnp.asarray(0.3)), mj.matrix_power(a, 0.3, 0.1), rtol=1e-13)
    checked(power, a, jnp.asarray(0.3), order=1)
    checked(power, a, jnp.asarray([0.5, -1.5]), order=1)


def test_alignments_of_points():
    x, weights = gaussian(2, 9, 3), 0.1 + jnp.abs(gaussian(2, 9, seed=2))
    rotation = mj.special_orthogonal(gaussian(2, 3, 3, seed=3))
    y = 2.0 * x @ jnp.swapaxes(rotation, -1, -2) + jnp.array([1.0, -2.0, 0.5])
    found = mj.procrustes(x, y, scale=True)
    assert np.allclose(found.R, rotation) and np.allclose(found.s, 2.0)
    assert np.allclose(found.t, jnp.array([1.0, -2.0, 0.5])) and np.all(np.abs(found.residual) < 1e-12)
    noisy = y + 0.1 * gaussian(2, 9, 3, seed=4)
    checked(lambda x, y, w: mj.procrustes(x, y, w, scale=True)[:3], x, noisy, weights, order=1)


def test_a_picture_without_a_loss_is_nan():
    features, labels = cut_picture()
    with mj.failures() as messages:
        pictures = jnp.stack([features, features - 5 * features.mean(0) * (labels[:, None] - 0.5)])
        loss = jax.block_until_ready(mj.ncuts_loss(pictures, jnp.stack([labels, labels])))
    assert np.isfinite(loss[0]) and np.isnan(loss[1]) and "ncuts: matrix 1" in messages[0]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: mj.logm([[1.0]]), TypeError, "array of JAX or NumPy, found list"),
        (lambda: mj.logm(jnp.eye(2, dtype=jnp.int32)), matbackprop.MatbackpropError, "float32 or float64, found int32"),
        (lambda: mj.logm(jnp.eye(2, dtype=jnp.bfloat16)), matbackprop.MatbackpropError, "found bfloat16"),
        (lambda: mj.logm(jnp.ones(3)), matbackprop.MatbackpropError, "two axes or more"),
        (lambda: mj.logm(jnp.ones((2, 3))), matbackprop.MatbackpropError, "square"),
        (lambda: mj.cov_pool(jnp.ones((2, 3)), 1.0, "exp"), matbackprop.MatbackpropError, "log, sqrt, inverse_sqrt"),
        (lambda: jax.jit(mj.logm)(jnp.eye(2), 0.1), TypeError, "static_argnames"),
        (
            lambda: mj.ncuts_loss(jnp.ones((4, 2)), jnp.zeros(3, jnp.int32)),
            matbackprop.MatbackpropError,
            r"expected labels of shape \(4,\)",
        ),
        (
            lambda: mj.ncuts_loss(jnp.ones((4, 2)), jnp.zeros(4)),
            matbackprop.MatbackpropError,
            "integers as labels",
        ),
    ],
)
def test_wrong_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
