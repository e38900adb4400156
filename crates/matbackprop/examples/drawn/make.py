"""Draws the tiny data sets of the examples, in the layouts of BSDS500 and COCO: python3 make.py.

Needs numpy, scipy and pillow. Nothing of either data set is in them.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

HERE = Path(__file__).parent
WIDTH, HEIGHT = 192, 128
Y, X = np.mgrid[:HEIGHT, :WIDTH]


def disc(x, y, radius):
    return (X - x) ** 2 + (Y - y) ** 2 < radius**2


def stacked(*masks):
    """Ids from 1: the last mask that holds a pixel has it."""
    ids = np.ones((HEIGHT, WIDTH), np.uint16)
    for number, mask in enumerate(masks, 2):
        ids[mask] = number
    return ids


# The first person draws the shadow or the window too, the second does not and is a pixel off.
DRAWN = {
    "ball": [
        stacked(Y > 80, (abs(X - 100) < 44) & (abs(Y - 100) < 8), disc(80, 68, 30)),
        stacked(Y > 81, disc(81, 68, 30)),
    ],
    "house": [
        stacked(Y > 96, (abs(X - 96) < 40) & (abs(Y - 72) < 32), (abs(X - 112) < 10) & (abs(Y - 68) < 10)),
        stacked(Y > 97, (abs(X - 96) < 41) & (abs(Y - 72) < 32)),
    ],
}
# What a program found: one segment, two, and three.
FOUND = {
    "ball": [stacked(), stacked(Y > 79), stacked(Y > 79, disc(79, 67, 30))],
    "house": [stacked(), stacked(Y > 95), stacked(Y > 95, (abs(X - 95) < 40) & (abs(Y - 71) < 33))],
}
COLOURS = np.array([[0, 0, 0], [150, 190, 230], [120, 160, 90], [90, 90, 100], [200, 80, 60]], np.uint8)

for folder in ("images", "groundTruth", "segments"):
    (HERE / folder).mkdir(exist_ok=True)
for name, people in DRAWN.items():
    Image.fromarray(COLOURS[people[0]]).save(HERE / "images" / f"{name}.jpg", quality=90)
    truth = np.empty((1, len(people)), object)
    for place, ids in enumerate(people):
        truth[0, place] = {"Segmentation": ids}
    savemat(HERE / "groundTruth" / f"{name}.mat", {"groundTruth": truth}, do_compression=True)
    for count, ids in enumerate(FOUND[name], 1):
        Image.fromarray((ids - 1).astype(np.uint8)).save(HERE / "segments" / f"{name}_{count}.png")


def box(x, y, width, height):
    return {"bbox": [x, y, width, height], "area": width * height,
            "segmentation": [[x, y, x + width, y, x + width, y + height, x, y + height]]}


objects = [(1, 1, box(20, 10, 40, 40)), (1, 2, box(70, 30, 20, 12)), (2, 2, box(5, 30, 50, 25)), (2, 2, box(60, 34, 24, 14))]
truth = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": WIDTH, "height": HEIGHT},
               {"id": 2, "file_name": "2.jpg", "width": WIDTH, "height": HEIGHT}],
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    "annotations": [{"id": number, "image_id": image, "category_id": category, "iscrowd": 0, **shape}
                    for number, (image, category, shape) in enumerate(objects, 1)],
}
# A person a little off, a car met, one shifted, one missed, and one where there is none.
results = [(1, 1, 0.95, [22, 11, 40, 38]), (1, 2, 0.80, [70, 30, 20, 12]), (2, 2, 0.90, [8, 32, 50, 25]),
           (2, 1, 0.30, [60, 5, 20, 20])]
results = [{"image_id": image, "category_id": category, "score": score, "bbox": bbox}
           for image, category, score, bbox in results]
(HERE / "instances.json").write_text(json.dumps(truth, indent=1) + "\n")
(HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
