"""Layers as modules."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ._functions import Map, cov_pool
from ._ncuts import ncuts_loss


class CovPool(torch.nn.Module):
    """Second-order pooling of maps ``(B, C, H, W)`` or features ``(..., n, C)``: :func:`cov_pool`.

    Args:
        eps: what is added to the spectrum.
        map: ``"log"``, ``"sqrt"``, ``"inverse_sqrt"``, or an exponent.
        mean: divide by the number of positions first.
    """

    def __init__(self, eps: float = 1e-3, map: Map | float = "log", mean: bool = True) -> None:
        super().__init__()
        self.eps, self.map, self.mean = eps, map, mean

    def forward(self, features: Tensor) -> Tensor:
        """``(B, C, C)`` or ``(..., C, C)``."""
        if features.ndim == 4:
            features = features.flatten(2).mT
        if self.mean:
            features = features / features.shape[-2] ** 0.5
        return cov_pool(features, self.eps, self.map)

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"eps={self.eps}, map={self.map!r}, mean={self.mean}"


class NCutsLoss(torch.nn.Module):
    """The loss of normalised cuts of maps ``(B, C, H, W)`` and labels ``(B, H, W)`` or ``(B, m, H, W)``: :func:`ncuts_loss`.

    Args:
        eps: of the regularised criterion; ``None`` for the hard projector.
        reduction: ``"mean"`` or ``"none"`` over the batch.
    """

    def __init__(self, eps: float | None = 1e-4, reduction: Literal["mean", "none"] = "mean") -> None:
        super().__init__()
        self.eps, self.reduction = eps, reduction

    def forward(self, features: Tensor, labels: Tensor, metric: Tensor | None = None) -> Tensor:
        """A number, or one a picture; ``metric`` as in :func:`ncuts_loss`."""
        if features.ndim == 4:
            features = features.flatten(2).mT
            labels = labels.flatten(-2)
        loss = ncuts_loss(features, labels, self.eps, metric)
        return loss.mean() if self.reduction == "mean" else loss

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"eps={self.eps}, reduction={self.reduction!r}"
