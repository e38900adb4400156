//! A function asked at a whole spectrum: numbers, or the eigenvalue that has none.

use super::scalar_function::ScalarFunction;
use crate::error::{Error, Result};
use faer::Mat;

/// f(xᵢ).
pub(super) fn values(op: &'static str, f: &impl ScalarFunction, x: &[f64]) -> Result<Vec<f64>> {
    let finite = |&x: &f64| match f.value(x) {
        value if value.is_finite() => Ok(value),
        _ => Err(Error::OutsideDomain { op, value: x }),
    };
    x.iter().map(finite).collect()
}

/// f′(xᵢ).
pub(super) fn slopes(op: &'static str, f: &impl ScalarFunction, x: &[f64]) -> Result<Vec<f64>> {
    let finite = |&x: &f64| match f.slope(x) {
        slope if slope.is_finite() => Ok(slope),
        _ => Err(Error::NotDifferentiable { op, value: x }),
    };
    x.iter().map(finite).collect()
}

/// f[xᵢ, xⱼ].
pub(super) fn divided_differences(
    op: &'static str,
    f: &impl ScalarFunction,
    x: &[f64],
) -> Result<Mat<f64>> {
    let differences = f.divided_differences(x);
    for j in 0..x.len() {
        // The slope first: it is what a caller can ask about.
        let column = std::iter::once(j).chain(0..j);
        for i in column {
            if !differences[(i, j)].is_finite() {
                return Err(Error::NotDifferentiable { op, value: x[i] });
            }
        }
    }
    Ok(differences)
}
