"""Rotations, subspaces, and decompositions with the names of ``torch.linalg``."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ._tape import apply_rule


class PolarFactors(NamedTuple):
    """A = W H, or H W where A is wide."""

    W: Tensor
    H: Tensor


def polar(a: Tensor) -> PolarFactors:
    """The factor W with orthonormal columns (rows, where A is wide) that is closest to A, ``(..., m, n)``, and H, symmetric.

    Defined and smooth at equal singular values, as at rotations.

    Raises:
        MatbackpropError: from the gradient, for a matrix without full rank.
    """
    return PolarFactors(*apply_rule("polar", [], [a], "polar"))


def special_orthogonal(a: Tensor) -> Tensor:
    """The rotation, determinant 1, that is closest to A, ``(..., n, n)``: U diag(1, …, 1, det UVᵀ) Vᵀ.

    Its gradient is there at reflections too, and wherever the closest rotation is unique.
    """
    return apply_rule("rotation", [], [a], "special_orthogonal")[0]


class Alignment(NamedTuple):
    """y ≈ s R x + t for each point."""

    R: Tensor
    t: Tensor
    s: Tensor
    residual: Tensor


def procrustes(
    x: Tensor,
    y: Tensor,
    weights: Tensor | None = None,
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
        weights = torch.ones((), dtype=x.dtype, device=x.device).expand(x.shape[:-1])
    flags = [float(reflections), float(translation), float(scale)]
    rotation, shift, size, residual = apply_rule("procrustes", flags, [x, y, weights[..., None]], "procrustes")
    return Alignment(rotation, shift[..., 0], size[..., 0, 0], residual[..., 0, 0])


def projector(a: Tensor, rcond: float | None = None) -> Tensor:
    """The projector onto the columns of A, ``(..., m, m)``, from ``(..., m, n)``, at any rank.

    Args:
        rcond: singular values up to this share of the largest count as zero; ``None`` for rounding alone.
    """
    return apply_rule("projector", [] if rcond is None else [rcond], [a], "projector")[0]


def pinv(a: Tensor, rcond: float | None = None) -> Tensor:
    """The pseudo-inverse, ``(..., n, m)``, from ``(..., m, n)``, with its derivative along changes that keep the rank."""
    return apply_rule("pinv", [] if rcond is None else [rcond], [a], "pinv")[0]


def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """The shortest X that minimises ‖A X − B‖, ``(..., n, p)``, at any rank."""
    return apply_rule("lstsq", [] if rcond is None else [rcond], [a, b], "lstsq")[0]


class EighResult(NamedTuple):
    """As ``torch.linalg.eigh``."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(a: Tensor) -> EighResult:
    """Eigenvalues, increasing, ``(..., n)``, and eigenvectors in columns, ``(..., n, n)``.

    Raises:
        GapClosed: from the gradient, where the loss tells the vectors of equal eigenvalues apart.
    """
    values, vectors = apply_rule("eigh", [], [a], "eigh")
    return EighResult(values[..., 0], vectors)


class SVDResult(NamedTuple):
    """As ``torch.linalg.svd(..., full_matrices=False)``."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(a: Tensor) -> SVDResult:
    """The thin decomposition A = U diag(S) Vh: ``(..., m, k)``, ``(..., k)`` decreasing, ``(..., k, n)``, k = min(m, n).

    Raises:
        GapClosed: from the gradient, where the loss tells the vectors of equal singular values apart.
    """
    u, values, v = apply_rule("svd", [], [a], "svd")
    return SVDResult(u, values[..., 0], v.mT)
