//! Alignments of many point sets.

use super::least_squares::has_shape;
use super::matrix_function::{column, list};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{number, number_of, zeros_like};
use super::thin_svd::not_empty;
use crate::error::Result;
use crate::subspace::{Alignment, Procrustes};
use faer::{Mat, MatRef};

const OP: &str = "alignment of point sets";

/// [`Procrustes`] of every pair of two stacks of points, with weights: Y ≈ s X Rᵀ + 1 tᵀ.
///
/// # Shapes
/// Inputs X and Y, n × d, and weights, n × 1; equal weights are one 1 with strides of zero. Outputs R, d × d, t, d × 1, s,
/// 1 × 1, and the residual, 1 × 1. Nothing is kept: the way back aligns again, in O(n d²), as the centred points that it
/// needs are as large as the inputs.
///
/// # Errors
/// Those of [`Procrustes`].
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::stack::{ProcrustesRule, Stack, StackRef, Stacked};
///
/// // Ten clouds of four points, and the same moved along the first axis.
/// let x = Stack::from_fn(10, (4, 3), |b, i, j| ((b + 3 * i + 5 * j * (i + 1)) % 7) as f64);
/// let y = Stack::from_fn(10, (4, 3), |b, i, j| {
///     x.as_ref().entry(b, i, j) + if j == 0 { b as f64 } else { 0.0 }
/// });
/// let ones = StackRef::with_strides(&[1.0], 10, (4, 1), [0, 0, 0])?;
/// let aligned = Stacked::new(ProcrustesRule::default()).forward(&[x.as_ref(), y.as_ref(), ones])?;
/// for b in 0..10 {
///     assert!((aligned.outputs[1].as_ref().entry(b, 0, 0) - b as f64).abs() < 1e-13);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcrustesRule {
    /// What may move.
    pub alignment: Alignment,
}

impl ProcrustesRule {
    fn of(&self, inputs: &[MatRef<'_, f64>]) -> Result<Procrustes> {
        let weights = list(inputs[2]);
        Procrustes::forward(inputs[0], inputs[1], Some(&weights), self.alignment)
    }
}

impl StackRule for ProcrustesRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn inputs(&self) -> usize {
        3
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (n, d) = not_empty(OP, inputs[0])?;
        has_shape(OP, inputs[1], (n, d))?;
        has_shape(OP, inputs[2], (n, 1))?;
        Ok(Shapes {
            outputs: vec![(d, d), (d, 1), (1, 1), (1, 1)],
            kept: Vec::new(),
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let aligned = self.of(inputs)?;
        Ok(Forward {
            outputs: vec![
                aligned.rotation().to_owned(),
                column(aligned.translation()),
                number(aligned.scale()),
                number(aligned.residual()),
            ],
            kept: Vec::new(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        if bars.iter().all(Option::is_none) {
            return Ok(zeros_like(saved.inputs));
        }
        let translation_bar = bars[1].map(list);
        let bar = self.of(saved.inputs)?.vjp(
            bars[0],
            translation_bar.as_deref(),
            number_of(bars[2]),
            number_of(bars[3]),
        )?;
        Ok(vec![bar.x, bar.y, column(&bar.weights)])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let weights_dot = dots[2].map(list);
        let aligned = self.of(saved.inputs)?;
        let dot = aligned.jvp(dots[0], dots[1], weights_dot.as_deref())?;
        Ok(vec![
            dot.rotation,
            column(&dot.translation),
            number(dot.scale),
            number(dot.residual),
        ])
    }
}
