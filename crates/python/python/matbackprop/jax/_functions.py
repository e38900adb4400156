"""Functions of matrices, factors and decompositions."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from .._native import MatbackpropError
from ._callbacks import apply_rule, number

#: What :func:`cov_pool` makes of a spectrum.
Map = Literal["log", "sqrt", "inverse_sqrt"]


def symmetric(a: jax.Array) -> jax.Array:
    """(A + Aᵀ) / 2."""
    return 0.5 * (a + jnp.swapaxes(a, -1, -2))


def logm(a: jax.Array, eps: float = 0.0) -> jax.Array:
    """log(A + εI) of symmetric positive definite matrices, ``(..., n, n)``; NaN at an eigenvalue that is not positive."""
    return apply_rule("symmetric_log", [number(eps, "logm: eps")], [a], "logm")[0]


def sqrtm(a: jax.Array, eps: float = 0.0) -> jax.Array:
    """(A + εI)^½ of symmetric positive semidefinite matrices, ``(..., n, n)``; NaN at a negative eigenvalue."""
    return apply_rule("symmetric_sqrt", [number(eps, "sqrtm: eps")], [a], "sqrtm")[0]


def inverse_sqrtm(a: jax.Array, eps: float = 0.0) -> jax.Array:
    """(A + εI)^−½ of symmetric positive definite matrices, ``(..., n, n)``."""
    return apply_rule("symmetric_inverse_sqrt", [number(eps, "inverse_sqrtm: eps")], [a], "inverse_sqrtm")[0]


def expm(a: jax.Array) -> jax.Array:
    """exp(A) of symmetric matrices, ``(..., n, n)``. For general ones JAX has ``jax.scipy.linalg.expm``."""
    return apply_rule("symmetric_exp", [0.0], [a], "expm")[0]


def matrix_power(a: jax.Array, exponent: float | jax.Array, eps: float = 0.0) -> jax.Array:
    """(A + εI)ᵖ of symmetric positive definite matrices, ``(..., n, n)``.

    Args:
        exponent: any number; as an array, of one number or of one a matrix, it has a gradient.
    """
    if isinstance(exponent, jax.Array | np.ndarray):
        exponents = jnp.asarray(exponent, a.dtype)[..., None, None]
        a = a + number(eps, "matrix_power: eps") * jnp.eye(a.shape[-1], dtype=a.dtype)
        return apply_rule("learned_power", [], [a, exponents], "matrix_power")[0]
    numbers = [number(eps, "matrix_power: eps"), number(exponent, "matrix_power: exponent")]
    return apply_rule("symmetric_power", numbers, [a], "matrix_power")[0]


def cov_pool(features: jax.Array, eps: float, map: Map | float = "log") -> jax.Array:
    """Second-order pooling: log, root or power of FᵀF + εI, ``(..., d, d)``, from features ``(..., n, d)``.

    Args:
        eps: what is added to the spectrum of FᵀF, ε ≥ 0.
        map: ``"log"``, ``"sqrt"``, ``"inverse_sqrt"``, or an exponent.
    """
    ridge = number(eps, "cov_pool: eps")
    if isinstance(map, str):
        if map not in get_args(Map):
            names = ", ".join(get_args(Map))
            raise MatbackpropError(f"cov_pool: expected {names} or an exponent as `map`, found {map!r}")
        return apply_rule(f"gram_{map}", [ridge], [features], "cov_pool")[0]
    return apply_rule("gram_power", [ridge, number(map, "cov_pool: map")], [features], "cov_pool")[0]


class PolarFactors(NamedTuple):
    """A = W H, or H W where A is wide."""

    W: jax.Array
    H: jax.Array


def polar(a: jax.Array) -> PolarFactors:
    """The factor W with orthonormal columns (rows, where A is wide) that is closest to A, ``(..., m, n)``, and H, symmetric."""
    return PolarFactors(*apply_rule("polar", [], [a], "polar"))


def special_orthogonal(a: jax.Array) -> jax.Array:
    """The rotation, determinant 1, that is closest to A, ``(..., n, n)``."""
    return apply_rule("rotation", [], [a], "special_orthogonal")[0]


class Alignment(NamedTuple):
    """y ≈ s R x + t for each point."""

    R: jax.Array
    t: jax.Array
    s: jax.Array
    residual: jax.Array


def procrustes(
    x: jax.Array,
    y: jax.Array,
    weights: jax.Array | None = None,
    *,
    reflections: bool = False,
    translation: bool = True,
    scale: bool = False,
) -> Alignment:
    """The motion that brings points X closest to Y, both ``(..., points, d)``: Kabsch's; with ``scale``, Umeyama's.

    Args:
        weights: ``(..., points)``, not negative.

    Returns:
        ``R``, ``(..., d, d)``, ``t``, ``(..., d)``, ``s`` and ``residual``, ``(...)``.
    """
    if weights is None:
        weights = jnp.ones(x.shape[:-1], x.dtype)
    flags = [float(reflections), float(translation), float(scale)]
    rotation, shift, size, residual = apply_rule("procrustes", flags, [x, y, weights[..., None]], "procrustes")
    return Alignment(rotation, shift[..., 0], size[..., 0, 0], residual[..., 0, 0])


def _tolerance(rcond: float | None, name: str) -> list[float]:
    return [] if rcond is None else [number(rcond, f"{name}: rcond")]


def projector(a: jax.Array, rcond: float | None = None) -> jax.Array:
    """The projector onto the columns of A, ``(..., m, m)``, from ``(..., m, n)``, at any rank.

    Args:
        rcond: singular values up to this share of the largest count as zero; ``None`` for rounding alone.
    """
    return apply_rule("projector", _tolerance(rcond, "projector"), [a], "projector")[0]


def pinv(a: jax.Array, rcond: float | None = None) -> jax.Array:
    """The pseudo-inverse, ``(..., n, m)``, from ``(..., m, n)``, with its derivative along changes that keep the rank."""
    return apply_rule("pinv", _tolerance(rcond, "pinv"), [a], "pinv")[0]


def lstsq(a: jax.Array, b: jax.Array, rcond: float | None = None) -> jax.Array:
    """The shortest X that minimises ‖A X − B‖, ``(..., n, p)``, at any rank."""
    return apply_rule("lstsq", _tolerance(rcond, "lstsq"), [a, b], "lstsq")[0]


class EighResult(NamedTuple):
    """As ``jax.numpy.linalg.eigh``."""

    eigenvalues: jax.Array
    eigenvectors: jax.Array


def eigh(a: jax.Array) -> EighResult:
    """Eigenvalues, increasing, ``(..., n)``, and eigenvectors in columns, ``(..., n, n)``.

    The gradient is NaN where the loss tells the vectors of equal eigenvalues apart.
    """
    values, vectors = apply_rule("eigh", [], [a], "eigh")
    return EighResult(values[..., 0], vectors)


class SVDResult(NamedTuple):
    """As ``jax.numpy.linalg.svd(..., full_matrices=False)``."""

    U: jax.Array
    S: jax.Array
    Vh: jax.Array


def svd(a: jax.Array) -> SVDResult:
    """The thin decomposition A = U diag(S) Vh: ``(..., m, k)``, ``(..., k)`` decreasing, ``(..., k, n)``, k = min(m, n).

    The gradient is NaN where the loss tells the vectors of equal singular values apart.
    """
    u, values, v = apply_rule("svd", [], [a], "svd")
    return SVDResult(u, values[..., 0], jnp.swapaxes(v, -1, -2))
