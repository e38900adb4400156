//! Eigenvalues and eigenvectors of a symmetric tridiagonal matrix, by divide and conquer.
//!
//! ```text
//! T = [T₁  ] + ρ v vᵀ     Tᵢ = Wᵢ Λᵢ Wᵢᵀ     diag(Λ₁, Λ₂) + ρ z zᵀ = S Λ Sᵀ,  z = diag(W₁, W₂)ᵀ v
//!     [  T₂]              W = diag(W₁, W₂) S
//! ```

use super::implicit_ql::{ImplicitQl, SMALL};
use super::rank_one_update::{Deflated, FillVectors, Roots, SolveRankOneUpdate, deflate};
use super::scratch::with_scratch;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// T = W Λ Wᵀ: `diagonal` becomes Λ, nondecreasing, and W is returned; `off_diagonal` (n entries, the last one spare)
/// is used up. `None` when an eigenvalue does not converge.
///
/// Source: Cuppen, "A divide and conquer method for the symmetric tridiagonal eigenproblem", Numerische Mathematik 36,
/// 1981; deflation and eigenvectors as `rank_one_update` says.
pub(super) fn tridiagonal_eigen(
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
) -> Option<Mat<f64>> {
    let n = diagonal.len();
    let largest = diagonal
        .iter()
        .chain(&off_diagonal[..n - 1])
        .fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 {
        return Some(Mat::identity(n, n));
    }
    for x in diagonal.iter_mut().chain(off_diagonal.iter_mut()) {
        *x /= largest;
    }
    let mut vectors = Mat::zeros(n, n);
    let converged = with_scratch(2 * n * n + n * n.div_ceil(2), |room| {
        let (update, room) = room.split_at_mut(n * n);
        let (joined, gathered) = room.split_at_mut(n * n);
        let mut solver = Solver {
            arch: pulp::Arch::new(),
            vectors: &mut vectors,
            gathered,
            update,
            joined,
        };
        solver.solve(0, diagonal, off_diagonal)
    });
    for x in diagonal.iter_mut() {
        *x *= largest;
    }
    converged.then_some(vectors)
}

/// W as it grows along the diagonal, and room for one join.
struct Solver<'a> {
    arch: pulp::Arch,
    vectors: &'a mut Mat<f64>,
    /// Columns of W₁ or W₂ that take part.
    gathered: &'a mut [f64],
    /// S.
    update: &'a mut [f64],
    /// diag(W₁, W₂) S.
    joined: &'a mut [f64],
}

impl Solver<'_> {
    /// Solves the block that starts at row `first`; `false` when an eigenvalue does not converge.
    fn solve(&mut self, first: usize, d: &mut [f64], e: &mut [f64]) -> bool {
        let side = d.len();
        if side <= SMALL {
            let mut block = [[0.0; SMALL]; SMALL];
            let converged = self.arch.dispatch(ImplicitQl {
                diagonal: d,
                off_diagonal: e,
                vectors: &mut block,
            });
            for (j, column) in block[..side].iter().enumerate() {
                self.vectors.col_as_slice_mut(first + j)[first..][..side]
                    .copy_from_slice(&column[..side]);
            }
            return converged;
        }
        let half = side / 2;
        let joint = e[half - 1];
        let ((d1, d2), (e1, e2)) = (d.split_at_mut(half), e.split_at_mut(half));
        d1[half - 1] -= joint.abs();
        d2[0] -= joint.abs();
        if !self.solve(first, d1, e1) || !self.solve(first + half, d2, e2) {
            return false;
        }
        self.join(first, half, d, joint);
        true
    }

    /// Joins two solved halves, with ρ = 2 |`joint`| and v = (last unit vector, ± first unit vector) / √2.
    fn join(&mut self, first: usize, half: usize, d: &mut [f64], joint: f64) {
        let side = d.len();
        let rho = 2.0 * joint.abs();
        let root = std::f64::consts::FRAC_1_SQRT_2;
        let mut z: Vec<f64> = (0..side)
            .map(|j| {
                let column = &self.column(first, side, j)[half - 1..=half];
                if j < half {
                    root * column[0]
                } else {
                    root.copysign(joint) * column[1]
                }
            })
            .collect();
        let mut order: Vec<usize> = (0..side).collect();
        order.sort_by(|&i, &j| d[i].total_cmp(&d[j]));
        // The halves in which a column has entries: its own, and after a rotation those of both.
        let mut reach: Vec<[bool; 2]> = (0..side).map(|j| [j < half, j >= half]).collect();
        let Deflated { kept, settled } = deflate(&order, d, &mut z, rho, |i, j, c, s| {
            let both = [reach[i][0] | reach[j][0], reach[i][1] | reach[j][1]];
            (reach[i], reach[j]) = (both, both);
            self.rotate(first, side, (i, j), (c, s));
        });

        let poles: Vec<f64> = kept.iter().map(|&j| d[j]).collect();
        let weights: Vec<f64> = kept.iter().map(|&j| z[j]).collect();
        let roots = self.arch.dispatch(SolveRankOneUpdate {
            poles: &poles,
            z: &weights,
            rho,
        });
        self.multiply(first, side, half, &kept, &reach, &poles, &roots);

        // New columns and settled ones, by nondecreasing value.
        let k = kept.len();
        for (j, &from) in settled.iter().enumerate() {
            let column = &self.vectors.col_as_slice(first + from)[first..][..side];
            self.joined[(k + j) * side..][..side].copy_from_slice(column);
        }
        let values: Vec<f64> = (0..k)
            .map(|j| roots.shifts[j] + roots.offsets[j])
            .chain(settled.iter().map(|&j| d[j]))
            .collect();
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        for (j, &from) in order.iter().enumerate() {
            d[j] = values[from];
            self.vectors.col_as_slice_mut(first + j)[first..][..side]
                .copy_from_slice(&self.joined[from * side..][..side]);
        }
    }

    /// Column j of the block.
    fn column(&self, first: usize, side: usize, j: usize) -> &[f64] {
        &self.vectors.col_as_slice(first + j)[first..][..side]
    }

    /// Columns xᵢ, xⱼ of the block become c xᵢ + s xⱼ and c xⱼ − s xᵢ.
    fn rotate(&mut self, first: usize, side: usize, (i, j): (usize, usize), (c, s): (f64, f64)) {
        let (x, y) = self.vectors.as_mut().two_cols_mut(first + i, first + j);
        let (x, y) = (x.subrows_mut(first, side), y.subrows_mut(first, side));
        for (x, y) in x.iter_mut().zip(y.iter_mut()) {
            let kept = *x;
            *x = c * kept + s * *y;
            *y = c * *y - s * kept;
        }
    }

    /// diag(W₁, W₂) S into `joined`, without the rows of S that meet zeros of W₁ or W₂.
    fn multiply(
        &mut self,
        first: usize,
        side: usize,
        half: usize,
        kept: &[usize],
        reach: &[[bool; 2]],
        poles: &[f64],
        roots: &Roots,
    ) {
        let k = kept.len();
        // Rows of S: upper half alone, both, lower half alone.
        let mut rows: Vec<usize> = (0..k).collect();
        rows.sort_by_key(|&row| match reach[kept[row]] {
            [true, false] => 0,
            [true, true] => 1,
            _ => 2,
        });
        let upper = rows.iter().filter(|&&row| reach[kept[row]][0]).count();
        let lower_from = rows.iter().filter(|&&row| !reach[kept[row]][1]).count();
        let row_poles: Vec<f64> = rows.iter().map(|&row| poles[row]).collect();
        let row_weights: Vec<f64> = rows.iter().map(|&row| roots.z[row]).collect();
        self.arch.dispatch(FillVectors {
            roots,
            poles: &row_poles,
            z: &row_weights,
            vectors: &mut self.update[..k * k],
        });
        for (rows, span, within) in [
            (&rows[..upper], 0..upper, 0..half),
            (&rows[lower_from..], lower_from..k, half..side),
        ] {
            let (height, width) = (within.len(), rows.len());
            let gathered = &mut self.gathered[..height * width];
            for (&row, column) in rows.iter().zip(gathered.chunks_exact_mut(height)) {
                let from = self.vectors.col_as_slice(first + kept[row]);
                column.copy_from_slice(&from[first + within.start..][..height]);
            }
            let joined = &mut self.joined[..side * k];
            matmul(
                MatMut::from_column_major_slice_mut(joined, side, k)
                    .subrows_mut(within.start, height),
                Accum::Replace,
                MatRef::from_column_major_slice(gathered, height, width),
                MatRef::from_column_major_slice(&self.update[..k * k], k, k)
                    .subrows(span.start, width),
                1.0,
                Par::Seq,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Residual and departure from orthogonality, in units of ε ‖T‖ and ε.
    fn errors(diagonal: &[f64], off_diagonal: &[f64]) -> (f64, f64) {
        let n = diagonal.len();
        let t = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => off_diagonal[i.min(j)],
            _ => 0.0,
        });
        let (mut values, mut e) = (diagonal.to_vec(), off_diagonal.to_vec());
        e.resize(n, 0.0);
        let w = tridiagonal_eigen(&mut values, &mut e).unwrap();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        let scaled = Mat::from_fn(n, n, |i, j| w[(i, j)] * values[j]);
        let size = t.norm_max().max(f64::MIN_POSITIVE);
        let residual = (&t * &w - scaled).norm_max() / size;
        let turned = (w.transpose() * &w - Mat::<f64>::identity(n, n)).norm_max();
        (residual / f64::EPSILON, turned / f64::EPSILON)
    }

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let x = crate::gradcheck::gaussian(n.max(1), 1, seed);
        (0..n).map(|i| x[(i, 0)]).collect()
    }

    #[test]
    fn spectra_of_every_kind_are_found_with_orthonormal_vectors() {
        for n in [1, 2, 3, 24, 25, 50, 97, 200] {
            let ones = vec![1.0; n];
            let zeros = vec![0.0; n];
            let steps: Vec<f64> = (0..n).map(|i| (i as f64 - (n / 2) as f64).abs()).collect();
            let graded: Vec<f64> = (0..n)
                .map(|i| 10f64.powf(-16.0 * i as f64 / n as f64))
                .collect();
            let tiny: Vec<f64> = noise(3, n).iter().map(|x| 1e-14 * x).collect();
            let huge: Vec<f64> = noise(4, n).iter().map(|x| 1e300 * x).collect();
            let split: Vec<f64> = (0..n).map(|i| if i % 7 == 0 { 0.0 } else { 1.0 }).collect();
            let cases = [
                (noise(1, n), noise(2, n)),
                // Toeplitz: closed form; Wilkinson: pairs of values that agree to rounding.
                (zeros.iter().map(|_| 2.0).collect(), ones.clone()),
                (steps, ones.clone()),
                (zeros.clone(), ones.clone()),
                (ones.clone(), zeros.clone()),
                (ones.clone(), tiny.clone()),
                (tiny.clone(), ones.clone()),
                (graded.clone(), graded),
                (huge.clone(), huge),
                (zeros.clone(), split),
                (zeros.clone(), zeros.clone()),
                (vec![f64::MIN_POSITIVE; n], vec![f64::MIN_POSITIVE; n]),
            ];
            for (case, (d, e)) in cases.iter().enumerate() {
                let (residual, turned) = errors(d, &e[..n - 1]);
                // Measured: at most 7 and 12 in the largest.
                assert!(
                    residual < 40.0 && turned < 60.0,
                    "{n} {case}: {residual} {turned}"
                );
            }
        }
    }

    #[test]
    fn the_second_difference_has_its_closed_form() {
        // 2 − 2 cos(jπ / (n + 1)), j = 1, …, n
        let n = 100;
        let (mut d, mut e) = (vec![2.0; n], vec![-1.0; n]);
        tridiagonal_eigen(&mut d, &mut e).unwrap();
        for (j, value) in d.iter().enumerate() {
            let angle = (j + 1) as f64 * std::f64::consts::PI / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 2e-15, "{j}");
        }
    }
}
