//! Divided differences of a function of which only values and derivatives are known.
//!
//! A function of a matrix divides by differences of eigenvalues in divided differences alone: here, and in the closed
//! forms of `scalar`. Their limit where the gap closes is a derivative of f, so no policy is asked for, unlike for the
//! gaps of eigenvectors.

/// Nodes and weights of Gauss–Legendre quadrature on [0, 1], by their distance from ½; each occurs on both sides.
pub(super) const EIGHT: [(f64, f64); 4] = [
    (0.480_144_928_248_768_1, 0.050_614_268_145_188_13),
    (0.398_333_238_706_813_4, 0.111_190_517_226_687_24),
    (0.262_766_204_958_164_5, 0.156_853_322_938_943_63),
    (0.091_717_321_247_824_9, 0.181_341_891_689_181),
];
const TWELVE: [(f64, f64); 6] = [
    (0.490_780_317_123_359_6, 0.023_587_668_193_255_914),
    (0.452_058_628_185_237_45, 0.053_469_662_997_659_21),
    (0.384_951_337_097_152_35, 0.080_039_164_271_673_11),
    (0.293_658_977_143_308_74, 0.101_583_713_361_532_96),
    (0.183_915_749_499_090_1, 0.116_746_268_269_177_4),
    (0.062_616_704_255_734_46, 0.124_573_522_906_701_39),
];

/// Relative error that a value given by a caller is taken to have.
const VALUE_ERROR: f64 = 2.0 * f64::EPSILON;

/// f[a, b].
pub(super) fn first(value: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    if a == b {
        return slope(a);
    }
    // In one order, so that the result does not depend on it.
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    let quotient = Estimate::quotient(value(a), value(b), a, b);
    quotient.or_integral(|| Estimate::integral(&slope, |_| 1.0, a, b, 1.0))
}

/// f[a, b, c], from f[·, ·] and f″.
pub(super) fn second(
    first: impl Fn(f64, f64) -> f64,
    curvature: impl Fn(f64) -> Option<f64>,
    mut x: [f64; 3],
) -> Option<f64> {
    x.sort_by(f64::total_cmp);
    let [low, middle, high] = x;
    let at_middle = curvature(middle)?;
    if low == high {
        return Some(0.5 * at_middle);
    }
    let quotient = Estimate::quotient(first(low, middle), first(middle, high), low, high);
    let curvature = |x| curvature(x).unwrap_or(f64::NAN);
    // f[a, b, c] = ∫ M f″ with the hat M, zero at a and c, of area ½ (Hermite and Genocchi). Its sides one by one, as
    // it has a kink at b.
    Some(quotient.or_integral(|| {
        let share = (middle - low) / (high - low);
        let rising = Estimate::integral(curvature, |t| t, low, middle, share);
        let falling = Estimate::integral(curvature, |t| 1.0 - t, middle, high, 1.0 - share);
        Estimate {
            value: rising.value + falling.value,
            error: rising.error + falling.error,
        }
    }))
}

/// A number, and about how wrong it may be.
struct Estimate {
    value: f64,
    error: f64,
}

impl Estimate {
    /// (f(b) − f(a)) / (b − a), a < b; the error is zero where at most a digit of f is lost.
    fn quotient(at_a: f64, at_b: f64, a: f64, b: f64) -> Self {
        let (rise, gap) = (at_b - at_a, b - a);
        let value = if rise.is_infinite() || gap.is_infinite() {
            (0.5 * at_b - 0.5 * at_a) / (0.5 * b - 0.5 * a)
        } else {
            rise / gap
        };
        let size = at_a.abs().max(at_b.abs());
        let cancels = rise.abs() < 0.5 * size;
        Self {
            value,
            error: if cancels {
                VALUE_ERROR * (size / gap)
            } else {
                0.0
            },
        }
    }

    /// factor · ∫₀¹ weight(t) g(a + t (b − a)) dt; a and b may be equal.
    fn integral(
        g: impl Fn(f64) -> f64,
        weight: impl Fn(f64) -> f64,
        a: f64,
        b: f64,
        factor: f64,
    ) -> Self {
        let integrate = |rule: &[(f64, f64)]| {
            let (mut sum, mut size) = (0.0, 0.0);
            for &(node, share) in rule {
                for t in [0.5 - node, 0.5 + node] {
                    let term = factor * share * weight(t) * g(a + t * (b - a));
                    sum += term;
                    size += term.abs();
                }
            }
            (sum, size)
        };
        if factor == 0.0 {
            return Self {
                value: 0.0,
                error: 0.0,
            };
        }
        let (value, size) = integrate(&TWELVE);
        let (coarse, _) = integrate(&EIGHT);
        Self {
            value,
            error: (value - coarse).abs() + VALUE_ERROR * size,
        }
    }

    /// The value, or that of an integral with a smaller error.
    fn or_integral(self, integral: impl FnOnce() -> Self) -> f64 {
        if self.error == 0.0 {
            return self.value;
        }
        let integral = integral();
        // Written so that an integral that is NaN is not taken.
        if integral.error <= self.error {
            integral.value
        } else {
            self.value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sin(a: f64, b: f64) -> f64 {
        first(f64::sin, f64::cos, a, b)
    }

    fn tanh(a: f64, b: f64) -> f64 {
        first(f64::tanh, |x| x.cosh().powi(-2), a, b)
    }

    fn cube(a: f64, b: f64) -> f64 {
        first(|x| x * x * x, |x| 3.0 * x * x, a, b)
    }

    #[test]
    fn keeps_its_digits_as_the_gap_closes() {
        for a in [0.3, 1.0, 1.5, -0.7] {
            for exponent in (-17..=0).flat_map(|e| [f64::from(e), f64::from(e) - 0.4]) {
                let b = a + 10f64.powf(exponent);
                let h = 0.5 * (b - a);
                let relative = if h == 0.0 { 1.0 } else { h.sin() / h };
                let expected = (a + h).cos() * relative;
                let error = (sin(a, b) - expected).abs();
                assert!(error < 1e-15, "sin {a}, {b}: {error:e}");

                let relative = if h == 0.0 {
                    1.0
                } else {
                    (2.0 * h).sinh() / (2.0 * h)
                };
                let expected = relative / (a.cosh() * b.cosh());
                let error = (tanh(a, b) - expected).abs() / expected;
                assert!(error < 3e-15, "tanh {a}, {b}: {error:e}");

                let expected = a * a + a * b + b * b;
                let error = (cube(a, b) - expected).abs() / expected;
                assert!(error < 1e-15, "cube {a}, {b}: {error:e}");
                assert_eq!(cube(a, b), cube(b, a));
            }
        }
    }

    #[test]
    fn equal_arguments_give_the_slope_itself() {
        assert_eq!(sin(0.3, 0.3), 0.3f64.cos());
        let flat = |_: f64| Some(6.0);
        assert_eq!(second(|_, _| f64::NAN, flat, [1.0; 3]), Some(3.0));
    }

    #[test]
    fn a_slope_that_is_not_smooth_leaves_the_quotient() {
        // |x|: the values do not cancel to the last digit, quadrature is wrong by percents.
        let found = first(f64::abs, f64::signum, -1.0, 1.25);
        assert!((found - 0.25 / 2.25).abs() < 1e-15, "{found}");
        // √x at zero: no slope there to average.
        let found = first(f64::sqrt, |x| 0.5 / x.sqrt(), 0.0, 1e-20);
        assert!((found - 1e10).abs() < 1e-5);
    }

    #[test]
    fn the_ends_of_the_numbers_stay_finite() {
        let identity = |a, b| first(|x| x, |_| 1.0, a, b);
        assert_eq!(identity(-f64::MAX, f64::MAX), 1.0);
        assert_eq!(identity(0.0, 5e-324), 1.0);
        assert_eq!(identity(1e-320, 1.5e-320), 1.0);
    }

    #[test]
    fn second_differences_keep_their_digits_too() {
        let curvature = |x: f64| Some(2.0 / (x * x * x));
        let inverse = |a, b| first(|x| 1.0 / x, |x| -1.0 / (x * x), a, b);
        for gap in (0..=17).map(|e| 10f64.powi(-e)) {
            for (a, b, c) in [
                (2.0, 2.0 + gap, 2.0),
                (2.0, 2.0 + gap, 2.0 + 2.0 * gap),
                (2.0 + gap, 2.0, 7.0),
                (2.0, 2.0 + gap, 2.0 + gap * gap),
            ] {
                let expected = 1.0 / (a * b * c);
                let found = second(inverse, curvature, [a, b, c]).unwrap();
                // Two quotients, each with its rounding.
                assert!(
                    (found - expected).abs() < 4e-15 * expected,
                    "{a}, {b}, {c}: {found} for {expected}"
                );
            }
        }
        assert_eq!(second(inverse, |_| None, [1.0, 2.0, 3.0]), None);
    }
}
