//! Generalised eigenvalues and vectors of many pairs of matrices.

use super::least_squares::has_shape;
use super::matrix_function::{column, list, square};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::zeros_like;
use crate::error::Result;
use crate::gap::GapPolicy;
use crate::spectral::GeneralisedEig;
use faer::{Mat, MatRef};

const OP: &str = "generalised eigendecomposition";

/// [`GeneralisedEig`] of every pair of two stacks: A V = B V Λ, VᵀBV = I.
///
/// # Shapes
/// Inputs A and B, n × n; outputs λ, n × 1, nondecreasing, and V, n × n. Kept: the same in 64 bits.
///
/// # Errors
/// Those of [`GeneralisedEig`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GeneralisedEigRule {
    /// The meaning of a closed gap.
    pub gaps: GapPolicy,
}

impl GeneralisedEigRule {
    fn restored(&self, saved: Saved<'_>) -> Result<GeneralisedEig> {
        if !saved.has_factors() {
            return GeneralisedEig::forward(saved.inputs[0], saved.inputs[1], self.gaps);
        }
        GeneralisedEig::from_eigenpairs(list(saved.kept[0]), saved.factor(1), self.gaps)
    }
}

impl StackRule for GeneralisedEigRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(OP, inputs[0])?;
        has_shape(OP, inputs[1], (n, n))?;
        let shapes = vec![(n, 1), (n, n)];
        Ok(Shapes {
            outputs: shapes.clone(),
            kept: shapes,
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let eigen = GeneralisedEig::forward(inputs[0], inputs[1], self.gaps)?;
        let outputs = vec![column(eigen.values()), eigen.vectors().to_owned()];
        Ok(Forward {
            kept: outputs.clone(),
            outputs,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        if bars[0].is_none() && bars[1].is_none() {
            return Ok(zeros_like(saved.inputs));
        }
        let values_bar = bars[0].map(list);
        let bar = self.restored(saved)?.vjp(values_bar.as_deref(), bars[1])?;
        Ok(vec![bar.a, bar.b])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let dot = self.restored(saved)?.jvp(dots[0], dots[1])?;
        Ok(vec![column(&dot.values), dot.vectors])
    }
}
