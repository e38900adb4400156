//! Leading eigenpairs of a symmetric operator that is known by its products alone.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::error::{Error, Result};
use crate::symmetric_spectrum::largest_eigenpairs;

/// Largest accepted residual ‖A v − θ v‖, for operators of norm about 1.
const RESIDUAL_TOLERANCE: f64 = 1e-6;
/// Restarts before the solver is said to stall.
const RESTARTS: usize = 200;

/// The `count` largest eigenvalues of A, nonincreasing, and orthonormal eigenvectors, by thick-restart Lanczos.
///
/// ```text
///     A Vⱼ = Vⱼ Tⱼ + β v eⱼᵀ,  Tⱼ = S diag(θ) Sᵀ,  residual of V sᵢ = β |sⱼᵢ|;  restart from the leading V S and v
/// ```
///
/// # Conventions
/// Every basis vector is made orthogonal to all others, to rounding: equal eigenvalues come once each. `start` is not zero and
/// lies in the range that is searched, which A does not leave.
///
/// # Errors
/// [`Error::EigenNotConverged`] after two hundred restarts.
///
/// # Cost
/// A product with A and O(n j) time a step, j up to 2 count + 40, and as many vectors of n numbers.
///
/// # Source
/// K. Wu, H. Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM J. Matrix Anal. 2000.
/// Ours, since faer 0.24's own (`matrix_free::eigen`) returns an eigenvector twice, and loses another, where a later pair
/// of its basis converges before an earlier one.
pub(super) fn leading_eigen(
    times: impl Fn(&[f64], &mut [f64]),
    start: &[f64],
    count: usize,
) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = start.len();
    let room = (2 * count + 40).min(n);
    let mut basis = Mat::<f64>::zeros(n, room + 1);
    let mut projected = Mat::<f64>::zeros(room, room);
    basis.col_as_slice_mut(0).copy_from_slice(start);
    normalise(basis.col_as_slice_mut(0));
    let mut kept = 0;
    for _ in 0..RESTARTS {
        let mut beta = 0.0;
        for j in kept..room {
            let mut next = vec![0.0; n];
            times(basis.col_as_slice(j), &mut next);
            let before = basis.as_ref().subcols(0, j + 1);
            let along = if j == kept {
                // Coupled to all vectors kept at the restart: a pass removes them, a second one the rounding.
                orthogonalise(&mut next, before, 2)
            } else {
                // Coupled to its last two: without these, only rounding is along the others, and one pass removes it.
                let recent = j - 1;
                let close = orthogonalise(&mut next, before.subcols(recent, 2), 1);
                let mut along = orthogonalise(&mut next, before, 1);
                along[recent] += close[0];
                along[j] += close[1];
                along
            };
            for (i, along) in along.iter().enumerate() {
                projected[(i, j)] = *along;
                projected[(j, i)] = *along;
            }
            beta = normalise(&mut next);
            basis.col_as_slice_mut(j + 1).copy_from_slice(&next);
            if beta == 0.0 {
                // An invariant subspace: go on from any direction beside it.
                let fresh = fresh_direction(&times, basis.as_ref().subcols(0, j + 1));
                basis.col_as_slice_mut(j + 1).copy_from_slice(&fresh);
            }
        }
        let (values, ritz) = largest_eigenpairs(projected.as_ref(), room)?;
        let residual = |i: usize| beta * ritz[(room - 1, i)].abs();
        let keep = (count + (room - count) / 2).min(room - 1);
        let wanted = if (0..count).all(|i| residual(i) <= RESIDUAL_TOLERANCE) {
            count
        } else {
            keep
        };
        let leading = basis.as_ref().subcols(0, room) * ritz.as_ref().subcols(0, wanted);
        if wanted == count {
            return Ok((values[..count].to_vec(), leading));
        }
        let last = basis.col(room).to_owned();
        basis.as_mut().subcols_mut(0, keep).copy_from(&leading);
        basis.col_mut(keep).copy_from(&last);
        projected.fill(0.0);
        for i in 0..keep {
            projected[(i, i)] = values[i];
        }
        kept = keep;
    }
    Err(Error::EigenNotConverged { side: n })
}

/// x ← (I − V Vᵀ) x, `passes` times; returns the coefficients along V.
fn orthogonalise(x: &mut [f64], v: MatRef<'_, f64>, passes: usize) -> Vec<f64> {
    let mut along = vec![0.0; v.ncols()];
    let n = x.len();
    let mut x = faer::MatMut::from_column_major_slice_mut(x, n, 1);
    for _ in 0..passes {
        let part = v.transpose() * x.as_ref();
        matmul(x.as_mut(), Accum::Add, v, part.as_ref(), -1.0, Par::Seq);
        for (along, part) in along.iter_mut().zip(part.col(0).iter()) {
            *along += part;
        }
    }
    along
}

/// Unit length, and the length before: 0 for a vector of rounding.
fn normalise(x: &mut [f64]) -> f64 {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm <= 1e-14 {
        return 0.0;
    }
    x.iter_mut().for_each(|x| *x /= norm);
    norm
}

/// A unit vector in the range of A, orthogonal to V; zero where there is none.
fn fresh_direction(times: &impl Fn(&[f64], &mut [f64]), v: MatRef<'_, f64>) -> Vec<f64> {
    let wave: Vec<f64> = (0..v.nrows())
        .map(|i| ((v.ncols() * 7 + 1) as f64 * (i as f64 + 0.5)).sin())
        .collect();
    let mut fresh = vec![0.0; v.nrows()];
    times(&wave, &mut fresh);
    orthogonalise(&mut fresh, v, 2);
    if normalise(&mut fresh) == 0.0 {
        fresh.fill(0.0);
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(values: &[f64]) -> impl Fn(&[f64], &mut [f64]) + '_ {
        move |x, out| {
            for ((out, x), value) in out.iter_mut().zip(x).zip(values) {
                *out = value * x;
            }
        }
    }

    fn start(n: usize) -> Vec<f64> {
        (0..n).map(|i| 1.0 + 0.5 * (1.7 * i as f64).sin()).collect()
    }

    #[test]
    fn crowded_leading_values_are_found_each_once() {
        // 1 − (i / 700)²: the leading values lie within 1e-4 of each other.
        let values: Vec<f64> = (0..600)
            .map(|i| 1.0 - (f64::from(i) / 700.0).powi(2))
            .collect();
        let (found, vectors) = leading_eigen(diagonal(&values), &start(600), 8).unwrap();
        for (i, (found, expected)) in found.iter().zip(&values).enumerate() {
            assert!((found - expected).abs() < 1e-10, "{i}: {found} {expected}");
            assert!(vectors[(i, i)].abs() > 0.999);
        }
        let gram = vectors.transpose() * &vectors;
        assert!((gram - Mat::<f64>::identity(8, 8)).norm_max() < 1e-12);
    }

    #[test]
    fn an_operator_of_few_values_ends_early() {
        // Krylov space of dimension two: the rest is found from fresh directions.
        let values: Vec<f64> = (0..500).map(|i| if i < 3 { 1.0 } else { 0.25 }).collect();
        let (found, vectors) = leading_eigen(diagonal(&values), &start(500), 4).unwrap();
        for (found, expected) in found.iter().zip([1.0, 1.0, 1.0, 0.25]) {
            assert!((found - expected).abs() < 1e-10, "{found}");
        }
        let gram = vectors.transpose() * &vectors;
        assert!((gram - Mat::<f64>::identity(4, 4)).norm_max() < 1e-10);
    }
}
