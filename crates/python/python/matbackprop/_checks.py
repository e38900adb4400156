"""What arguments have to be, said by their names."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._native import MatbackpropError

#: What rounding may add to a strength of one.
ROUNDING = 1e-6


def whole(x: Any, name: str, least: int) -> int:
    """A whole number, also one of NumPy, that is not below the least."""
    try:
        number = operator.index(x)
    except TypeError:
        raise TypeError(f"{name}: expected a whole number, found {type(x).__name__}") from None
    if not least <= number < 2**31:
        raise MatbackpropError(f"{name}: expected a whole number from {least} on, found {number}")
    return number


def place(x: Any, name: str, count: int) -> int:
    """A place among so many, counted from the end where it is negative."""
    index = operator.index(x)
    if not -count <= index < count:
        raise IndexError(f"{name}: expected a place below {count}, found {index}")
    return index % count


def picture(image: Any) -> NDArray[np.uint8]:
    """``height × width × 3`` numbers of 8 bits, also out of grey ``height × width``."""
    if isinstance(image, str | bytes):
        raise TypeError("image: expected an array of pixels, found a text; `matplotlib.pyplot.imread` reads a file")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise MatbackpropError(
            f"image: expected numbers of 8 bits (uint8), found {pixels.dtype}; "
            "floats from 0 to 1 become them by (255 * image).round().astype('uint8')"
        )
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.ndim != 3:
        raise MatbackpropError(f"image: expected height × width × 3 numbers, found {pixels.ndim} axes")
    return pixels


def plane(x: Any, name: str) -> NDArray[Any]:
    """An array of two axes."""
    array = np.asarray(x)
    if array.ndim != 2:
        raise MatbackpropError(f"{name}: expected height × width numbers, found shape {array.shape}")
    return array


def labels(x: Any, name: str) -> NDArray[np.int64]:
    """Whole numbers, ``height × width``."""
    array = plane(x, name)
    if array.dtype.kind not in "bui":
        raise MatbackpropError(f"{name}: expected integers, found {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64)


def strengths(x: Any, name: str, scale: float = 1.0) -> NDArray[np.float64]:
    """Numbers from 0 to the scale, ``height × width``."""
    array = plane(x, name).astype(np.float64)
    if not np.isfinite(array).all():
        raise MatbackpropError(f"{name}: expected finite strengths, found {array[~np.isfinite(array)][0]}")
    if array.size and (array.min() < -ROUNDING * scale or array.max() > (1 + ROUNDING) * scale):
        found = f"{array.min():g} to {array.max():g}"
        raise MatbackpropError(f"{name}: expected strengths from 0 to {scale:g}, found {found}")
    return array
