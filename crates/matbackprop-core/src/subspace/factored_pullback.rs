//! The way back of a projector whose cotangent comes in factors.

use crate::products::add_product;
use faer::Mat;

/// A factor of P̄ = sym(L Rᵀ), m × p, in two parts.
pub(super) struct FactorParts {
    /// Its coefficients in the range of A.
    pub(super) inside: Mat<f64>,
    /// (I − P) times it.
    pub(super) outside: Mat<f64>,
}

/// Ā = (I − P) ( L (N Rᵢ)ᵀ + R (N Lᵢ)ᵀ ), Lᵢ and Rᵢ the coefficients inside the range, N (n × r) the map to the
/// columns of A: no m × m matrix is formed.
pub(super) fn factored_pullback(n: &Mat<f64>, left: &FactorParts, right: &FactorParts) -> Mat<f64> {
    let mut a_bar = &left.outside * (n * &right.inside).transpose();
    let turned = n * &left.inside;
    add_product(a_bar.as_mut(), 1.0, &right.outside, turned.transpose());
    a_bar
}
