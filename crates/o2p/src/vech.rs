//! Symmetric matrices as vectors.

use crate::error::{Error, Result};
use crate::range::values_within_range;
use faer::{Mat, MatRef};
use matbackprop_core::{ensure_finite_values, ensure_square};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

const OP: &str = "vech";

/// y = vech C: the upper triangle row by row, √2 off the diagonal, so that ⟨vech A, vech B⟩ = ⟨A, B⟩.
///
/// ```text
/// forward   y = (c₀₀, √2 c₀₁, …, √2 c₀ₙ, c₁₁, √2 c₁₂, …)
/// vjp       C̄ = vech⁻¹ ȳ, symmetric
/// jvp       ẏ = vech Ċ
/// ```
///
/// # Shapes
/// C: d × d, symmetric, of which the upper triangle is read; y: d (d + 1) / 2.
///
/// # Conventions
/// Among the symmetric matrices vech keeps lengths and angles: its inverse is its pullback, [`symmetric_from_vech`].
///
/// # Errors
/// [`Error::Rule`]: not square, empty, not finite; `Overflow`.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// let c = faer::mat![[1.0, 2.0], [2.0, 3.0]];
/// assert_eq!(o2p::vech(c.as_ref())?, [1.0, 2.0 * 2f64.sqrt(), 3.0]);
/// # Ok(())
/// # }
/// ```
pub fn vech(c: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let d = ensure_square(OP, c)?;
    let mut y = Vec::with_capacity(d * (d + 1) / 2);
    for i in 0..d {
        y.push(c[(i, i)]);
        y.extend((i + 1..d).map(|j| SQRT_2 * c[(i, j)]));
    }
    values_within_range(OP, y)
}

/// The symmetric C whose [`vech`] is y: the inverse, and the pullback, of vech.
///
/// # Errors
/// [`TriangleLength`](Error::TriangleLength) unless y has d (d + 1) / 2 entries for a d above 0; [`Error::Rule`] where
/// one is not finite.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// let c = o2p::symmetric_from_vech(&[1.0, 2f64.sqrt(), 3.0])?;
/// assert!((c - faer::mat![[1.0, 1.0], [1.0, 3.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
pub fn symmetric_from_vech(y: &[f64]) -> Result<Mat<f64>> {
    // d² ≤ 2 y.len() < (d + 1)².
    let d = (2 * y.len()).isqrt();
    if y.is_empty() || d * (d + 1) != 2 * y.len() {
        return Err(Error::TriangleLength { found: y.len() });
    }
    ensure_finite_values(OP, y)?;
    let mut c = Mat::zeros(d, d);
    let mut start = 0;
    for i in 0..d {
        c[(i, i)] = y[start];
        for j in i + 1..d {
            let entry = FRAC_1_SQRT_2 * y[start + j - i];
            c[(i, j)] = entry;
            c[(j, i)] = entry;
        }
        start += d - i;
    }
    Ok(c)
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use matbackprop_core::Error as Rule;
    use matbackprop_core::gradcheck::{
        GradientCheck, check_vjp, gaussian, symmetric_with_spectrum,
    };

    fn column(y: &[f64]) -> Mat<f64> {
        Mat::from_fn(y.len(), 1, |i, _| y[i])
    }

    #[test]
    fn keeps_inner_products() {
        for d in 1..6 {
            let spectrum: Vec<f64> = (0..d).map(|i| 1.0 - 0.7 * i as f64).collect();
            let (a, b) = (
                symmetric_with_spectrum(&spectrum, 1),
                symmetric_with_spectrum(&spectrum, 2),
            );
            let (x, y) = (vech(a.as_ref()).unwrap(), vech(b.as_ref()).unwrap());
            assert_eq!(x.len(), d * (d + 1) / 2);
            let vectors: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            let matrices = (a.transpose() * &b).diagonal().column_vector().sum();
            assert!(
                (vectors - matrices).abs() < 1e-13,
                "{d}: {vectors} {matrices}"
            );
            let back = symmetric_from_vech(&x).unwrap();
            assert!((back - a).norm_max() < 1e-15 * 4.0);
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        let c = symmetric_with_spectrum(&[3.0, 1.0, -1.0, 0.5], 3);
        check_vjp(
            |c| Ok::<_, Error>(column(&vech(c)?)),
            |bar| symmetric_from_vech(bar.col(0).iter().copied().collect::<Vec<_>>().as_slice()),
            c.as_ref(),
            &GradientCheck::symmetric(),
        )
        .unwrap();
    }

    #[test]
    fn refuses_what_is_no_triangle() {
        for found in [0, 2, 4, 5, 7] {
            assert_eq!(
                symmetric_from_vech(&vec![0.0; found]),
                Err(Error::TriangleLength { found })
            );
        }
        assert!(symmetric_from_vech(&[f64::NAN]).is_err());
        let huge = Mat::from_fn(2, 2, |_, _| f64::MAX);
        refused! {
            vech(gaussian(2, 3, 1).as_ref()) => Error::Rule(Rule::NotSquare { .. }),
            vech(huge.as_ref()) => Error::Rule(Rule::Overflow { .. }),
        }
    }
}
