//! Eigenvalues relative to their largest magnitude, and division by the gaps between them.

use crate::error::Result;
use crate::gap::{GapDivider, GapPolicy, cotangent_difference, largest_magnitude};
use faer::Mat;

/// The gaps λⱼ − λᵢ of a symmetric eigenproblem.
#[derive(Clone, Debug)]
pub(super) struct EigenvalueGaps {
    op: &'static str,
    /// The rules that have a gradient where gaps are closed.
    instead: &'static str,
    policy: GapPolicy,
    /// λ / spread, of order one.
    relative: Vec<f64>,
    /// The largest |λ|, or one where all are zero.
    spread: f64,
}

impl EigenvalueGaps {
    /// The gaps of `values` times `scale`.
    pub(super) fn new(
        op: &'static str,
        instead: &'static str,
        policy: GapPolicy,
        values: &[f64],
        scale: f64,
    ) -> Self {
        let largest = largest_magnitude(Some(values));
        let largest = if largest > 0.0 { largest } else { 1.0 };
        Self::beside(op, instead, policy, values, scale, largest)
    }

    /// The gaps among some of the values of a matrix, whose largest magnitude is `largest`.
    pub(super) fn beside(
        op: &'static str,
        instead: &'static str,
        policy: GapPolicy,
        values: &[f64],
        scale: f64,
        largest: f64,
    ) -> Self {
        Self {
            op,
            instead,
            policy,
            relative: values.iter().map(|value| value / largest).collect(),
            spread: largest * scale,
        }
    }

    /// λ / spread.
    pub(super) fn relative(&self) -> &[f64] {
        &self.relative
    }

    /// The largest |λ|, or one where all are zero.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// X over the gaps relative to the spread, and over `unit`, with zeros on the diagonal.
    ///
    /// `sizes` are norms of the cotangents that turn vectors, one a value; `values_bar` is the values' cotangent.
    pub(super) fn divide(
        &self,
        mut x: Mat<f64>,
        sizes: Vec<f64>,
        values_bar: Option<&[f64]>,
        unit: f64,
    ) -> Result<Mat<f64>> {
        let largest = largest_magnitude(Some(&sizes));
        let divider = GapDivider {
            op: self.op,
            instead: self.instead,
            policy: self.policy,
            sizes,
            values_size: largest / self.spread + largest_magnitude(values_bar),
        };
        divider.divide_pairs(
            &mut x,
            &self.relative,
            |row, column| column - row,
            unit,
            cotangent_difference(values_bar),
        )?;
        Ok(x)
    }
}
