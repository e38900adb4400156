//! Columns in the range of a matrix, and beside it.

use crate::error::{Error, Result};
use crate::guard::ensure_finite_values;
use crate::products::scaled_product;
use faer::{Mat, MatRef};

/// Columns Y as a projector P = A A⁺, or A (AᵀA + εI)⁻¹ Aᵀ, parts them: Y = A C + R.
#[derive(Clone, Debug)]
pub struct Split {
    pub(super) coefficients: Mat<f64>,
    pub(super) outside: Mat<f64>,
    /// Y, where the way back asks for more than its parts.
    pub(super) whole: Option<Mat<f64>>,
}

impl Split {
    /// C, n × p.
    pub fn coefficients(&self) -> MatRef<'_, f64> {
        self.coefficients.as_ref()
    }

    /// R = (I − P) Y, m × p.
    pub fn outside(&self) -> MatRef<'_, f64> {
        self.outside.as_ref()
    }

    /// Is it one by an A of this shape, and is its weight a number?
    pub(super) fn ensure_fits(
        &self,
        op: &'static str,
        weight: f64,
        expected: (usize, usize),
    ) -> Result<()> {
        ensure_finite_values(op, &[weight])?;
        let found = (self.outside.nrows(), self.coefficients.nrows());
        if found == expected {
            Ok(())
        } else {
            Err(Error::ShapeMismatch {
                op,
                expected,
                found,
            })
        }
    }

    /// w R Cᵀ, m × n.
    pub(super) fn pulled_back(&self, weight: f64) -> Mat<f64> {
        scaled_product(weight, self.outside(), self.coefficients.transpose())
    }
}
