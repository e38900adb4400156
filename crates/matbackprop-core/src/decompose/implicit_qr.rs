//! Singular values and vectors of a small bidiagonal matrix, by rotations.
//!
//! ```text
//! B ← Rᵤᵀ B Rᵥ     rotations from both sides that turn BᵀB as a QR step on BᵀB − σ² I would, BᵀB never formed
//! ```

use super::implicit_ql::SMALL;

/// A square of vectors, a column a list; entries beyond the side are zero.
pub(super) type Vectors = [[f64; SMALL]; SMALL];

/// Sweeps granted to each value; two are usual.
const SWEEPS: usize = 60;

/// An entry above the diagonal is zero below this times the largest entry: where two values are themselves rounding, what
/// lies between them is no more, and would turn vectors.
const ROUNDING: f64 = 0.125 * f64::EPSILON;

/// The bound for zero in a matrix of order one: the square of anything larger is far from underflow.
const ZERO: f64 = 1e-145;

/// B = U [Σ 0] Vᵀ of an upper bidiagonal B of one row a value and one column more than entries `above`, to be
/// dispatched; entries of order one or less, at most [`SMALL`] columns.
///
/// Sweeps go from the larger end of the diagonal to the smaller one, and without a shift where a shift would cost small
/// values their digits: graded matrices converge in either order.
///
/// Source: Golub, Kahan, "Calculating the singular values and pseudo-inverse of a matrix", SIAM Journal on Numerical
/// Analysis 2, 1965; Demmel, Kahan, "Accurate singular values of bidiagonal matrices", SIAM Journal on Scientific and
/// Statistical Computing 11, 1990, for the sweep without a shift and the directions.
pub(super) struct ImplicitQr<'a> {
    /// The diagonal of B; becomes Σ, nondecreasing.
    pub(super) diagonal: &'a mut [f64],
    pub(super) above: &'a [f64],
    /// U and V, where asked for; the null vector of a wide B is last in V.
    pub(super) left: Option<&'a mut Vectors>,
    pub(super) right: Option<&'a mut Vectors>,
}

impl pulp::WithSimd for ImplicitQr<'_> {
    /// `false` when a value needs more sweeps than any is known to need.
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> bool {
        let n = self.diagonal.len();
        let mut e = [0.0; SMALL];
        e[..self.above.len()].copy_from_slice(self.above);
        let entries = self.diagonal.iter().chain(self.above);
        let largest = entries.fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let mut work = Work {
            floor: (ROUNDING * largest).max(ZERO),
            d: self.diagonal,
            e,
            sides: [self.left, self.right],
        };
        for vectors in work.sides.iter_mut().flatten() {
            **vectors = [[0.0; SMALL]; SMALL];
            (0..SMALL).for_each(|j| vectors[j][j] = 1.0);
        }
        if self.above.len() == n {
            work.make_square();
        }
        let mut last = n - 1;
        let mut sweeps = 0;
        while last > 0 {
            // The largest block below `last` that no zero divides.
            let first = (0..last)
                .rev()
                .find(|&i| work.is_negligible(i))
                .map_or(0, |i| i + 1);
            if first == last {
                last -= 1;
                sweeps = 0;
                continue;
            }
            if sweeps == SWEEPS {
                return false;
            }
            sweeps += 1;
            work.sweep(first, last);
        }
        work.order();
        true
    }
}

/// Which vectors: those of the left side, or of the right one.
const LEFT: usize = 0;
const RIGHT: usize = 1;

/// B as it is turned: its diagonal and the entries above it.
struct Work<'a> {
    d: &'a mut [f64],
    e: [f64; SMALL],
    /// What counts for zero above the diagonal, beside any values.
    floor: f64,
    sides: [Option<&'a mut Vectors>; 2],
}

/// A block of B from one end of its diagonal to the other; from the last row to the first it is that of the transpose.
#[derive(Clone, Copy)]
struct Direction {
    first: usize,
    last: usize,
    is_down: bool,
}

impl Direction {
    /// Entry i of the diagonal.
    #[inline(always)]
    fn d(self, i: usize) -> usize {
        if self.is_down {
            self.first + i
        } else {
            self.last - i
        }
    }

    /// The entry beside i and i + 1.
    #[inline(always)]
    fn e(self, i: usize) -> usize {
        if self.is_down {
            self.first + i
        } else {
            self.last - i - 1
        }
    }

    /// The vectors of the columns, then those of the rows.
    #[inline(always)]
    fn sides(self) -> [usize; 2] {
        if self.is_down {
            [RIGHT, LEFT]
        } else {
            [LEFT, RIGHT]
        }
    }
}

impl Work<'_> {
    /// Does the entry beside two diagonal entries vanish in their rounding? It becomes zero then.
    #[inline(always)]
    fn is_negligible(&mut self, i: usize) -> bool {
        let beside = self.d[i].abs() + self.d[i + 1].abs();
        let found = self.e[i].abs() <= (0.5 * f64::EPSILON * beside).max(self.floor);
        if found {
            self.e[i] = 0.0;
        }
        found
    }

    /// Columns (LEFT, RIGHT) i and j become c xᵢ + s xⱼ and c xⱼ − s xᵢ.
    #[inline(always)]
    fn turn(&mut self, side: usize, i: usize, j: usize, c: f64, s: f64) {
        let Some(vectors) = &mut self.sides[side] else {
            return;
        };
        let Ok([x, y]) = vectors.get_disjoint_mut([i, j]) else {
            return;
        };
        for (x, y) in x.iter_mut().zip(y) {
            let old = *x;
            *x = c * old + s * *y;
            *y = c * *y - s * old;
        }
    }

    /// A wide B to lower bidiagonal form by rotations of columns, whose last one becomes zero, and back by rotations of rows.
    #[inline(always)]
    fn make_square(&mut self) {
        let n = self.d.len();
        for side in [RIGHT, LEFT] {
            let pairs = if side == RIGHT { n } else { n - 1 };
            for i in 0..pairs {
                let (c, s, r) = rotation(self.d[i], self.e[i]);
                self.d[i] = r;
                self.e[i] = 0.0;
                if i + 1 < n {
                    self.e[i] = s * self.d[i + 1];
                    self.d[i + 1] *= c;
                }
                self.turn(side, i, i + 1, c, s);
            }
        }
    }

    /// One sweep over a block, with the smaller value of its far corner for a shift.
    #[inline(always)]
    fn sweep(&mut self, first: usize, last: usize) {
        let direction = Direction {
            first,
            last,
            is_down: self.d[first].abs() >= self.d[last].abs(),
        };
        let count = last - first;
        let head = self.d[direction.d(0)].abs();
        // A bound from below for the smallest value, and the largest entry.
        let (mut smallest, mut bound, mut largest) = (head, head, head);
        for i in 0..count {
            let (d, e) = (
                self.d[direction.d(i + 1)].abs(),
                self.e[direction.e(i)].abs(),
            );
            bound *= d / (bound + e);
            smallest = smallest.min(bound);
            largest = largest.max(d).max(e);
        }
        let corner = [
            self.d[direction.d(count - 1)],
            self.e[direction.e(count - 1)],
            self.d[direction.d(count)],
        ];
        let shift = smaller_value(corner);
        // A shift that is much smaller than the first entry is lost there; one beside much smaller values would cost them
        // their digits. Written so that NaN, of a zero beside a zero, has no shift.
        let ratio = shift / head;
        let has_shift = ratio * ratio >= f64::EPSILON && smallest > 1e-3 * f64::EPSILON * largest;
        if has_shift {
            self.shifted(direction, shift);
        } else {
            self.unshifted(direction);
        }
    }

    /// The step of Golub and Kahan: an entry off the two diagonals is chased from one end to the other.
    #[inline(always)]
    fn shifted(&mut self, direction: Direction, shift: f64) {
        let [columns, rows] = direction.sides();
        let count = direction.last - direction.first;
        let head = self.d[direction.d(0)];
        let mut f = (head.abs() - shift) * (1f64.copysign(head) + shift / head);
        let mut g = self.e[direction.e(0)];
        for i in 0..count {
            let (k, next) = (direction.d(i), direction.d(i + 1));
            let beside = direction.e(i);
            let (c, s, r) = rotation(f, g);
            if i > 0 {
                self.e[direction.e(i - 1)] = r;
            }
            f = c * self.d[k] + s * self.e[beside];
            self.e[beside] = c * self.e[beside] - s * self.d[k];
            g = s * self.d[next];
            self.d[next] *= c;
            self.turn(columns, k, next, c, s);
            let (c, s, r) = rotation(f, g);
            self.d[k] = r;
            f = c * self.e[beside] + s * self.d[next];
            self.d[next] = c * self.d[next] - s * self.e[beside];
            if i + 1 < count {
                let following = direction.e(i + 1);
                g = s * self.e[following];
                self.e[following] *= c;
            }
            self.turn(rows, k, next, c, s);
        }
        self.e[direction.e(count - 1)] = f;
    }

    /// The same without a shift, by products and quotients alone: no value loses a digit.
    #[inline(always)]
    fn unshifted(&mut self, direction: Direction) {
        let [columns, rows] = direction.sides();
        let count = direction.last - direction.first;
        let (mut c, mut row_c, mut row_s) = (1.0, 1.0, 0.0);
        for i in 0..count {
            let (k, next) = (direction.d(i), direction.d(i + 1));
            let (new_c, s, r) = rotation(self.d[k] * c, self.e[direction.e(i)]);
            c = new_c;
            if i > 0 {
                self.e[direction.e(i - 1)] = row_s * r;
            }
            (row_c, row_s, self.d[k]) = rotation(row_c * r, self.d[next] * s);
            self.turn(columns, k, next, c, s);
            self.turn(rows, k, next, row_c, row_s);
        }
        let rest = self.d[direction.d(count)] * c;
        self.d[direction.d(count)] = rest * row_c;
        self.e[direction.e(count - 1)] = rest * row_s;
    }

    /// Values not below zero and nondecreasing, each with its vectors.
    #[inline(always)]
    fn order(&mut self) {
        let n = self.d.len();
        for i in 0..n {
            if self.d[i].is_sign_negative() {
                self.d[i] = -self.d[i];
                if let Some(vectors) = &mut self.sides[RIGHT] {
                    vectors[i].iter_mut().for_each(|x| *x = -*x);
                }
            }
        }
        for i in 0..n {
            let mut smallest = i;
            for j in i + 1..n {
                if self.d[j] < self.d[smallest] {
                    smallest = j;
                }
            }
            if smallest != i {
                self.d.swap(i, smallest);
                for vectors in self.sides.iter_mut().flatten() {
                    vectors.swap(i, smallest);
                }
            }
        }
    }
}

/// c, s and r with c f + s g = r, c g − s f = 0.
#[inline(always)]
fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    if g.abs() < ZERO {
        return (1.0, 0.0, f);
    }
    // g² is a normal number, beside which an f² that underflows is none.
    let r = (f * f + g * g).sqrt();
    let inverse = r.recip();
    (f * inverse, g * inverse, r)
}

/// The smaller singular value of (f g; 0 h), to its last digits.
#[inline(always)]
fn smaller_value([f, g, h]: [f64; 3]) -> f64 {
    let (f, g, h) = (f.abs(), g.abs(), h.abs());
    let (low, high) = (f.min(h), f.max(h));
    if low == 0.0 {
        return 0.0;
    }
    // 2 f h / (√((f + h)² + g²) + √((f − h)² + g²)), in units of the largest.
    let unit = high.max(g);
    let (low, high, g) = (low / unit, high / unit, g / unit);
    let sum = ((high + low).powi(2) + g * g).sqrt() + ((high - low).powi(2) + g * g).sqrt();
    unit * (2.0 * low * (high / sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::products::gram;
    use faer::Mat;

    fn mat(vectors: &Vectors, side: usize) -> Mat<f64> {
        Mat::from_fn(side, side, |i, j| vectors[j][i])
    }

    #[test]
    fn bidiagonal_matrices_of_every_kind_are_rebuilt() {
        for (rows, columns) in [(1, 1), (1, 2), (2, 2), (5, 5), (5, 6), (23, 24), (24, 24)] {
            let x = gaussian(rows, 2, 5);
            for kind in 0..9 {
                let entry = |i: usize, k: usize| match kind {
                    0 => x[(i, k)],
                    // Falling and rising by decades.
                    1 => x[(i, k)] * 10f64.powi(-(i as i32)),
                    2 => x[(i, k)] * 10f64.powi(i as i32 - rows as i32),
                    3 => x[(i, k)] * 10f64.powi(-20 * i as i32),
                    // Zeros here and there; tiny on the diagonal and beside it.
                    4 if i % 3 == k => 0.0,
                    5 if k == 0 => 1e-14 * x[(i, k)],
                    6 if k == 1 => 1e-14 * x[(i, k)],
                    7 => 0.0,
                    8 if k == 0 => 1e-200,
                    _ => 1.0,
                };
                let mut values: Vec<f64> = (0..rows).map(|i| entry(i, 0)).collect();
                let above: Vec<f64> = (0..columns - 1).map(|i| entry(i, 1)).collect();
                let b = Mat::from_fn(rows, columns, |i, j| match j.wrapping_sub(i) {
                    0 => values[i],
                    1 => above[i],
                    _ => 0.0,
                });
                let mut u = [[0.0; SMALL]; SMALL];
                let mut v = u;
                let converged = pulp::Arch::new().dispatch(ImplicitQr {
                    diagonal: &mut values,
                    above: &above,
                    left: Some(&mut u),
                    right: Some(&mut v),
                });
                let name = format!("{rows} × {columns}, {kind}");
                assert!(converged, "{name}");
                assert!(values[0] >= 0.0 && values.is_sorted(), "{name}");
                let (u, v) = (mat(&u, rows), mat(&v, columns));
                let sigma =
                    Mat::from_fn(rows, columns, |i, j| if i == j { values[i] } else { 0.0 });
                let residual = (&b * &v - &u * sigma).norm_max();
                let size = b.norm_max().max(f64::MIN_POSITIVE);
                // A rotation is rounded to ε; sixty of them a vector.
                assert!(residual <= 4e-15 * size, "{name}: {residual:e}");
                for x in [&u, &v] {
                    let identity = Mat::<f64>::identity(x.ncols(), x.ncols());
                    let turned = (gram(x.as_ref()) - identity).norm_max();
                    assert!(turned < 8e-15, "{name}: {turned:e}");
                }
            }
        }
    }

    #[test]
    fn the_smaller_value_of_a_corner_has_its_digits() {
        // f h / (larger value), which is √2 for (1, 1; 0, tiny).
        for h in [1e-3, 1e-150, 1e-300] {
            let found = smaller_value([1.0, 1.0, h]);
            assert!(
                (found / (h / 2f64.sqrt()) - 1.0).abs() < 1e-3 * h.max(1e-12),
                "{found:e}"
            );
        }
        assert_eq!(smaller_value([3.0, 0.0, -2.0]), 2.0);
        assert_eq!(smaller_value([0.0, 5.0, 1.0]), 0.0);
    }
}
