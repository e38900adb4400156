"""Matrix layers for JAX whose gradients stay finite and right.

``jnp.linalg.eigh`` and ``svd`` give NaN or wrong gradients where eigenvalues or singular values are equal: at the identity, at
rotations, at low rank, with dead channels. The functions here take the derivative of the whole matrix function.

Conventions:
    Leading axes are batches. ``float32`` comes back as ``float32``, also without ``jax_enable_x64``; other types are refused.
    Matrices that should be symmetric must be so up to rounding; :func:`symmetric` makes them so. ``jit``, ``grad``, ``vjp`` and
    ``vmap`` work, as do ``jacrev`` of ``grad`` for second derivatives of functions of a matrix, :func:`cov_pool`, the W of
    :func:`polar`, :func:`projector`, :func:`pinv` and :func:`ncuts_loss`; elsewhere a second derivative is NaN. Numbers beside
    the arrays, such as ``eps``, are no arrays of JAX and have no gradient; the exponent of :func:`matrix_power` may be one.

Not here:
    Forward mode, ``jvp``, ``jacfwd`` and ``jax.hessian``: JAX allows a function one of both modes. Exceptions do not leave
    compiled code: a matrix without a result, or without a gradient, gives NaN, the others of its batch are as they would be, and
    :func:`failures` collects what was wrong, in words. The arithmetic is the processor's: arrays on a GPU are copied to it and
    back.
"""

from importlib import import_module

try:
    import_module("jax")
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("matbackprop.jax: expected JAX, found none; `pip install jax` brings it") from error

from ._callbacks import failures
from ._functions import (
    Alignment,
    EighResult,
    PolarFactors,
    SVDResult,
    cov_pool,
    eigh,
    expm,
    inverse_sqrtm,
    logm,
    lstsq,
    matrix_power,
    pinv,
    polar,
    procrustes,
    projector,
    special_orthogonal,
    sqrtm,
    svd,
    symmetric,
)
from ._ncuts import ncuts_loss

__all__ = [
    "Alignment",
    "EighResult",
    "PolarFactors",
    "SVDResult",
    "cov_pool",
    "eigh",
    "expm",
    "failures",
    "inverse_sqrtm",
    "logm",
    "lstsq",
    "matrix_power",
    "ncuts_loss",
    "pinv",
    "polar",
    "procrustes",
    "projector",
    "special_orthogonal",
    "sqrtm",
    "svd",
    "symmetric",
]
