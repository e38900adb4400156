"""Segments of a photograph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._checks import labels as check_labels
from ._checks import picture, whole
from ._native import MatbackpropError

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
        return self._native.cut_into(whole(segments, "segments", 1))

    def cut(self, height: float) -> NDArray[np.uint32]:
        """Labels from 0, ``height × width``, of the segments at a height."""
        if not height >= 0:
            raise MatbackpropError(f"height: expected a number from 0 on, found {height}")
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
    pixels = picture(image)
    wanted = None if segments is None else whole(segments, "segments", 1)
    superpixels, max_side = whole(superpixels, "superpixels", 1), whole(max_side, "max_side", 0)
    tree = Tree(_native.Tree(pixels, superpixels, max_side))
    labels = tree.cut(HEIGHT) if wanted is None else tree.cut_into(wanted)
    return Segmented(labels, tree)


def outlines(image: ArrayLike, labels: ArrayLike) -> NDArray[np.uint8]:
    """The photograph with the outlines of its segments in white on black, for ``matplotlib.pyplot.imshow``."""
    return _native.paint_outlines(picture(image), check_labels(labels, "labels"))
