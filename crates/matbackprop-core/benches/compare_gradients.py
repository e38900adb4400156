"""Gradients of the rules beside those of other libraries, both held against references in 120 digits.

    pip install torch numpy mpmath gmpy2 torchspd spd_learn geoopt pyriemann "jax[cpu]" matplotlib
    cargo build --release -p matbackprop-core -p ncuts --example rule_gradients --example layer_speed
    python crates/matbackprop-core/benches/compare_gradients.py
        [--page crates/matbackprop-core/docs/gradients.md]     writes the tables into the page, where its comments say
        [--plot crates/matbackprop-core/docs/gradients.svg]
        [--peers crates/matbackprop-core/tests/reference/peers.json]
        [--only gram]                                           some of the tables

`compare_stack_gradients.py` measures the tables of stacks. Two minutes on one core; of the libraries only PyTorch, numpy and mpmath are needed. Every number is a relative error in
the Frobenius norm, absolute where the reference is zero, the worst of a row's draws. A reference belongs to the matrix
exactly as the methods get it: in the tables of f32 that is the matrix rounded to f32. References of functions are
divided differences in 120 digits; of second order, of the SVD and of normalised cuts, central differences with a step of
1e-30 in 120 digits; of projectors and inverses of low rank, Golub's and Pereyra's formula from exact factors.
"""
import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import warnings

import mpmath as mp
import numpy as np
import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "..", "tests", "reference"))
import compare_pytorch  # noqa: E402
import degenerate as reference  # noqa: E402
import gradient_peers as peers  # noqa: E402

LIBRARIES = ["torch", "torchspd", "spd_learn", "geoopt", "pyriemann", "jax", "numpy", "mpmath"]
STEP = mp.mpf(10) ** -30
# Bold in the tables: less than three digits are right.
WRONG = 1e-3


# Ours.


def ours(kind, matrices, binary="rule_gradients", **numbers):
    """The gradient, or the rule's error as text."""
    with tempfile.TemporaryDirectory() as folder:
        matrices = {key: np.asarray(a, "<f8") for key, a in matrices.items()}
        for key, a in matrices.items():
            a.tofile(os.path.join(folder, f"{key}.f64"))
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"kind": kind, "shapes": {key: a.shape for key, a in matrices.items()}, **numbers}, file)
        command = [os.path.join(compare_pytorch.TARGET, "release", "examples", binary), folder, "0"]
        answer = json.loads(subprocess.check_output(command, text=True))
        if "refused" in answer:
            return answer["refused"]
        return np.fromfile(os.path.join(folder, "ours_gradient.f64"), "<f8").reshape(next(iter(matrices.values())).shape)


# References.


def exact(a):
    return mp.matrix(np.asarray(a, float).tolist())


def floats(a):
    return np.array([[float(a[i, j]) for j in range(a.cols)] for i in range(a.rows)])


def symmetric(a):
    return (a + a.T) / 2


def product_of(a, b):
    return mp.fsum(a[i, j] * b[i, j] for i in range(a.rows) for j in range(a.cols))


def function_and_gradient(name, a, value_bar):
    """f(A), and Ā for C̄ = `value_bar`(C), in mpmath."""
    values, v = mp.eigsy(a)
    c = v * mp.diag([reference.value_of(name, x) for x in values]) * v.T
    core = v.T * value_bar(c) * v
    for i in range(a.rows):
        for j in range(a.rows):
            core[i, j] *= reference.divided_difference(name, values[i], values[j])
    return c, v * core * v.T


def symmetric_reference(name, a, g):
    s = symmetric(exact(g))
    return floats(function_and_gradient(name, exact(a), lambda c: s)[1])


def second_order_reference(name, a, g, w):
    a, g, w = exact(a), symmetric(exact(g)), exact(w)
    at = lambda t: function_and_gradient(name, a + t * w, lambda c: c - g)[1]
    return floats((at(STEP) - at(-STEP)) / (2 * STEP))


def by_differences(loss, a):
    """The gradient, entry by entry."""
    a, gradient = exact(a), mp.zeros(*np.shape(a))
    for i in range(a.rows):
        for j in range(a.cols):
            entry, sides = a[i, j], []
            for step in (STEP, -STEP):
                a[i, j] = entry + step
                sides.append(loss(a))
            a[i, j] = entry
            gradient[i, j] = (sides[0] - sides[1]) / (2 * STEP)
    return gradient


def svd_reference(loss, count, a, g):
    g = exact(g)

    def at(a):
        values, v = mp.eigsy(a.T * a)
        n = a.cols
        if loss == "svd_subspace":
            kept = mp.diag([1 / x if i >= n - count else 0 for i, x in enumerate(values)])
            return product_of(g, a * v * kept * v.T * a.T)
        weight = (lambda x: mp.log(1 + mp.sqrt(x)) / mp.sqrt(x)) if loss == "svd_log" else (lambda x: 1 / mp.sqrt(x))
        return product_of(g, a * v * mp.diag([weight(x) for x in values]) * v.T)

    return floats(by_differences(at, a))


def inverse_of(x, y):
    """(XY)⁺ for X of full column rank and Y of full row rank."""
    return y.T * (y * y.T) ** -1 * (x.T * x) ** -1 * x.T


def low_rank_reference(kind, x, y, g):
    x, y, g = exact(x), exact(y), exact(g)
    f, p = x * y, inverse_of(x, y)
    off_left, off_right = mp.eye(f.rows) - f * p, mp.eye(f.cols) - p * f
    if kind == "projector":
        gradient, loss = 2 * off_left * symmetric(g) * p.T, lambda x, y: product_of(g, x * y * inverse_of(x, y))
    else:
        gradient = -p.T * g * p.T + off_left * g.T * p * p.T + p.T * p * g.T * off_right
        loss = lambda x, y: product_of(g, inverse_of(x, y))
    random = np.random.Generator(np.random.PCG64(3))
    dx, dy = exact(random.standard_normal((x.rows, x.cols))), exact(random.standard_normal((y.rows, y.cols)))
    slope = (loss(x + STEP * dx, y + STEP * dy) - loss(x - STEP * dx, y - STEP * dy)) / (2 * STEP)
    assert abs(slope - product_of(gradient, dx * y + x * dy)) < mp.mpf(10) ** -40
    return floats(gradient)


def ncuts_reference(x, y, assignment, epsilon=None):
    """J depends on F = XY by the range of D^−½ X and by w = XYYᵀXᵀ1: X̄ by differences, then F̄ = X̄ (YYᵀ)⁻¹ Y.

    With `epsilon` the projector is the regularised one; Y has to be I then.
    """
    y = exact(y)
    n, k = len(assignment), max(assignment) + 1
    square = y * y.T

    def at(x):
        w = x * (square * (x.T * mp.ones(n, 1)))
        z = mp.matrix([[x[i, j] / mp.sqrt(w[i]) for j in range(x.cols)] for i in range(n)])
        q = mp.zeros(n, k)
        for i, segment in enumerate(assignment):
            q[i, segment] = mp.sqrt(w[i] / mp.fsum(w[j] for j in range(n) if assignment[j] == segment))
        overlap, gram = z.T * q, z.T * z
        if epsilon is None:
            return -product_of(overlap, gram**-1 * overlap)
        p = (gram + mp.mpf(epsilon) * mp.eye(x.cols)) ** -1
        fraction = p * gram
        return product_of(fraction, fraction.T) / 2 - product_of(overlap, p * overlap)

    return floats(by_differences(at, x) * square**-1 * y)


# Cells and tables.


def error_of(found, expected):
    """A number, NaN, or a word."""
    if isinstance(found, str):
        return found
    return reference.relative_error(np.asarray(found, float), expected)


def measured(method, *arguments):
    """The gradient, or a word for what came instead."""
    try:
        return method(*arguments)
    except KeyError:
        return "–"
    except Exception as refusal:  # a decomposition that gives up, a rule that has no second order
        return f"error: {type(refusal).__name__}: {str(refusal)[:90]}"


def worst(cells):
    words = [cell for cell in cells if isinstance(cell, str)]
    return words[0] if words else float(np.max(cells))  # NaN stays


def cell(error):
    if isinstance(error, str):
        return error if error == "–" else "**error**" if error.startswith("error") else "refused"
    if np.isnan(error):
        return "**NaN**"
    mantissa, exponent = f"{error:.1e}".split("e")
    text = f"{mantissa}e{int(exponent)}" if error else "0"
    return f"**{text}**" if error >= WRONG else text


class Table:
    """Rows of errors by column; several draws of a row are joined by their worst."""

    def __init__(self, name, first):
        self.name, self.first, self.rows = name, first, {}

    def add(self, row, errors):
        errors = dict(errors)
        known = self.rows.setdefault(row, {})
        for column, error in errors.items():
            known[column] = worst([known[column], error]) if column in known else error

    def markdown(self):
        columns = list(next(iter(self.rows.values())))
        lines = [f"| {self.first} | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
        lines += [f"| {row} | " + " | ".join(cell(errors.get(column, "–")) for column in columns) + " |" for row, errors in self.rows.items()]
        return "\n".join(lines)


# Functions of FᵀF + εI.

TITLES = {
    "generic 12x8 Gaussian": "12 × 8, Gaussian",
    "(i) rank-deficient n<d, 8x12 ReLU": "8 × 12 after ReLU, n < d",
    "one dead channel, 12x8 ReLU": "one dead channel",
    "(i) 3 dead channels (exact zero columns), 12x8": "three dead channels",
    "all channels dead but one, 12x8 ReLU": "all channels dead, except one",
    "(i) duplicated channels (exact rank 4), 12x8": "every channel twice",
    "(i) rank 5, 12x8 (rounded product)": "rank 5, a rounded product",
    "(ii) repeated s.v. exact, 2*I (12x8)": "all σ equal, F = 2 I",
    "(ii) repeated s.v. exact, diag(3,3,2,2,1,1,.5,.5)": "pairs of equal σ, diagonal",
    "(ii) repeated s.v. after rotation (gap ~1e-16)": "pairs of equal σ, rotated",
    "(ii) near-repeated s.v., relative gap 1e-8": "pairs with a relative gap of 1e-8",
    "(iii) zero matrix 12x8": "the zero matrix (absolute error)",
    "(iii) one nonzero row (rank 1), 12x8": "one nonzero row",
    "(iv) cond(F)=1e12, eps=1e-3": "σ 1 … 1e-12",
    "(iv) cond(F)=1e12, s.v. 1e6..1e-6, eps=1e-3": "σ 1e6 … 1e-6",
    "(iv) cond(F^TF+eps I)=1e12, s.v. 1..1e-6, eps=1e-12": "σ 1 … 1e-6, ε = 1e-12",
    "(iv) cond(F)=1e12, s.v. 1..1e-12, eps=1e-24": "σ 1 … 1e-12, ε = 1e-24",
    "square root, generic 12x8 ReLU": "square root, 12 × 8 after ReLU",
    "square root, n<d with dead channels, 8x12 ReLU": "square root, 8 × 12, three dead channels",
    "square root, repeated s.v. after rotation": "square root, pairs of equal σ, rotated",
    "square root, s.v. 1..1e-6, eps=1e-12": "square root, σ 1 … 1e-6, ε = 1e-12",
    "inverse square root, n<d with dead channels, 8x12 ReLU": "inverse root, 8 × 12, three dead channels",
    "inverse square root, repeated s.v. after rotation": "inverse root, pairs of equal σ, rotated",
    "inverse square root, s.v. 1..1e-6, eps=1e-12": "inverse root, σ 1 … 1e-6, ε = 1e-12",
}
GRAM_COLUMNS = ["ours", "by hand", "SVD by hand", "torchspd", "spd_learn", "matrix_sqrth", "torch eigh", "torch svd"]
GRAM_COLUMNS += ["jax eigh", "jax svd", "geoopt", "pyriemann"]
SINGLE_COLUMNS = ["by hand", "SVD by hand", "torchspd", "spd_learn", "matrix_sqrth", "torch eigh", "torch svd"]


def gram_cases():
    """(row, function, ε, F, G, F̄): the stored ones, and one of our own."""
    with open(reference.CASES) as file:
        for case in json.load(file)["cases"]:
            shape, d = (case["rows"], case["columns"]), case["columns"]
            f, g, f_bar = (np.array(case[key], float).reshape(size) for key, size in (("F", shape), ("G", (d, d)), ("F_bar", shape)))
            yield case["name"], case["function"], case["epsilon"], f, g, f_bar
    name, draw = "one dead channel, 12x8 ReLU", reference.dead(reference.relu(12, 8), 1)
    for seed in (1, 2):
        random = np.random.Generator(np.random.PCG64([seed, *name.encode()]))
        f, g = draw(random), np.round(random.standard_normal((8, 8)), 2)
        yield name, "log", 1e-3, f, g, reference.reference("log", 1e-3, f, g)[1]


def in_order_of(titles, table):
    table.rows = {title: table.rows[title] for title in titles.values() if title in table.rows}
    return table


def gram_tables(everything):
    """In f64 and in f32; `everything` takes the worst errors of all rows and peers."""
    double, single, theirs = Table("gram", "F"), Table("gram-f32", "F"), peers.gram_peers(reference)
    for row, name, epsilon, f, g, f_bar in gram_cases():
        errors = {peer: error_of(measured(method, name, epsilon, f, g), f_bar) for peer, method in theirs.items()}
        known = everything.setdefault(row, {})
        known.update({peer: worst([known[peer], error]) if peer in known else error for peer, error in errors.items()})
        if row not in TITLES:
            continue
        errors["ours"] = error_of(ours("gram", {"F": f, "G": g}, function=name, epsilon=epsilon), f_bar)
        double.add(TITLES[row], {column: errors[column] for column in GRAM_COLUMNS if column in errors})

        # What a network in f32 hands over, and what it wants back.
        f32, g32, epsilon32 = f.astype(np.float32), g.astype(np.float32), float(np.float32(epsilon))
        wide, g_wide = f32.astype(float), g32.astype(float)
        f_bar_32 = reference.reference(name, epsilon32, wide, g_wide)[1]
        to_single = lambda found: found if isinstance(found, str) else found.astype(np.float32)
        row_errors = {
            "rounding F alone": error_of(f_bar_32, f_bar),
            "ours, f64 inside": error_of(to_single(ours("gram", {"F": wide, "G": g_wide}, function=name, epsilon=epsilon32)), f_bar_32),
        }
        for column in ("by hand", "SVD by hand"):
            found = to_single(measured(theirs[column], name, epsilon32, wide, g_wide))
            row_errors[f"{column}, f64 inside"] = error_of(found, f_bar_32)
        for column in SINGLE_COLUMNS:
            if column in theirs:
                row_errors[column] = error_of(measured(theirs[column], name, epsilon32, f32, g32), f_bar_32)
        single.add(TITLES[row], row_errors)
    return [in_order_of(TITLES, double), in_order_of(TITLES, single)]


# Functions of a symmetric matrix that is given, first and second order.

REPEATED = [3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5]


def rotated(random, values):
    q = reference.orthonormal(random, len(values), len(values))
    return symmetric((q * np.array(values)) @ q.T)


def symmetric_cases():
    """(row, A), two draws of each that is drawn."""
    for seed in (1, 2):
        random = np.random.Generator(np.random.PCG64([seed, 19]))
        gaussian = random.standard_normal((16, 8))
        yield "ordinary, 8 × 8", symmetric(gaussian.T @ gaussian)
        if seed == 1:
            yield "the identity", np.eye(8)
            yield "pairs of equal λ, diagonal", np.diag(REPEATED)
        yield "pairs of equal λ, rotated", rotated(random, REPEATED)
        yield "pairs with a relative gap of 1e-8", rotated(random, reference.NEAR)
        yield "λ 1 … 1e-6, rotated", rotated(random, reference.grades(1, 1e-6))
        yield "λ 1e6 … 1e-6, rotated", rotated(random, reference.grades(1e6, 1e-6))
        if seed == 1:
            yield "λ 1e6 … 1e-6, diagonal", np.diag(reference.grades(1e6, 1e-6))


def symmetric_tables():
    first, second, theirs = Table("symmetric", "A"), Table("second-order", "A"), peers.symmetric_peers()
    single = Table("symmetric-f32", "A")
    columns = {name: theirs[name] for name in GRAM_COLUMNS if name in theirs}
    seconds = {**columns, "by hand, eigh again": lambda name, a: peers.ByHandTwice.apply(a, name)}
    random = np.random.Generator(np.random.PCG64(5))
    cases = [(row, a, *(np.round(random.standard_normal((8, 8)), 2) for _ in "gw")) for row, a in symmetric_cases()]
    for name, prefix in (("log", ""), ("sqrt", "square root, ")):
        for row, a, g, w in cases:
            w, row = symmetric(w), prefix + row
            expected = symmetric_reference(name, a, g)
            part = lambda found: found if isinstance(found, str) else symmetric(found)
            by_autograd = lambda value, a, g: part(measured(lambda: peers.gradient_of(lambda x: peers.inner(g, value(name, x)), a)))
            errors = {"ours": error_of(ours("symmetric", {"A": a, "G": g}, function=name), expected)}
            first.add(row, {**errors, **{column: error_of(by_autograd(value, a, g), expected) for column, value in columns.items()}})

            a32 = a.astype(np.float32)
            g32, wide = g.astype(np.float32), a32.astype(float)
            if mp.eigsy(exact(wide), eigvals_only=True)[0] > 0:  # rounding may leave the domain
                expected = symmetric_reference(name, wide, g32)
                found = ours("symmetric", {"A": wide, "G": g32}, function=name)
                errors = {"ours, f64 inside": error_of(found if isinstance(found, str) else found.astype(np.float32), expected)}
                errors.update({column: error_of(by_autograd(columns[column], a32, g32), expected) for column in SINGLE_COLUMNS if column in columns})
                single.add(row, errors)

            g = symmetric(g)
            expected = second_order_reference(name, a, g, w)
            errors = {"ours": error_of(ours("second_order", {"A": a, "G": g, "W": w}, function=name), expected)}
            for column, value in seconds.items():
                errors[column] = error_of(part(measured(peers.hessian_product(value), name, a, g, w)), expected)
            second.add(row, errors)
    return [first, single, second]


# Singular vectors at equal values, polar factors.


def svd_tables():
    table, theirs = Table("svd", "loss, A"), peers.svd_peers()
    random = np.random.Generator(np.random.PCG64(6))
    g, square = np.round(random.standard_normal((6, 4)), 2), np.round(random.standard_normal((6, 6)), 2)
    spectra = {"σ 3, 2, 1, ½": [3, 2, 1, 0.5], "σ 3, 3, 1, 1": [3, 3, 1, 1], "σ 2, 2, 2, 2": [2] * 4, "σ 1 … 1e-6": [1, 1e-2, 1e-4, 1e-6]}
    losses = {"svd_polar": "⟨G, U Vᵀ⟩", "svd_subspace": "⟨G, U₁U₁ᵀ⟩, two leading", "svd_log": "⟨G, U log(1 + Σ) Vᵀ⟩"}
    for loss, title in losses.items():
        for spectrum, values in spectra.items():
            if loss == "svd_subspace" and values[1] == values[2]:
                continue  # no gradient: the border is closed
            for how in ("diagonal", "rotated"):
                a = reference.tall_diagonal(values, 6) if how == "diagonal" else reference.spectrum(values, 6, 4)(random)
                cotangent = square if loss == "svd_subspace" else g
                expected = svd_reference(loss, 2, a, cotangent)
                rule = {"svd_polar": "polar", "svd_subspace": "leading_projector"}.get(loss)
                matrices = {"A": a, "G": cotangent}
                errors = {"ours, its own rule": error_of(ours(rule, matrices, count=2), expected) if rule else "–"}
                errors["ours, through U, Σ, V"] = error_of(ours(loss, matrices, count=2), expected)
                errors.update({peer: error_of(measured(method, loss, 2, a, cotangent), expected) for peer, method in theirs.items()})
                table.add(f"{title}, {spectrum}", errors)
    # An invertible block among dead rows and channels, and a loss that stays inside: polar factors are unique there.
    block = random.standard_normal((3, 3))
    a, cotangent = np.zeros((6, 4)), np.zeros((6, 4))
    a[:3, :3], cotangent[:3, :3] = block, g[:3, :3]
    expected = np.zeros((6, 4))
    expected[:3, :3] = svd_reference("svd_polar", 0, block, g[:3, :3])
    matrices = {"A": a, "G": cotangent}
    errors = {"ours, its own rule": error_of(ours("polar", matrices), expected), "ours, through U, Σ, V": error_of(ours("svd_polar", matrices), expected)}
    errors.update({peer: error_of(measured(method, "svd_polar", 0, a, cotangent), expected) for peer, method in theirs.items()})
    table.add("⟨G, U Vᵀ⟩ inside the range, rank 3, dead channel", errors)
    return [table]


# Projectors, pseudo-inverses and normalised cuts at low rank.


def low_rank_factors(random, n):
    """(row, X, Y) with F = XY exact in f64, not negative, no row zero."""
    whole = lambda rows, columns: random.integers(1, 9, (rows, columns)).astype(float)
    one, x = np.eye(8), whole(n, 8)
    yield "full rank", x, one
    yield "one dead channel", x[:, :7], one[:7]
    yield "one channel twice", x[:, :7], np.vstack([one[:7, :7], one[6:7, :7]]).T
    yield "rank 5 of 8", x[:, :5], whole(5, 8)


def low_rank_tables():
    tables, random = [], np.random.Generator(np.random.PCG64(8))
    for kind, theirs in (("projector", peers.PROJECTORS), ("pseudo_inverse", peers.PSEUDO_INVERSES)):
        table = Table(kind.replace("_", "-"), "F, 12 × 8")
        for row, x, y in low_rank_factors(random, 12):
            f = x @ y
            g = np.round(random.standard_normal((12, 12) if kind == "projector" else (8, 12)), 2)
            expected = low_rank_reference(kind, x, y, g)
            errors = {"ours": error_of(ours(kind, {"A": f, "G": g}), expected)}
            for peer, value in theirs.items():
                errors[peer] = error_of(measured(peers.gradient_of, lambda f: peers.inner(g, value(f)), f), expected)
            table.add(row, errors)
        tables.append(table)

    n, k = 40, 3
    assignment = [i * k // n for i in range(n)]
    table = Table("ncuts", "F, 40 × 8, three segments")
    for row, x, y in low_rank_factors(random, n):
        f, expected = x @ y, ncuts_reference(x, y, assignment)
        errors = {"ours": error_of(ours("ncuts_hard", {"F": f}, binary="layer_speed", segments=k), expected)}
        errors["dense pinv, n × n"] = error_of(measured(peers.gradient_of, peers.dense_ncuts(assignment, k), f), expected)
        for peer, method in compare_pytorch.ncuts_methods(k, None).items():
            found = measured(lambda: method({"F": torch.tensor(f)}, True)[1].numpy())
            errors[{"qr": "QR", "svd": "SVD", "cholesky": "Cholesky"}[peer.split(",")[0]]] = error_of(found, expected)
        table.add(row, errors)
        epsilon = 1e-4
        expected = ncuts_reference(f, np.eye(8), assignment, epsilon)
        errors = {"ours": error_of(ours("ncuts_regularised", {"F": f}, binary="layer_speed", segments=k, epsilon=epsilon), expected)}
        for peer, method in compare_pytorch.ncuts_methods(k, epsilon).items():
            found = measured(lambda: method({"F": torch.tensor(f)}, True)[1].numpy())
            errors[{"svd": "SVD", "cholesky": "Cholesky"}[peer.split(",")[0]]] = error_of(found, expected)
        table.add(f"regularised, ε = 1e-4, {row}", errors)
    return [*tables, table]


# Where there is no gradient.


def kind_of(found):
    if isinstance(found, str):
        return found.removeprefix("error: ").split("; ")[0]
    if not np.isfinite(found).all():
        return "NaN" if np.isnan(found).any() else "∞"
    return f"numbers of size {cell(float(np.linalg.norm(found))).strip('*')}"


def refusals():
    random = np.random.Generator(np.random.PCG64(9))
    g = np.round(random.standard_normal((3, 3)), 2)
    singular, double = np.diag([2.0, 1.0, 0.0]), np.diag([2.0, 2.0, 1.0])
    theirs = {name: value for name, value in peers.symmetric_peers().items() if name in GRAM_COLUMNS}
    rows = []
    for title, name, a in (("log of a singular matrix", "log", singular), ("root of a singular matrix", "sqrt", singular)):
        found = {"ours": ours("symmetric", {"A": a, "G": g}, function=name)}
        found.update({peer: measured(lambda: peers.gradient_of(lambda x: peers.inner(g, value(name, x)), a)) for peer, value in theirs.items()})
        rows.append((title, found))
    leading = lambda x: (lambda v: (v[:, -1] @ torch.tensor(g)) @ v[:, -1])(torch.linalg.eigh(x)[1])
    found = {"ours": ours("leading_vector", {"A": double, "G": g}), "torch eigh": measured(lambda: peers.gradient_of(leading, double))}
    rows.append(("one eigenvector of a double eigenvalue", found))
    columns = ["ours", *theirs]
    lines = ["| what is asked | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {title} | " + " | ".join(kind_of(found.get(column, "–")) for column in columns) + " |" for title, found in rows]
    return "\n".join(lines)


# The plot: error against the gap of two values, and against the spread.


def plot(path):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "gradients", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    theirs = peers.gram_peers(reference)
    columns = [name for name in ("torch eigh", "torch svd", "by hand", "torchspd", "spd_learn", "SVD by hand") if name in theirs]
    random = np.random.Generator(np.random.PCG64(11))
    left, right, g = (reference.orthonormal(random, 12, 8), reference.orthonormal(random, 8, 8), np.round(random.standard_normal((8, 8)), 2))

    def errors_at(values, epsilon):
        f = (left * np.array(values)) @ right.T
        expected = reference.reference("log", epsilon, f, g)[1]
        found = {"this crate": ours("gram", {"F": f, "G": g}, function="log", epsilon=epsilon)}
        found.update({name: measured(theirs[name], "log", epsilon, f, g) for name in columns})
        return {name: error_of(gradient, expected) for name, gradient in found.items()}

    gaps = [10.0**-k for k in range(1, 17)]
    near = [errors_at([x * (1 + gap * (i % 2 == 0)) for i, x in enumerate(REPEATED)], 1e-3) for gap in gaps]
    spreads = [10.0**k for k in range(1, 13)]
    wide = [errors_at(reference.grades(1, 1 / spread), spread**-2.0) for spread in spreads]
    figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    lost, markers = 10.0, dict(zip(columns, "svDx+*"))
    for panel, places, rows, label in (
        (panels[0], gaps, near, "relative gap of the pairs of singular values"),
        (panels[1], spreads, wide, "largest / smallest singular value, ε = smallest²"),
    ):
        for name in ["this crate", *columns]:
            # What is no number stands on the upper edge.
            y = [lost if isinstance(row[name], str) or not row[name] < lost else max(row[name], 1e-17) for row in rows]
            style = {"color": "0.75", "linewidth": 6} if name == "this crate" else {"linewidth": 1, "marker": markers[name], "markersize": 4}
            panel.plot(places, y, label=name, solid_capstyle="round", **style)
        panel.set(xscale="log", yscale="log", xlabel=label, ylim=(1e-17, 30))
        panel.axhline(lost, color="0.7", linewidth=0.8, linestyle=":")
        panel.grid(color="0.92")
    panels[0].invert_xaxis()
    panels[0].set_ylabel("relative error of the gradient, f64")
    panels[0].text(0.08, 4, "NaN, or no digit right", fontsize=8, color="0.4", va="top")
    panels[0].legend(fontsize=8, loc="upper left", bbox_to_anchor=(0.01, 0.9))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.endswith("svg") else None)


def write_peers(path, everything):
    """All rows of functions of FᵀF, for `tests/degenerate.rs` to print beside ours."""
    found = {**peers.versions(LIBRARIES), "machine": platform.machine()}
    columns = list(next(iter(everything.values())))
    everything = {row: errors for row, errors in everything.items() if row in {case[0] for case in reference.ROWS}}
    number = lambda error: None if isinstance(error, str) or np.isnan(error) else float(f"{error:.1e}")
    rows = {row: {peer: number(error) for peer, error in errors.items() if error != "–"} for row, errors in everything.items()}
    with open(path, "w") as file:
        json.dump({"versions": found, "columns": columns, "worst_relative_error": rows}, file, indent=1)
        file.write("\n")


def write_page(path, blocks):
    """Each block between its two comments, which stay."""
    with open(path) as file:
        text = file.read()
    for name, block in blocks.items():
        text, count = re.subn(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", lambda found: f"{found[1]}\n{block}\n\n{found[2]}", text, flags=re.S)
        if count != 1:
            raise SystemExit(f"{path}: expected one place for the table {name}, found {count}")
    with open(path, "w") as file:
        file.write(text)


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {platform.system()}"


def commit_of_the_rules():
    """The last that changed a rule; later ones leave every number as it is."""
    rules = [os.path.join(FOLDER, "..", "src"), os.path.join(FOLDER, "..", "..", "ncuts", "src")]
    git = lambda *words: subprocess.run(["git", *words, "--", *rules], capture_output=True, text=True).stdout.strip()
    return git("log", "-1", "--format=%h") + (" with changes" if git("status", "--porcelain") else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", help="a Markdown file, whose comments say where the tables go")
    parser.add_argument("--only", default="", help="the tables of functions whose name contains this: gram, symmetric, svd, low_rank")
    parser.add_argument("--plot", help="a picture to write")
    parser.add_argument("--peers", help="a JSON file to write, of all rows of functions of FᵀF")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    mp.mp.dps = reference.DIGITS
    blocks, everything = {}, {}
    found = ", ".join(f"{name} {version}" for name, version in peers.versions(LIBRARIES).items())
    blocks["machine"] = f"{machine()}; the rules as of commit {commit_of_the_rules()}; {found}."
    print(blocks["machine"])
    makers = {"gram": lambda: gram_tables(everything), "symmetric": symmetric_tables, "svd": svd_tables, "low_rank": low_rank_tables}
    for make in (make for name, make in makers.items() if options.only in name):
        for table in make():
            blocks[table.name] = table.markdown()
            print(f"\n{table.name}\n{blocks[table.name]}", flush=True)
    blocks["refusals"] = refusals()
    print(f"\nrefusals\n{blocks['refusals']}")
    if options.plot:
        plot(options.plot)
    if options.peers:
        write_peers(options.peers, everything)
    if options.page:
        write_page(options.page, blocks)


if __name__ == "__main__":
    main()
