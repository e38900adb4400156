//! Which matrices arithmetic of 32 bits suffices for: by their spectra, and by their sizes.
//!
//! Rounding in 32 bits moves a matrix by some ε = 2⁻²³ of its largest value, λ₁ or σ₁. What a result makes of that is known from
//! its spectrum, and has to stay below a stated multiple of ε:
//!
//! ```text
//! f(A), forward     λ₁ max|f′| ≤ 2⁸ max|f|,  and the next line
//! f(A), back        λ₁ max|f″| ≤ 2⁸ max|f′|         of log, roots and powers: λ₁ / λₙ up to a factor of order one
//! eigenvectors      every gap above 2⁻¹⁰ λ₁
//! singular vectors  every gap above 2⁻¹⁰ σ₁, and the next line
//! polar factors     σₙ₋₁ + σₙ above 2⁻¹⁰ σ₁, σₙ above 2⁻¹⁶ σ₁; of m > n, σₙ above 2⁻¹⁰ σ₁
//! ```
//!
//! All else goes to 64 bits. The way back decides by the spectrum that forward kept, whose numbers are those that
//! forward decided by. So what forward found in 32 bits goes back in 32 bits, and nothing is divided by a gap that is not known:
//! it is known to 2¹⁰ ε = 2⁻¹³ of itself.

use super::group::Done;
use crate::function::ScalarFunction;
use crate::lanes::{LaneNumber, WIDEST, Width, facts_of};

/// By how much a function of a matrix may magnify rounding.
const MAGNIFIED: f64 = 256.0;

/// Gaps and sums of this share of the largest value count as closed.
const CLOSED: f64 = 1.0 / 1024.0;

/// A smallest singular value of this share of the largest may have the wrong sign: that of rounding.
const UNSIGNED: f64 = 1.0 / 65536.0;

/// Spectra and cotangents within 2^±40 meet no end of the range of 32 bits.
const MODERATE: f64 = 1_099_511_627_776.0;

/// The same of inputs before they are scaled, and of divided differences, 2^±80.
const WITHIN_RANGE: f64 = MODERATE * MODERATE;

/// Is a largest value far from the ends of the range?
fn is_moderate<A: LaneNumber>(largest: f64) -> bool {
    !A::IS_SINGLE || (MODERATE.recip()..=MODERATE).contains(&largest)
}

/// Does it keep its digits until it is scaled, or until it meets what is moderate?
pub(super) fn is_within_range<A: LaneNumber>(largest: f64) -> bool {
    !A::IS_SINGLE || (WITHIN_RANGE.recip()..=WITHIN_RANGE).contains(&largest)
}

/// Lanes whose cotangents are moderate, or zero.
pub(super) fn moderate_lanes<A: LaneNumber>(
    width: Width<A>,
    shape: (usize, usize),
    bars: &[A],
) -> [bool; WIDEST] {
    if !A::IS_SINGLE {
        return [true; WIDEST];
    }
    let facts = facts_of(width, shape, bars);
    std::array::from_fn(|lane| {
        let half = facts.half_largest[lane];
        facts.finite[lane] && (half == 0.0 || is_moderate::<A>(half))
    })
}

/// Takes out the lanes whose largest eigenvalue, the first or the last of n, is not moderate.
pub(super) fn keep_moderate<A: LaneNumber>(
    done: &mut Done,
    n: usize,
    value: impl Fn(usize, usize) -> f64,
) {
    if A::IS_SINGLE {
        let largest = |lane: usize| value(lane, 0).abs().max(value(lane, n - 1).abs());
        done.retain(|lane| is_moderate::<A>(largest(lane)));
    }
}

/// Gaps up to this share of the largest value count as closed, where the policy says so from `closed` on.
pub(super) fn closed_up_to<A: LaneNumber>(closed: f64) -> f64 {
    if A::IS_SINGLE {
        closed.max(CLOSED)
    } else {
        closed
    }
}

/// Takes out the lanes in which f magnifies the rounding of n eigenvalues too much.
pub(super) fn keep_known<A: LaneNumber>(
    done: &mut Done,
    n: usize,
    f: &impl ScalarFunction,
    value: impl Fn(usize, usize) -> f64,
) {
    if A::IS_SINGLE {
        done.retain(|lane| magnifies_little(f, n, |k| value(lane, k)));
    }
}

fn magnifies_little(f: &impl ScalarFunction, n: usize, value: impl Fn(usize) -> f64) -> bool {
    let (mut largest, mut steepest, mut most_curved, mut known) = (0.0f64, 0.0f64, 0.0f64, true);
    for value in (0..n).map(&value) {
        let (slope, curvature) = (f.slope(value), f.curvature(value).unwrap_or(f64::NAN));
        known &= slope.is_finite() && curvature.is_finite();
        largest = largest.max(value.abs());
        steepest = steepest.max(slope.abs());
        most_curved = most_curved.max(curvature.abs());
    }
    // At the ends alone, where a monotonic f is largest: logarithms take time.
    let size = f.value(value(0)).abs().max(f.value(value(n - 1)).abs());
    known
        && largest * steepest <= MAGNIFIED * size
        && largest * most_curved <= MAGNIFIED * steepest
        && is_moderate::<f32>(largest)
        && is_within_range::<f32>(size)
}

/// Lanes of `lanes` whose singular values, by their places, are known well enough to be divided by and to say a side.
pub(super) fn lanes_of_known_sums<A: LaneNumber>(
    lanes: Done,
    (m, n): (usize, usize),
    value: impl Fn(usize, usize) -> f64,
) -> Done {
    if !A::IS_SINGLE {
        return lanes;
    }
    Done::from_fn(|lane| {
        if !lanes.contains(lane) {
            return false;
        }
        let (largest, smallest) = (value(lane, 0), value(lane, n - 1));
        let known = if m > n {
            smallest > CLOSED * largest
        } else {
            let sum = smallest + value(lane, n.saturating_sub(2));
            smallest > UNSIGNED * largest && sum > CLOSED * largest
        };
        known && is_moderate::<A>(largest)
    })
}
