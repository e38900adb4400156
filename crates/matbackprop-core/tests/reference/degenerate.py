"""Functions of FᵀF on degenerate spectra: references to 50 digits and more.

    pip install mpmath numpy gmpy2
    python crates/matbackprop-core/tests/reference/degenerate.py              writes degenerate.json

It takes ten seconds (without gmpy2, which is optional, a minute). tests/degenerate.rs reads the file, and beside it
peers.json: what other libraries make of the same cases, measured by benches/compare_gradients.py.

Every number of degenerate.json is the shortest decimal that reads back as the same f64, so F, G and ε are exact. With
x = FᵀF and f one of log(x + ε), sqrt(x + ε), inverse_sqrt(x + ε) a case holds

    C       f(FᵀF), its lower triangle row by row
    F_bar   the gradient of ⟨G, C⟩ with respect to F, row by row

both from the exact values of F, G and ε in 120 digits (eigenvalues of FᵀF + εI, divided differences) and then rounded to
f64. Every gradient is held against a central difference of ⟨G, C⟩ with a step of 1e-25 before it is written.

`svd_dk_peers` and `svd_dk_here` are relative errors of the soundest plain way, the singular values of F with divided
differences in f64 by LAPACK: as first measured, one draw a row, and the worst over the draws stored here. Both depend
on the draw, in the last rows by a factor of ten.
"""
import json
import os

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(FOLDER, "degenerate.json")
DIGITS = 120


# Matrices: every class from a random generator, so that a seed is a draw.


def gaussian(rows, columns):
    return lambda random: random.standard_normal((rows, columns))


def relu(rows, columns):
    return lambda random: np.maximum(random.standard_normal((rows, columns)), 0.0)


def orthonormal(random, rows, columns):
    return np.linalg.qr(random.standard_normal((rows, columns)))[0]


def spectrum(values, rows, columns):
    def draw(random):
        r = len(values)
        return orthonormal(random, rows, r) * np.array(values) @ orthonormal(random, columns, r).T

    return draw


def dead(draw, count):
    """`count` channels without a single response, as a rectified layer leaves them."""

    def drawn(random):
        f = draw(random)
        f[:, random.permutation(f.shape[1])[:count]] = 0.0
        return f

    return drawn


def duplicated(random):
    half = random.standard_normal((12, 4))
    return np.hstack([half, half])


def low_rank(rows, columns, rank):
    return lambda random: random.standard_normal((rows, rank)) @ random.standard_normal((rank, columns))


def fixed(f):
    return lambda random: np.array(f, dtype=float)


def tall_diagonal(values, rows):
    f = np.zeros((rows, len(values)))
    np.fill_diagonal(f, values)
    return f


def hadamard_columns():
    h = np.array([[1.0]])
    while len(h) < 16:
        h = np.block([[h, h], [h, -h]])
    return h[:, :8]


def one_row(random):
    f = np.zeros((12, 8))
    f[random.integers(12)] = random.standard_normal(8)
    return f


def scaled(draw, factor):
    return lambda random: factor * draw(random)


def grades(first, last):
    return list(np.logspace(np.log10(first), np.log10(last), 8))


REPEATED = [3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5]
NEAR = [value * (1.0 + 1e-8 * (i % 2 == 0)) for i, value in enumerate(REPEATED)]

# Row, how F is drawn, function, ε, number of draws, and the relative error that SVD(F) with divided differences had
# when the row was first measured on one draw (None for rows of our own).
ROWS = [
    ("generic 12x8 Gaussian", gaussian(12, 8), "log", 1e-3, 3, 9.3e-16),
    ("generic 12x8 ReLU features", relu(12, 8), "log", 1e-3, 3, 3.0e-15),
    ("(i) rank-deficient n<d, 8x12 ReLU", relu(8, 12), "log", 1e-3, 3, 9.7e-16),
    ("(i) rank 5, 12x8 (rounded product)", low_rank(12, 8, 5), "log", 1e-3, 3, 3.2e-14),
    ("(i) 3 dead channels (exact zero columns), 12x8", dead(gaussian(12, 8), 3), "log", 1e-3, 3, 2.4e-15),
    ("(i) duplicated channels (exact rank 4), 12x8", duplicated, "log", 1e-3, 3, 2.0e-13),
    ("(ii) repeated s.v. exact, diag(3,3,2,2,1,1,.5,.5)", fixed(tall_diagonal(REPEATED, 12)), "log", 1e-3, 3, 8.0e-17),
    ("(ii) repeated s.v. exact, 2*I (12x8)", fixed(tall_diagonal([2.0] * 8, 12)), "log", 1e-3, 3, 1.2e-16),
    ("(ii) repeated s.v. exact, Hadamard columns (16x8)", fixed(hadamard_columns()), "log", 1e-3, 3, 6.8e-16),
    ("(ii) repeated s.v. after rotation (gap ~1e-16)", spectrum(REPEATED, 12, 8), "log", 1e-3, 3, 2.1e-15),
    ("(ii) near-repeated s.v., relative gap 1e-8", spectrum(NEAR, 12, 8), "log", 1e-3, 3, 9.1e-16),
    ("(iii) zero matrix 12x8", fixed(np.zeros((12, 8))), "log", 1e-3, 1, 0.0),
    ("(iii) one nonzero row (rank 1), 12x8", one_row, "log", 1e-3, 3, 3.2e-16),
    ("(iv) cond(F)=1e6, eps=1e-3", spectrum(grades(1, 1e-6), 12, 8), "log", 1e-3, 3, 6.6e-15),
    ("(iv) cond(F)=1e12, eps=1e-3", spectrum(grades(1, 1e-12), 12, 8), "log", 1e-3, 3, 3.3e-15),
    ("(iv) cond(F)=1e12, s.v. 1e6..1e-6, eps=1e-3", spectrum(grades(1e6, 1e-6), 12, 8), "log", 1e-3, 3, 1.8e-09),
    ("(iv) cond(F^TF+eps I)=1e12, s.v. 1..1e-6, eps=1e-12", spectrum(grades(1, 1e-6), 12, 8), "log", 1e-12, 3, 3.3e-12),
    ("(iv) cond(F)=1e12, s.v. 1..1e-12, eps=1e-24", spectrum(grades(1, 1e-12), 12, 8), "log", 1e-24, 3, 3.5e-06),
    # Rows of our own.
    ("n<d with dead channels, 9x16 ReLU", dead(relu(9, 16), 5), "log", 1e-3, 2, None),
    ("n<d, 14x24 ReLU", relu(14, 24), "log", 1e-3, 1, None),
    ("dead channels, 32x12 ReLU", dead(relu(32, 12), 4), "log", 1e-3, 2, None),
    ("all channels dead but one, 12x8 ReLU", dead(relu(12, 8), 7), "log", 1e-3, 2, None),
    ("rank 1, 12x8 (rounded product)", low_rank(12, 8, 1), "log", 1e-3, 2, None),
    ("values of 1e8, 12x8 ReLU", scaled(relu(12, 8), 1e8), "log", 1e-3, 2, None),
    ("values of 1e-8, 12x8 ReLU", scaled(relu(12, 8), 1e-8), "log", 1e-3, 2, None),
    ("square root, generic 12x8 ReLU", relu(12, 8), "sqrt", 1e-3, 2, None),
    ("square root, n<d with dead channels, 8x12 ReLU", dead(relu(8, 12), 3), "sqrt", 1e-3, 2, None),
    ("square root, repeated s.v. after rotation", spectrum(REPEATED, 12, 8), "sqrt", 1e-3, 2, None),
    ("square root, s.v. 1..1e-6, eps=1e-12", spectrum(grades(1, 1e-6), 12, 8), "sqrt", 1e-12, 2, None),
    ("inverse square root, generic 12x8 ReLU", relu(12, 8), "inverse_sqrt", 1e-3, 2, None),
    ("inverse square root, n<d with dead channels, 8x12 ReLU", dead(relu(8, 12), 3), "inverse_sqrt", 1e-3, 2, None),
    ("inverse square root, repeated s.v. after rotation", spectrum(REPEATED, 12, 8), "inverse_sqrt", 1e-3, 2, None),
    ("inverse square root, s.v. 1..1e-6, eps=1e-12", spectrum(grades(1, 1e-6), 12, 8), "inverse_sqrt", 1e-12, 2, None),
]


def cases():
    """(row, seed, function, ε, F, G): the same in every run, for any list above."""
    for name, draw, function, epsilon, draws, _ in ROWS:
        for seed in range(1, draws + 1):
            random = np.random.Generator(np.random.PCG64([seed, *name.encode()]))
            f = draw(random) + 0.0  # no −0
            d = f.shape[1]
            # Two decimals are enough to be generic, and short.
            g = np.round(random.standard_normal((d, d)), 2) + 0.0
            if seed == 2:
                g = np.round((g + g.T) / 2, 2)
            yield name, seed, function, epsilon, f, g


# References.


def value_of(function, x):
    import mpmath as mp

    return {"log": mp.log, "sqrt": mp.sqrt, "inverse_sqrt": lambda x: 1 / mp.sqrt(x)}[function](x)


def divided_difference(function, a, b):
    """(f(a) − f(b)) / (a − b) for positive a and b, f′(a) where they are equal."""
    import mpmath as mp

    if function == "sqrt":
        return 1 / (mp.sqrt(a) + mp.sqrt(b))
    if function == "inverse_sqrt":
        return -1 / (mp.sqrt(a * b) * (mp.sqrt(a) + mp.sqrt(b)))
    # log(a/b) = 2 atanh(h), h = (a − b)/(a + b); the series where h is small leaves nothing to cancel.
    h = (a - b) / (a + b)
    ratio = 1 + h**2 / 3 + h**4 / 5 + h**6 / 7 if abs(h) < mp.mpf(10) ** -15 else mp.atanh(h) / h
    return 2 / (a + b) * ratio


def reference(function, epsilon, f, g):
    """C and F̄ in high precision."""
    import mpmath as mp

    mp.mp.dps = DIGITS
    f, s = mp.matrix(f.tolist()), mp.matrix(g.tolist())
    s = (s + s.T) / 2
    d = f.cols

    def at(f):
        values, v = mp.eigsy(f.T * f + mp.mpf(epsilon) * mp.eye(d))
        return values, v, v * mp.diag([value_of(function, x) for x in values]) * v.T

    values, v, c = at(f)
    core = v.T * s * v
    for i in range(d):
        for j in range(d):
            core[i, j] *= divided_difference(function, values[i], values[j])
    f_bar = 2 * f * v * core * v.T

    # The gradient against a difference along one direction: 50 digits are left, of which the step's square is the least.
    step = mp.mpf(10) ** -25 * epsilon
    direction = mp.matrix(np.random.Generator(np.random.PCG64(1)).standard_normal((f.rows, f.cols)).tolist())
    inner = lambda a, b: mp.fsum(a[i, j] * b[i, j] for i in range(a.rows) for j in range(a.cols))
    slope = inner(s, at(f + step * direction)[2] - at(f - step * direction)[2]) / (2 * step)
    error = abs(slope - inner(f_bar, direction))
    assert error <= mp.mpf(10) ** -25 * (1 + mp.norm(f_bar)), mp.nstr(error)

    floats = lambda a: np.array([[float(a[i, j]) for j in range(a.cols)] for i in range(a.rows)])
    return floats(c), floats(f_bar)


def write_cases():
    rows, measured = [], {}
    for name, seed, function, epsilon, f, g in cases():
        c, f_bar = reference(function, epsilon, f, g)
        lower = [c[i, j] for i in range(len(c)) for j in range(i + 1)]
        numbers = {"F": f.ravel(), "G": g.ravel(), "C_lower": lower, "F_bar": f_bar.ravel()}
        rows.append({"name": name, "seed": seed, "function": function, "epsilon": epsilon, "rows": f.shape[0],
                     "columns": f.shape[1], **{key: [short(x) for x in numbers[key]] for key in numbers}})
        error = relative_error(numpy_svd(function, epsilon, f, g), f_bar)
        measured[name] = max(measured.get(name, 0.0), error)
        print(f"{name}, seed {seed}: SVD(F) with divided differences {error:.1e}", flush=True)
    published = {row[0]: row[5] for row in ROWS if row[5] is not None}
    here = {name: float(f"{error:.1e}") for name, error in measured.items()}
    with open(CASES, "w") as file:
        file.write('{"svd_dk_peers": ' + json.dumps(published, indent=0) + ',\n"svd_dk_here": ' + json.dumps(here, indent=0))
        file.write(',\n"cases": [\n')
        file.write(",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]}\n")
    print(f"{CASES}: {len(rows)} cases, {os.path.getsize(CASES) / 1000:.0f} kB")


def short(x):
    """Whole numbers without a fraction: as exact, and shorter."""
    x = float(x)
    return int(x) if x == int(x) and abs(x) < 2**53 else x


# The soundest plain way, in the precision of F.


def relative_error(found, expected):
    """Frobenius, absolute where the reference is zero; NaN where a number is not finite."""
    if not np.isfinite(found).all():
        return np.nan
    return float(np.linalg.norm(found - expected) / (np.linalg.norm(expected) or 1.0))


def differences(function, low, high, gap):
    """f[a, b] for a = low ≤ b = high and their gap, without cancellation."""
    if function == "sqrt":
        return 1 / (np.sqrt(low) + np.sqrt(high))
    if function == "inverse_sqrt":
        return -1 / (np.sqrt(low) * np.sqrt(high) * (np.sqrt(low) + np.sqrt(high)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(gap > 0, np.log1p(gap / low) / gap, 1 / low)


def numpy_svd(function, epsilon, f, g, svd=np.linalg.svd):
    """The singular values of F itself, all of V, divided differences; numpy's SVD works in f64 for any F."""
    u, sigma, vt = svd(f, full_matrices=True)
    r, d = len(sigma), f.shape[1]
    full = np.concatenate([sigma, np.zeros(d - r, sigma.dtype)])
    low, high = np.minimum.outer(full, full), np.maximum.outer(full, full)
    p = differences(function, low**2 + epsilon, high**2 + epsilon, (high - low) * (high + low))
    core = p * (vt @ ((g + g.T) / 2) @ vt.T)
    return 2 * (u[:, :r] * sigma) @ core[:r] @ vt


if __name__ == "__main__":
    write_cases()
