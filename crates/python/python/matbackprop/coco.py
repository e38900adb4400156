"""COCO: the official table of detections, free-form regions, masks.

Example:
    >>> from matbackprop import coco                                                          # doctest: +SKIP
    >>> table = coco.evaluate("instances_val2014.json", "results.json", kind="segm")          # doctest: +SKIP
    >>> table.ap, table.ap50                                                                  # doctest: +SKIP

Scripts for pycocotools run with ``from matbackprop.coco import COCO, COCOeval, mask``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _coco_masks as mask
from . import _native
from ._coco_api import COCO, COCOeval, Params
from ._coco_regions import Crop, Region, Regions
from ._native import MatbackpropError

__all__ = ["COCO", "COCOeval", "Crop", "Params", "Region", "Regions", "Table", "evaluate", "mask"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Table:
    """The twelve official numbers in their order, and what else the files say."""

    stats: list[float]
    #: The table as pycocotools prints it.
    printed: str = field(repr=False)
    details: dict[str, Any] = field(repr=False)
    #: Precision by threshold, recall, category, size and number of detections; −1 where there is nothing to find.
    precision: NDArray[np.float64] = field(repr=False)
    #: The largest recall by threshold, category, size and number of detections.
    recall: NDArray[np.float64] = field(repr=False)

    @property
    def ap(self) -> float:
        """Average precision over IoU 0.50 … 0.95."""
        return self.stats[0]

    @property
    def ap50(self) -> float:
        """Average precision at IoU 0.50."""
        return self.stats[1]

    @property
    def ap75(self) -> float:
        """Average precision at IoU 0.75."""
        return self.stats[2]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Records that were passed over."""
        return self.details["findings"]


def evaluate(
    truth: PathLike,
    results: PathLike,
    *,
    kind: str | None = None,
    max_detections: tuple[int, int, int] = (1, 10, 100),
    class_agnostic: bool = False,
    as_pycocotools: bool = False,
    strict: bool = False,
) -> Table:
    """The table of a file of results against a file of annotations, each as JSON.

    Args:
        kind: ``"bbox"``, ``"segm"``, or ``None`` to let the first detection choose.
        max_detections: detections an image that count, three numbers that rise.
        class_agnostic: all categories as one.
        as_pycocotools: also where pycocotools departs from what the files mean, such as an annotation with the id 0.
        strict: refuse files with records that are repeated, missing or not listed.
    """
    if len(max_detections) != 3:
        raise MatbackpropError(f"max_detections: expected three numbers that rise, found {max_detections}")
    numbers, printed, report, shape, precision, recall = _native.evaluate_detections(
        os.fspath(truth), os.fspath(results), kind, max_detections, (class_agnostic, as_pycocotools, strict)
    )
    thresholds, _, *others = shape
    return Table(
        stats=[-1.0 if number is None else number for number in numbers],
        printed=printed,
        details=json.loads(report),
        precision=precision.reshape(shape),
        recall=recall.reshape(thresholds, *others),
    )
