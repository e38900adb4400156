//! The way back of a projector whose cotangent comes in factors.

use crate::products::add_product;
use faer::Mat;

/// A factor of P̄ = sym(L Rᵀ), m × p, in two parts.
pub(super) struct FactorParts {
    /// What combines the columns of A to its part in their range, n × p.
    pub(super) coefficients: Mat<f64>,
    /// (I − P) times it.
    pub(super) outside: Mat<f64>,
}

/// Ā = (I − P) ( L (C_R)ᵀ + R (C_L)ᵀ ), C the coefficients: no m × m matrix is formed.
pub(super) fn factored_pullback(left: &FactorParts, right: &FactorParts) -> Mat<f64> {
    let mut a_bar = &left.outside * right.coefficients.transpose();
    let turned = left.coefficients.transpose();
    add_product(a_bar.as_mut(), 1.0, &right.outside, turned);
    a_bar
}
