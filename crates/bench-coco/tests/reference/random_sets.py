"""Random sets of annotations and detections, and the twelve numbers that pycocotools gives them.

    pip install pycocotools numpy
    python random_sets.py > random_sets.json

`tests/detections/reference.rs` holds our numbers to these, bit by bit. Another seed and count compare more:

    python random_sets.py 7 2000 > more.json
    RANDOM_SETS=$PWD/more.json cargo test -p bench-coco --test detections random
"""

import contextlib
import io
import json
import random
import sys

import numpy as np
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

KINDS = ["bbox", "segm"]
# How masks of results are written; the last has boxes beside none.
SHAPES = ["letters", "polygons", "counts", "letters alone"]
IDS = ["numbers", "texts", "huge", "negative", "floats"]
QUIRKS = ["none", "zero", "repeated", "unlisted", "negative area", "unlisted detections", "boxes as masks"]


def outline(random, width, height):
    """A triangle to a hexagon, a little beyond the image, in hundredths."""
    x, y = random.uniform(-4, width), random.uniform(-4, height)
    w, h = random.uniform(1, 0.7 * width), random.uniform(1, 0.7 * height)
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)][: random.choice([3, 4, 4])]
    return [round(n + random.uniform(-1, 1), 2) for corner in corners for n in corner]


def jittered(random, polygon):
    by = random.choice([0, 0, 0.5, 2, 6])
    return [round(n + random.uniform(-by, by), 2) for n in polygon]


def box_of(polygon):
    xs, ys = polygon[::2], polygon[1::2]
    return [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)]


def runs(polygon, width, height):
    return mask_utils.merge(mask_utils.frPyObjects([polygon], height, width))


def letters(polygon, width, height):
    rle = runs(polygon, width, height)
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def counts(polygon, width, height):
    bits = mask_utils.decode(runs(polygon, width, height)).T.reshape(-1)
    numbers, last = [], 0
    for bit in bits:
        if bit != last:
            numbers.append(0)
            last = bit
        elif not numbers:
            numbers.append(0)
        numbers[-1] += 1
    if bits[0]:
        numbers.insert(0, 0)
    return {"size": [height, width], "counts": numbers}


def name_of(form, number):
    return {
        "numbers": number,
        "texts": f"img_{number}",
        "huge": 2**64 + 7 * number,
        "negative": number - 3,
        "floats": float(number),
    }[form]


def made(random):
    kind, shape = random.choice(KINDS), random.choice(SHAPES)
    ids, quirk = random.choice(IDS), random.choice(QUIRKS)
    images, categories = random.randint(1, 4), random.randint(1, 3)
    sizes = [random.choice([(48, 40), (150, 110), (33, 61)]) for _ in range(images)]
    truth = {
        "images": [
            {"id": name_of(ids, k), "width": w, "height": h} for k, (w, h) in enumerate(sizes)
        ],
        "categories": [{"id": 3 * k + 1, "name": f"c{k}"} for k in range(categories)],
        "annotations": [],
    }
    random.shuffle(truth["images"])
    results, outlines = [], []
    for image, (width, height) in enumerate(sizes):
        for _ in range(random.randint(0, 6)):
            polygon = outline(random, width, height)
            outlines.append((image, polygon))
            crowd = random.random() < 0.15
            rle = counts(polygon, width, height)
            truth["annotations"].append(
                {
                    "id": len(outlines),
                    "image_id": name_of(ids, image),
                    "category_id": random.choice(truth["categories"])["id"],
                    "bbox": box_of(polygon),
                    "area": float(mask_utils.area(runs(polygon, width, height))),
                    "iscrowd": int(crowd),
                    "segmentation": rle if crowd else random.choice([[polygon], [polygon], rle]),
                }
            )
    random.shuffle(truth["annotations"])
    for image, (width, height) in enumerate(sizes):
        near = [polygon for of, polygon in outlines if of == image]
        for _ in range(random.randint(0, 9)):
            polygon = outline(random, width, height)
            if near and random.random() < 0.8:
                polygon = jittered(random, random.choice(near))
            one = {
                "image_id": name_of(ids, image),
                "category_id": random.choice(truth["categories"])["id"],
                "score": random.choice([0.9, 0.8, 0.5, round(random.random(), 3)]),
                "bbox": box_of(polygon),
            }
            one["segmentation"] = {
                "letters": letters,
                "letters alone": letters,
                "polygons": lambda polygon, w, h: [polygon],
                "counts": counts,
            }[shape](polygon, width, height)
            if shape == "letters alone":
                del one["bbox"]
            results.append(one)
    random.shuffle(results)
    official = quirked(random, quirk, kind, truth, results)
    return {
        "kind": kind,
        "max_detections": random.choice([[1, 10, 100], [1, 10, 100], [1, 3, 5], [2, 5, 300]]),
        "class_agnostic": random.random() < 0.25,
        "as_pycocotools": official or random.random() < 0.3,
        "truth": truth,
        "results": results,
    }


def quirked(random, quirk, kind, truth, results):
    """Puts in what we count otherwise; whether the official number is wanted then."""
    annotations = truth["annotations"]
    if quirk == "zero" and annotations:
        for one in annotations:
            one["id"] -= 1
        return True
    if quirk == "repeated" and len(annotations) > 1:
        for _ in range(2):
            random.choice(annotations)["id"] = random.choice(annotations)["id"]
        return True
    if quirk == "unlisted" and annotations:
        random.choice(annotations)["image_id"] = 999
        random.choice(annotations)["category_id"] = 999
    if quirk == "negative area" and annotations:
        random.choice(annotations)["area"] = -5.0
    if quirk == "unlisted detections" and results:
        random.choice(results)["category_id"] = 999
        return True
    if quirk == "boxes as masks" and kind == "segm" and results and "bbox" in results[0]:
        for one in results:
            del one["segmentation"]
        return True
    return False


def measured(case):
    """Python's own objects go in, so that nothing is read before."""
    truth = COCO()
    truth.dataset = json.loads(json.dumps(case["truth"]))
    truth.createIndex()
    found = truth.loadRes(json.loads(json.dumps(case["results"])))
    evaluation = COCOeval(truth, found, case["kind"])
    evaluation.params.maxDets = list(case["max_detections"])
    evaluation.params.useCats = int(not case["class_agnostic"])
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    stats = [float(number) for number in evaluation.stats]
    if 100 not in case["max_detections"] and not case["as_pycocotools"]:
        # Its first line looks for 100 there; ours takes the largest.
        precision = evaluation.eval["precision"][:, :, :, 0, 2]
        known = precision[precision > -1]
        stats[0] = float(np.mean(known)) if len(known) else -1.0
    return stats


def main():
    seed, wanted = (int(n) for n in (sys.argv[1:] + ["20", "60"][len(sys.argv) - 1 :]))
    numbers = random.Random(seed)
    cases = []
    while len(cases) < wanted:
        case = made(numbers)
        if not case["results"]:
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            case["stats"] = measured(case)
        # As text: other readers of this file may take long ids for floats.
        for part in ["truth", "results"]:
            case[part] = json.dumps(case[part], separators=(",", ":"))
        cases.append(case)
    print("[")
    print(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
    print("]")


main()
