//! Eigenvectors of a symmetric tridiagonal matrix for a few of its eigenvalues.

use super::shifted_tridiagonal::{ShiftedTridiagonal, times_tridiagonal};
use super::symmetric_eigen::symmetric_eigen;
use crate::gaussian::gaussian;
use crate::symmetric_operator::{norm, project_out};
use faer::Mat;

/// Any: the same in every call.
const SEED: u64 = 0x6974_6572;

/// Solves granted to a vector; two or three are usual.
const SOLVES: usize = 8;

/// Of residuals, and of the distance of a value from where it was counted, in a matrix of order one; times √n.
const ACCEPTED: f64 = 16.0 * f64::EPSILON;

/// Eigenvalues, nondecreasing, and orthonormal vectors of T for the eigenvalues near `counted`, which are nondecreasing.
///
/// ```text
/// (T − θⱼ I) y = x,  y beside the vectors before it,  x = y / ‖y‖      then the eigenpairs of XᵀT X
/// ```
///
/// `None` unless every residual is rounding, and every value lies where it was counted: as many orthonormal vectors of
/// as many counted values leave no other one out.
///
/// # Source
/// Peters, Wilkinson, "The calculation of specified eigenvectors by inverse iteration", Handbook for Automatic
/// Computation II, 1971. Ours are the projection at the end and the refusal: a caller has another way.
pub(super) fn vectors_of(
    diagonal: &[f64],
    below: &[f64],
    counted: &[f64],
) -> Option<(Vec<f64>, Mat<f64>)> {
    let (n, k) = (diagonal.len(), counted.len());
    let rounding = ACCEPTED * (n as f64).sqrt();
    let mut found = Mat::<f64>::zeros(n, k);
    for (j, value) in counted.iter().enumerate() {
        let shifted = ShiftedTridiagonal::new(diagonal, below, *value);
        let mut x = gaussian(n, 1, SEED + j as u64).col_as_slice(0).to_vec();
        let before = found.as_ref().subcols(0, j);
        let mut converged = false;
        for _ in 0..SOLVES {
            project_out(&mut x, before);
            let length = norm(&x);
            x.iter_mut().for_each(|x| *x /= length);
            if converged {
                break;
            }
            shifted.solve(&mut x);
            // Scaled, so that squares stay in range.
            let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            x.iter_mut().for_each(|x| *x /= largest);
            project_out(&mut x, before);
            // A unit vector became this long: its inverse is the residual.
            converged = (norm(&x) * largest).recip() <= 0.25 * rounding;
        }
        if !x.iter().all(|x| x.is_finite()) {
            return None;
        }
        found.col_as_slice_mut(j).copy_from_slice(&x);
    }
    let products = |x: &Mat<f64>| {
        let mut products = Mat::zeros(n, k);
        for j in 0..k {
            let product = times_tridiagonal(diagonal, below, x.col_as_slice(j));
            products.col_as_slice_mut(j).copy_from_slice(&product);
        }
        products
    };
    let projected = found.transpose() * products(&found);
    let (values, rotation) = symmetric_eigen("inverse iteration", projected.as_ref()).ok()?;
    let found = found * rotation;
    let mut residuals = products(&found);
    let sound = (0..k).all(|j| {
        let column = residuals.col_as_slice_mut(j);
        for (residual, x) in column.iter_mut().zip(found.col_as_slice(j)) {
            *residual -= values[j] * x;
        }
        norm(column) <= rounding && (values[j] - counted[j]).abs() <= rounding
    });
    sound.then_some((values, found))
}
