"""Free-form regions of COCO: objects cut out along their outlines, to be classified."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._native import MatbackpropError


@dataclass(frozen=True)
class Region:
    """An outlined object that is neither a crowd nor small."""

    #: Of its annotation and its image, as their file has them.
    id: int | str
    image_id: int | str
    #: Its class, a place in :attr:`Regions.classes`.
    label: int
    #: Left, top, width and height in pixels.
    bbox: tuple[float, float, float, float]


class Crop(NamedTuple):
    """A region in a square."""

    #: ``side × side × 3`` numbers of 8 bits.
    image: NDArray[np.uint8]
    #: ``side × side``, true on the region, on one pixel at least.
    mask: NDArray[np.bool_]


class Regions(Sequence[Region]):
    """The regions of a file of annotations, as ``matbackprop train o2p`` and ``matbackprop eval coco`` have them.

    Args:
        annotations: a JSON file of instances.
        images: the folder of photographs.
        smallest_side: objects whose ``area`` is below its square are left out; 32 leaves out COCO's small ones.
        context: the window of a crop is larger than the box by this factor.
        max_unreadable: the share of regions that may be left out because they cannot be read.

    Raises:
        MatbackpropError: for files that cannot be read; for photographs that are missing or of another size.
    """

    def __init__(
        self,
        annotations: str | os.PathLike[str],
        images: str | os.PathLike[str],
        *,
        smallest_side: int = 32,
        context: float = 1.2,
        max_unreadable: float = 0.0,
    ) -> None:
        paths = os.fspath(annotations), os.fspath(images)
        self._native = _native.FreeFormRegions(*paths, smallest_side, context, max_unreadable)

    @property
    def classes(self) -> list[str]:
        """Their names, in the order of the categories' ids."""
        return self._native.classes()

    @property
    def left_out(self) -> dict[str, int]:
        """How many annotations are no regions, by reason."""
        return json.loads(self._native.left_out())

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        id_, image_id, label, bbox = self._native.record(self._place(index))
        return Region(id_, image_id, label, tuple(bbox))

    def photograph(self, index: int) -> NDArray[np.uint8]:
        """The whole photograph, ``height × width × 3``, upright."""
        return self._native.photograph(self._place(index))

    def mask(self, index: int) -> NDArray[np.bool_]:
        """The region on its photograph, ``height × width``."""
        return self._native.mask(self._place(index))

    def crop(self, index: int, side: int = 224, seed: int | None = None) -> Crop:
        """The region and its context in a square.

        Args:
            side: pixels, 1 to 4096.
            seed: of a view a little beside it, nearer or farther, mirrored every second time, as training has them.
        """
        if not 1 <= side <= 4096:
            raise MatbackpropError(f"side: expected 1 to 4096 pixels, found {side}")
        if seed is not None and not 0 <= seed < 2**64:
            raise MatbackpropError(f"seed: expected a whole number of 64 bits, found {seed}")
        return Crop(*self._native.crop(self._place(index), side, seed))

    def report(self, ranked: ArrayLike, seed: int = 0) -> dict[str, Any]:
        """How well the regions are classified: errors with intervals of 95 %, by class, and what is taken for what.

        Args:
            ranked: a class for each region, ``(n,)``, or its classes from the likeliest on, ``(n, k)``, such as
                ``np.argsort(-scores)``. From five on the report has ``top5_error``.
            seed: of the bootstrap over images.
        """
        classes = np.asarray(ranked)
        if classes.ndim == 1:
            classes = classes[:, None]
        if classes.ndim != 2 or len(classes) != len(self) or classes.dtype.kind not in "iu":
            expected = f"integers of shape ({len(self)},) or ({len(self)}, k)"
            raise MatbackpropError(f"ranked: expected {expected}, found {classes.dtype} of shape {np.shape(ranked)}")
        if classes.size and classes.min() < 0:
            raise MatbackpropError(f"ranked: expected classes from 0 on, found {classes.min()}")
        return json.loads(self._native.report(list(enumerate(classes.tolist())), seed))

    def _place(self, index: Any) -> int:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"region: expected a place below {len(self)}, found {place}")
        return place % len(self)
