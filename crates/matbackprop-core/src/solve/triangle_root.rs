//! The principal square root of a matrix that is triangular except for blocks of two rows.

use super::quasi_triangular::{has_block_at, solve_quasi_triangular};
use faer::MatMut;

/// T ← R with R² = T, from the roots of two halves of the diagonal; a negative eigenvalue where there is one.
pub(crate) fn root_of_triangle(mut t: MatMut<'_, f64>, floor: f64) -> Result<(), f64> {
    let n = t.nrows();
    if n == 1 {
        if t[(0, 0)] < -floor {
            return Err(t[(0, 0)]);
        }
        t[(0, 0)] = t[(0, 0)].max(0.0).sqrt();
        return Ok(());
    }
    if n == 2 && has_block_at(t.as_ref(), 0) {
        root_of_block(t);
        return Ok(());
    }
    let half = n / 2 + usize::from(has_block_at(t.as_ref(), n / 2 - 1));
    let (first, mut corner, _, last) = t.split_at_mut(half, half);
    let (mut first, mut last) = (first, last);
    root_of_triangle(first.as_mut(), floor)?;
    root_of_triangle(last.as_mut(), floor)?;
    // R₁₁ R₁₂ + R₁₂ R₂₂ = T₁₂.
    solve_quasi_triangular(first.as_ref(), last.as_ref(), corner.as_mut());
    Ok(())
}

/// Of (a b; c a) with the eigenvalues a ± iμ, μ² = −bc: α I + (T − a I) / 2α, α the real part of √(a + iμ).
fn root_of_block(mut t: MatMut<'_, f64>) {
    let (a, b, c) = (t[(0, 0)], t[(0, 1)], t[(1, 0)]);
    let mu = b.abs().sqrt() * c.abs().sqrt();
    let modulus = a.hypot(mu);
    let alpha = if a >= 0.0 {
        (0.5 * (modulus + a)).sqrt()
    } else {
        mu / (2.0 * (modulus - a)).sqrt()
    };
    (t[(0, 0)], t[(1, 1)]) = (alpha, alpha);
    (t[(0, 1)], t[(1, 0)]) = (0.5 * b / alpha, 0.5 * c / alpha);
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn a_number_beside_a_pair_by_hand() {
        // (0 −4; 1 0) is 2 i and −2 i: their roots are 1 ± i.
        let mut t = mat![[9.0, 3.0, 1.0], [0.0, 0.0, -4.0], [0.0, 1.0, 0.0]];
        let given = t.clone();
        assert_eq!(root_of_triangle(t.as_mut(), 0.0), Ok(()));
        let block = t.submatrix(1, 1, 2, 2);
        assert!((block - mat![[1.0, -2.0], [0.5, 1.0]]).norm_max() < 1e-15);
        assert!((&t * &t - given).norm_max() < 1e-14 && t[(0, 0)] == 3.0);
        let mut t = mat![[4.0, 1.0], [0.0, -1.0]];
        assert_eq!(root_of_triangle(t.as_mut(), 0.5), Err(-1.0));
    }
}
