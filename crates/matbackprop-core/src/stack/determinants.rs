//! Determinants of many matrices, and their logarithms.

use super::matrix_function::{column, list, square};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, number, number_of};
use crate::error::Result;
use crate::factor::{Determinant, LogDet, SignedLogDet};
use faer::{Mat, MatRef};

const LOG: &str = "log-determinant";
const SIGNED: &str = "signed log-determinant";
const PLAIN: &str = "determinant";

/// [`LogDet`] of every matrix of a stack: log det A of a positive definite A.
///
/// # Shapes
/// Input A, n × n; output 1 × 1. Kept: Cholesky's factor L, n × n.
///
/// # Errors
/// Those of [`LogDet`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LogDetRule;

impl LogDetRule {
    fn restored(saved: Saved<'_>) -> Result<LogDet> {
        if !saved.has_factors() {
            return LogDet::forward(saved.inputs[0]);
        }
        Ok(LogDet::from_factor(saved.factor(0)))
    }
}

impl StackRule for LogDetRule {
    fn op(&self) -> &'static str {
        LOG
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(LOG, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(1, 1)],
            kept: vec![(n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let log_det = LogDet::forward(inputs[0])?;
        Ok(Forward {
            outputs: vec![number(log_det.value())],
            kept: vec![log_det.factor().to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            Self::restored(saved)?.vjp(number_of(Some(bar)))
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], (1, 1), |dot| {
            Ok(number(Self::restored(saved)?.jvp(dot)?))
        })
    }
}

/// [`SignedLogDet`] of every matrix of a stack: the sign of det A, and log |det A|.
///
/// # Shapes
/// Input A, n × n; outputs sign, 1 × 1, and logarithm, 1 × 1; the cotangent of the sign is not read. Kept: L and U in one
/// matrix, n × n, of A with rows and columns of order one, and which row comes where, n × 1.
///
/// # Errors
/// Those of [`SignedLogDet`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedLogDetRule;

impl SignedLogDetRule {
    fn restored(saved: Saved<'_>) -> Result<SignedLogDet> {
        let a = saved.inputs[0];
        let rows = list(saved.kept[1]);
        let factors = saved.has_factors().then(|| saved.factor(0));
        let restored = factors.and_then(|lu| SignedLogDet::from_factors(a, lu, &rows));
        restored.map_or_else(|| SignedLogDet::forward(a), Ok)
    }
}

impl StackRule for SignedLogDetRule {
    fn op(&self) -> &'static str {
        SIGNED
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(SIGNED, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(1, 1), (1, 1)],
            kept: vec![(n, n), (n, 1)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let log_det = SignedLogDet::forward(inputs[0])?;
        let (lu, rows) = log_det.factors();
        let rows: Vec<f64> = rows.iter().map(|&row| row as f64).collect();
        Ok(Forward {
            outputs: vec![number(log_det.sign()), number(log_det.value())],
            kept: vec![lu.to_owned(), column(&rows)],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[1], saved.inputs[0].shape(), |bar| {
            Self::restored(saved)?.vjp(number_of(Some(bar)))
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let mut logarithm = image(dots[0], (1, 1), |dot| {
            Ok(number(Self::restored(saved)?.jvp(dot)?))
        })?;
        logarithm.insert(0, number(0.0));
        Ok(logarithm)
    }
}

/// [`Determinant`] of every matrix of a stack: det A, singular or not.
///
/// # Shapes
/// Input A, n × n; output 1 × 1. Kept: the cofactors of A with rows and columns of order one, n × n, and the whole power of
/// two that they are multiplied by, 1 × 1.
///
/// # Errors
/// Those of [`Determinant`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DeterminantRule;

impl DeterminantRule {
    fn restored(saved: Saved<'_>) -> Result<Determinant> {
        let a = saved.inputs[0];
        if !saved.has_factors() {
            return Determinant::forward(a);
        }
        let exponent = number_of(Some(saved.kept[1])) as i64;
        Ok(Determinant::from_factors(a, saved.factor(0), exponent))
    }
}

impl StackRule for DeterminantRule {
    fn op(&self) -> &'static str {
        PLAIN
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(PLAIN, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(1, 1)],
            kept: vec![(n, n), (1, 1)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let determinant = Determinant::forward(inputs[0])?;
        let (cofactors, exponent) = determinant.factors();
        Ok(Forward {
            outputs: vec![number(determinant.value())],
            kept: vec![cofactors.to_owned(), number(exponent as f64)],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            Self::restored(saved)?.vjp(number_of(Some(bar)))
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], (1, 1), |dot| {
            Ok(number(Self::restored(saved)?.jvp(dot)?))
        })
    }
}
