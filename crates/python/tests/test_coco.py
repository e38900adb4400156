"""Masks and free-form regions of COCO, against numbers that pycocotools 2.0.11 gave for the same files."""

import hashlib
import json

import matbackprop
import numpy as np
import pytest
from conftest import needs
from matbackprop import coco
from matbackprop.coco import mask


def letters(annotations, api):
    """What pycocotools writes for all annotations in the order of their ids, as one number."""
    digest = hashlib.sha256()
    for id_ in sorted(api.anns):
        counts = api.annToRLE(annotations[id_])["counts"]
        digest.update(counts if isinstance(counts, bytes) else counts.encode())
    return digest.hexdigest()[:16]


def test_masks_of_a_file_are_those_of_pycocotools(data):
    kit = needs(data / "coco-eval-fixture")
    truth = coco.COCO(kit / "instances_val2014_100.json")
    assert len(truth.anns) == 839 and letters(truth.anns, truth) == "7395fa2453742cf9"
    bitmaps = {id_: truth.annToMask(ann) for id_, ann in truth.anns.items()}
    assert sum(int(bitmap.sum()) for bitmap in bitmaps.values()) == 9144836
    for id_, bitmap in bitmaps.items():
        ann, image = truth.anns[id_], truth.imgs[truth.anns[id_]["image_id"]]
        assert bitmap.shape == (image["height"], image["width"]) and bitmap.dtype == np.uint8
        rle = truth.annToRLE(ann)
        assert np.array_equal(mask.decode(mask.encode(bitmap)), bitmap)
        assert mask.area(rle) == bitmap.sum() and np.array_equal(mask.decode(rle), bitmap)
    for name, pixels, digest in (("segm", 7766804, "f00ea9a154662911"), ("bbox", 14141360, "732249e978094d2b")):
        found = truth.loadRes(kit / f"instances_val2014_fake{name}100_results.json")
        assert len(found.anns) == 734 and letters(found.anns, found) == digest
        assert sum(int(found.annToMask(ann).sum()) for ann in found.anns.values()) == pixels
        first = found.anns[1]
        assert set(first) == {"image_id", "category_id", "bbox", "score", "segmentation", "area", "id", "iscrowd"}


def test_results_with_masks_as_arrays_give_the_same_table(data, capsys):
    kit = needs(data / "coco-eval-fixture")
    truth = coco.COCO(kit / "instances_val2014_100.json")
    records = json.loads((kit / "instances_val2014_fakesegm100_results.json").read_text(encoding="utf-8"))
    as_arrays = [{**record, "segmentation": mask.decode(record["segmentation"])} for record in records]
    stats = []
    for results in (records, as_arrays):
        evaluation = coco.COCOeval(truth, truth.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        stats.append(evaluation.stats)
    assert np.array_equal(*stats) and "IoU=0.50:0.95" in capsys.readouterr().out
    # Eight digits of pycocotools.
    assert stats[0][:3].tolist() == pytest.approx([0.31954528, 0.5622884, 0.29892653], abs=1e-8)
    with pytest.raises(matbackprop.MatbackpropError, match="expected `bbox` or `segmentation` in detection 0"):
        truth.loadRes([{"image_id": records[0]["image_id"], "category_id": 1, "score": 0.5}])
    with pytest.raises(matbackprop.MatbackpropError, match="expected detection 0 as an object, found a int"):
        truth.loadRes([3])


def test_polygons_boxes_and_unions():
    polygons = mask.frPyObjects([[1, 1, 4, 5, 6, 2], [2, 2, 3, 3, 5, 0]], 7, 9)
    # The letters of pycocotools.
    assert mask.merge(polygons) == {"size": [7, 9], "counts": b"8161O1NNN14Od0"}
    assert mask.area(polygons).tolist() == [9, 2] and mask.area(mask.merge(polygons)) == 10
    one, other = np.moveaxis(mask.decode(polygons), 2, 0)
    assert np.array_equal(mask.decode(mask.merge(polygons)), one | other)
    assert np.array_equal(mask.decode(mask.merge(polygons, intersect=True)), one & other)
    (box,) = mask.frPyObjects(np.array([[1.0, 1.0, 4.0, 5.0]]), 7, 9)
    assert mask.toBbox(box).tolist() == [1, 1, 4, 5] and mask.area(box) == 20
    assert mask.toBbox(polygons).shape == (2, 4) and mask.toBbox([]).shape == (0, 4)
    counts = mask.frPyObjects({"size": [7, 9], "counts": [3, 60]}, 7, 9)
    assert np.array_equal(mask.decode(counts).ravel(order="F"), np.arange(63) >= 3)
    several = np.stack([one, other], 2)
    assert mask.encode(several) == polygons and np.array_equal(mask.decode(polygons), several)


def test_overlaps_of_masks_and_boxes():
    # Two squares of four pixels that share one, and one apart.
    bits = np.zeros((3, 6, 6), np.uint8)
    for square, (row, column) in zip(bits, [(0, 0), (1, 1), (4, 4)], strict=True):
        square[row : row + 2, column : column + 2] = 1
    masks = [mask.encode(square) for square in bits]
    overlaps = mask.iou(masks, masks, [0, 0, 1])
    assert np.array_equal(overlaps, [[1, 1 / 7, 0], [1 / 7, 1, 0], [0, 0, 1]])
    # Of a crowd the detection's area divides.
    assert np.array_equal(mask.iou(masks[:1], masks[1:2], [True]), [[1 / 4]])
    boxes = mask.toBbox(masks)
    assert np.array_equal(mask.iou(boxes, boxes, [0, 0, 0]), mask.iou(masks, masks, [0, 0, 0]))
    assert np.array_equal(mask.iou(boxes.tolist(), boxes, [0, 0, 0]), mask.iou(boxes, boxes, [0, 0, 0]))
    assert mask.iou([], masks, [0, 0, 0]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mask.iou([[0, 0, 1, 1]], [[0, 0, 1, 1]], []), "one a truth"),
        (lambda: mask.iou([[0, 0, 1, 1]], [mask.encode(np.ones((2, 2)))], [0]), "found both"),
        (lambda: mask.iou([[0, 0, 1]], [[0, 0, 1]], [0]), "four numbers"),
        (lambda: mask.iou([mask.encode(np.ones((2, 2)))], [mask.encode(np.ones((2, 3)))], [0]), "one size"),
        (lambda: mask.encode(np.zeros(4)), r"height × width, found shape \(4,\)"),
        (lambda: mask.encode(np.array([["a"]])), "bools or numbers"),
        (lambda: mask.encode(np.zeros((0, 3))), "pixels"),
        (lambda: mask.decode({"size": [2, 2]}), "expected `size` and `counts`"),
        (lambda: mask.decode({"size": [2, 2], "counts": [9]}), "mask"),
        (lambda: mask.decode({"size": [2, -2], "counts": [4]}), "32 bits"),
        (lambda: mask.decode({"size": [2], "counts": [4]}), "height and width"),
        (lambda: mask.merge([]), "one size"),
    ],
)
def test_what_is_no_mask_is_named(call, message):
    with pytest.raises(matbackprop.MatbackpropError, match=message):
        call()


def test_free_form_regions(data):
    folder = needs(data / "coco-subset")
    file = folder / "annotations" / "instances_val.json"
    regions = coco.Regions(file, folder / "images")
    assert len(regions) == 523 and len(regions.classes) == 80
    assert regions.left_out["crowds"] == 13 and regions.left_out["small"] == 645
    truth = coco.COCO(file)
    for place in (0, 17, -1):
        region = regions[place]
        ann = truth.anns[region.id]
        assert region.image_id == ann["image_id"] and region.bbox == tuple(ann["bbox"])
        assert regions.classes[region.label] == truth.cats[ann["category_id"]]["name"]
        assert np.array_equal(regions.mask(place), truth.annToMask(ann).astype(bool))
        assert regions.photograph(place).shape == (*regions.mask(place).shape, 3)
    crop = regions.crop(0, 64)
    assert crop.image.shape == (64, 64, 3) and crop.mask.shape == (64, 64) and crop.mask.any()
    beside = regions.crop(0, 64, seed=3)
    assert (beside.image != crop.image).any()
    assert all(np.array_equal(one, other) for one, other in zip(beside, regions.crop(0, 64, seed=3)))
    assert [region.id for region in regions[:2]] == [regions[0].id, regions[1].id]


def test_a_report_of_the_regions(data):
    folder = needs(data / "coco-subset")
    regions = coco.Regions(folder / "annotations" / "instances_val.json", folder / "images")
    labels = np.array([region.label for region in regions])
    assert regions.report(labels)["top1_error"]["estimate"] == 0.0
    # The first hundred wrong, by the second guess right.
    ranked = (labels[:, None] + np.arange(5)) % 80
    ranked[:100, :2] = ranked[:100, 1::-1]
    report = regions.report(ranked)
    assert report["top1_error"]["estimate"] == pytest.approx(100 / 523) and report["top5_error"]["estimate"] == 0.0
    for wrong, message in [
        (labels[:5], r"shape \(523,\) or \(523, k\), found int64 of shape \(5,\)"),
        (labels.astype(float), "found float64"),
        (np.full(523, -1), "from 0 on, found -1"),
        (np.full(523, 80), "below 80, found 80"),
    ]:
        with pytest.raises(matbackprop.MatbackpropError, match=message):
            regions.report(wrong)
    with pytest.raises(matbackprop.MatbackpropError, match="1 to 4096 pixels, found 0"):
        regions.crop(0, 0)
    with pytest.raises(IndexError, match="below 523, found 523"):
        regions[523]
