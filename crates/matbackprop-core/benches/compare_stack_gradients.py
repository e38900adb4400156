"""Gradients of rules on stacks, in 64 and in 32 bits, beside PyTorch's on the same batches, held against mpmath.

    pip install torch numpy mpmath gmpy2
    cargo build -p matbackprop-core --example stack_gradients              times play no part: the plain build does
    python crates/matbackprop-core/benches/compare_stack_gradients.py
        [--page crates/matbackprop-core/docs/gradients.md]     writes the tables into the page, where its comments say
        [--only exp]                                            rows whose title contains this

A row is a stack of draws that goes through each library in one call. A cell is the relative error of a gradient in the
Frobenius norm, absolute where the reference is zero, the worst over draws and inputs. The loss is Σ ⟨Gₖ, Yₖ⟩ over a
rule's outputs Yₖ with random Gₖ; a matrix that has to be symmetric has a symmetric gradient. References belong to inputs
and Gₖ as the methods get them, rounded to f32 in the columns of f32: central differences with a step of 1e-25 in 80
digits, and for stacks of larger sides divided differences in 80 or 120.
"""
import argparse
import json
import os
import subprocess
import tempfile
import warnings

import compare_gradients as tables
import compare_pytorch
import gradient_peers as peers
import mpmath as mp
import numpy as np
import torch

reference = tables.reference
LIBRARIES = ["torch", "numpy", "mpmath"]
DRAWS, DIGITS = 4, 80
STEP = mp.mpf(10) ** -25
COLUMNS = ["ours, f64", "torch, f64", "ours, f32", "torch, f32"]


class Row:
    """`draw(random)` gives the inputs of one place; `values` their outputs, from mpmath's matrices; `by_torch` from tensors.

    Inputs of `symmetric` are symmetric; outputs of `unseen` have the cotangent zero; gradients of `only` are measured, of
    the first `held` draws.
    """

    def __init__(self, title, rule, draw, values, by_torch, symmetric=(), unseen=(), only=None, draws=DRAWS, held=None, **numbers):
        self.title, self.rule, self.draw, self.values, self.by_torch = title, rule, draw, values, by_torch
        self.symmetric, self.unseen, self.only, self.draws, self.numbers = symmetric, unseen, only, draws, numbers
        self.held = held or draws


# Ours and theirs.


def ours(row, inputs, bars, bits):
    """Gradients in f64 by input, or the first error as text."""
    dtype = {64: "<f8", 32: "<f4"}[bits]
    named = {f"input{k}": x for k, x in enumerate(inputs)} | {f"bar{k}": x for k, x in enumerate(bars)}
    with tempfile.TemporaryDirectory() as folder:
        for name, x in named.items():
            x.astype(dtype).tofile(os.path.join(folder, name))
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"rule": row.rule, "bits": bits, "shapes": {name: x.shape for name, x in named.items()}, **row.numbers}, file)
        command = [os.path.join(compare_pytorch.TARGET, "debug", "examples", "stack_gradients"), folder]
        refused = json.loads(subprocess.check_output(command, text=True))["refused"]
        if refused:
            return refused[0]
        return [np.fromfile(os.path.join(folder, f"gradient{k}"), "<f8").reshape(x.shape) for k, x in enumerate(inputs)]


def theirs(row, inputs, bars, bits):
    dtype = {64: torch.float64, 32: torch.float32}[bits]
    tensors = [torch.tensor(x, dtype=dtype, requires_grad=True) for x in inputs]
    try:
        outputs = row.by_torch(*tensors)
        loss = sum((torch.tensor(bar, dtype=dtype) * y).sum() for bar, y in zip(bars, outputs))
        found = torch.autograd.grad(loss, tensors, allow_unused=True)
    except Exception as refusal:  # a decomposition that gives up
        return f"error: {type(refusal).__name__}: {str(refusal)[:90]}"
    return [np.zeros(x.shape) if g is None else g.double().numpy() for x, g in zip(inputs, found)]


def halves(x):
    return (x + np.swapaxes(x, -1, -2)) / 2


def by_differences(row, inputs, bars):
    """Gradients of one draw."""
    inputs, bars, gradients = [tables.exact(x) for x in inputs], [tables.exact(x) for x in bars], []
    for k, x in enumerate(inputs):
        gradient = mp.zeros(x.rows, x.cols)
        for i in range(x.rows):
            for j in range(i + 1 if k in row.symmetric else x.cols):
                places, sides = {(i, j), (j, i)} if k in row.symmetric else {(i, j)}, []
                for step in (STEP, -STEP):
                    moved = x.copy()
                    for place in places:
                        moved[place] += step
                    outputs = row.values(*inputs[:k], moved, *inputs[k + 1 :])
                    sides.append(mp.fsum(tables.product_of(bar, y) for bar, y in zip(bars, outputs)))
                for place in places:
                    gradient[place] = (sides[0] - sides[1]) / (2 * STEP * len(places))
        # What is left of an exact zero is no reference.
        gradients.append(tables.floats(gradient) if mp.norm(gradient) > mp.mpf(10) ** -30 else np.zeros((x.rows, x.cols)))
    return gradients


def errors_of(row, found, expected):
    if isinstance(found, str):
        return found
    parts = [halves(x) if k in row.symmetric else x for k, x in enumerate(found)]
    return tables.worst([reference.relative_error(parts[k][b], expected[b][k]) for b in range(len(expected)) for k in row.only or range(len(parts))])


def measure(row, expected_of):
    mp.mp.dps = DIGITS
    random = np.random.Generator(np.random.PCG64([7, *row.title.encode()]))
    places = [row.draw(random) for _ in range(row.draws)]
    drawn = [np.stack([np.asarray(place[k], float) for place in places]) for k in range(len(places[0]))]
    shapes = [y.shape for y in row.by_torch(*(torch.tensor(x) for x in drawn))]
    bars = [(k not in row.unseen) * np.round(random.standard_normal(shape), 2) for k, shape in enumerate(shapes)]
    errors = {}
    for bits, dtype in ((64, np.float64), (32, np.float32)):
        inputs, cotangents = [x.astype(dtype).astype(float) for x in drawn], [x.astype(dtype).astype(float) for x in bars]
        expected = [expected_of(row, [x[b] for x in inputs], [x[b] for x in cotangents]) for b in range(row.held)]
        errors[f"ours, f{bits}"] = errors_of(row, ours(row, inputs, cotangents, bits), expected)
        errors[f"torch, f{bits}"] = errors_of(row, theirs(row, inputs, cotangents, bits), expected)
    return {column: errors[column] for column in COLUMNS}


# Matrices.


def normal(*shape):
    return lambda random: random.standard_normal(shape)


def with_values(values, rotated=True):
    def draw(random):
        q = reference.orthonormal(random, len(values), len(values)) if rotated else np.eye(len(values))
        return halves((q * np.array(values)) @ q.T)

    return draw


def integers(random, rows, columns):
    return random.integers(-4, 5, (rows, columns)).astype(float)


def singular(rank):
    return lambda random: integers(random, 5, rank) @ integers(random, rank, 5)


SPREAD, EQUAL, PAIRS = [1.0, 1.5, 2.0, 3.0, 4.0], [2.0] * 5, [2.0, 2.0, 1.0, 1.0, 0.5]
GRADED = [1.0, 1e-2, 1e-4, 1e-6, 1e-8]


# In mpmath.


def mp_det(a):
    """By the first column, without a division: singular matrices too."""
    rows = [[a[i, j] for j in range(a.cols)] for i in range(a.rows)]

    def expand(rows):
        if len(rows) == 1:
            return rows[0][0]
        return mp.fsum((-1) ** i * row[0] * expand([other[1:] for k, other in enumerate(rows) if k != i]) for i, row in enumerate(rows))

    return expand(rows)


def mp_function(f, a):
    values, v = mp.eigsy(symmetric(a))
    return v * mp.diag([f(x) for x in values]) * v.T


def symmetric(a):
    return (a + a.T) / 2


def mp_kronecker(a, b, c):
    """X of A X + X B = C."""
    m, n = c.rows, c.cols
    system, right = mp.zeros(m * n, m * n), mp.zeros(m * n, 1)
    for i in range(m):
        for j in range(n):
            right[i * n + j] = c[i, j]
            for k in range(m):
                system[i * n + j, k * n + j] += a[i, k]
            for k in range(n):
                system[i * n + j, i * n + k] += b[k, j]
    x = mp.lu_solve(system, right)
    return mp.matrix([[x[i * n + j] for j in range(n)] for i in range(m)])


def number(x):
    return mp.matrix([[x]])


def mp_least_squares(a, b):
    x = (a.T * a) ** -1 * a.T * b if a.rows >= a.cols else a.T * (a * a.T) ** -1 * b
    return [x, b - a * x]


def mp_whitening(epsilon):
    def values(x):
        centred = x - mp.ones(x.rows, 1) * (mp.ones(1, x.rows) * x) / x.rows
        covariance = centred.T * centred / x.rows + mp.mpf(epsilon) * mp.eye(x.cols)
        return [centred * mp_function(lambda t: 1 / mp.sqrt(t), covariance)]

    return values


def mp_norm(a):
    return mp.sqrt(tables.product_of(a, a))


def mp_log_euclidean(a, b):
    distance = mp_norm(mp_function(mp.log, a) - mp_function(mp.log, b))
    return [number(distance), number(distance**2)]


def mp_affine(a, b):
    root = mp_function(lambda t: 1 / mp.sqrt(t), a)
    distance = mp_norm(mp_function(mp.log, root * symmetric(b) * root))
    return [number(distance), number(distance**2)]


def mp_log_mean(a, b, c, w):
    total = mp.fsum(w)
    return [mp_function(mp.exp, sum(((w[i] / total) * mp_function(mp.log, x) for i, x in enumerate((a, b, c))), mp.zeros(a.rows, a.rows)))]


def mp_rotation(m):
    u, _, v = mp.svd_r(m)
    sign = mp.diag([1] * (m.rows - 1) + [mp.sign(mp.det(u * v))])
    return u * sign * v


def mp_procrustes(x, y, w):
    total = mp.fsum(w)
    mean = lambda points: (w.T * points) / total
    ones = mp.ones(x.rows, 1)
    x_mean, y_mean = mean(x), mean(y)
    x, y = x - ones * x_mean, y - ones * y_mean
    weighted = mp.matrix([[w[i] * x[i, j] for j in range(x.cols)] for i in range(x.rows)])
    r = mp_rotation(y.T * weighted)
    errors = x * r.T - y
    residual = mp.fsum(w[i] * errors[i, j] ** 2 for i in range(x.rows) for j in range(x.cols))
    return [r, (y_mean - x_mean * r.T).T, number(1), number(residual)]


def mp_triangle(a):
    """Q and R by Gram and Schmidt, R with a positive diagonal."""
    k = min(a.rows, a.cols)
    q, r = mp.zeros(a.rows, k), mp.zeros(k, a.cols)
    for j in range(a.cols):
        rest = a[:, j]
        for i in range(min(j, k)):
            r[i, j] = product_of_columns(q[:, i], rest)
            rest = rest - r[i, j] * q[:, i]
        if j < k:
            r[j, j] = mp_norm(rest)
            q[:, j] = rest / r[j, j]
    return [q, r]


def product_of_columns(x, y):
    return mp.fsum(x[i] * y[i] for i in range(x.rows))


def mp_newton_schulz(steps):
    """The iteration itself, so many steps of it."""

    def values(a):
        a, n = symmetric(a), a.rows
        size = mp.fsum(a[i, i] for i in range(n))
        y, z = a / size, mp.eye(n)
        for _ in range(steps):
            t = (3 * mp.eye(n) - z * y) / 2
            y, z = y * t, t * z
        return [mp.sqrt(size) * y, z / mp.sqrt(size)]

    return values


def mp_karcher():
    """M of Σ wᵢ log(M^−½ Aᵢ M^−½) = 0, by steps M ← M^½ exp(that) M^½; each search starts from the mean before."""
    last = {}

    def values(*inputs):
        matrices, shares = [symmetric(x) for x in inputs[:-1]], inputs[-1] / mp.fsum(inputs[-1])
        mean = last["mean"] if "mean" in last else sum(matrices[1:], matrices[0]) / len(matrices)
        for _ in range(500):
            root, inverse = mp_function(mp.sqrt, mean), mp_function(lambda x: 1 / mp.sqrt(x), mean)
            step = sum((share * mp_function(mp.log, inverse * x * inverse) for share, x in zip(shares, matrices)), mp.zeros(mean.rows))
            mean = symmetric(root * mp_function(mp.exp, step) * root)
            if mp_norm(step) < mp.mpf(10) ** -55:
                last["mean"] = mean
                return [mean]
        raise ArithmeticError("expected a mean within 500 steps")

    return values


def mp_karcher_of_two(a, b, w):
    """A^½ (A^−½ B A^−½)ᵗ A^½, t the share of B."""
    root, inverse = mp_function(mp.sqrt, a), mp_function(lambda x: 1 / mp.sqrt(x), a)
    between = mp_function(lambda x: x ** (w[1] / (w[0] + w[1])), inverse * symmetric(b) * inverse)
    return [root * between * root]


# In PyTorch, as one writes it; a batch in front.


def by_eigh(f, a):
    values, v = torch.linalg.eigh(a)
    return (v * f(values).unsqueeze(-2)) @ v.mT


def scalar(x):
    return x.reshape(*x.shape, 1, 1)


def torch_kronecker(a, b, c):
    eye = lambda x: torch.eye(x.shape[-1], dtype=x.dtype)
    system = torch.stack([torch.kron(p, eye(q)) + torch.kron(eye(p), q.mT.contiguous()) for p, q in zip(a, b)])
    return torch.linalg.solve(system, c.reshape(len(c), -1)).reshape(c.shape)


def torch_sqrt(a):
    values, v = torch.linalg.eig(a)
    return (v * values.sqrt().unsqueeze(-2) @ torch.linalg.inv(v)).real


def torch_log(a):
    values, v = torch.linalg.eig(a)
    return (v * values.log().unsqueeze(-2) @ torch.linalg.inv(v)).real


def torch_triangle(a):
    """With the signs that make R's diagonal positive."""
    q, r = torch.linalg.qr(a)
    signs = torch.diagonal(r, dim1=-2, dim2=-1).detach().sign()
    return [q * signs.unsqueeze(-2), r * signs.unsqueeze(-1)]


def torch_newton_schulz(steps):
    def values(a):
        size = torch.diagonal(a, dim1=-2, dim2=-1).sum(-1).reshape(-1, 1, 1)
        one = torch.eye(a.shape[-1], dtype=a.dtype)
        y, z = a / size, one.expand_as(a)
        for _ in range(steps):
            t = (3 * one - z @ y) / 2
            y, z = y @ t, t @ z
        return [size.sqrt() * y, z / size.sqrt()]

    return values


def torch_karcher(*inputs):
    """Forty steps, unrolled."""
    matrices, share = inputs[:-1], inputs[-1] / inputs[-1].sum(-2, keepdim=True)
    mean = sum(matrices) / len(matrices)
    for _ in range(40):
        root, inverse = by_eigh(torch.sqrt, mean), by_eigh(torch.rsqrt, mean)
        step = sum(share[:, i : i + 1] * by_eigh(torch.log, inverse @ x @ inverse) for i, x in enumerate(matrices))
        mean = root @ by_eigh(torch.exp, step) @ root
        mean = (mean + mean.mT) / 2
    return [mean]


def torch_whitening(epsilon):
    def values(x):
        centred = x - x.mean(-2, keepdim=True)
        covariance = centred.mT @ centred / x.shape[-2] + epsilon * torch.eye(x.shape[-1], dtype=x.dtype)
        return [centred @ by_eigh(torch.rsqrt, covariance)]

    return values


def torch_distances(difference):
    squared = (difference**2).sum((-1, -2))
    return [scalar(squared.sqrt()), scalar(squared)]


def torch_affine(a, b):
    inverse = torch.linalg.inv(torch.linalg.cholesky(a))
    logs = torch.linalg.eigvalsh(inverse @ b @ inverse.mT).log()
    return torch_distances(logs.unsqueeze(-1))


def torch_polar(a):
    u, values, vh = torch.linalg.svd(a)
    return [u @ vh, (vh.mT * values.unsqueeze(-2)) @ vh]


def torch_rotation(m):
    u, _, vh = torch.linalg.svd(m)
    sign = torch.ones(m.shape[:-1], dtype=m.dtype)
    sign[..., -1] = torch.linalg.det(u.detach() @ vh.detach()).sign()
    return (u * sign.unsqueeze(-2)) @ vh


def torch_procrustes(x, y, w):
    total = w.sum(-2, keepdim=True)
    x_mean, y_mean = (w * x).sum(-2, keepdim=True) / total, (w * y).sum(-2, keepdim=True) / total
    x, y = x - x_mean, y - y_mean
    r = torch_rotation(y.mT @ (w * x))
    errors = x @ r.mT - y
    return [r, (y_mean - x_mean @ r.mT).mT, torch.ones(len(x), 1, 1, dtype=x.dtype), scalar((w * errors**2).sum((-1, -2)))]


def torch_log_mean(a, b, c, w):
    share = w / w.sum(-2, keepdim=True)
    return [by_eigh(torch.exp, sum(share[:, i : i + 1] * by_eigh(torch.log, x) for i, x in enumerate((a, b, c))))]


def torch_lstsq(a, b):
    x = torch.linalg.lstsq(a, b).solution
    return [x, b - a @ x]


# Rows.


def determinants():
    both = (lambda a: [number(mp_det(a))], lambda a: [scalar(torch.linalg.det(a))])
    for title, draw in (("ordinary", normal(5, 5)), ("of rank 4", singular(4)), ("of rank 3 (absolute error)", singular(3))):
        yield Row(f"det A, 5 × 5, {title}", "determinant", lambda random, draw=draw: [draw(random)], *both)
    signed = (lambda a: [number(mp.sign(mp.det(a))), number(mp.log(abs(mp.det(a))))], lambda a: [scalar(x) for x in torch.linalg.slogdet(a)])
    yield Row("log |det A|, 5 × 5", "signed_log_det", lambda random: [normal(5, 5)(random)], *signed)
    positive = (lambda a: [number(mp.log(mp.det(a)))], lambda a: [scalar(torch.logdet(a))])
    for title, values in (("ordinary", SPREAD), ("λ 1 … 1e-8", GRADED)):
        yield Row(f"log det A, definite, {title}", "log_det", lambda random, values=values: [with_values(values)(random)], *positive, symmetric=(0,))


def general_functions():
    both = (lambda a: [mp.expm(a, method="taylor")], lambda a: [torch.linalg.matrix_exp(a)])
    upper = lambda random: np.triu(20 * random.standard_normal((5, 5)), 1) - np.diag(np.arange(1.0, 6.0))
    for title, draw in (("ordinary", normal(5, 5)), ("far from normal", upper), ("of norm 30", lambda random: 6 * random.standard_normal((5, 5))), ("zero", lambda random: np.zeros((5, 5)))):
        yield Row(f"exp A, {title}", "exp", lambda random, draw=draw: [draw(random)], *both)
    both = (lambda a: [mp.sqrtm(a)], lambda a: [torch_sqrt(a)])
    jordan = lambda random: 4 * np.eye(5) + np.diag(np.ones(4), 1)
    near = lambda random: 3 * np.eye(5) + 0.5 * random.standard_normal((5, 5))
    for title, draw in (("ordinary", near), ("4 I", lambda random: 4 * np.eye(5)), ("one Jordan block", jordan)):
        yield Row(f"A^½, not symmetric, {title}", "general_sqrt", lambda random, draw=draw: [draw(random)], *both)

    both = (lambda a: [mp.logm(a)], lambda a: [torch_log(a)])
    tiny = lambda random: np.eye(5) + 2.0**-20 * random.standard_normal((5, 5))
    upper = lambda random: np.triu(20 * random.standard_normal((5, 5)), 1) + np.diag(np.arange(1.0, 6.0))
    kinds = (("ordinary", near), ("4 I", lambda random: 4 * np.eye(5)), ("one Jordan block", jordan), ("spirals, λ complex", spiral), ("near I", tiny), ("far from normal", upper))
    for title, draw in kinds:
        yield Row(f"log A, not symmetric, {title}", "general_log", lambda random, draw=draw: [draw(random)], *both)


def spiral(random):
    """Two turns by a third of a half-circle each, of growing radius, in a basis that is not orthogonal."""
    turn = lambda radius, angle: radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    core = np.zeros((5, 5))
    core[:2, :2], core[2:4, 2:4], core[4, 4] = turn(1.0, 1.0), turn(2.0, 2.0), 1.5
    basis = 3 * np.eye(5) + 0.5 * random.standard_normal((5, 5))
    return basis @ core @ np.linalg.inv(basis)


def equations():
    near = lambda random, n, centre: centre * np.eye(n) + 0.3 * random.standard_normal((n, n))
    both = (lambda a, b, c: [mp_kronecker(a, b, c)], lambda a, b, c: [torch_kronecker(a, b, c)])
    yield Row("A X + X B = C, 4 × 4 and 3 × 3", "sylvester", lambda random: [near(random, 4, 3), near(random, 3, 1), normal(4, 3)(random)], *both)
    close = lambda random: [np.diag([1.0, 2.0, 3.0, 4.0]), np.diag([-1 + 2.0**-20, 2.0, 3.0]), normal(4, 3)(random)]
    yield Row("A X + X B = C, smallest λ + μ = 1e-6", "sylvester", close, *both)
    both = (lambda a, c: [mp_kronecker(a, a.T, symmetric(c))], lambda a, c: [torch_kronecker(a, a.mT, c)])
    yield Row("A X + X Aᵀ = C, 4 × 4", "lyapunov", lambda random: [near(random, 4, 2), with_values([3.0, 1.0, -1.0, -2.0])(random)], *both, symmetric=(1,))
    both = (lambda a, b: [mp.lu_solve(symmetric(a), b[:, 0])], lambda a, b: [torch.linalg.solve(a, b)])
    indefinite = lambda random: [with_values([3.0, 1.0, -1.0, -2.0, 0.5])(random), normal(5, 1)(random)]
    yield Row("A⁻¹B, indefinite", "symmetric_solve", indefinite, *both, symmetric=(0,))
    both = (lambda a: [mp.cholesky(symmetric(a))], lambda a: [torch.linalg.cholesky(a)])
    for title, values in (("ordinary", SPREAD), ("λ 1 … 1e-8", GRADED)):
        yield Row(f"Cholesky, {title}", "cholesky", lambda random, values=values: [with_values(values)(random)], *both, symmetric=(0,))
    both = (mp_triangle, torch_triangle)
    spread = lambda random: reference.spectrum([1.0, 1e-2, 1e-4, 1e-6], 6, 4)(random)
    columns = lambda random: random.standard_normal((6, 4)) * np.array([1.0, 1e-4, 1e4, 1e-8])
    orthonormal = lambda random: reference.orthonormal(random, 6, 4)
    kinds = (("6 × 4", normal(6, 4)), ("5 × 5", normal(5, 5)), ("4 × 6", normal(4, 6)), ("6 × 4, orthonormal", orthonormal))
    for title, draw in (*kinds, ("6 × 4, σ 1 … 1e-6", spread), ("6 × 4, columns of size 1e4 … 1e-8", columns)):
        yield Row(f"Q and R, {title}", "qr", lambda random, draw=draw: [draw(random)], *both)


def least_squares():
    wide_spread = lambda random: reference.spectrum([1.0, 1e-2, 1e-4], 6, 3)(random)
    both = (mp_least_squares, torch_lstsq)
    for title, draw, m in (("6 × 3", normal(6, 3), 6), ("3 × 6, the smallest", normal(3, 6), 3), ("6 × 3, σ 1 … 1e-4", wide_spread, 6)):
        yield Row(f"least squares, {title}", "least_squares", lambda random, draw=draw, m=m: [draw(random), normal(m, 2)(random)], *both)
    ridge = lambda a, b, e: [(a.T * a + e[0] * mp.eye(a.cols)) ** -1 * a.T * b]
    by_torch = lambda a, b, e: [torch.linalg.solve(a.mT @ a + e * torch.eye(a.shape[-1], dtype=a.dtype), a.mT @ b)]
    low = lambda random: integers(random, 6, 2) @ integers(random, 2, 4)
    for title, draw, epsilon, only in (("6 × 4, ε = 0.01", normal(6, 4), 2.0**-7, None), ("6 × 4 of rank 2, ε = 1e-6: of A and B", low, 2.0**-20, (0, 1)), ("6 × 4 of rank 2, ε = 1e-6: of ε", low, 2.0**-20, (2,))):
        yield Row(f"ridge regression, {title}", "regularised_least_squares", lambda random, draw=draw, e=epsilon: [draw(random), normal(6, 2)(random), [[e]]], ridge, by_torch, only=only)


def definite():
    both = (lambda a, p: [mp_function(lambda x: x ** p[0], a)], lambda a, p: [by_eigh(lambda x: x ** p.reshape(-1, 1), a)])
    kinds = (("ordinary", with_values(SPREAD)), ("2 I", with_values(EQUAL, False)), ("pairs of equal λ, rotated", with_values(PAIRS)))
    for title, draw in kinds:
        yield Row(f"Aᵖ and p, {title}", "power", lambda random, draw=draw: [draw(random), [[0.375]]], *both, symmetric=(0,))
    whitened = (mp_whitening(2.0**-10), torch_whitening(2.0**-10))
    cross = lambda random: np.vstack([np.eye(3), -np.eye(3)])
    for title, draw in (("12 × 4", normal(12, 4)), ("equal variances", cross), ("3 × 5, low rank", normal(3, 5))):
        yield Row(f"whitening, {title}", "whitening", lambda random, draw=draw: [draw(random)], *whitened, epsilon=2.0**-10)
    graded = with_values([1.0, 0.5, 1e-1, 1e-2, 1e-4])
    roots = ((*kind, steps) for kind in kinds for steps in (5, 20))
    for title, draw, steps in (*roots, ("λ 1 … 1e-4", graded, 30), ("of rank 4", with_values([1.0, 2, 3, 4, 0]), 5)):
        both = (mp_newton_schulz(steps), torch_newton_schulz(steps))
        yield Row(f"Newton–Schulz, {steps} steps, {title}", "newton_schulz", lambda random, draw=draw: [draw(random)], *both, symmetric=(0,), steps=steps)
    log_euclidean = (mp_log_euclidean, lambda a, b: torch_distances(by_eigh(torch.log, a) - by_eigh(torch.log, b)))
    for rule, name, both in (("log_euclidean_distance", "log-Euclidean", log_euclidean), ("affine_invariant_distance", "affine-invariant", (mp_affine, torch_affine))):
        for title, draw in kinds:
            yield Row(f"{name} distance, A {title}", rule, lambda random, draw=draw: [draw(random), with_values([0.5, 1, 2, 4, 8])(random)], *both, symmetric=(0, 1))
    three = lambda random: [with_values(SPREAD)(random), with_values(PAIRS)(random), with_values(EQUAL, False)(random), [[1.0], [2.0], [0.5]]]
    yield Row("log-Euclidean mean of three", "log_euclidean_mean", three, mp_log_mean, torch_log_mean, symmetric=(0, 1, 2), matrices=3)
    small = lambda values, rotated=True: with_values(values, rotated)
    ordinary = (small([0.5, 1.0, 4.0]), small([1.0, 2.0, 3.0]), small([0.25, 1.0, 2.0]))
    repeated = (small([2.0, 2.0, 1.0]), small([1.0, 1.0, 3.0]), small([4.0, 1.0, 1.0]))
    equal = (small([2.0] * 3, False),) * 3
    # A reference takes a minute: one draw is held against it.
    for title, three in (("ordinary", ordinary), ("pairs of equal λ, rotated", repeated), ("2 I three times", equal)):
        draw = lambda random, three=three: [*(draw(random) for draw in three), [[1.0], [2.0], [0.5]]]
        yield Row(f"Karcher mean of three, 3 × 3, {title}", "karcher_mean", draw, mp_karcher(), torch_karcher, symmetric=(0, 1, 2), held=1, matrices=3)
    spreads = (("ordinary", SPREAD), ("pairs of equal λ, rotated", PAIRS), ("λ 1 … 1e-6", [1.0, 1e-2, 1e-3, 1e-4, 1e-6]))
    for title, values in spreads:
        draw = lambda random, values=values: [with_values(values)(random), with_values([0.5, 1, 2, 4, 8])(random), [[1.0], [2.0]]]
        yield Row(f"Karcher mean of two, 5 × 5, {title}", "karcher_mean", draw, mp_karcher_of_two, torch_karcher, symmetric=(0, 1), matrices=2)


CUBE = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], float)


def alignments():
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    mirrored = lambda random: (lambda x: [x, x * [1, 1, -1] + 0.1 * random.standard_normal((8, 3)), np.ones((8, 1))])(random.standard_normal((8, 3)))
    ordinary = lambda random: [normal(8, 3)(random), normal(8, 3)(random), 0.5 + random.random((8, 1))]
    for title, draw in (("ordinary", ordinary), ("a mirrored cloud", mirrored), ("a cube, turned", lambda random: [CUBE, CUBE @ quarter.T, np.ones((8, 1))])):
        yield Row(f"Kabsch, {title}", "procrustes", draw, mp_procrustes, torch_procrustes)


# Larger stacks, whose references are divided differences.


def gram_reference(row, inputs, bars):
    return [reference.reference("log", row.numbers["epsilon"], inputs[0], bars[0])[1]]


def log_reference(row, inputs, bars):
    return [tables.symmetric_reference("log", inputs[0], bars[0])]


def orthogonal_reference(row, inputs, bars):
    """Ā = U ((Yᵢⱼ − Yⱼᵢ) / (σᵢ + σⱼ)) Vᵀ, Y = UᵀGV, the last σ with the sign of det A for rotations."""
    a, g = tables.exact(inputs[0]), tables.exact(bars[0])
    u, values, v = mp.svd_r(a)
    n, values = a.rows, list(values)
    if row.rule == "rotation" and mp.det(u * v) < 0:
        values[-1] = -values[-1]
        for i in range(n):
            u[i, n - 1] = -u[i, n - 1]
    y = u.T * g * v.T
    core = mp.matrix([[(y[i, j] - y[j, i]) / (values[i] + values[j]) if i != j else 0 for j in range(n)] for i in range(n)])
    return [tables.floats(u * core * v)]


def stack_rows():
    # Eight go through each library; references of large sides take minutes, and are for fewer.
    for n, held in ((3, 8), (8, 8), (16, 8), (32, 4), (64, 2)):
        equal = lambda random, n=n: reference.spectrum([2.0] * (n // 2) + [1.0] * (n - n // 2), 2 * n, n)(random)
        log = lambda f: [peers.by_eigh("log", f.mT @ f + 1e-3 * torch.eye(f.shape[-1], dtype=f.dtype))]
        for title, draw in (("Gaussian", normal(2 * n, n)), ("two values, repeated", equal)):
            yield Row(f"log(FᵀF + εI), {2 * n} × {n}, {title}", "gram_log", lambda random, draw=draw: [draw(random)], None, log, draws=8, held=held, epsilon=1e-3), gram_reference
        spread = lambda random, n=n: with_values(np.linspace(1, 4, n))(random)
        pairs = lambda random, n=n: with_values([1.0] * (n // 2) + [3.0] * (n - n // 2))(random)
        for title, draw in (("λ 1 … 4", spread), ("two values, repeated", pairs)):
            yield Row(f"log A, side {n}, {title}", "log", lambda random, draw=draw: [draw(random)], None, lambda a: [peers.by_eigh("log", a)], symmetric=(0,), draws=8, held=held), log_reference
        orthogonal = lambda random, n=n: reference.orthonormal(random, n, n)
        for title, draw in (("Gaussian", normal(n, n)), ("orthogonal", orthogonal)):
            yield Row(f"polar factor, side {n}, {title}", "polar", lambda random, draw=draw: [draw(random)], None, torch_polar, unseen=(1,), draws=8, held=held), orthogonal_reference
        turned = lambda random, n=n: (lambda q: q * np.sign(np.linalg.det(q)) if n % 2 else q * np.array([np.sign(np.linalg.det(q))] + [1] * (n - 1)))(orthogonal(random))
        for title, draw in (("Gaussian", normal(n, n)), ("a rotation", turned)):
            yield Row(f"closest rotation, side {n}, {title}", "rotation", lambda random, draw=draw: [draw(random)], None, lambda a: [torch_rotation(a)], draws=8, held=held), orthogonal_reference


def low_rank_rows():
    """Projectors and pseudo-inverses, whose perturbations keep the rank: references from exact factors."""
    factors = []

    def draw(random):
        x, y = (random.integers(1, 9, shape).astype(float) for shape in ((8, 3), (3, 5)))
        factors.append((x, y))
        return [x @ y]

    for rule, title, value in (("projector", "A A⁺", lambda a: a @ torch.linalg.pinv(a)), ("pseudo_inverse", "A⁺", torch.linalg.pinv)):
        by_torch = lambda a, value=value: [value(a)]

        def expected(row, inputs, bars):
            x, y = next((x, y) for x, y in factors if (x @ y == inputs[0]).all())
            return [tables.low_rank_reference(row.rule, x, y, bars[0])]

        yield Row(f"{title}, 8 × 5 of rank 3", rule, draw, None, by_torch), expected


def rule_rows():
    for rows in (determinants, general_functions, equations, least_squares, definite, alignments):
        for row in rows():
            yield row, by_differences
    yield from low_rank_rows()


def machine():
    found = ", ".join(f"{name} {version}" for name, version in peers.versions(LIBRARIES).items())
    return f"{tables.machine()}; the rules as of commit {tables.commit_of_the_rules()}; {found}."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", help="a Markdown file, whose comments say where the tables go")
    parser.add_argument("--only", default="", help="rows whose title contains this")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    blocks = {"stacks-machine": machine()}
    print(blocks["stacks-machine"])
    for name, first, rows in (("rules", "Y, four draws", rule_rows), ("stacks", "a stack of eight", stack_rows)):
        table = tables.Table(name, first)
        for row, expected in rows():
            if options.only in row.title:
                title = row.title.replace("|", "\\|")
                table.add(title, measure(row, expected))
                print(row.title, {column: tables.cell(error) for column, error in table.rows[title].items()}, flush=True)
        if table.rows:
            blocks[name] = table.markdown()
    if options.page:
        tables.write_page(options.page, blocks)


if __name__ == "__main__":
    main()
