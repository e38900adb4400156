"""Segmentations of others, as label maps that `matbackprop eval bsds --segs` measures.

    pip install scikit-image
    python crates/experiments/recipes/bsds/outside_references.py felzenszwalb BSDS500/images/val OUT
    python crates/experiments/recipes/bsds/outside_references.py recursive-ncut BSDS500/images/val OUT
    matbackprop eval bsds --data BSDS500 --split val --segs OUT

OUT/ID_LEVEL.png, 16 bits, a level for each scale (felzenszwalb) or threshold (recursive normalised cuts on SLIC
superpixels): the same levels for every image, 1 the finest. An image that is there already is not made again.

gPb-owt-ucm needs nothing from here: its authors' contour maps, from the page of BSDS500 (data/README.md says where;
for research and education, not to be passed on), are measured as they are:

    matbackprop eval bsds --data BSDS500 --split val --ucm UCM2_DIR
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import color, graph, io, segmentation

SCALES = [50, 100, 150, 200, 300, 400, 500, 700, 900, 1200, 1600, 2200, 3000]
THRESHOLDS = [1e-14, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01]


def felzenszwalb(image):
    """Felzenszwalb and Huttenlocher, IJCV 2004: a level a scale."""
    for scale in SCALES:
        yield segmentation.felzenszwalb(image, scale=scale, sigma=0.8, min_size=100)


def recursive_ncut(image):
    """Shi and Malik's recursive two-way cuts of the colours of 400 superpixels: a level a threshold, finest first."""
    superpixels = segmentation.slic(image, n_segments=400, compactness=30, start_label=0)
    colours = graph.rag_mean_color(image, superpixels, mode="similarity")
    for threshold in reversed(THRESHOLDS):
        # The cut is seeded: its eigensolver starts from a random vector.
        yield graph.cut_normalized(
            superpixels, colours, thresh=threshold, num_cuts=10, in_place=False, rng=0
        )


METHODS = {"felzenszwalb": felzenszwalb, "recursive-ncut": recursive_ncut}


def write_whole(path, labels):
    """Appears whole or not at all."""
    partial = path.with_name(path.stem + ".partial.png.tmp")
    with open(partial, "wb") as file:
        Image.fromarray(labels.astype(np.uint16)).save(file, format="PNG")
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("images", type=Path, help="folder of ID.jpg")
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int, help="the first so many images")
    arguments = parser.parse_args()
    photographs = sorted(arguments.images.glob("*.jpg"))[: arguments.limit]
    if not photographs:
        sys.exit(f"{arguments.images}: expected photographs ID.jpg, found none")
    arguments.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for done, photograph in enumerate(photographs, 1):
        count = len(SCALES if arguments.method == "felzenszwalb" else THRESHOLDS)
        paths = [arguments.out / f"{photograph.stem}_{level}.png" for level in range(1, count + 1)]
        if all(path.exists() for path in paths):
            continue
        image = io.imread(photograph)
        if image.ndim == 2:
            image = color.gray2rgb(image)
        for path, labels in zip(paths, METHODS[arguments.method](image)):
            labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
            write_whole(path, labels)
        print(f"{done} of {len(photographs)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
