//! Eigenpairs of symmetric matrices, the largest first.

use faer::{Mat, MatRef};
use matbackprop_core::{GapPolicy, SymEig, symmetric_from_lower};

use crate::error::Result;

/// The `count` largest eigenvalues of a symmetric matrix, nonincreasing, and their eigenvectors as columns; the lower
/// triangle is read.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule) for entries that are not finite, and where the decomposition gives up, which
/// finite input has not been seen to do.
///
/// # Cost
/// O(n³) time.
pub(crate) fn largest_eigenpairs(a: MatRef<'_, f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let eigen = SymEig::forward(symmetric_from_lower(a)?.as_ref(), GapPolicy::default())?;
    let values = eigen.values().iter().rev().take(count).copied().collect();
    let vectors = eigen.vectors().reverse_cols().subcols(0, count).to_owned();
    Ok((values, vectors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_are_rounding_at_every_size() {
        // Above a side of 128 a library's own solver left residuals of 0.3 at a size of 1e-20.
        let n = 160;
        for size in [1e-20, 1.0, 1e20] {
            let a = Mat::from_fn(n, n, |i, j| size / (1.0 + i.abs_diff(j) as f64));
            let (values, vectors) = largest_eigenpairs(a.as_ref(), 9).unwrap();
            let scaled = Mat::from_fn(n, 9, |i, j| vectors[(i, j)] * values[j]);
            let residual = (&a * &vectors - scaled).norm_max() / values[0];
            assert!(residual < 1e-14, "{size:e}: {residual:e}");
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn only_the_lower_triangle_is_read() {
        let a = faer::mat![[2.0, f64::NAN], [0.0, 5.0]];
        let (values, vectors) = largest_eigenpairs(a.as_ref(), 1).unwrap();
        assert_eq!((values, vectors[(1, 0)].abs()), (vec![5.0], 1.0));
    }
}
