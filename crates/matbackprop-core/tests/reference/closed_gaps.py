"""Closed gaps, zero values, lost rank, truncation, the edge of a domain: gradients to more than 50 digits.

    pip install mpmath gmpy2 numpy
    python crates/matbackprop-core/tests/reference/closed_gaps.py             writes closed_gaps.json, some minutes

tests/closed_gaps reads its output. Every number is the shortest decimal that reads back as the same f64; every
gradient is that of a function of the stored matrix, exactly as stored.

No reference goes through the derivative of a vector. A function of a matrix is written with sums, products and inverses
(the sign of a matrix by Newton's iteration, roots by Denman's and Beavers', sinh by its series) and evaluated at
X + δ Ẋ with δ² = 0; for symmetric X that map of Ẋ is its own adjoint, so the cotangent in place of Ẋ gives the gradient.
Each is then held against a central difference of fourth order of the loss itself, from eigenvectors or singular vectors
in 100 digits, along a random direction.

Losses that see the free rotation of vectors of equal values are asked whether they have a gradient at all: do their
values near the matrix agree, and do their slopes add up? Where not, `expected` is null and a rule must refuse, if it
can know: a loss that sees the rotation may have the cotangents of another that does not. With A = diag(2, 2, 1),
⟨G, V diag(1, 2, 3) Vᵀ⟩ for G = e₁e₃ᵀ + e₃e₁ᵀ asks for what ⟨H, V₂V₂ᵀ⟩ asks for, H by the basis found.

    must        "right": within `tolerance`, relative, Frobenius; absolute where the reference is zero
                "error": refused
                "right or error"
                "unknowable": no gradient, or none in f64, and the cotangents are those of a loss that has one
    expected    the gradient, "G" where it is G itself
"""
import json
import os
import time

import mpmath as mp
import numpy as np

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "closed_gaps.json")
mp.mp.dps = 100
SMALL = mp.mpf(10) ** -90
STEP = mp.mpf(10) ** -25

MATRICES, CASES = {}, []


# Numbers in and out.


def random_of(name):
    return np.random.Generator(np.random.PCG64([7, *name.encode()]))


def short(x):
    """Whole numbers without a fraction: as exact, and shorter. Rounding in 100 digits is zero."""
    x = float(x) if abs(x) > 1e-45 else 0.0
    return int(x) if x == int(x) and abs(x) < 2**53 else x


def entries(a):
    if isinstance(a, mp.matrix):
        return [short(a[i, j]) for i in range(a.rows) for j in range(a.cols)]
    return [short(x) for x in np.asarray(a).ravel()]


def exact(a):
    return mp.matrix(np.asarray(a).tolist())


def store(name, a):
    a = np.asarray(a, dtype=float) + 0.0  # no −0
    entry = {"rows": a.shape[0], "columns": a.shape[1], "entries": entries(a)}
    assert MATRICES.setdefault(name, entry) == entry, name
    return a


def orthonormal(random, rows, columns):
    return np.linalg.qr(random.standard_normal((rows, columns)))[0]


def symmetric(a):
    return (a + a.T) / 2


def add(name, rule, must, expected, tolerance, **fields):
    if not isinstance(expected, (str, type(None), dict)):
        expected = entries(expected)
    CASES.append({"name": name, "rule": rule, "must": must, "tolerance": tolerance, **fields, "expected": expected})
    if len(CASES) % 50 == 0:
        print(f"{len(CASES)} cases, {time.time() - START:.0f} s: {name}", flush=True)


# Matrices.


def eye(n):
    return mp.eye(n)


def inner(a, b):
    return mp.fsum(a[i, j] * b[i, j] for i in range(a.rows) for j in range(a.cols))


def size(a):
    return mp.sqrt(inner(a, a))


def diagonal(values):
    return mp.diag(list(values))


class Dual:
    """X + δ Ẋ, δ² = 0."""

    def __init__(self, x, dot):
        self.x, self.dot = x, dot

    def __add__(self, other):
        return Dual(self.x + other.x, self.dot + other.dot)

    def __sub__(self, other):
        return Dual(self.x - other.x, self.dot - other.dot)

    def __mul__(self, other):
        return Dual(self.x * other.x, self.x * other.dot + self.dot * other.x)

    def times(self, number):
        return Dual(self.x * number, self.dot * number)

    def inverse(self):
        inverse = self.x**-1
        return Dual(inverse, -(inverse * self.dot * inverse))

    def one(self):
        return Dual(eye(self.x.rows), mp.zeros(self.x.rows))

    def transpose(self):
        return Dual(self.x.T, self.dot.T)


def settled(new, old):
    return size(new.x - old.x) <= SMALL * size(new.x) and size(new.dot - old.dot) <= SMALL * (1 + size(new.dot))


def sign(x):
    for _ in range(300):
        new = (x + x.inverse()).times(mp.mpf(1) / 2)
        if settled(new, x):
            return new
        x = new
    raise ArithmeticError("the sign did not settle")


def above(x, border):
    """The projector onto the eigenspaces of values above the border."""
    one = x.one()
    return (one + sign(x - one.times(border))).times(mp.mpf(1) / 2)


def inverse_root(x):
    y, z = x, x.one()
    for _ in range(300):
        new_y, new_z = (y + z.inverse()).times(mp.mpf(1) / 2), (z + y.inverse()).times(mp.mpf(1) / 2)
        if settled(new_z, z):
            return new_z
        y, z = new_y, new_z
    raise ArithmeticError("the root did not settle")


def series(x, coefficient):
    """Σ coefficient(k) Xᵏ."""
    total, power, k = x.one().times(coefficient(0)), x.one(), 0
    while True:
        k += 1
        power = power * x
        term = power.times(coefficient(k))
        total = total + term
        if size(term.x) + size(term.dot) <= SMALL * mp.mpf(10) ** -5:
            return total


def exponential(x):
    return series(x, lambda k: 1 / mp.factorial(k))


def held(name, gradient, loss, a, is_symmetric, tolerance=mp.mpf(10) ** -40):
    """Asserts that the gradient is the slope of the loss along a random direction."""
    direction = random_of(name).standard_normal((a.rows, a.cols))
    direction = exact(symmetric(direction) if is_symmetric else direction)
    found, expected = inner(gradient, direction), slope(loss, a, direction)
    assert abs(found - expected) <= tolerance * (1 + size(gradient)), f"{name}: {mp.nstr(found)}, {mp.nstr(expected)}"


def slope(loss, a, direction, step=STEP):
    at = lambda t: loss(a + t * step * direction)
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def gradient_of_any(name, loss, a, is_symmetric, known):
    # Gaps of 1e-16 are wide beside the step, and the step is wide beside rounding.
    with mp.workdps(200):
        return gradient_by_steps(name, loss, a, is_symmetric, known)


def gradient_by_steps(name, loss, a, is_symmetric, known):
    """(gradient, None) of a loss that may have none, or (None, why). `known`: the largest slope that f64 can know."""
    random = random_of(name)

    def drawn():
        direction = random.standard_normal((a.rows, a.cols))
        return exact(symmetric(direction) if is_symmetric else direction)

    t = mp.mpf(10) ** -60
    here = loss(a + t * drawn())
    directions = [drawn() for _ in range(3)]
    for direction in directions:
        for way in (t, -t):
            if abs(loss(a + way * direction) - here) > mp.mpf(10) ** -11:
                return None, "no value"
    # A kink like that of |x| is even: central differences do not see it.
    sums = [loss(a + t * direction) + loss(a - t * direction) for direction in directions]
    slopes = [slope(loss, a, direction, t) for direction in directions]
    if max(abs(x) for x in slopes) > known:
        return None, "steeper than f64 can know"
    if max(sums) - min(sums) > t * mp.mpf(10) ** -12:
        return None, "a kink"
    total = directions[0] + directions[1] + directions[2]
    if abs(slope(loss, a, total, t) - sum(slopes)) > mp.mpf(10) ** -12 * (1 + sum(abs(x) for x in slopes)):
        return None, "no slope"
    # From directions in general position: along an entry alone two equal values may stay equal.
    places = [(i, j) for i in range(a.rows) for j in range(i + 1 if is_symmetric else a.cols)]
    system, right = mp.zeros(len(places)), mp.zeros(len(places), 1)
    for row in range(len(places)):
        direction = drawn()
        right[row] = slope(loss, a, direction, t)
        for column, (i, j) in enumerate(places):
            system[row, column] = direction[i, j] * (2 if is_symmetric and i != j else 1)
    solution = mp.lu_solve(system, right)
    gradient = mp.zeros(a.rows, a.cols)
    for x, (i, j) in zip(solution, places):
        gradient[i, j] = x
        if is_symmetric:
            gradient[j, i] = x
    if abs(inner(gradient, total) - sum(slopes)) > mp.mpf(10) ** -12 * (1 + size(gradient)):
        return None, "no slope"
    return gradient, None


# A. Eigenvalues and eigenvectors.


def eigen_loss(loss, g, k):
    def at(a):
        n = a.rows
        values, v = mp.eigsy(a)
        weights = {
            "exp": [mp.exp(x) for x in values],
            "same": list(values),
            "projector": [1 if i >= n - (k or 0) else 0 for i in range(n)],
            "indices": list(range(1, n + 1)),
        }
        if loss == "sum exp":
            return mp.fsum(mp.exp(x) for x in values)
        return inner(g, v * diagonal(weights[loss]) * v.T)

    return at


def eigen_gradient(loss, a, g, k, borders):
    x = Dual(a, g)
    if loss == "exp":
        return exponential(x).dot
    if loss == "projector":
        return above(x, borders[a.rows - k]).dot
    if loss == "indices":
        total = mp.zeros(a.rows)
        for border in borders[1:]:
            total += above(x, border).dot
        return total
    return exponential(Dual(a, mp.zeros(a.rows))).x


def eigen_cases():
    random = random_of("rotations")
    q3, q4, q17, q40 = (orthonormal(random, n, n) for n in (3, 4, 17, 40))
    v = np.array([0.3, -1.1, 0.7, 0.2])
    thin = np.round(random.standard_normal((6, 2)), 3)
    whole = np.array([[1, 2], [0, 0], [3, -1], [0, 0], [2, 1], [0, 0]])
    rotated = lambda q, values: symmetric((q * np.array(values)) @ q.T)
    many = [1.0] * 6 + [2.0] * 6 + [3.0] * 5
    half = [0.0] * 30 + [1.0] * 5 + [2.0] * 5
    low_rank = np.linalg.eigvalsh(thin @ thin.T)
    # Name, matrix, values as they are meant (nondecreasing), their limits.
    matrices = [
        ("diag(3,2,1)", np.diag([3.0, 2.0, 1.0]), [1, 2, 3]),
        ("rotated (4,2,1,-1)", rotated(q4, [4.0, 2.0, 1.0, -1.0]), [-1, 1, 2, 4]),
        ("diag(2,2,1)", np.diag([2.0, 2.0, 1.0]), [1, 2, 2]),
        ("rotated (2,2,1)", rotated(q3, [2.0, 2.0, 1.0]), [1, 2, 2]),
        ("I of 3", np.eye(3), [1, 1, 1]),
        ("zero of 3", np.zeros((3, 3)), [0, 0, 0]),
        ("diag(1,1,1,1e-3,0,0)", np.diag([1, 1, 1, 1e-3, 0, 0]), [0, 0, 1e-3, 1, 1, 1]),
        ("rank 1 of 4, rounded", np.outer(v, v), [0, 0, 0, float(v @ v)]),
        ("rank 2 of 6, rounded", symmetric(thin @ thin.T), [0] * 4 + list(low_rank[4:])),
        ("rank 2 of 6, exact, dead rows", whole @ whole.T, [0] * 4 + list(np.linalg.eigvalsh(whole.T @ whole))),
        ("diag(2,2+1e-13,1)", np.diag([2.0, 2.0 + 1e-13, 1.0]), [1, 2, 2 + 1e-13]),
        ("diag(2,2+1e-14,1)", np.diag([2.0, 2.0 + 1e-14, 1.0]), [1, 2, 2 + 1e-14]),
        ("diag(2,2+1e-9,1)", np.diag([2.0, 2.0 + 1e-9, 1.0]), [1, 2, 2 + 1e-9]),
        ("rotated (2,2+1e-9,1)", rotated(q3, [2.0, 2.0 + 1e-9, 1.0]), [1, 2, 2 + 1e-9]),
        ("17: 3, 2, 1 often", rotated(q17, many[::-1]), many),
        ("40: rank 10, 2 and 1 five times", rotated(q40, half[::-1]), half),
    ]
    for name, a, values in matrices:
        n = len(a)
        a = store(name, a)
        exact_a = exact(a)
        gaps = [values[i + 1] - values[i] for i in range(n - 1)]
        open_gap = [gap > 1e-10 * max(abs(x) for x in values) for gap in gaps]
        near = min((gap for gap, is_open in zip(gaps, open_gap) if is_open), default=1.0) < 1e-8
        # borders[i]: between values i − 1 and i.
        borders = [None] + [(mp.mpf(values[i]) + mp.mpf(values[i + 1])) / 2 for i in range(n - 1)]
        closed = not all(open_gap)
        for g_name, g in eigen_cotangents(n):
            if n > 6 and g_name != "random":
                continue
            g = store(f"{g_name}, symmetric {n}", g)
            exact_g = exact(g)
            fields = {"A": name, "G": f"{g_name}, symmetric {n}"}
            refused = "unknowable" if looks_blind(exact_a, exact_g, open_gap) else "error"

            def put(loss, must, expected, tolerance, **more):
                shown = {"projector": f"{more.get('k')} leading vectors"}.get(loss, loss)
                add(f"{name}; {shown}; {g_name}", "SymEig", must, expected, tolerance, loss=loss, **fields, **more)

            either = "right or error" if closed else "right"
            close = 1e-6 if near else 1e-9 if closed else 1e-11
            if n <= 17:
                gradient = eigen_gradient("exp", exact_a, exact_g, None, None)
                held(f"{name} exp {g_name}", gradient, eigen_loss("exp", exact_g, None), exact_a, True)
                put("exp", either, gradient, close)
            put("same", either, "G", close)
            for k in range(1, n):
                if open_gap[n - k - 1]:
                    gradient = eigen_gradient("projector", exact_a, exact_g, k, borders)
                    held(f"{name} {k} {g_name}", gradient, eigen_loss("projector", exact_g, k), exact_a, True)
                    put("projector", "right", gradient, 1e-6 if near else 1e-11, k=k)
            loss = eigen_loss("indices", exact_g, None)
            if not closed:
                gradient = eigen_gradient("indices", exact_a, exact_g, None, borders)
                held(f"{name} indices {g_name}", gradient, loss, exact_a, True)
                put("indices", "right", gradient, 1e-11 if not near else 1e-6 if name.startswith("diag") else 1e-5)
            elif n <= 6:
                near_diagonal = name in ("diag(2,2+1e-13,1)", "diag(2,2+1e-14,1)")
                known = mp.mpf(10) ** (16 if near_diagonal else 6)
                gradient, why = gradient_of_any(f"{name} indices {g_name}", loss, exact_a, True, known)
                if gradient is None:
                    put("indices", refused, None, 0, why=why)
                else:
                    # A gap of 32 ε is nothing that a decomposition knows, and this loss looks blind across it.
                    lost = name == "diag(2,2+1e-14,1)" and refused == "unknowable" and size(gradient) > SMALL
                    put("indices", "unknowable" if lost else "right or error", gradient, 1e-6)
            else:
                put("indices", "error", None, 0, why="steeper than f64 can know")
            if g_name == "random":
                gradient = eigen_gradient("sum exp", exact_a, exact_g, None, None)
                if n <= 17:
                    held(f"{name} sum exp", gradient, eigen_loss("sum exp", None, None), exact_a, True)
                put("sum exp", "right", gradient, 1e-12)


def looks_blind(a, g, open_gap):
    """Is VᵀGV a multiple of the identity on the vectors of equal values?"""
    n = a.rows
    _, v = mp.eigsy(a)
    m = v.T * g * v
    first = 0
    for i in range(1, n + 1):
        if i < n and not open_gap[i - 1]:
            continue
        for row in range(first, i):
            for column in range(first, i):
                if abs(m[row, column] - (m[first, first] if row == column else 0)) > mp.mpf(10) ** -12:
                    return False
        first = i
    return True


def eigen_cotangents(n):
    random = random_of(f"symmetric cotangent {n}")
    pair, across, corner = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    pair[0, 1] = pair[1, 0] = 1
    across[0, n - 1] = across[n - 1, 0] = 1
    corner[0, 0] = 1
    return [
        ("random", np.round(symmetric(random.standard_normal((n, n))), 2)),
        ("pair (1, 2)", pair),
        ("pair (1, last)", across),
        ("e1 e1ᵀ", corner),
        ("identity", np.eye(n)),
    ]


# B. Singular values and vectors.


def svd_loss(loss, g, k):
    def at(a):
        u, sigma, vt = mp.svd_r(a)
        r = len(sigma)
        if loss == "nuclear norm":
            return mp.fsum(sigma)
        if loss == "left projector":
            return inner(g, u[:, :k] * u[:, :k].T)
        if loss == "right projector":
            return inner(g, vt[:k, :].T * vt[:k, :])
        weights = {
            "same": list(sigma),
            "polar": [1] * r,
            "sinh": [mp.sinh(x) for x in sigma],
            "indices": list(range(1, r + 1)),
        }[loss]
        return inner(g, u * diagonal(weights) * vt)

    return at


def times_right_function(a, g, function):
    """The gradient of ⟨G, A f(AᵀA)⟩: f alone is differentiated, a product of two is not hard."""
    cotangent = a.T * g
    x = function(Dual(a.T * a, (cotangent + cotangent.T) / 2))
    return g * x.x + 2 * a * x.dot


def sinh_over_root(x):
    return series(x, lambda k: 1 / mp.factorial(2 * k + 1))


def leading_inverse_root(border):
    def at(x):
        if border is None:
            return inverse_root(x)
        leading = above(x, border)
        return inverse_root(x * leading + x.one() - leading) * leading

    return at


def svd_gradient(loss, a, g, k, values):
    if loss == "left projector":
        return 2 * above(Dual(a * a.T, g), square_border(values, k)).dot * a
    if loss == "right projector":
        return 2 * a * above(Dual(a.T * a, g), square_border(values, k)).dot
    if a.cols > a.rows:
        return svd_gradient(loss, a.T, g.T, k, values).T
    if loss == "sinh":
        return times_right_function(a, g, sinh_over_root)
    if loss == "polar":
        return times_right_function(a, g, leading_inverse_root(None))
    if loss == "nuclear norm":
        return a * inverse_root(Dual(a.T * a, mp.zeros(a.cols))).x
    # 1, 2, … r is r + 1 on all, less one on the first k for each k up to r.
    r = len(values)
    total = r * times_right_function(a, g, leading_inverse_root(None))
    for k in range(1, r):
        total -= times_right_function(a, g, leading_inverse_root(square_border(values, k)))
    return total


def square_border(values, k):
    following = values[k] if k < len(values) else 0
    return (mp.mpf(values[k - 1]) ** 2 + mp.mpf(following) ** 2) / 2


def svd_cases():
    for m, n in ((5, 3), (3, 5), (3, 3)):
        for values in ((3, 2, 1), (2, 2, 1), (2, 2, 0), (1, 0, 0), (0, 0, 0)):
            for turned in (False, True):
                if turned and values[0] == 0:
                    continue
                random = random_of(f"{m} {n} {values}")
                a = np.zeros((m, n))
                np.fill_diagonal(a, values)
                if turned:
                    a = orthonormal(random, m, 3) * np.array(values) @ orthonormal(random, n, 3).T
                shown = "(" + ",".join(str(x) for x in values) + ")"
                name = f"{m}x{n} {'rotated' if turned else 'diagonal'} {shown}"
                svd_cases_of(name, store(name, a), values)


def svd_cases_of(name, a, values):
    m, n = a.shape
    exact_a = exact(a)
    full = values[-1] > 0
    distinct = full and len(set(values)) == 3
    for g_name, g in svd_cotangents(m, n):
        g = store(f"{g_name}, {m}x{n}", g)
        exact_g = exact(g)
        fields = {"A": name}

        def put(loss, must, expected, tolerance, g_name=g_name, g_shape=f"{m}x{n}", **more):
            shown = f"{more['k']} vectors, {loss}" if "k" in more else loss
            whole = {"G": f"{g_name}, {g_shape}", "loss": loss, **fields, **more}
            add(f"{name}; {shown}; {g_name}", "ThinSvd", must, expected, tolerance, **whole)

        either = "right" if distinct else "right or error"
        close = 1e-11 if distinct else 1e-9
        put("same", either, "G", close)
        for loss in ["sinh"] + ["polar"] * full:
            gradient = svd_gradient(loss, exact_a, exact_g, None, values)
            held(f"{name} {loss} {g_name}", gradient, svd_loss(loss, exact_g, None), exact_a, False)
            put(loss, "right" if loss == "polar" else either, gradient, 1e-11 if loss == "polar" else close)
        loss = svd_loss("indices", exact_g, None)
        if distinct:
            gradient = svd_gradient("indices", exact_a, exact_g, None, values)
            held(f"{name} indices {g_name}", gradient, loss, exact_a, False)
            put("indices", "right", gradient, 1e-11)
        else:
            gradient, why = gradient_of_any(f"{name} indices {g_name}", loss, exact_a, False, mp.mpf(10) ** 6)
            if gradient is None:
                refused = "unknowable" if looks_blind_to_pairs(exact_a, exact_g, values) else "error"
                put("indices", refused, None, 0, why=why)
            else:
                put("indices", "right or error", gradient, 1e-9)
        if full and g_name == "random":
            gradient = svd_gradient("nuclear norm", exact_a, exact_g, None, values)
            held(f"{name} nuclear norm", gradient, svd_loss("nuclear norm", None, None), exact_a, False)
            put("nuclear norm", "right", gradient, 1e-12)
    for loss, side in (("left projector", m), ("right projector", n)):
        for g_name, g in projector_cotangents(side):
            g_name = f"{g_name}, symmetric"
            g = store(f"{g_name}, {side}x{side}", g)
            for k in range(1, 4):
                following = values[k] if k < 3 else 0 if side > 3 else None
                if following is None or values[k - 1] <= following:
                    continue
                gradient = svd_gradient(loss, exact_a, exact(g), k, values)
                held(f"{name} {loss} {k} {g_name}", gradient, svd_loss(loss, exact(g), k), exact_a, False)
                put(loss, "right", gradient, 1e-11, g_name=g_name, g_shape=f"{side}x{side}", k=k)


def looks_blind_to_pairs(a, g, values):
    """The same for singular vectors: sym(UᵀGV) on pairs of equal values, all of G between the null spaces."""
    u, _, vt = mp.svd_r(a)
    m, small = u.T * g * vt.T, mp.mpf(10) ** -12
    first = 0
    while first < 3 and values[first] > 0:
        last = max(i for i in range(3) if values[i] == values[first]) + 1
        for i in range(first, last):
            for j in range(first, last):
                if abs((m[i, j] + m[j, i]) / 2 - (m[first, first] if i == j else 0)) > small:
                    return False
        first = last
    # One pair of null vectors of a square matrix has signs alone, and no numerator.
    if first == 3 or (first == 2 and a.rows == a.cols):
        return True
    left, right = eye(a.rows), eye(a.cols)
    for i in range(first):
        left -= u[:, i] * u[:, i].T
        right -= vt[i, :].T * vt[i, :]
    return size(left * g * right) <= small


def svd_cotangents(m, n):
    random = random_of(f"cotangent {m} {n}")
    single, last = np.zeros((m, n)), np.zeros((m, n))
    single[0, 1] = 1
    last[m - 1, 0] = 1
    return [("random", np.round(random.standard_normal((m, n)), 2)), ("entry (1, 2)", single), ("entry (last, 1)", last)]


def projector_cotangents(side):
    random = random_of(f"projector cotangent {side}")
    pair, last = np.zeros((side, side)), np.zeros((side, side))
    pair[0, 1] = pair[1, 0] = 1
    last[0, side - 1] = last[side - 1, 0] = 1
    return [("random", np.round(symmetric(random.standard_normal((side, side))), 2)), ("pair (1, 2)", pair), ("pair (1, last)", last)]


# C. Truncation.


def truncated_inverse_gradient(a, g, values, k):
    """Of ⟨G, A_k⁺⟩, A_k⁺ = Aᵀ f(A Aᵀ) with f(x) = 1/x above the border and 0 below, G: n × m."""
    cotangent = a * g
    x = Dual(a * a.T, (cotangent + cotangent.T) / 2)
    leading = above(x, square_border(values, k))
    inverse = (x * leading + x.one() - leading).inverse() * leading
    return inverse.x * g.T + 2 * inverse.dot * a


def truncated_inverse_loss(g, k):
    def at(a):
        u, sigma, vt = mp.svd_r(a)
        return inner(g, vt[:k, :].T * diagonal([1 / x for x in sigma[:k]]) * u[:, :k].T)

    return at


def truncation_cases():
    small = (3, 2, 0.1, 0.05, 0.02)
    lost = (3, 2, 0, 0, 0)
    # Spectrum, how many are kept, at which tolerance, shapes.
    rows = [
        (small, 2, 0.2, [(5, 5), (7, 5), (5, 8)]),
        (small, 5, 1e-3, [(7, 5), (5, 8)]),
        ((3, 2, 1), 3, 1e-6, [(5, 3), (3, 5), (3, 3)]),
        ((2, 2, 2), 3, 1e-6, [(5, 3), (3, 5)]),
        ((3, 2, 1, 1e-3, 1e-4), 3, 1e-2, [(5, 5), (7, 5), (5, 8)]),
        ((3, 3, 1, 0.5), 2, 0.5, [(4, 4), (6, 4), (4, 6)]),
        ((3, 2, 0.5, 0.5), 2, 0.3, [(4, 4), (6, 4), (4, 6)]),
        (lost, 2, 1e-10, [(5, 5), (7, 5), (5, 8)]),
        ((2, 2, 0, 0), 2, 1e-10, [(4, 4), (6, 4), (4, 6)]),
        ((3, 2, 1, 0.3), 1, 0.8, [(4, 4)]),
    ]
    for values, k, tolerance, shapes in rows:
        for m, n in shapes:
            for turned in (False, True):
                r = len(values)
                shown = "(" + ",".join(str(x) for x in values) + ")"
                name = f"{m}x{n} {'rotated' if turned else 'diagonal'} {shown}, keep {k}"
                random = random_of(name)
                a = np.zeros((m, n))
                np.fill_diagonal(a, values)
                if turned:
                    a = orthonormal(random, m, r) * np.array(values) @ orthonormal(random, n, r).T
                a = store(name, a)
                for rule, shape in (("Projector", (m, m)), ("PseudoInverse", (n, m))):
                    whole = shape[0] == shape[1] and shape[0] == k
                    g = np.round(random_of(f"{rule} {shape}").standard_normal(shape), 2)
                    if rule == "Projector":
                        g = np.round(symmetric(g), 2)
                    g_name = f"{rule} random {shape[0]}x{shape[1]}"
                    g = store(g_name, g)
                    if rule == "Projector":
                        loss = svd_loss("left projector", exact(g), k)
                        gradient = mp.zeros(m, n) if whole else svd_gradient("left projector", exact(a), exact(g), k, values)
                    else:
                        loss = truncated_inverse_loss(exact(g), k)
                        gradient = truncated_inverse_gradient(exact(a), exact(g), values, k)
                    held(f"{name} {rule} {k}", gradient, loss, exact(a), False)
                    add(name, rule, "right", gradient, 1e-11, A=name, G=g_name, k=k, rank_tolerance=tolerance)


# D. The edge of a domain.


def power_of(a, exponent):
    values, v = mp.eigsy(a)
    edge = SMALL**mp.mpf("0.5") * (1 + max(abs(x) for x in values))
    return v * diagonal([x**exponent if x > edge else 0 for x in values]) * v.T


def gradient_at_the_edge(name, a, g, exponent):
    """Of ⟨G, Aᵖ⟩ for a G without null × null part, from (I + tX)ᵀ A (I + tX), which keep the rank.

    The slope along X is ⟨2 A Ā, X⟩; Ā has no null × null part either.
    """
    n = a.rows
    product = mp.zeros(n)
    step = mp.mpf(10) ** -15
    for i in range(n):
        for j in range(n):
            def at(t):
                x = eye(n)
                x[i, j] += t * step
                return inner(g, power_of(x.T * a * x, exponent))

            product[i, j] = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    values, v = mp.eigsy(a)
    edge = SMALL**mp.mpf("0.5") * (1 + max(abs(x) for x in values))
    inverse = v * diagonal([1 / x if x > edge else 0 for x in values]) * v.T
    onto = v * diagonal([1 if x > edge else 0 for x in values]) * v.T
    rows = inverse * product / 2
    beside = rows * (eye(n) - onto)
    gradient = rows + beside.T
    assert size(gradient - gradient.T) <= mp.mpf(10) ** -40 * (1 + size(gradient)), name
    return gradient


def edge_cases():
    random = random_of("edge")
    thin = np.array([[2, 1, -1, 3]])
    two = np.array([[1, 2, 0, -1], [3, -1, 1, 2]])
    for name, a in [
        ("ones of 3", np.ones((3, 3))),
        ("zero of 3", np.zeros((3, 3))),
        ("diag(1,0)", np.diag([1.0, 0.0])),
        ("whole, rank 1 of 4", thin.T @ thin),
        ("whole, rank 2 of 4", two.T @ two),
        ("dead rows, rank 2 of 5", np.array([[2, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 3, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])),
    ]:
        n = len(a)
        a = store(name, a)
        half = random.integers(-3, 4, (n, n)).astype(float)
        half = half + half.T
        seen = store(f"{name}, MA + AM", half @ a + a @ half)
        general = store(f"symmetric {n}, whole", np.round(symmetric(random_of(f"whole {n}").standard_normal((n, n))), 1))
        for shown, exponent in (("sqrt", 0.5), ("power", 0.7), ("power", 1.5)):
            fields = {"A": name, "function": shown, "exponent": exponent}
            add(f"{name}; value of x^{exponent}", "MatrixFunction value", "right", power_of(exact(a), mp.mpf(exponent)), 1e-13, **fields)
            gradient = gradient_at_the_edge(name, exact(a), exact(seen), mp.mpf(exponent))
            add(f"{name}; x^{exponent}; MA + AM", "MatrixFunction", "right", gradient, 1e-13, G=f"{name}, MA + AM", **fields)
            fields["G"] = f"symmetric {n}, whole"
            if exponent < 1:
                add(f"{name}; x^{exponent}; general", "MatrixFunction", "error", None, 0, **fields)
            else:
                # f′(0) = 0: entries null × null do not count.
                values, v = mp.eigsy(exact(a))
                edge = SMALL**mp.mpf("0.5") * (1 + max(abs(x) for x in values))
                beside = v * diagonal([0 if x > edge else 1 for x in values]) * v.T
                there = exact(general) - beside * exact(general) * beside
                gradient = gradient_at_the_edge(name, exact(a), there, mp.mpf(exponent))
                add(f"{name}; x^{exponent}; general", "MatrixFunction", "right", gradient, 1e-13, **fields)


# E. Functions of a Gram matrix.

MASK = 2**64 - 1


class SplitMix:
    """Steele, Lea, Flood 2014; tests/closed_gaps has the same."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        """In [−1, 1), 53 bits."""
        return (self.next() >> 11) * 2.0**-52 - 1.0

    def matrix(self, rows, columns):
        return [[self.uniform() for _ in range(columns)] for _ in range(rows)]

    def whole(self, rows, columns):
        """−2 … 2."""
        return [[float(self.next() % 5) - 2.0 for _ in range(columns)] for _ in range(rows)]


def product(x, y):
    """Sums in the order of the index, each product rounded."""
    result = []
    for row in x:
        out = []
        for j in range(len(y[0])):
            total = 0.0
            for k in range(len(y)):
                total += row[k] * y[k][j]
            out.append(total)
        result.append(out)
    return result


def transposed(x):
    return [list(column) for column in zip(*x)]


def log_difference(a, b):
    """(log a − log b) / (a − b), 1 / a where they are equal."""
    h = (a - b) / (a + b)
    ratio = 1 + h**2 / 3 + h**4 / 5 + h**6 / 7 if abs(h) < mp.mpf(10) ** -15 else mp.atanh(h) / h
    return 2 / (a + b) * ratio


def gram_gradient(f, g, difference):
    """2 F V (P ∘ VᵀGV) Vᵀ in 100 digits, where every gap is resolved."""
    s = (g + g.T) / 2
    values, v = mp.eigsy(f.T * f)
    core = v.T * s * v
    for i in range(f.cols):
        for j in range(f.cols):
            core[i, j] *= difference(values[i], values[j])
    return 2 * (f * v) * (core * v.T)


def gram_log_loss(g, epsilon):
    def at(f):
        values, v = mp.eigsy(f.T * f)
        return inner((g + g.T) / 2, v * diagonal([mp.log(x + epsilon) for x in values]) * v.T)

    return at


def gram_cases():
    for seed, (m, n) in enumerate([(16, 16), (17, 17), (40, 40), (60, 24), (24, 60), (100, 40), (400, 40)]):
        rank = min(m, n) // 3
        random = SplitMix(1000 + seed)
        f = product(random.matrix(m, rank), random.matrix(rank, n))
        g = random.matrix(n, n)
        vectors = (random.matrix(n, 3), random.matrix(m, 3))
        exact_f, exact_g = mp.matrix(f), mp.matrix(g)
        for epsilon in (1e-12, 1e-3):
            e = mp.mpf(epsilon)
            f_bar = gram_gradient(exact_f, exact_g, lambda a, b: log_difference(a + e, b + e))
            if m * n <= 600:
                step = mp.mpf(10) ** -35
                direction = exact(random_of(f"gram {m} {n}").standard_normal((m, n)))
                expected = slope(gram_log_loss(exact_g, e), exact_f, direction, step)
                assert abs(inner(f_bar, direction) - expected) <= mp.mpf(10) ** -25 * size(f_bar), (m, n, epsilon)
            if m * n > 600:
                expected = {
                    "times": entries(f_bar * mp.matrix(vectors[0])),
                    "transposed_times": entries(f_bar.T * mp.matrix(vectors[1])),
                }
            else:
                expected = f_bar
            add(f"{m}x{n} rank {rank}, log(x + {epsilon})", "GramFunction log", "right", expected, 1e-13,
                seed=1000 + seed, rows=m, columns=n, rank=rank, epsilon=epsilon)
            print(CASES[-1]["name"], f"{time.time() - START:.0f} s", flush=True)
    for seed, (m, n, rank) in enumerate([(6, 6, 2), (16, 16, 5), (24, 10, 4), (10, 24, 4), (3, 5, 3), (9, 14, 9), (5, 3, 3)]):
        random = SplitMix(2000 + seed)
        if rank < min(m, n):
            f = product(random.whole(m, rank), random.whole(rank, n))
        else:
            f = random.matrix(m, n)
        x = random.whole(n, n)
        g = random.matrix(n, n)
        # C̄ = M FᵀF + FᵀF M, whole numbers.
        gram = product(transposed(f), f)
        left = product([[x[i][j] + x[j][i] for j in range(n)] for i in range(n)], gram)
        seen = [[left[i][j] + left[j][i] for j in range(n)] for i in range(n)]
        exact_f = mp.matrix(f)
        fields = {"seed": 2000 + seed, "rows": m, "columns": n, "rank": rank}
        edge = mp.mpf(10) ** -60

        def difference(a, b):
            """Null × null does not count: F V is zero there."""
            return 1 / (mp.sqrt(max(a, 0)) + mp.sqrt(max(b, 0))) if max(a, b) > edge else 0

        def loss(cotangent):
            def at(f):
                values, v = mp.eigsy(f.T * f)
                roots = [mp.sqrt(x) if x > edge else 0 for x in values]
                return inner(cotangent, v * diagonal(roots) * v.T)

            return at

        def held_at_this_rank(cotangent, f_bar):
            """Along (I + tX) F (I + tY)."""
            draw = random_of(f"gram root {m} {n}")
            left, right = exact(draw.standard_normal((m, m))), exact(draw.standard_normal((n, n)))
            step = mp.mpf(10) ** -15
            at = lambda t: loss(cotangent)((eye(m) + t * step * left) * exact_f * (eye(n) + t * step * right))
            expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
            found = inner(f_bar, left * exact_f + exact_f * right)
            assert abs(found - expected) <= mp.mpf(10) ** -25 * (1 + size(f_bar)), (m, n, mp.nstr(found), mp.nstr(expected))

        # A product of whole numbers has no rounding to speak of: the eigenvalues are zero in 100 digits.
        f_bar = gram_gradient(exact_f, mp.matrix(seen), difference)
        held_at_this_rank((mp.matrix(seen) + mp.matrix(seen).T) / 2, f_bar)
        add(f"{m}x{n} rank {rank}, root, MA + AM", "GramFunction sqrt", "right", f_bar, 1e-13, cotangent="seen", **fields)
        if rank < min(m, n):
            add(f"{m}x{n} rank {rank}, root, general", "GramFunction sqrt", "error", None, 0, cotangent="general", **fields)
        else:
            f_bar = gram_gradient(exact_f, mp.matrix(g), difference)
            held_at_this_rank((mp.matrix(g) + mp.matrix(g).T) / 2, f_bar)
            add(f"{m}x{n} rank {rank}, root, general", "GramFunction sqrt", "right", f_bar, 1e-13, cotangent="general", **fields)


if __name__ == "__main__":
    START = time.time()
    for group in (eigen_cases, svd_cases, truncation_cases, edge_cases, gram_cases):
        before = len(CASES)
        group()
        print(f"{group.__name__}: {len(CASES) - before} cases, {time.time() - START:.0f} s", flush=True)
        with open(FILE, "w") as file:
            file.write('{"matrices": {\n')
            file.write(",\n".join(json.dumps(name, ensure_ascii=False) + ": " + json.dumps(a, separators=(",", ":")) for name, a in MATRICES.items()))
            file.write('\n},\n"cases": [\n')
            file.write(",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in CASES) + "\n]}\n")
    print(f"{FILE}: {os.path.getsize(FILE) / 1000:.0f} kB")
