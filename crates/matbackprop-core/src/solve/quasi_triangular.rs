//! Linear equations between matrices that are triangular except for blocks of two rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Up to this side a loop over blocks; above, halves and products of matrices.
const SMALL: usize = 16;

/// Does a block of two rows of the quasi-triangular T begin at row i?
pub(crate) fn has_block_at(t: MatRef<'_, f64>, i: usize) -> bool {
    i + 1 < t.nrows() && t[(i + 1, i)] != 0.0
}

/// F ← Y of T Y + Y S = F, for upper quasi-triangular T: m × m and S: n × n.
///
/// Infinite or NaN where an eigenvalue of T is the negative of one of S. By halves of the larger one, as Jonsson and
/// Kågström, "Recursive blocked algorithms for solving triangular systems", 2002.
pub(crate) fn solve_quasi_triangular(
    t: MatRef<'_, f64>,
    s: MatRef<'_, f64>,
    mut f: MatMut<'_, f64>,
) {
    let (m, n) = (t.nrows(), s.nrows());
    if m.max(n) <= SMALL {
        solve_by_blocks(t, s, f);
    } else if m >= n {
        let half = half(t);
        let rest = m - half;
        let (mut upper, mut lower) = f.split_at_row_mut(half);
        solve_quasi_triangular(t.submatrix(half, half, rest, rest), s, lower.as_mut());
        let corner = t.submatrix(0, half, half, rest);
        subtract(upper.as_mut(), corner, lower.as_ref());
        solve_quasi_triangular(t.submatrix(0, 0, half, half), s, upper);
    } else {
        let half = half(s);
        let rest = n - half;
        let (mut left, mut right) = f.as_mut().split_at_col_mut(half);
        solve_quasi_triangular(t, s.submatrix(0, 0, half, half), left.as_mut());
        let corner = s.submatrix(0, half, half, rest);
        subtract(right.as_mut(), left.as_ref(), corner);
        solve_quasi_triangular(t, s.submatrix(half, half, rest, rest), right);
    }
}

/// C ← C − A B.
fn subtract(c: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(c, Accum::Add, a, b, -1.0, Par::Seq);
}

/// About half the rows, without cutting a block.
fn half(t: MatRef<'_, f64>) -> usize {
    let half = t.nrows() / 2;
    if has_block_at(t, half - 1) {
        half + 1
    } else {
        half
    }
}

/// First rows and sizes of the blocks on the diagonal.
pub(crate) fn blocks(t: MatRef<'_, f64>) -> Vec<(usize, usize)> {
    let mut blocks = Vec::with_capacity(t.nrows());
    let mut i = 0;
    while i < t.nrows() {
        let size = if has_block_at(t, i) { 2 } else { 1 };
        blocks.push((i, size));
        i += size;
    }
    blocks
}

fn solve_by_blocks(t: MatRef<'_, f64>, s: MatRef<'_, f64>, mut f: MatMut<'_, f64>) {
    let (rows, columns) = (blocks(t), blocks(s));
    for &(j, width) in &columns {
        for &(i, height) in rows.iter().rev() {
            solve_block(t, s, f.as_mut(), (i, height), (j, width));
            for column in j..j + width {
                for row in i..i + height {
                    let y = f[(row, column)];
                    for above in 0..i {
                        f[(above, column)] -= t[(above, row)] * y;
                    }
                }
            }
        }
        for right in j + width..s.nrows() {
            for column in j..j + width {
                let factor = s[(column, right)];
                for row in 0..t.nrows() {
                    f[(row, right)] -= f[(row, column)] * factor;
                }
            }
        }
    }
}

/// One to four unknowns, by elimination with complete pivoting.
fn solve_block(
    t: MatRef<'_, f64>,
    s: MatRef<'_, f64>,
    mut f: MatMut<'_, f64>,
    (i, height): (usize, usize),
    (j, width): (usize, usize),
) {
    if height * width == 1 {
        f[(i, j)] /= t[(i, i)] + s[(j, j)];
        return;
    }
    // Unknown y(r, c) has place r + height c.
    let count = height * width;
    let (mut k, mut b) = ([[0.0; 4]; 4], [0.0; 4]);
    for c in 0..width {
        for r in 0..height {
            let place = r + height * c;
            b[place] = f[(i + r, j + c)];
            for other in 0..height {
                k[place][other + height * c] += t[(i + r, i + other)];
            }
            for other in 0..width {
                k[place][r + height * other] += s[(j + other, j + c)];
            }
        }
    }
    let y = eliminated(k, b, count);
    for c in 0..width {
        for r in 0..height {
            f[(i + r, j + c)] = y[r + height * c];
        }
    }
}

/// The solution of the first `count` equations; not finite where they are singular.
fn eliminated(mut k: [[f64; 4]; 4], mut b: [f64; 4], count: usize) -> [f64; 4] {
    let mut order = [0, 1, 2, 3];
    for step in 0..count {
        let places = (step..count).flat_map(|r| (step..count).map(move |c| (r, c)));
        let (row, column) = places.fold((step, step), |best, place| {
            if k[place.0][place.1].abs() > k[best.0][best.1].abs() {
                place
            } else {
                best
            }
        });
        k.swap(step, row);
        b.swap(step, row);
        order.swap(step, column);
        for row in &mut k {
            row.swap(step, column);
        }
        for row in step + 1..count {
            let factor = k[row][step] / k[step][step];
            for column in step..count {
                k[row][column] -= factor * k[step][column];
            }
            b[row] -= factor * b[step];
        }
    }
    let mut x = [0.0; 4];
    for step in (0..count).rev() {
        let known = (step + 1..count)
            .map(|column| k[step][column] * x[order[column]])
            .sum::<f64>();
        x[order[step]] = (b[step] - known) / k[step][step];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use faer::{Mat, mat};

    /// Blocks of two rows from the given places on, diagonal entries near `shift`.
    fn quasi_triangular(n: usize, pairs: &[usize], shift: f64, seed: u64) -> Mat<f64> {
        let g = gaussian(n, n, seed);
        let mut t = Mat::from_fn(n, n, |i, j| {
            if i < j {
                0.3 * g[(i, j)]
            } else if i == j {
                shift + 0.1 * g[(i, j)].tanh()
            } else {
                0.0
            }
        });
        for &i in pairs.iter().filter(|&&i| i + 1 < n) {
            t[(i + 1, i + 1)] = t[(i, i)];
            (t[(i, i + 1)], t[(i + 1, i)]) = (2.0, -0.5);
        }
        t
    }

    #[test]
    fn one_block_by_hand() {
        // y (1 + i)-like: (0 −1; 1 0) y + y = (1, 3), y = (2, 1).
        let mut f = mat![[1.0], [3.0]];
        let t = mat![[0.0, -1.0], [1.0, 0.0]];
        solve_quasi_triangular(t.as_ref(), mat![[1.0]].as_ref(), f.as_mut());
        assert!((f - mat![[2.0], [1.0]]).norm_max() < 1e-15);
    }

    #[test]
    fn every_side_and_every_cut_of_blocks() {
        for (m, n) in [(1, 1), (2, 3), (5, 2), (16, 17), (33, 7), (9, 50), (64, 65)] {
            for pairs in [&[][..], &[0, 3, 7, 15, 31], &[1, 4, 8, 16, 32]] {
                let t = quasi_triangular(m, pairs, 2.0, 1);
                let s = quasi_triangular(n, pairs, 1.0, 2);
                let y = gaussian(m, n, 3);
                let mut f = &t * &y + &y * &s;
                solve_quasi_triangular(t.as_ref(), s.as_ref(), f.as_mut());
                let error = (&f - &y).norm_l2() / y.norm_l2();
                // Amplified by T's departure from normality, here small.
                assert!(error < 1e-10, "{m} × {n}: {error:e}");
                // Transposed by reversed views, as the rules do.
                let back = t.transpose().reverse_rows_and_cols();
                let mut f = back * &y + &y * &s;
                solve_quasi_triangular(back, s.as_ref(), f.as_mut());
                let error = (&f - &y).norm_l2() / y.norm_l2();
                assert!(error < 1e-10, "{m} × {n}, transposed: {error:e}");
            }
        }
    }

    #[test]
    fn a_common_eigenvalue_leaves_no_number() {
        let mut f = mat![[1.0]];
        solve_quasi_triangular(mat![[1.0]].as_ref(), mat![[-1.0]].as_ref(), f.as_mut());
        assert!(!f[(0, 0)].is_finite());
        let turn = mat![[0.0, -1.0], [1.0, 0.0]];
        let mut f = Mat::full(2, 2, 1.0);
        f[(0, 1)] = 0.0;
        solve_quasi_triangular(turn.as_ref(), turn.as_ref(), f.as_mut());
        assert!(
            f.col_iter()
                .any(|column| column.iter().any(|x| !x.is_finite()))
        );
    }
}
