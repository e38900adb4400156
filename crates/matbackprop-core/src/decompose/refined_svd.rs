//! Small singular values to their last digit: Jacobi's rotations in twice the precision.
//!
//! A decomposition in f64 knows every singular value to ε σ₁, so nothing of those below. Where a function is steep at
//! zero, its gradient consists of that error.

use super::double_double::DoubleDouble;
use crate::error::{Error, Result};
use faer::{Mat, MatRef};
use pulp::{Simd, WithSimd};

/// Columns are orthogonal when the cosine between them is below this.
const ORTHOGONAL: f64 = 1.4e-17;

/// Columns shorter than this share of the longest are rounding in twice the precision: 16 · 2⁻¹⁰⁴, generously.
const NOTHING: f64 = 1e-30;

/// Sweeps over all pairs; convergence is quadratic, and eight are many.
const SWEEPS: usize = 40;

/// Numbers side by side in a column.
const LANES: usize = 8;

/// Eight numbers of a column; zeros fill up the last.
type Lanes = DoubleDouble<LANES>;

/// W (m × n) and V (n × n), of nonincreasing column lengths, with A V = W, VᵀV = I and orthogonal columns of W, from
/// orthogonal columns `start` that nearly do.
///
/// ```text
/// V₀ = start (I + ½ (I − startᵀ start))       orthogonal to ε²
/// W₀ = A V₀, then pair by pair                [wᵢ wⱼ] ← [wᵢ wⱼ] (c s; −s c),  V alike
/// ```
///
/// Each column of W has errors of about ε times its own length, however short, down to 10⁻¹⁵ of the longest; for entries
/// within 2^±200. Rotations are rounded to f64: c² + s² differs from one by ε, which scales two columns of W and V
/// alike, and is divided out at the end.
///
/// Source: Hestenes, "Inversion of matrices by biorthogonalization and related results", Journal of the Society for
/// Industrial and Applied Mathematics 6, 1958. O(m n²) a sweep, each operation of about twenty.
pub(crate) fn refined_svd(
    op: &'static str,
    a: MatRef<'_, f64>,
    start: MatRef<'_, f64>,
) -> Result<(Mat<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    let converged = pulp::Arch::new().dispatch(Refine { a, start });
    let mut columns = converged.ok_or(Error::NoConvergence {
        op,
        rows: m,
        columns: n,
    })?;
    columns.sort_by(|left, right| right.length.total_cmp(&left.length));
    let w = Mat::from_fn(m, n, |i, j| columns[j].w[i]);
    let v = Mat::from_fn(n, n, |i, j| columns[j].v[i]);
    Ok((w, v))
}

/// A column of W and V as they are given back, and its length in W.
struct Refined {
    length: f64,
    w: Vec<f64>,
    v: Vec<f64>,
}

/// The whole of it, by the widest registers.
struct Refine<'a> {
    a: MatRef<'a, f64>,
    start: MatRef<'a, f64>,
}

impl WithSimd for Refine<'_> {
    type Output = Option<Vec<Refined>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let mut columns = self.turned_columns();
        rotate_until_orthogonal(&mut columns)
            .then(|| columns.iter().map(Column::normalised).collect())
    }
}

impl Refine<'_> {
    /// The columns of A V₀ and V₀: one step of Newton's and Schulz's iteration on `start`, exact to ε².
    #[inline(always)]
    fn turned_columns(&self) -> Vec<Column> {
        let (a, start) = (self.a, self.start);
        let n = start.ncols();
        let defect = Mat::from_fn(n, n, |i, j| {
            let identity = DoubleDouble::from([if i == j { 1.0 } else { 0.0 }]);
            let pairs = start.col(i).iter().zip(start.col(j).iter());
            let [rest] = pairs
                .fold(identity, |rest, (x, y)| {
                    rest - DoubleDouble::product([*x], [*y])
                })
                .rounded();
            rest
        });
        let correction = 0.5 * (start * &defect);
        let rows = gathered(a);
        (0..n)
            .map(|j| {
                let mut w = vec![Lanes::ZERO; a.nrows().div_ceil(LANES)];
                let mut v = vec![Lanes::ZERO; n.div_ceil(LANES)];
                for (k, row) in rows.iter().enumerate() {
                    let (x, y) = (start[(k, j)], correction[(k, j)]);
                    let entry = DoubleDouble::sum([x; LANES], [y; LANES]);
                    for (w, a) in w.iter_mut().zip(row) {
                        *w = *w + entry * Lanes::from(*a);
                    }
                }
                for (block, v) in v.iter_mut().enumerate() {
                    let of = |from: MatRef<'_, f64>| lanes(from, block, j);
                    *v = DoubleDouble::sum(of(start), of(correction.as_ref()));
                }
                Column { w, v }
            })
            .collect()
    }
}

/// The columns of A, eight rows at a time.
fn gathered(a: MatRef<'_, f64>) -> Vec<Vec<[f64; LANES]>> {
    let blocks = a.nrows().div_ceil(LANES);
    let column = |j: usize| (0..blocks).map(|block| lanes(a, block, j)).collect();
    (0..a.ncols()).map(column).collect()
}

/// Rows 8 block, …, 8 block + 7 of column j, zeros beyond the last.
fn lanes(a: MatRef<'_, f64>, block: usize, j: usize) -> [f64; LANES] {
    std::array::from_fn(|k| match block * LANES + k {
        i if i < a.nrows() => a[(i, j)],
        _ => 0.0,
    })
}

/// A column of W and the same of V.
#[derive(Clone)]
struct Column {
    w: Vec<Lanes>,
    v: Vec<Lanes>,
}

impl Column {
    /// wᵀ w′.
    #[inline(always)]
    fn dot(&self, other: &Self) -> DoubleDouble<1> {
        let pairs = self.w.iter().zip(&other.w);
        pairs.fold(Lanes::ZERO, |sum, (x, y)| sum + *x * *y).total()
    }

    /// \[x y\] ← \[x y\] \[c s; −s c\].
    #[inline(always)]
    fn rotate(&mut self, other: &mut Self, c: f64, s: f64) {
        for (x, y) in [(&mut self.w, &mut other.w), (&mut self.v, &mut other.v)] {
            for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                (*x, *y) = (x.scaled(c) - y.scaled(s), x.scaled(s) + y.scaled(c));
            }
        }
    }

    /// Both over the length of v.
    fn normalised(&self) -> Refined {
        let length = |x: &[Lanes]| {
            let entries = x.iter().flat_map(|x| x.rounded());
            entries.map(|x| x * x).sum::<f64>().sqrt()
        };
        let scale = length(&self.v).recip();
        let scaled = |x: &[Lanes]| x.iter().flat_map(|x| x.scaled(scale).rounded()).collect();
        Refined {
            length: scale * length(&self.w),
            w: scaled(&self.w),
            v: scaled(&self.v),
        }
    }
}

/// Turns pairs of columns until all of W are orthogonal. `false` when that does not end.
#[inline(always)]
fn rotate_until_orthogonal(columns: &mut [Column]) -> bool {
    let n = columns.len();
    let mut squares: Vec<DoubleDouble<1>> = columns.iter().map(|x| x.dot(x)).collect();
    for _ in 0..SWEEPS {
        let longest = squares
            .iter()
            .fold(0.0, |longest: f64, square| longest.max(square.rounded()[0]))
            .sqrt();
        let mut settled = true;
        for i in 0..n {
            for j in i + 1..n {
                let [inner] = columns[i].dot(&columns[j]).rounded();
                let [x, y] = [i, j].map(|k| squares[k].rounded()[0].sqrt());
                // Orthogonal relative to both lengths, so that a short column ends as right as a long one. Below the
                // rounding of the longest, in twice the precision, there is nothing to turn.
                let tolerance = x.max(y) * (ORTHOGONAL * x.min(y)).max(NOTHING * longest);
                // NaN ends the loop.
                if inner.abs() <= tolerance || inner.is_nan() {
                    continue;
                }
                settled = false;
                // The smaller of the two rotations that take wᵢᵀwⱼ to zero.
                let [gap] = (squares[j] - squares[i]).rounded();
                let zeta = gap / (2.0 * inner);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = tangent.hypot(1.0).recip();
                let (head, tail) = columns.split_at_mut(j);
                head[i].rotate(&mut tail[0], c, c * tangent);
                // Computed again from the columns: updated by the rotation, the square of a short column would be rounding of the
                // long one's.
                for k in [i, j] {
                    squares[k] = columns[k].dot(&columns[k]);
                }
            }
        }
        if settled {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::thin_svd::thin_svd;
    use super::*;
    use crate::gradcheck::gaussian;

    fn refined(a: &Mat<f64>) -> (Mat<f64>, Mat<f64>) {
        let (_, _, v) = thin_svd("test", a.as_ref()).unwrap();
        refined_svd("test", a.as_ref(), v.as_ref()).unwrap()
    }

    #[test]
    fn small_values_have_all_their_digits() {
        // Hilbert's matrix of order six after scaling by 360360, whole numbers: its determinant is known exactly, and is
        // the product of the singular values. det H₆ = 1 / 186313420339200000.
        let n = 6;
        let a = Mat::from_fn(n, n, |i, j| 360_360.0 / (i + j + 1) as f64);
        let expected = 360_360f64.powi(6) / 186_313_420_339_200_000.0;
        let (w, _) = refined(&a);
        let found: f64 = (0..n).map(|j| w.col(j).norm_l2()).product();
        assert!(
            (found / expected - 1.0).abs() < 4e-15,
            "{found:e} {expected:e}"
        );
        let (_, values, _) = thin_svd("test", a.as_ref()).unwrap();
        let plain: f64 = values.iter().product();
        // The purpose: f64 alone leaves 1e-11 or so.
        assert!((plain / expected - 1.0).abs() > 1e-13, "{plain:e}");
    }

    #[test]
    fn columns_are_turned_and_nothing_else() {
        for (m, n) in [(1, 1), (5, 1), (12, 8), (8, 8), (30, 16)] {
            let mut a = gaussian(m, n, 3);
            if n > 2 {
                // Two equal columns, and one in units of its own.
                let first = a.col(0).to_owned();
                a.col_mut(1).copy_from(&first);
                a.col_mut(2).iter_mut().for_each(|x| *x *= 1e-9);
            }
            let (w, v) = refined(&a);
            let size = a.norm_l2();
            assert!((&a * &v - &w).norm_max() < 1e-15 * size, "{m} × {n}");
            let identity = Mat::<f64>::identity(n, n);
            assert!((v.transpose() * &v - identity).norm_max() < 1e-15);
            let lengths: Vec<f64> = (0..n).map(|j| w.col(j).norm_l2()).collect();
            assert!(lengths.windows(2).all(|pair| pair[0] >= pair[1]));
            for j in 0..n {
                for i in 0..j {
                    let cosine = w.col(i).transpose() * w.col(j);
                    let both = lengths[i] * lengths[j];
                    // Below ε² σ₁ there is no direction left.
                    let floor = 1e-28 * size * lengths[i];
                    assert!(cosine.abs() <= 4e-16 * both + floor, "{i} {j}: {cosine:e}");
                }
            }
            if n > 2 {
                // aᵀ(1, −1, 0, …) = 0 exactly.
                assert!(lengths[n - 1] < 1e-30 * size, "{:e}", lengths[n - 1]);
            }
        }
    }

    #[test]
    fn zero_has_a_decomposition() {
        let zero = Mat::<f64>::zeros(5, 3);
        let (w, v) = refined_svd("test", zero.as_ref(), Mat::identity(3, 3).as_ref()).unwrap();
        assert_eq!((w, v), (zero, Mat::identity(3, 3)));
    }
}
