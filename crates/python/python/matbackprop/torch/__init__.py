"""Matrix layers for PyTorch whose gradients stay finite and right.

``torch.linalg.eigh`` and ``svd`` give NaN or wrong gradients where eigenvalues or singular values are equal: at the identity,
at rotations, at low rank, with dead channels. The functions here take the derivative of the whole matrix function, which is
there. Where there is none, they raise :class:`matbackprop.GapClosed` with a sentence that says what to do.

======================================= ====================================================================
:func:`logm`, :func:`sqrtm`, :func:`matrix_power`, :func:`inverse_sqrtm`, :func:`expm`  functions of symmetric matrices
:func:`cov_pool`                         log, root or power of FᵀF + εI: second-order pooling
:func:`polar`, :func:`special_orthogonal`, :func:`procrustes`  rotations and alignments
:func:`projector`, :func:`pinv`, :func:`lstsq`  subspaces, pseudo-inverse, least squares, at any rank
:func:`eigh`, :func:`svd`                as ``torch.linalg``
:class:`CovPool`, :class:`NCutsLoss`     as modules
======================================= ====================================================================

Conventions:
    Leading axes are batches. ``float32`` comes back as ``float32``; it is computed as accurately as the spectrum asks. Other
    types are refused. Tensors on a GPU are copied to the processor and back, once each way. Matrices that should be
    symmetric must be so up to rounding (:class:`matbackprop.NotSymmetric`); :func:`symmetric` makes them so.

    First derivatives in both modes, ``torch.func`` (``vmap``, ``grad``, ``jvp``), and second derivatives of the functions of
    a matrix, :func:`cov_pool`, :func:`polar`, :func:`projector`, :func:`pinv` and :class:`NCutsLoss`. One bad matrix of a
    batch fails the call with its index in the message, or gives NaN under :func:`nan_for_failures`.
"""

from importlib import import_module

try:
    import_module("torch")
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "matbackprop.torch: expected PyTorch, found none; `pip install torch` brings it"
    ) from error

from ._factors import (
    Alignment,
    EighResult,
    PolarFactors,
    SVDResult,
    eigh,
    lstsq,
    pinv,
    polar,
    procrustes,
    projector,
    special_orthogonal,
    svd,
)
from ._functions import cov_pool, expm, inverse_sqrtm, logm, matrix_power, sqrtm, symmetric
from ._modules import CovPool, NCutsLoss
from ._ncuts import ncuts_loss
from ._tape import nan_for_failures

__all__ = [
    "Alignment",
    "CovPool",
    "EighResult",
    "NCutsLoss",
    "PolarFactors",
    "SVDResult",
    "cov_pool",
    "eigh",
    "expm",
    "inverse_sqrtm",
    "logm",
    "lstsq",
    "matrix_power",
    "nan_for_failures",
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
