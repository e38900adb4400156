//! A list of matrices, and weights that are brought to the sum one.

use crate::error::{Error, Result};
use crate::guard::{ensure_above, ensure_length, ensure_shape, values_within_range};
use crate::symmetric::ensure_symmetric;
use faer::{Mat, MatRef};

/// The cotangents of matrices and weights from that of their mean.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeanCotangent {
    /// Āᵢ, n × n, symmetric, a matrix each.
    pub matrices: Vec<Mat<f64>>,
    /// w̄ᵢ, a number each; also where the weights were not given.
    pub weights: Vec<f64>,
}

/// sᵢ = wᵢ / Σ w.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) shares: Vec<f64>,
    /// Σ w as two factors, as the sum itself may be too large for a number.
    total: (f64, f64),
}

impl Shares {
    /// Of `count` nonnegative weights, not all zero; of equal ones, each 1, where none are given.
    pub(super) fn new(op: &'static str, weights: Option<&[f64]>, count: usize) -> Result<Self> {
        let ones = vec![1.0; count];
        let weights = weights.unwrap_or(&ones);
        ensure_length(op, weights, count)?;
        if let Some(&value) = weights.iter().find(|&&w| w < 0.0) {
            return Err(Error::OutOfRange {
                op,
                value,
                low: 0.0,
                high: f64::INFINITY,
            });
        }
        let largest = weights.iter().copied().fold(0.0, f64::max);
        ensure_above(op, largest, 0.0)?;
        let sum: f64 = weights.iter().map(|w| w / largest).sum();
        Ok(Self {
            shares: weights.iter().map(|w| w / largest / sum).collect(),
            total: (largest, sum),
        })
    }

    /// x / Σ w: a share moves by that where its weight moves by x, and the shares of a mean that does not see their sum.
    pub(super) fn over_total(&self, op: &'static str, x: &[f64]) -> Result<Vec<f64>> {
        let (largest, sum) = self.total;
        values_within_range(op, x.iter().map(|x| x / sum / largest).collect())
    }
}

/// Is there at least one matrix, and is each symmetric and of the side of the first? That side.
pub(super) fn ensure_matrices(op: &'static str, matrices: &[MatRef<'_, f64>]) -> Result<usize> {
    let Some(first) = matrices.first() else {
        return Err(Error::Empty {
            op,
            rows: 0,
            columns: 0,
        });
    };
    let n = ensure_symmetric(op, *first)?;
    for a in &matrices[1..] {
        ensure_shape(op, *a, (n, n))?;
        ensure_symmetric(op, *a)?;
    }
    Ok(n)
}

/// Is there a tangent of this side for each matrix?
pub(super) fn ensure_tangents(
    op: &'static str,
    dots: &[MatRef<'_, f64>],
    count: usize,
    n: usize,
) -> Result<()> {
    if dots.len() != count {
        return Err(Error::ShapeMismatch {
            op,
            expected: (count, 1),
            found: (dots.len(), 1),
        });
    }
    dots.iter()
        .try_for_each(|dot| ensure_shape(op, *dot, (n, n)))
}
