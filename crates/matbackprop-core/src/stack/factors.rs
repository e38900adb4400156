//! Triangular factors of many matrices.

use super::matrix_function::square;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, number, number_of, zeros_like};
use super::thin_svd::not_empty;
use crate::error::Result;
use crate::factor::{Cholesky, Qr};
use faer::{Mat, MatRef};

const CHOLESKY: &str = "Cholesky";
const QR: &str = "QR";

/// [`Cholesky`] of every matrix of a stack: A = L Lᵀ, or A + jI where jitter is allowed.
///
/// # Shapes
/// Input A, n × n; output L, n × n. Kept: L, and the relative jitter, 1 × 1, which the way back follows.
///
/// # Errors
/// Those of [`Cholesky`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CholeskyRule {
    /// The largest jitter, relative to the mean of the diagonal, as [`Cholesky::forward_with_jitter`]; none without it.
    pub jitter: Option<f64>,
}

impl CholeskyRule {
    fn of(&self, a: MatRef<'_, f64>) -> Result<Cholesky> {
        match self.jitter {
            None => Cholesky::forward(a),
            Some(largest) => Cholesky::forward_with_jitter(a, largest),
        }
    }

    fn restored(&self, saved: Saved<'_>) -> Result<Cholesky> {
        if !saved.has_factors() {
            return self.of(saved.inputs[0]);
        }
        let jitter = number_of(Some(saved.kept[1]));
        Ok(Cholesky::from_factor(saved.factor(0), jitter))
    }
}

impl StackRule for CholeskyRule {
    fn op(&self) -> &'static str {
        CHOLESKY
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(CHOLESKY, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, n), (1, 1)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let cholesky = self.of(inputs[0])?;
        let factor = cholesky.factor().to_owned();
        Ok(Forward {
            outputs: vec![factor.clone()],
            kept: vec![factor, number(cholesky.relative_jitter())],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], saved.inputs[0].shape(), |dot| {
            self.restored(saved)?.jvp(dot)
        })
    }
}

/// [`Qr`] of every matrix of a stack: A = Q R.
///
/// # Shapes
/// Input m × n; outputs Q, m × k, and R, k × n, with k = min(m, n). Kept: the same in 64 bits.
///
/// # Errors
/// Those of [`Qr`].
#[derive(Clone, Copy, Debug, Default)]
pub struct QrRule;

impl QrRule {
    fn restored(saved: Saved<'_>) -> Result<Qr> {
        if !saved.has_factors() {
            return Qr::forward(saved.inputs[0]);
        }
        Ok(Qr::from_factors(saved.factor(0), saved.factor(1)))
    }
}

impl StackRule for QrRule {
    fn op(&self) -> &'static str {
        QR
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(QR, inputs[0])?;
        let k = m.min(n);
        let shapes = vec![(m, k), (k, n)];
        Ok(Shapes {
            outputs: shapes.clone(),
            kept: shapes,
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let qr = Qr::forward(inputs[0])?;
        let outputs = vec![qr.q().to_owned(), qr.r().to_owned()];
        Ok(Forward {
            kept: outputs.clone(),
            outputs,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        if bars[0].is_none() && bars[1].is_none() {
            return Ok(zeros_like(saved.inputs));
        }
        Ok(vec![Self::restored(saved)?.vjp(bars[0], bars[1])?])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(dot) = dots[0] else {
            return Ok(zeros_like(saved.kept));
        };
        let dot = Self::restored(saved)?.jvp(dot)?;
        Ok(vec![dot.q, dot.r])
    }
}
