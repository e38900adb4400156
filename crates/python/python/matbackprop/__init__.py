"""Differentiable matrix layers, official scorers, and segmentation.

================== =========================================================================
``matbackprop.torch``  matrix functions, polar factors, projectors, SVD and more for PyTorch, whose
                       gradients stay finite and right at equal values and low rank
``matbackprop.jax``    the same for JAX
``matbackprop.bsds``   the official measures of BSDS500, without MATLAB
``matbackprop.coco``   the official table of COCO detections, masks, free-form regions
``matbackprop.segment``  the segments of a photograph, by a network inside the package
================== =========================================================================

The command line is here too: ``matbackprop --help``. ``import matbackprop`` imports neither PyTorch nor JAX.
"""

from ._native import (
    GapClosed,
    MatbackpropError,
    NotDifferentiable,
    NotSymmetric,
    OutsideDomain,
    __version__,
)
from ._segment import Tree, outlines, segment

__all__ = [
    "GapClosed",
    "MatbackpropError",
    "NotDifferentiable",
    "NotSymmetric",
    "OutsideDomain",
    "Tree",
    "__version__",
    "outlines",
    "segment",
]
