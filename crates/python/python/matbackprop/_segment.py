"""Segments of a photograph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native

#: The height at which the command line cuts where no number of segments is asked for.
HEIGHT = 0.41


class Tree:
    """All segmentations of a photograph: more segments only split those of fewer."""

    def __init__(self, native: _native.Tree) -> None:
        self._native = native

    @property
    def most_segments(self) -> int:
        """The most segments there are."""
        return self._native.most_segments()

    @property
    def soft_rank(self) -> float:
        """How many segments the network is sure of."""
        return self._native.soft_rank()

    @property
    def heights(self) -> list[float]:
        """Heights at which segments join, increasing."""
        return self._native.heights()

    def cut_into(self, segments: int) -> NDArray[np.uint32]:
        """Labels from 0, ``height × width``, of so many segments, or of as many as there are."""
        return self._native.cut_into(segments)

    def cut(self, height: float) -> NDArray[np.uint32]:
        """Labels from 0, ``height × width``, of the segments at a height."""
        return self._native.cut(height)


class Segmented(NamedTuple):
    """What :func:`segment` returns."""

    labels: NDArray[np.uint32]
    tree: Tree


def segment(
    image: ArrayLike,
    segments: int | None = None,
    *,
    superpixels: int = 400,
    max_side: int = 1024,
) -> Segmented:
    """The segments of a photograph.

    Args:
        image: ``height × width × 3`` numbers of 8 bits in sRGB, or grey ``height × width``; anything that
            ``numpy.asarray`` takes, such as an image of Pillow in mode ``RGB``.
        segments: how many; ``None`` lets the network choose.
        superpixels: pieces that segments are made of. More give finer borders.
        max_side: the longer side at which it is segmented; 0 for no limit.

    Returns:
        ``labels`` from 0, ``height × width``, and the ``tree`` of all segmentations.

    Raises:
        MatbackpropError: for an array that is no picture.
    """
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise _native.MatbackpropError(
            f"image: expected numbers of 8 bits (uint8), found {pixels.dtype}; "
            "floats from 0 to 1 become them by (255 * image).round().astype('uint8')"
        )
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.ndim != 3:
        raise _native.MatbackpropError(f"image: expected height × width × 3 numbers, found {pixels.ndim} axes")
    tree = Tree(_native.Tree(pixels, superpixels, max_side))
    labels = tree.cut(HEIGHT) if segments is None else tree.cut_into(segments)
    return Segmented(labels, tree)


def outlines(image: ArrayLike, labels: ArrayLike) -> NDArray[np.uint8]:
    """The photograph with the outlines of its segments in white on black, for ``matplotlib.pyplot.imshow``."""
    pixels = np.array(image, dtype=np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return _native.paint_outlines(pixels, np.ascontiguousarray(labels, dtype=np.int64))
