"""The residuals of LAPACK's decompositions, on the matrices of a folder.

    pip install numpy
    python crates/matbackprop-core/tests/reference/lapack_residuals.py FOLDER

tests/attack writes the folder and calls this. `index.json` lists the matrices, each with its `file` of little-endian
f64, row after row, its `rows` and `columns`, and whether it is `symmetric`: then `numpy.linalg.eigh` and `eigvalsh`
decompose it, else `svd`, with vectors and without. `residuals.json` gets one entry a matrix, measured as
tests/attack/measures.rs does:

    [residual / (ε ‖A‖₂), orthogonality / ε, disagreement of the values alone / (ε ‖A‖₂)]

or null where LAPACK gave up or left a number that is not finite.
"""
import json
import os
import sys

import numpy as np

EPSILON = np.finfo(np.float64).eps
SMALLEST = 5e-324


def scale_of(a):
    """The power of two below the largest entry where that lies beyond 2^±200, as `power_of_two_scale` has it."""
    largest = np.abs(a).max()
    if largest == 0.0 or 2.0**-200 <= largest <= 2.0**200:
        return 1.0
    return 2.0 ** min(max(int(np.frexp(largest)[1]) - 1, -1022), 1022)


def norm(a):
    """‖A‖₂ from below, by a few steps of the power method from the longest column on."""
    lengths = np.sqrt((a * a).sum(0))
    longest = int(lengths.argmax())
    best, y = lengths[longest], a[:, longest]
    for _ in range(6):
        x = a.T @ y
        length = np.linalg.norm(x)
        if length == 0.0:
            break
        y = a @ (x / length)
        best = max(best, np.linalg.norm(y))
    return best


def longest_column(a):
    return np.sqrt((a * a).sum(0).max())


def product(a, b):
    """A B, its sums taken by halves: those of equal terms, one after another, would round by more than is measured."""
    n = a.shape[1]
    if n <= 64:
        return a @ b
    return product(a[:, : n // 2], b[: n // 2]) + product(a[:, n // 2 :], b[n // 2 :])


def turned(x):
    return longest_column(product(x.T, x) - np.eye(x.shape[1])) / EPSILON


def measures(a, symmetric):
    scale = scale_of(a)
    if symmetric:
        values, v = np.linalg.eigh(a)
        alone = np.linalg.eigvalsh(a)
        sides = [(1, v, v)]
    else:
        u, values, vt = np.linalg.svd(a, full_matrices=False)
        alone = np.linalg.svd(a, compute_uv=False)
        sides = [(1, vt.T, u), (-1, u, vt.T)]
    a, values, alone = a / scale, values / scale, alone / scale
    unit = EPSILON * norm(a) + SMALLEST / scale
    residual = max(longest_column(product(a if way == 1 else a.T, x) - y * values) for way, x, y in sides)
    return [residual / unit, max(turned(x) for _, x, _ in sides), np.abs(values - alone).max() / unit]


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "index.json")) as file:
        index = json.load(file)
    found = []
    for entry in index:
        a = np.fromfile(os.path.join(folder, entry["file"]), "<f8").reshape(entry["rows"], entry["columns"])
        try:
            with np.errstate(all="ignore"):
                numbers = [float(x) for x in measures(a, entry["symmetric"])]
        except np.linalg.LinAlgError:
            numbers = [np.nan]
        found.append(numbers if np.isfinite(numbers).all() else None)
    with open(os.path.join(folder, "residuals.json"), "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
