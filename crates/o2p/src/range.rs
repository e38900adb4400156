//! Results that arithmetic on finite numbers may take beyond the largest of them.

use crate::error::Result;
use faer::Mat;
use matbackprop_core::{Error, ensure_finite, ensure_finite_values};

/// A matrix of finite numbers.
///
/// # Errors
/// [`Overflow`](Error::Overflow) when an entry is not.
pub fn within_range(op: &'static str, result: Mat<f64>) -> Result<Mat<f64>> {
    ensure_finite(op, result.as_ref()).map_err(|_| Error::Overflow { op })?;
    Ok(result)
}

/// A list of finite numbers.
///
/// # Errors
/// As [`within_range`].
pub fn values_within_range(op: &'static str, result: Vec<f64>) -> Result<Vec<f64>> {
    ensure_finite_values(op, &result).map_err(|_| Error::Overflow { op })?;
    Ok(result)
}
