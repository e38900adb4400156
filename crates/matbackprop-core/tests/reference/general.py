"""Rules of general square matrices, to more than 50 digits.

    pip install mpmath
    python crates/matbackprop-core/tests/reference/general.py        writes general.json, half a minute

tests/general.rs reads its output. Inputs are numbers of f64; values, cotangents and tangents are rounded to f64 at the
end. Derivatives of exponential and logarithm are blocks of their values at (A E; 0 A), those of roots and equations solutions of the linear
system in all entries, those of the determinant cofactors by Laplace's expansion.
"""

import json
import os

import mpmath as mp

mp.mp.dps = 80


class Numbers:
    """Small multiples of 1/8, the same each time."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return ((self.state >> 33) % 33 - 16) / 8

    def matrix(self, rows, columns):
        return mp.matrix([[self.next() for _ in range(columns)] for _ in range(rows)])


def listed(a):
    return [[float(a[i, j]) for j in range(a.cols)] for i in range(a.rows)]


def jordan(n, value, above=1):
    return mp.matrix(
        [[value if i == j else above if j == i + 1 else 0 for j in range(n)] for i in range(n)]
    )


def sylvester(a, b, c):
    m, n = a.rows, b.rows
    k, right = mp.zeros(m * n), mp.zeros(m * n, 1)
    for i in range(m):
        for j in range(n):
            right[i * n + j] = c[i, j]
            for l in range(m):
                k[i * n + j, l * n + j] += a[i, l]
            for l in range(n):
                k[i * n + j, i * n + l] += b[l, j]
    x = mp.lu_solve(k, right)
    return mp.matrix([[x[i * n + j] for j in range(n)] for i in range(m)])


def block(a, e):
    n = a.rows
    whole = mp.zeros(2 * n)
    for i in range(n):
        for j in range(n):
            whole[i, j] = whole[n + i, n + j] = a[i, j]
            whole[i, n + j] = e[i, j]
    return whole


def exp_derivative(a, e):
    n = a.rows
    return mp.expm(block(a, e), method="taylor")[:n, n : 2 * n]


def logarithm(a):
    """Square roots by Denman and Beavers until the series converges, held to the exponential."""
    one = mp.eye(a.rows)
    value, count = a.copy(), 0
    with mp.workdps(110):
        while mp.norm(value - one) > mp.mpf(2) ** -10:
            x, y, step = value, one, mp.inf
            while step > mp.mpf(10) ** -60 * mp.norm(x):
                x, y, last = (x + mp.inverse(y)) / 2, (y + mp.inverse(x)) / 2, x
                step = mp.norm(x - last)
            value, count = x, count + 1
        less_one, power, log = value - one, one, mp.zeros(a.rows)
        for k in range(1, 30):
            power = power * less_one
            log -= power * (mp.mpf(-1) ** k / k)
        log = log * mp.mpf(2) ** count
    assert mp.norm(mp.expm(log, method="taylor") - a) < mp.mpf(10) ** -50 * mp.norm(a)
    return log


def log_derivative(a, e):
    n = a.rows
    return logarithm(block(a, e))[:n, n : 2 * n]


def minor(a, i, j):
    rest = [[a[r, c] for c in range(a.cols) if c != j] for r in range(a.rows) if r != i]
    return determinant(rest)


def determinant(rows):
    """Laplace's expansion: no division, right for singular matrices."""
    if not rows:
        return mp.mpf(1)
    return sum(
        (-1) ** j * rows[0][j] * determinant([row[:j] + row[j + 1 :] for row in rows[1:]])
        for j in range(len(rows))
        if rows[0][j] != 0
    )


def adjugate_transposed(a):
    n = a.rows
    return mp.matrix([[(-1) ** (i + j) * minor(a, i, j) for j in range(n)] for i in range(n)])


def case(rule, name, inputs, value, bar, bars, dots, dot, limit, units=None):
    """`units`: what the entries of the first cotangent are multiplied by before they are compared, where not 1."""
    return {
        "units": units and listed(units),
        "rule": rule,
        "name": name,
        "limit": limit,
        "inputs": [listed(x) for x in inputs],
        "value": listed(value),
        "value_bar": listed(bar),
        "bars": [listed(x) for x in bars],
        "dots": [listed(x) for x in dots],
        "value_dot": listed(dot),
    }


def exponentials(numbers):
    generic = numbers.matrix(4, 4)
    skew = numbers.matrix(4, 4)
    stable = 20 * (numbers.matrix(4, 4) - 4 * mp.eye(4))
    for name, a, limit in [
        ("general", generic, 1e-14),
        ("general, small", generic / 1024, 1e-14),
        ("general, of norm 100", 16 * generic, 1e-12),
        ("stable, of norm 200", stable, 1e-12),
        ("a Jordan block", jordan(4, mp.mpf(0.5)), 1e-14),
        ("nilpotent, entries of 1000", jordan(5, 0, 1000), 1e-14),
        ("a rotation", skew - skew.T, 1e-14),
        ("eigenvalues 1 and -1, far from normal", mp.matrix([[1, 1000], [0, -1]]), 1e-14),
        ("zero", mp.zeros(3), 1e-15),
        ("one number", mp.matrix([[-3]]), 1e-15),
    ]:
        n = a.rows
        bar, dot = numbers.matrix(n, n), numbers.matrix(n, n)
        value = mp.expm(a, method="taylor")
        back = exp_derivative(a.T, bar)
        yield case("exp", name, [a], value, bar, [back], [dot], exp_derivative(a, dot), limit)


def roots(numbers):
    generic = numbers.matrix(4, 4)
    shear = numbers.matrix(4, 4)
    shear = mp.eye(4) + mp.matrix([[shear[i, j] if j > i else 0 for j in range(4)] for i in range(4)])
    spread = shear * mp.diag([1, 1, mp.mpf(2) ** -20, 3]) * mp.inverse(shear)
    for name, a, limit in [
        ("general", generic + 4 * mp.eye(4), 1e-13),
        ("complex pairs on both sides of the imaginary axis", mp.matrix([[-1, 4], [-2, -1]]), 1e-14),
        ("a Jordan block", jordan(4, 4), 1e-14),
        ("eigenvalues from one to a millionth", spread, 1e-12),
        ("one number", mp.matrix([[9]]), 1e-15),
    ]:
        n = a.rows
        a = mp.matrix(listed(a))
        bar, dot = numbers.matrix(n, n), numbers.matrix(n, n)
        value = root(a)
        assert mp.norm(value * value - a) < mp.mpf(10) ** -50
        back = sylvester(value.T, value.T, bar)
        yield case("sqrt", name, [a], value, bar, [back], [dot], sylvester(value, value, dot), limit)


def logarithms(numbers):
    generic, skew, shear = numbers.matrix(4, 4), numbers.matrix(4, 4), numbers.matrix(4, 4)
    turn = mp.inverse(mp.eye(4) - (skew - skew.T)) * (mp.eye(4) + skew - skew.T)
    shear = mp.eye(4) + mp.matrix([[shear[i, j] if j > i else 0 for j in range(4)] for i in range(4)])
    spread = shear * mp.diag([1, 1, mp.mpf(2) ** -20, 3]) * mp.inverse(shear)
    steep = mp.matrix([[1, 1000, 0], [0, mp.mpf(1.25), 1000], [0, 0, 3]])
    for name, a, limit in [
        ("general", generic + 4 * mp.eye(4), 1e-13),
        ("near the identity", mp.eye(4) + generic / 1024, 1e-12),
        ("of any size", mp.mpf(2) ** 100 * (generic + 4 * mp.eye(4)), 1e-13),
        ("complex pairs on both sides of the imaginary axis", mp.matrix([[-1, 4], [-2, -1]]), 1e-14),
        ("a pair near the negative axis", mp.matrix([[-1, 1], [-mp.mpf(2) ** -10, -1]]), 1e-12),
        ("a rotation", turn, 1e-13),
        ("a Jordan block", jordan(4, 4), 1e-14),
        ("a Jordan block of entries of 1000", jordan(4, 1, 1000), 1e-13),
        ("far from normal", steep, 1e-13),
        ("eigenvalues from one to a millionth", spread, 1e-10),
        ("a multiple of the identity", 3 * mp.eye(3), 1e-15),
        ("one number", mp.matrix([[9]]), 1e-15),
    ]:
        n = a.rows
        a = mp.matrix(listed(a))
        bar, dot = numbers.matrix(n, n), numbers.matrix(n, n)
        value = logarithm(a)
        back = log_derivative(a.T, bar)
        yield case("log", name, [a], value, bar, [back], [dot], log_derivative(a, dot), limit)


def root(a):
    """Denman and Beavers: quadratic from any matrix that has a principal root."""
    x, y = a.copy(), mp.eye(a.rows)
    for _ in range(60):
        x, y = (x + mp.inverse(y)) / 2, (y + mp.inverse(x)) / 2
    # A step of Newton's for the rounding.
    return x + sylvester(x, x, a - x * x)


def equations(numbers):
    pair = mp.matrix([[1, -3], [2, 1]])
    close = mp.matrix([[-2 + mp.mpf(2) ** -20, 1], [0, 5]])
    for name, a, b, limit in [
        ("general", numbers.matrix(4, 4) + 4 * mp.eye(4), numbers.matrix(3, 3) + 4 * mp.eye(3), 1e-13),
        ("complex pairs", pair, pair - mp.eye(2), 1e-14),
        ("Jordan blocks", jordan(4, 1), jordan(3, mp.mpf(0.5)), 1e-13),
        ("eigenvalues a millionth from common ones", jordan(2, 2), close, 1e-9),
        ("numbers", mp.matrix([[3]]), mp.matrix([[4]]), 1e-15),
    ]:
        c, bar = numbers.matrix(a.rows, b.rows), numbers.matrix(a.rows, b.rows)
        x = sylvester(a, b, c)
        c_bar = sylvester(a.T, b.T, bar)
        dots = [numbers.matrix(y.rows, y.cols) for y in (a, b, c)]
        dot = sylvester(a, b, dots[2] - dots[0] * x - x * dots[1])
        bars = [-c_bar * x.T, -x.T * c_bar, c_bar]
        yield case("sylvester", name, [a, b, c], x, bar, bars, dots, dot, limit)


def symmetric_equations(numbers):
    definite = numbers.matrix(4, 4)
    for name, a, limit in [
        ("general", numbers.matrix(4, 4) + 4 * mp.eye(4), 1e-13),
        ("a Jordan block", jordan(4, -1), 1e-13),
        ("symmetric positive definite", definite * definite.T + mp.eye(4), 1e-13),
        ("one number", mp.matrix([[3]]), 1e-15),
    ]:
        n = a.rows
        c, bar, c_dot = numbers.matrix(n, n), numbers.matrix(n, n), numbers.matrix(n, n)
        c, bar, c_dot = c + c.T, bar + bar.T, c_dot + c_dot.T
        x = sylvester(a, a.T, c)
        c_bar = sylvester(a.T, a, bar)
        a_dot = numbers.matrix(n, n)
        dot = sylvester(a, a.T, c_dot - a_dot * x - x * a_dot.T)
        bars = [-2 * c_bar * x, c_bar]
        yield case("lyapunov", name, [a, c], x, bar, bars, [a_dot, c_dot], dot, limit)


def determinants(numbers):
    generic = numbers.matrix(5, 5)
    two, three = numbers.matrix(5, 2), numbers.matrix(4, 3)
    left, right = numbers.matrix(2, 5), numbers.matrix(3, 4)
    nearly = three * right + mp.mpf(2) ** -30 * numbers.matrix(4, 4)
    zero_row = numbers.matrix(4, 4)
    for j in range(4):
        zero_row[2, j] = 0
    units = mp.matrix([[mp.mpf(2) ** (100 * i - 90 * j) for j in range(4)] for i in range(4)])
    graded = numbers.matrix(4, 4)
    for i in range(4):
        for j in range(4):
            graded[i, j] *= units[i, j]
    for name, a, limit in [
        ("general", generic, 1e-13),
        ("rank n - 1", three * right, 1e-13),
        ("rank n - 1 within 1e-9", nearly, 1e-13),
        ("rank n - 3", two * left, 1e-13),
        ("a row of zeros", zero_row, 1e-13),
        ("rows and columns of all sizes", graded, 1e-13),
        ("zero", mp.zeros(3), 1e-13),
        ("one number, zero", mp.zeros(1), 1e-15),
        ("one number", mp.matrix([[-3]]), 1e-15),
    ]:
        n = a.rows
        a = mp.matrix(listed(a))
        value = determinant([[a[i, j] for j in range(n)] for i in range(n)])
        slope = adjugate_transposed(a)
        dot = numbers.matrix(n, n)
        if a == graded:
            dot = mp.matrix([[dot[i, j] * units[i, j] for j in range(n)] for i in range(n)])
        along = sum(slope[i, j] * dot[i, j] for i in range(n) for j in range(n))
        one = mp.matrix([[2]])
        value, along = mp.matrix([[value]]), mp.matrix([[along]])
        of_case = units if a == graded else None
        yield case("determinant", name, [a], value, one, [2 * slope], [dot], along, limit, of_case)


def main():
    groups = [exponentials, roots, equations, symmetric_equations, determinants, logarithms]
    cases = [case for seed, group in enumerate(groups) for case in group(Numbers(seed + 1))]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "general.json")
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
