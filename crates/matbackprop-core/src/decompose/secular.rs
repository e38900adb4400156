//! The roots of a secular equation, eight at a time.
//!
//! ```text
//! f(λ) = 1 + ρ Σ zᵢ² / (dᵢ − λ) = 0,   d₀ < d₁ < …,   ρ > 0
//! ```
//!
//! has one root in each (dⱼ, dⱼ₊₁) and one above the last pole. Each is stored as λ = shift + μ with `shift` the nearer
//! pole, so that every difference dᵢ − λ = (dᵢ − shift) − μ is known to a few units in its last place however close the
//! root comes to a pole. Singular values have squares for poles, whose differences come from the values themselves.

use std::ops::Range;

/// Roots found side by side: one register of the widest vectors in use.
pub(super) const LANES: usize = 8;

type Lanes = [f64; LANES];

/// Evaluations granted to a root. Rational steps need four or five; halving alone would need about 110, as deflation
/// has left no root closer to a pole than that.
const EVALUATIONS: usize = 200;

/// Rational steps that may come one after another before a halving is put in.
const UNGUARDED: usize = 12;

/// The meaning of the poles, given as numbers p.
pub(super) trait Axis: Copy {
    /// d(p) − d(q), to the last digits.
    fn gap(self, p: f64, q: f64) -> f64;
    /// The number whose d is d(`shift`) + `offset`.
    fn value(self, shift: f64, offset: f64) -> f64;
}

/// d = p: eigenvalues.
#[derive(Clone, Copy)]
pub(super) struct Values;

impl Axis for Values {
    #[inline(always)]
    fn gap(self, p: f64, q: f64) -> f64 {
        p - q
    }

    #[inline(always)]
    fn value(self, shift: f64, offset: f64) -> f64 {
        shift + offset
    }
}

/// d = p²: singular values.
#[derive(Clone, Copy)]
pub(super) struct Squares;

impl Axis for Squares {
    #[inline(always)]
    fn gap(self, p: f64, q: f64) -> f64 {
        (p - q) * (p + q)
    }

    #[inline(always)]
    fn value(self, shift: f64, offset: f64) -> f64 {
        (shift * shift + offset).max(0.0).sqrt()
    }
}

/// The poles, increasing, and their weights ρ zᵢ².
pub(super) struct Secular<'a, A> {
    pub(super) axis: A,
    pub(super) poles: &'a [f64],
    pub(super) weights: &'a [f64],
}

/// f at eight points, in parts: the poles up to and including each root's left one, and those beyond.
struct Parts {
    below: Lanes,
    above: Lanes,
    below_slope: Lanes,
    above_slope: Lanes,
}

/// Where eight roots are looked for: λ = d(shift) + μ, μ = `offset` between `low` and `high`, all seen from the shift.
#[derive(Default)]
struct Brackets {
    shift: Lanes,
    offset: Lanes,
    low: Lanes,
    high: Lanes,
    /// The two nearest poles, seen from the shift: one of them is at 0.
    left_pole: Lanes,
    right_pole: Lanes,
}

impl Brackets {
    /// Narrows the interval of one root by f at its offset, and moves the offset; `true` where it has arrived.
    ///
    /// ```text
    /// f(μ) ≈ r + s / (left pole − μ) + t / (right pole − μ)
    /// ```
    ///
    /// s and t are chosen so that the poles up to the left one, and those from the right one on, each have their slope at
    /// μ, and r so that f has its value: the root of that is the next offset. Newton's method would follow the tangent of
    /// a function with poles beside it and leave the interval; this one has the two poles that matter, and converges
    /// quadratically.
    ///
    /// Source: Li, "Solving secular equations stably and efficiently", LAPACK Working Note 89, 1994: the middle way. The
    /// interval, and halving it now and then, are ours: they end the search for any numbers.
    #[inline(always)]
    fn step(&mut self, l: usize, parts: &Parts, halve: bool, is_open: bool) -> bool {
        let (below, above) = (parts.below[l], parts.above[l]);
        let f = 1.0 + below + above;
        let slope = parts.below_slope[l] + parts.above_slope[l];
        // The error of f: its terms, all below zero on the left and above it on the right, are rounded, and so is μ.
        let rounding = f64::EPSILON * (8.0 * (1.0 + above - below) + self.offset[l].abs() * slope);
        // Written so that NaN has arrived: it would not go anywhere else.
        let still_far = f.abs() > rounding;
        let mut arrived = !still_far;
        if f < 0.0 {
            self.low[l] = self.offset[l];
        } else {
            self.high[l] = self.offset[l];
        }
        let to_left = self.left_pole[l] - self.offset[l];
        let to_right = self.right_pole[l] - self.offset[l];
        let c = f - to_left * parts.below_slope[l] - to_right * parts.above_slope[l];
        let a = (to_left + to_right) * f - to_left * to_right * slope;
        let step = smaller_root(c, a, to_left * to_right * f);
        let wanted = if halve {
            f64::NAN
        } else {
            self.offset[l] + step
        };
        let next = inside(wanted, self.low[l], self.high[l]);
        arrived |= (next - self.offset[l]).abs() <= f64::EPSILON * next.abs();
        self.offset[l] = if is_open && !arrived {
            next
        } else {
            self.offset[l]
        };
        arrived
    }
}

impl<A: Axis> Secular<'_, A> {
    /// Writes every root as d(`shift`) + `offset`.
    #[inline(always)]
    pub(super) fn roots(&self, shifts: &mut [f64], offsets: &mut [f64]) {
        let k = self.poles.len();
        for first in (0..k).step_by(LANES) {
            let (shift, offset) = self.eight_roots(first);
            let count = LANES.min(k - first);
            shifts[first..][..count].copy_from_slice(&shift[..count]);
            offsets[first..][..count].copy_from_slice(&offset[..count]);
        }
    }

    /// The roots right of the poles first, …, first + 7; lanes beyond the last pole repeat it.
    #[inline(always)]
    fn eight_roots(&self, first: usize) -> (Lanes, Lanes) {
        let last = self.poles.len() - 1;
        let index: [usize; LANES] = std::array::from_fn(|l| (first + l).min(last));
        let mut brackets = self.brackets(first, &index);
        let mut open = [true; LANES];
        // Eight roots go on together: a lane that has arrived keeps its root, and is computed until the last one has.
        for evaluation in 0..EVALUATIONS {
            let parts = self.evaluate(first, &index, &brackets.shift, &brackets.offset);
            let halve = evaluation % UNGUARDED == UNGUARDED - 1;
            for l in 0..LANES {
                open[l] &= !brackets.step(l, &parts, halve, open[l]);
            }
            if open == [false; LANES] {
                break;
            }
        }
        (brackets.shift, brackets.offset)
    }

    /// The nearer pole of each root, an interval from it that holds the root, and a first guess.
    #[inline(always)]
    fn brackets(&self, first: usize, index: &[usize; LANES]) -> Brackets {
        let last = self.poles.len() - 1;
        let left: Lanes = std::array::from_fn(|l| self.poles[index[l]]);
        let right: Lanes =
            std::array::from_fn(|l| self.poles.get(index[l] + 1).copied().unwrap_or(left[l]));
        // The last root lies within Σ ρ zᵢ² of its pole: in the first half of four times that, so that it is found from
        // that pole. A number for the far end would round to the pole itself where the weights are small.
        let total: f64 = self.weights.iter().sum();
        let gap: Lanes = std::array::from_fn(|l| {
            if index[l] < last {
                self.axis.gap(right[l], left[l])
            } else {
                4.0 * total
            }
        });
        let left_weight: Lanes = std::array::from_fn(|l| self.weights[index[l]]);
        let right_weight: Lanes =
            std::array::from_fn(|l| self.weights.get(index[l] + 1).copied().unwrap_or(0.0));

        // f rises from −∞ to ∞ between two poles, so its sign halfway shows which of them the root is nearer to.
        let half = gap.map(|gap| 0.5 * gap);
        let at_half = self.evaluate(first, index, &left, &half);
        let mut brackets = Brackets::default();
        for l in 0..LANES {
            let f = 1.0 + at_half.below[l] + at_half.above[l];
            let near_left = f >= 0.0;
            brackets.shift[l] = if near_left { left[l] } else { right[l] };
            brackets.low[l] = if near_left { 0.0 } else { -half[l] };
            brackets.high[l] = if near_left { half[l] } else { 0.0 };
            brackets.left_pole[l] = if near_left { 0.0 } else { -gap[l] };
            brackets.right_pole[l] = if near_left { gap[l] } else { 0.0 };
            // The two nearest poles as they are, the others as the constant that they sum to halfway: a quadratic in μ,
            // multiplied out from the nearer pole.
            let gap = gap[l];
            let rest = f + (left_weight[l] - right_weight[l]) / half[l];
            let (b, c) = if near_left {
                (
                    rest * gap + left_weight[l] + right_weight[l],
                    left_weight[l] * gap,
                )
            } else {
                (
                    left_weight[l] + right_weight[l] - rest * gap,
                    -right_weight[l] * gap,
                )
            };
            let guess = smaller_root(rest, b, c);
            brackets.offset[l] = inside(guess, brackets.low[l], brackets.high[l]);
        }
        brackets
    }

    /// f's parts at shift + offset, lane by lane; the left pole of lane l is `index[l]`, first + l or the last.
    #[inline(always)]
    fn evaluate(
        &self,
        first: usize,
        index: &[usize; LANES],
        shift: &Lanes,
        offset: &Lanes,
    ) -> Parts {
        let k = self.poles.len();
        let mixed = (first + 1).min(k)..(first + LANES).min(k);
        let (mut below, mut below_slope) = self.sums(0..mixed.start, shift, offset);
        let (mut above, mut above_slope) = self.sums(mixed.end..k, shift, offset);
        for i in mixed {
            let (pole, weight) = (self.poles[i], self.weights[i]);
            for l in 0..LANES {
                let inverse = (self.axis.gap(pole, shift[l]) - offset[l]).recip();
                let term = weight * inverse;
                let is_below = i <= index[l];
                below[l] += if is_below { term } else { 0.0 };
                below_slope[l] += if is_below { term * inverse } else { 0.0 };
                above[l] += if is_below { 0.0 } else { term };
                above_slope[l] += if is_below { 0.0 } else { term * inverse };
            }
        }
        Parts {
            below,
            above,
            below_slope,
            above_slope,
        }
    }

    /// Σ ρ zᵢ² / (dᵢ − λ) and Σ ρ zᵢ² / (dᵢ − λ)² over a range of poles. Four poles share one division, the slow part:
    /// 1/x = y z w / (x y z w).
    #[inline(always)]
    fn sums(&self, range: Range<usize>, shift: &Lanes, offset: &Lanes) -> (Lanes, Lanes) {
        let (mut sum, mut slope) = ([0.0; LANES], [0.0; LANES]);
        let (poles, pole_rest) = self.poles[range.clone()].as_chunks::<4>();
        let (weights, weight_rest) = self.weights[range].as_chunks::<4>();
        for (pole, weight) in poles.iter().zip(weights) {
            for l in 0..LANES {
                let gap = |i: usize| self.axis.gap(pole[i], shift[l]) - offset[l];
                let gaps = [gap(0), gap(1), gap(2), gap(3)];
                let (early, late) = (gaps[0] * gaps[1], gaps[2] * gaps[3]);
                let inverse = (early * late).recip();
                let (early, late) = (late * inverse, early * inverse);
                let inverses = [
                    gaps[1] * early,
                    gaps[0] * early,
                    gaps[3] * late,
                    gaps[2] * late,
                ];
                let terms: [f64; 4] = std::array::from_fn(|i| weight[i] * inverses[i]);
                sum[l] += (terms[0] + terms[1]) + (terms[2] + terms[3]);
                slope[l] += (terms[0] * inverses[0] + terms[1] * inverses[1])
                    + (terms[2] * inverses[2] + terms[3] * inverses[3]);
            }
        }
        for (&pole, weight) in pole_rest.iter().zip(weight_rest) {
            for l in 0..LANES {
                let inverse = (self.axis.gap(pole, shift[l]) - offset[l]).recip();
                let term = weight * inverse;
                sum[l] += term;
                slope[l] += term * inverse;
            }
        }
        (sum, slope)
    }
}

/// (b − √(b² − 4ac)) / 2a, the root of a x² − b x + c between the poles, without cancellation.
#[inline(always)]
fn smaller_root(a: f64, b: f64, c: f64) -> f64 {
    let root = (b * b - 4.0 * a * c).abs().sqrt();
    if b > 0.0 {
        2.0 * c / (b + root)
    } else {
        (b - root) / (2.0 * a)
    }
}

/// x where it lies strictly between the bounds, their middle elsewhere, NaN included.
#[inline(always)]
fn inside(x: f64, low: f64, high: f64) -> f64 {
    if x > low && x < high {
        x
    } else {
        low + 0.5 * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(poles: &[f64], z: &[f64], rho: f64) -> Vec<f64> {
        let weights: Vec<f64> = z.iter().map(|z| rho * z * z).collect();
        let (mut shifts, mut offsets) = (vec![0.0; poles.len()], vec![0.0; poles.len()]);
        let secular = Secular {
            axis: Values,
            poles,
            weights: &weights,
        };
        secular.roots(&mut shifts, &mut offsets);
        shifts
            .iter()
            .zip(&offsets)
            .map(|(shift, offset)| shift + offset)
            .collect()
    }

    #[test]
    fn one_and_two_poles_by_hand() {
        // 1 + 2·½/(1 − λ) = 0 at λ = 2.
        assert!((roots(&[1.0], &[0.5f64.sqrt()], 2.0)[0] - 2.0).abs() < 1e-15);
        // diag(0, 1) + 2 z zᵀ with z = (1, 1)/√2: eigenvalues of [[1, 1], [1, 2]].
        let found = roots(&[0.0, 1.0], &[0.5f64.sqrt(); 2], 2.0);
        let half = 5f64.sqrt() / 2.0;
        assert!((found[0] - (1.5 - half)).abs() < 1e-15 && (found[1] - (1.5 + half)).abs() < 4e-15);
    }

    #[test]
    fn roots_interlace_and_keep_the_trace() {
        for k in [2, 7, 8, 9, 40, 100] {
            for spread in [0.0, -5.0, -15.0] {
                // Gaps and weights from one down to ten to the power of `spread`.
                let exponent = |i: usize| spread * ((i * 7) % k) as f64 / k as f64;
                let poles: Vec<f64> = (0..k)
                    .scan(0.0, |sum, i| {
                        *sum += 10f64.powf(exponent(i));
                        Some(*sum)
                    })
                    .collect();
                let z: Vec<f64> = (0..k).map(|i| 10f64.powf(0.5 * exponent(i + 1))).collect();
                let found = roots(&poles, &z, 0.7);
                for i in 0..k {
                    assert!(found[i] >= poles[i], "{k} {spread} {i}");
                    assert!(i + 1 == k || found[i] <= poles[i + 1], "{k} {spread} {i}");
                }
                let trace: f64 =
                    poles.iter().sum::<f64>() + 0.7 * z.iter().map(|z| z * z).sum::<f64>();
                let sum: f64 = found.iter().sum();
                assert!(
                    (sum - trace).abs() < 1e-14 * k as f64 * trace,
                    "{k} {spread}"
                );
            }
        }
    }
}
