//! Points with weights, about their mean.

use crate::error::{Error, Result};
use crate::guard::{ensure_above, ensure_length};
use crate::scale::power_of_two_scale;
use faer::{Mat, MatRef, Scale};

/// A point set about its mean, a point a row.
#[derive(Clone, Debug)]
pub(super) struct WeightedPoints {
    /// aᵢ, n × d.
    pub(super) points: Mat<f64>,
    /// 1 × d.
    pub(super) mean: Mat<f64>,
    /// Σ wᵢ ‖aᵢ‖².
    pub(super) spread: f64,
    /// (Σ wᵢ ‖xᵢ‖²)^½ of the points as they were given.
    pub(super) size: f64,
}

impl WeightedPoints {
    /// `total` is the sum of the weights; without `centred`, the mean counts as zero.
    pub(super) fn new(points: Mat<f64>, weights: &[f64], total: f64, centred: bool) -> Self {
        let size = squared_size(points.as_ref(), weights).sqrt();
        let mean = if centred {
            Scale(total.recip()) * row(weights).as_ref() * &points
        } else {
            Mat::zeros(1, points.ncols())
        };
        let points = Mat::from_fn(points.nrows(), points.ncols(), |i, j| {
            points[(i, j)] - mean[(0, j)]
        });
        Self {
            spread: squared_size(points.as_ref(), weights),
            points,
            mean,
            size,
        }
    }
}

/// Are there n nonnegative weights, not all zero? Their unit.
pub(super) fn ensure_weights(op: &'static str, weights: &[f64], n: usize) -> Result<f64> {
    ensure_length(op, weights, n)?;
    if let Some(&value) = weights.iter().find(|&&w| w < 0.0) {
        return Err(Error::OutOfRange {
            op,
            value,
            low: 0.0,
            high: f64::INFINITY,
        });
    }
    ensure_above(op, weights.iter().copied().fold(0.0, f64::max), 0.0)?;
    Ok(power_of_two_scale(row(weights).as_ref()))
}

/// Σ wᵢ ‖xᵢ‖² over rows.
pub(super) fn squared_size(x: MatRef<'_, f64>, weights: &[f64]) -> f64 {
    let of_column = |j: usize| {
        let entries = x.col(j).iter().zip(weights);
        entries.map(|(x, w)| w * x * x).sum::<f64>()
    };
    (0..x.ncols()).map(of_column).sum()
}

/// diag(w) X.
pub(super) fn times_rows(x: &Mat<f64>, weights: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| weights[i] * x[(i, j)])
}

/// A list as 1 × n.
pub(super) fn row(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(1, values.len(), |_, j| values[j])
}

/// 1 × n as a list.
pub(super) fn list(row: &Mat<f64>) -> Vec<f64> {
    row.row(0).iter().copied().collect()
}
