"""Functions of symmetric and of Gram matrices."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from .._native import MatbackpropError
from ._tape import apply_rule


def symmetric(a: Tensor) -> Tensor:
    """(A + Aᵀ) / 2."""
    return 0.5 * (a + a.mT)


def logm(a: Tensor, eps: float = 0.0) -> Tensor:
    """log(A + εI) of symmetric positive definite matrices, ``(..., n, n)``.

    Raises:
        OutsideDomain: an eigenvalue that is not positive within rounding.
    """
    return apply_rule("symmetric_log", [eps], [a], "logm")[0]


def sqrtm(a: Tensor, eps: float = 0.0) -> Tensor:
    """(A + εI)^½ of symmetric positive semidefinite matrices, ``(..., n, n)``.

    Raises:
        OutsideDomain: a negative eigenvalue.
        NotDifferentiable: from the gradient, where a zero eigenvalue has none.
    """
    return apply_rule("symmetric_sqrt", [eps], [a], "sqrtm")[0]


def inverse_sqrtm(a: Tensor, eps: float = 0.0) -> Tensor:
    """(A + εI)^−½ of symmetric positive definite matrices, ``(..., n, n)``."""
    return apply_rule("symmetric_inverse_sqrt", [eps], [a], "inverse_sqrtm")[0]


def expm(a: Tensor) -> Tensor:
    """exp(A) of symmetric matrices, ``(..., n, n)``. For general ones PyTorch has ``torch.linalg.matrix_exp``."""
    return apply_rule("symmetric_exp", [0.0], [a], "expm")[0]


def matrix_power(a: Tensor, exponent: float | Tensor, eps: float = 0.0) -> Tensor:
    """(A + εI)ᵖ of symmetric positive definite matrices, ``(..., n, n)``.

    Args:
        exponent: any number; as a tensor, of one number or of one a matrix, it has a gradient.
    """
    if not isinstance(exponent, Tensor):
        return apply_rule("symmetric_power", [eps, float(exponent)], [a], "matrix_power")[0]
    if eps:
        a = a + eps * torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    exponents = exponent.to(a.dtype)[..., None, None]
    return apply_rule("learned_power", [], [a, exponents], "matrix_power")[0]


#: What :func:`cov_pool` makes of a spectrum.
Map = Literal["log", "sqrt", "inverse_sqrt"]


def cov_pool(features: Tensor, eps: float, map: Map | float = "log") -> Tensor:
    """Second-order pooling: log, root or power of FᵀF + εI, ``(..., d, d)``, from features ``(..., n, d)``.

    Args:
        eps: what is added to the spectrum of FᵀF, ε ≥ 0.
        map: ``"log"``, ``"sqrt"``, ``"inverse_sqrt"``, or an exponent.

    The features themselves are decomposed where FᵀF would lose their digits, and any rank has its gradient for ε > 0.
    """
    if isinstance(map, str):
        if map not in get_args(Map):
            names = ", ".join(get_args(Map))
            raise MatbackpropError(f"cov_pool: expected {names} or an exponent as `map`, found {map!r}")
        return apply_rule(f"gram_{map}", [eps], [features], "cov_pool")[0]
    return apply_rule("gram_power", [eps, float(map)], [features], "cov_pool")[0]
