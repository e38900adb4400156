"""Alignments of point sets to 60 digits, and the same rotations by SciPy.

    pip install mpmath numpy scipy
    python crates/matbackprop-core/tests/reference/alignment.py              writes alignment.json

tests/alignment.rs reads the file. Derivatives are central differences at 60 digits, with steps of 1e-20.
"""

import json
from pathlib import Path

import mpmath
import numpy as np
import scipy
from mpmath import det, diag, mp, mpf, matrix, svd_r
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

mp.dps = 60
STEP = mpf(10) ** -20

X = [[0, 0, 1], [2, 1, 0], [-1, 3, 2], [4, -2, 1], [1, 1, -3]]
Y = [[1, 2, 0], [0, 4, 1], [-3, 1, 2], [3, 5, -1], [2, 0, -2]]
WEIGHTS = [mpf(1), mpf(2), mpf(1) / 2, mpf(1), mpf(3)]
ROTATION_BAR = [[1, -2, 0], [3, 1, -1], [0, 2, 1]]
TRANSLATION_BAR = [1, -1, 2]
SCALE_BAR, RESIDUAL_BAR = mpf(3), mpf(1) / 4


def nearest(m, reflections):
    u, _, vt = svd_r(m)
    sign = 1 if reflections or det(u * vt) > 0 else -1
    return u * diag([1] * (m.rows - 1) + [sign]) * vt


def fit(x, y, w, reflections, translation, scale):
    """R, t, s and the weighted sum of squares."""
    n, d = range(len(x)), range(len(x[0]))
    total = sum(w)

    def about_mean(p):
        mean = [sum(w[i] * p[i][j] for i in n) / total if translation else mpf(0) for j in d]
        return mean, [[p[i][j] - mean[j] for j in d] for i in n]

    (x_mean, a), (y_mean, b) = about_mean(x), about_mean(y)
    m = matrix([[sum(w[i] * b[i][j] * a[i][k] for i in n) for k in d] for j in d])
    r = nearest(m, reflections)
    spread = sum(w[i] * a[i][j] ** 2 for i in n for j in d)
    s = sum(r[j, k] * m[j, k] for j in d for k in d) / spread if scale else mpf(1)
    t = [y_mean[j] - s * sum(r[j, k] * x_mean[k] for k in d) for j in d]
    error = lambda i, j: s * sum(r[j, k] * x[i][k] for k in d) + t[j] - y[i][j]
    return r, t, s, sum(w[i] * error(i, j) ** 2 for i in n for j in d)


def loss(x, y, w, alignment):
    r, t, s, residual = fit(x, y, w, **alignment)
    of_rotation = sum(ROTATION_BAR[j][k] * r[j, k] for j in range(3) for k in range(3))
    of_translation = sum(bar * entry for bar, entry in zip(TRANSLATION_BAR, t))
    return of_rotation + of_translation + SCALE_BAR * s + RESIDUAL_BAR * residual


def derivatives(entries, f):
    """Of f by each entry of a list that f reads."""
    found = []
    for index, entry in enumerate(entries):
        values = []
        for moved in (entry + STEP, entry - STEP):
            entries[index] = moved
            values.append(f())
        entries[index] = entry
        found.append((values[0] - values[1]) / (2 * STEP))
    return found


def rounded(numbers):
    return [float(number) for number in numbers]


def by_scipy(x, y, w, reflections, translation, scale):
    """R by SciPy, row after row, where it has such an alignment."""
    w, x, y = (np.array(p, dtype=float) for p in (w, x, y))
    if translation:
        x, y = x - w @ x / w.sum(), y - w @ y / w.sum()
    if reflections:
        root = np.sqrt(w)[:, None]
        return orthogonal_procrustes(root * x, root * y)[0].T.ravel().tolist()
    return Rotation.align_vectors(y, x, weights=w)[0].as_matrix().ravel().tolist()


def case(mirrored, **alignment):
    x = [[mpf(v) for v in p] for p in X]
    y = [[mpf(p[0]), mpf(p[1]), mpf(-p[2] if mirrored else p[2])] for p in Y]
    w = list(WEIGHTS)
    r, t, s, residual = fit(x, y, w, **alignment)
    by = lambda p: [v for row in p for v in derivatives(row, lambda: loss(x, y, w, alignment))]
    return {
        "alignment": alignment,
        "y": rounded(v for p in y for v in p),
        "rotation": rounded(r),
        "rotation_scipy": by_scipy(x, y, w, **alignment),
        "translation": rounded(t),
        "scale": float(s),
        "residual": float(residual),
        "x_bar": rounded(by(x)),
        "y_bar": rounded(by(y)),
        "weights_bar": rounded(derivatives(w, lambda: loss(x, y, w, alignment))),
    }


def main():
    cases = [
        case(mirrored, reflections=reflections, translation=translation, scale=scale)
        for mirrored in (False, True)
        for reflections in (False, True)
        for translation in (False, True)
        for scale in (False, True)
    ]
    shared = {
        "x": [float(v) for p in X for v in p],
        "weights": rounded(WEIGHTS),
        "rotation_bar": [float(v) for row in ROTATION_BAR for v in row],
        "translation_bar": [float(v) for v in TRANSLATION_BAR],
        "scale_bar": float(SCALE_BAR),
        "residual_bar": float(RESIDUAL_BAR),
        "versions": {"mpmath": mpmath.__version__, "scipy": scipy.__version__},
    }
    path = Path(__file__).with_name("alignment.json")
    path.write_text(json.dumps({**shared, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
