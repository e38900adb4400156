//! Vectors of equal values are free to rotate into each other; here they are turned by a fixed reflection.
//!
//! A loss that does not see the rotation has a gradient where values are equal. On the vectors of these values it is a
//! symmetric block B, whose diagonal is λ̄. The cotangents of values and vectors show no more of B than that diagonal.
//! With A = I and V = I, the loss c₁₂ of C = V exp(Λ) Vᵀ has λ̄ = 0 and a V̄ that rotates nothing, yet B₁₂ = e.
//!
//! That is an accident of a basis that fits the question. In a basis in general position the diagonal of B is constant
//! only where B is a multiple of the identity. So a numerator that vanishes over a closed gap can be trusted if λ̄ is the
//! same for both values: then nothing is missing.
//!
//! ```text
//! X ← X (I − 2 w wᵀ)           equal values: columns among each other
//! X ← (I − 2 ω ωᵀ) X           zero singular values: within all that the other columns leave, ω orthogonal to those
//! ```

use crate::gaussian::gaussian;
use crate::products::add_product;
use faer::{Mat, MatMut, MatRef};
use std::ops::Range;

/// Values this close to their neighbour, relative to the largest, are taken for equal: between them a numerator that is
/// made of a function's difference is lost in rounding. Turning their vectors costs a residual of half the gap.
pub(crate) const EQUAL: f64 = 48.0 * f64::EPSILON;

/// The most that a run of such values spans.
const SPAN: f64 = 96.0 * f64::EPSILON;

/// Singular values up to this, relative to the largest, are taken for zero: joins of a decomposition neglect as much.
const ZERO: f64 = 9.0 * f64::EPSILON;

/// Any seed: the tests check that its bases are in general position.
const SEED: u64 = 11;

/// Turns the columns of every run of equal values in place. The values come in order, relative to the largest.
pub(crate) fn turn_equal(values: &[f64], mut vectors: MatMut<'_, f64>) {
    for run in runs(values) {
        turn_columns(vectors.as_mut().subcols_mut(run.start, run.len()));
    }
}

/// The same for pairs of singular vectors, whose values are nonincreasing: equal values together, zero values each side
/// by itself.
pub(crate) fn turn_equal_pairs(values: &[f64], u: &mut Mat<f64>, v: &mut Mat<f64>) {
    let live = values.iter().filter(|&&value| value > ZERO).count();
    for run in runs(&values[..live]) {
        for vectors in [&mut *u, &mut *v] {
            turn_columns(vectors.subcols_mut(run.start, run.len()));
        }
    }
    if live < values.len() {
        for (vectors, seed) in [(u, SEED), (v, SEED + 1)] {
            let (known, free) = vectors.split_at_col_mut(live);
            turn_beside(known.as_ref(), free, seed);
        }
    }
}

/// Runs of two and more values, each within [`EQUAL`] of the one before it and within [`SPAN`] of the first.
fn runs(values: &[f64]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for end in 1..=values.len() {
        let ends = end == values.len()
            || (values[end] - values[end - 1]).abs() > EQUAL
            || (values[end] - values[first]).abs() > SPAN;
        if ends {
            if end - first > 1 {
                runs.push(first..end);
            }
            first = end;
        }
    }
    runs
}

/// X ← X (I − 2 w wᵀ).
fn turn_columns(x: MatMut<'_, f64>) {
    let w = unit(gaussian(x.ncols(), 1, SEED));
    let along = x.as_ref() * &w;
    add_product(x, -2.0, &along, w.transpose());
}

/// X ← (I − 2 ω ωᵀ) X with ω orthogonal to the orthonormal columns of `known`, of which there are fewer than rows.
fn turn_beside(known: MatRef<'_, f64>, x: MatMut<'_, f64>, seed: u64) {
    let mut omega = gaussian(x.nrows(), 1, seed);
    // Twice, so that the rest of a long vector beside a large subspace is orthogonal too.
    for _ in 0..2 {
        let along = known.transpose() * &omega;
        omega = unit(omega - known * along);
    }
    let across = omega.transpose() * x.as_ref();
    add_product(x, -2.0, &omega, &across);
}

fn unit(x: Mat<f64>) -> Mat<f64> {
    let length = x.norm_l2();
    faer::Scale(length.recip()) * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::gram;
    use crate::symmetric::sym;

    #[test]
    fn runs_are_values_equal_within_rounding() {
        let close = 1.0 + 4.0 * f64::EPSILON;
        assert_eq!(runs(&[0.0, 1.0, close, 2.0, 2.0, 2.0]), [1..3, 3..6]);
        assert_eq!(runs(&[1.0, 1.0 + 1e-13]), []);
        let ladder: Vec<f64> = (0..5)
            .map(|i| 1.0 + 40.0 * f64::EPSILON * f64::from(i))
            .collect();
        assert_eq!(runs(&ladder), [0..3, 3..5]);
        assert_eq!(runs(&[]), []);
    }

    #[test]
    fn turned_vectors_span_the_same_space() {
        let mut v = Mat::<f64>::identity(6, 6);
        turn_equal(&[0.0, 1.0, 1.0, 1.0, 2.0, 3.0], v.as_mut());
        assert!((gram(v.as_ref()) - Mat::<f64>::identity(6, 6)).norm_max() < 1e-15);
        for j in [0, 4, 5] {
            assert_eq!(v.col(j), Mat::<f64>::identity(6, 6).col(j));
        }
        let outside = v.submatrix(4, 1, 2, 3).norm_max() + v.submatrix(0, 1, 1, 3).norm_max();
        assert_eq!(outside, 0.0);
    }

    #[test]
    fn zero_values_turn_into_all_that_is_left_on_each_side() {
        let (mut u, mut v) = (Mat::<f64>::identity(6, 4), Mat::<f64>::identity(4, 4));
        turn_equal_pairs(&[1.0, 0.5, 0.0, 0.0], &mut u, &mut v);
        for x in [&u, &v] {
            assert!((gram(x.as_ref()) - Mat::<f64>::identity(4, 4)).norm_max() < 1e-15);
            assert!(x.submatrix(0, 2, 2, 2).norm_max() < 1e-15);
        }
        // Rows beyond the fourth are reached.
        assert!(u.submatrix(4, 2, 2, 2).norm_max() > 0.1);
    }

    #[test]
    fn a_turned_block_shows_that_it_is_no_multiple_of_the_identity() {
        // Diagonal entries of QᵀBQ agree only where B is one.
        for n in 2..40 {
            let mut q = Mat::<f64>::identity(n, n);
            turn_equal(&vec![1.0; n], q.as_mut());
            let spread = |b: &Mat<f64>| {
                let turned = q.transpose() * b * &q;
                let diagonal = (0..n).map(|i| turned[(i, i)]);
                let (low, high) = (
                    diagonal.clone().fold(f64::MAX, f64::min),
                    diagonal.fold(f64::MIN, f64::max),
                );
                high - low
            };
            assert!(spread(&Mat::identity(n, n)) < 1e-14);
            assert!(spread(&sym(gaussian(n, n, 1).as_ref())) > 0.1);
            for (i, j) in [(0, 1), (0, n - 1), (n / 2, n / 2 - 1)] {
                let mut pair = Mat::zeros(n, n);
                (pair[(i, j)], pair[(j, i)]) = (1.0, 1.0);
                assert!(spread(&pair) > 1e-4, "{n}: {i} {j} {:e}", spread(&pair));
            }
        }
    }
}
