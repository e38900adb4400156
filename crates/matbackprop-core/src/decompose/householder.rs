//! Reflections that bring columns to a multiple of their first entry, one at a time and as blocks.
//!
//! ```text
//! H = I − v vᵀ / τ                      v₀ = 1,  H x = β e₁
//! H₁ ⋯ H_k = I − V S⁻¹ Vᵀ               S the upper triangle of VᵀV with τ on its diagonal
//! ```
//!
//! Source: Joffrain, Low, Quintana-Ortí, van de Geijn, Van Zee, "Accumulating Householder transformations, revisited",
//! ACM Transactions on Mathematical Software 32, 2006.

use super::wide::dot;
use crate::buffer_pool::Temporary;
use crate::solve::{solve_lower, solve_upper};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Simd;

/// Reflections that are applied as one product.
pub(super) const BLOCK: usize = 32;

/// Sums of squares below this may have lost digits to underflow; entries are multiplied by 2⁶⁰⁰ before another try.
const TINY: f64 = 1e-280;
const UP: f64 = f64::from_bits((1023 + 600) << 52);

/// Replaces x by β and v without its leading one: H x = β e₁. Returns β and τ, infinite where x is a multiple of e₁.
#[inline(always)]
pub(super) fn reflect<S: Simd>(simd: S, x: &mut [f64]) -> (f64, f64) {
    let (head, tail) = x.split_at_mut(1);
    let (mut alpha, mut square, mut up) = (head[0], dot(simd, tail, tail), 1.0);
    if alpha * alpha + square < TINY {
        up = UP;
        alpha *= up;
        tail.iter_mut().for_each(|x| *x *= up);
        square = dot(simd, tail, tail);
    }
    if square == 0.0 {
        tail.fill(0.0);
        return (head[0], f64::INFINITY);
    }
    let beta = -(alpha * alpha + square).sqrt().copysign(alpha);
    let inverse = (alpha - beta).recip();
    tail.iter_mut().for_each(|x| *x *= inverse);
    head[0] = beta / up;
    // Of v as it is rounded: entries that are equal are rounded alike, and H's lack of orthogonality adds up.
    (head[0], 0.5 * (1.0 + dot(simd, tail, tail)))
}

/// In which order the reflections of a block meet X.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// H₁ ⋯ H_k X.
    LastFirst,
    /// H_k ⋯ H₁ X.
    FirstFirst,
}

/// X ← H₁ ⋯ H_k X, or the same in the other order; vᵢ lies in column i below entry i, which is taken for one.
pub(super) fn apply_block(below: MatRef<'_, f64>, taus: &[f64], order: Order, x: MatMut<'_, f64>) {
    let (rows, width) = below.shape();
    let mut v = Temporary::new(rows, width);
    for j in 0..width {
        let column = v.column_mut(j);
        column[..j].fill(0.0);
        column[j] = 1.0;
        for (to, from) in column[j + 1..]
            .iter_mut()
            .zip(below.col(j).iter().skip(j + 1))
        {
            *to = *from;
        }
    }
    let v = v.as_ref();
    let mut s = product_of_columns(v, v);
    for (j, tau) in taus.iter().enumerate() {
        s.column_mut(j)[j] = *tau;
    }
    let mut coefficients = product_of_columns(v, x.as_ref());
    match order {
        Order::LastFirst => solve_upper(s.as_ref(), coefficients.as_mut()),
        Order::FirstFirst => solve_lower(s.as_ref().transpose(), coefficients.as_mut()),
    }
    matmul(x, Accum::Add, v, coefficients.as_ref(), -1.0, Par::Seq);
}

/// Xᵀ Y of long columns, a band of rows at a time: a thousand equal products that are summed one after the other are
/// rounded alike, and their rounding adds up to a hundred times that in bands.
fn product_of_columns(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Temporary {
    const BAND: usize = 128;
    let mut product = Temporary::new(x.ncols(), y.ncols());
    product.as_mut_slice().fill(0.0);
    for first in (0..x.nrows()).step_by(BAND) {
        let rows = BAND.min(x.nrows() - first);
        let (x, y) = (x.subrows(first, rows), y.subrows(first, rows));
        let sum = product.as_mut();
        matmul(sum, Accum::Add, x.transpose(), y, 1.0, Par::Seq);
    }
    product
}
