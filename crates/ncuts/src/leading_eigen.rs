//! Leading eigenpairs of XᵀX.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

use crate::error::Result;
use crate::symmetric_spectrum::largest_eigenpairs;

/// Up to this many columns the full decomposition of XᵀX is the faster method.
const FULL_SIDE: usize = 512;
/// Columns carried beside those asked for: they make the last one converge.
const OVERSAMPLING: usize = 8;
/// Largest accepted residual ‖XᵀX v − θ v‖, relative to θ₁.
const RESIDUAL_TOLERANCE: f64 = 1e-8;

/// The `count` largest eigenvalues of XᵀX, nonincreasing, and their eigenvectors as columns.
///
/// ```text
///     XᵀX V = V diag(θ),   Vᵀ V = I
/// ```
///
/// # Shapes
/// X: p × q; V: q × min(count, q).
///
/// # Conventions
/// Signs and rotations inside an eigenspace are free; the same input gives the same bits.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule) when the dense decomposition gives up, which finite input has not been seen to do.
///
/// # Cost
/// O(p q²) for XᵀX. Then, q up to a few hundred: O(q³). Beyond: block Lanczos with full reorthogonalisation, O(q² b) a step with b = count + 8
/// columns, until every residual is below 1e-8 θ₁; where that has not happened within q/2 columns, O(q³) again.
pub(super) fn leading_eigen(x: MatRef<'_, f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let side = x.ncols();
    let count = count.min(side);
    let mut gram = Mat::<f64>::zeros(side, side);
    triangular::matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        x.transpose(),
        BlockStructure::Rectangular,
        x,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    if side > FULL_SIDE {
        for j in 0..side {
            for i in 0..j {
                gram[(i, j)] = gram[(j, i)];
            }
        }
        if let Some(pairs) = block_lanczos(gram.as_ref(), count)? {
            return Ok(pairs);
        }
    }
    largest_eigenpairs(gram.as_ref(), count)
}

/// Rayleigh–Ritz on the block Krylov space of a seeded random block; `None` when it stalls.
fn block_lanczos(a: MatRef<'_, f64>, count: usize) -> Result<Option<(Vec<f64>, Mat<f64>)>> {
    let side = a.ncols();
    let block = count + OVERSAMPLING;
    let steps = side / 2 / block;
    let mut basis = Mat::<f64>::zeros(side, steps * block);
    let mut projected = Mat::<f64>::zeros(steps * block, steps * block);
    let mut next = random_block(side, block).qr().compute_thin_Q();
    let mut last_look = 0;
    for step in 0..steps {
        let (done, size) = (step * block, (step + 1) * block);
        basis.as_mut().subcols_mut(done, block).copy_from(&next);
        let q = basis.as_ref().subcols(0, size);

        // Z = A Qⱼ, the new block column of T = Qᵀ A Q, and the part of Z outside the basis.
        let mut z = a * &next;
        let column = q.transpose() * &z;
        for j in 0..block {
            for i in 0..size {
                projected[(i, done + j)] = column[(i, j)];
                projected[(done + j, i)] = column[(i, j)];
            }
        }
        matmul(z.as_mut(), Accum::Add, q, &column, -1.0, Par::Seq);

        // Looking costs O(size³): do it as the basis grows by half.
        if 2 * size >= 3 * last_look || step + 1 == steps {
            last_look = size;
            let (values, ritz) =
                largest_eigenpairs(projected.as_ref().submatrix(0, 0, size, size), count)?;
            let residual = &z * ritz.as_ref().subrows(done, block);
            let floor = RESIDUAL_TOLERANCE * values[0];
            if (0..count).all(|i| residual.col(i).norm_l2() <= floor) {
                return Ok(Some((values, q * ritz)));
            }
        }
        next = orthonormal_beside(q, z);
    }
    Ok(None)
}

/// An orthonormal basis of the columns of `z`, orthogonal to the orthonormal `q`; a column that vanishes is replaced by another.
fn orthonormal_beside(q: MatRef<'_, f64>, z: Mat<f64>) -> Mat<f64> {
    // Twice is enough: the second pass removes the rounding that the first left along q.
    let mut next = z;
    for _ in 0..2 {
        next = next.qr().compute_thin_Q();
        let along = q.transpose() * &next;
        matmul(next.as_mut(), Accum::Add, q, &along, -1.0, Par::Seq);
    }
    next.qr().compute_thin_Q()
}

/// Entries uniform in [−1, 1), the same on every machine.
fn random_block(rows: usize, columns: usize) -> Mat<f64> {
    let mut random = Pcg64Mcg::new(0x6e63_7574_7331);
    Mat::from_fn(rows, columns, |_, _| {
        f64::from(random.next_u32() as i32) / 2_147_483_648.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X = U diag(σ) Vᵀ with the given singular values and random orthonormal factors.
    fn with_spectrum(rows: usize, columns: usize, sigma: &[f64]) -> Mat<f64> {
        let u = random_block(rows, sigma.len()).qr().compute_thin_Q();
        let v = random_block(columns, sigma.len()).qr().compute_thin_Q();
        let scaled = Mat::from_fn(rows, sigma.len(), |i, j| u[(i, j)] * sigma[j]);
        scaled * v.transpose()
    }

    fn residual(x: &Mat<f64>, values: &[f64], vectors: &Mat<f64>) -> f64 {
        let image = x.transpose() * (x * vectors);
        let expected = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| {
            vectors[(i, j)] * values[j]
        });
        (image - expected).norm_max()
    }

    #[test]
    fn diagonal_by_hand() {
        let x = Mat::from_fn(3, 3, |i, j| if i == j { [2.0, 3.0, 1.0][i] } else { 0.0 });
        let (values, vectors) = leading_eigen(x.as_ref(), 2).unwrap();
        assert!((values[0] - 9.0).abs() < 1e-14 && (values[1] - 4.0).abs() < 1e-14);
        assert!(
            (vectors[(1, 0)].abs() - 1.0).abs() < 1e-14
                && (vectors[(0, 1)].abs() - 1.0).abs() < 1e-14
        );
    }

    #[test]
    fn the_method_for_large_sides_finds_a_chosen_spectrum() {
        let sigma: Vec<f64> = (0..60).map(|i| 1.0 / (1.0 + i as f64)).collect();
        let x = with_spectrum(90, 252, &sigma);
        let gram = x.transpose() * &x;
        let (values, vectors) = block_lanczos(gram.as_ref(), 6).unwrap().expect("converges");
        for (value, sigma) in values.iter().zip(&sigma) {
            assert!((value - sigma * sigma).abs() < 1e-12);
        }
        assert!(residual(&x, &values, &vectors) < 1e-8);
        let gram = vectors.transpose() * &vectors;
        assert!((gram - Mat::<f64>::identity(6, 6)).norm_max() < 1e-12);
    }

    #[test]
    fn rank_below_the_block_is_no_trouble() {
        let x = with_spectrum(60, FULL_SIDE + 40, &[1.0, 0.5, 0.25]);
        let (values, vectors) = leading_eigen(x.as_ref(), 5).unwrap();
        assert!((values[2] - 0.0625).abs() < 1e-12 && values[3].abs() < 1e-12);
        assert!(residual(&x, &values, &vectors) < 1e-10);
    }

    #[test]
    fn a_flat_spectrum_gives_some_orthonormal_set() {
        let x = Mat::<f64>::identity(FULL_SIDE + 8, FULL_SIDE + 8);
        let (values, vectors) = leading_eigen(x.as_ref(), 4).unwrap();
        assert!(values.iter().all(|v| (v - 1.0).abs() < 1e-12));
        assert!(residual(&x, &values, &vectors) < 1e-12);
    }
}
