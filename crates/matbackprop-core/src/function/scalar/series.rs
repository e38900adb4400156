//! Two quotients that a divided difference leaves near 0 / 0, as series: without calls and branches.

/// 1 / (2n + 1)
const ODD_RECIPROCALS: [f64; 12] = [
    1.0,
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
    1.0 / 21.0,
    1.0 / 23.0,
];

/// 1 / (2n + 1)!
const ODD_FACTORIALS: [f64; 9] = [
    1.0,
    1.0 / 6.0,
    1.0 / 120.0,
    1.0 / 5_040.0,
    1.0 / 362_880.0,
    1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    1.0 / 1_307_674_368_000.0,
    1.0 / 355_687_428_096_000.0,
];

/// atanh(t) / t for |t| ≤ 1/5, where less than 10⁻¹⁸ is left out.
#[inline(always)]
pub(super) fn atanh_over_argument(t: f64) -> f64 {
    horner(&ODD_RECIPROCALS, t * t)
}

/// sinh(h) / h for |h| ≤ 1/2, where less than 10⁻²² is left out.
#[inline(always)]
pub(super) fn sinh_over_argument(h: f64) -> f64 {
    horner(&ODD_FACTORIALS, h * h)
}

#[inline(always)]
fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    for n in (0..N - 1).rev() {
        sum = sum * x + coefficients[n];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_the_functions_to_the_last_digit() {
        for i in 1..=100 {
            let t = 0.002 * f64::from(i);
            let expected = 0.5 * (t.ln_1p() - (-t).ln_1p()) / t;
            assert!(
                (atanh_over_argument(t) / expected - 1.0).abs() < 6e-16,
                "{t}"
            );
            let h = 0.005 * f64::from(i);
            let expected = 0.5 * (h.exp_m1() - (-h).exp_m1()) / h;
            assert!(
                (sinh_over_argument(-h) / expected - 1.0).abs() < 6e-16,
                "{h}"
            );
        }
        assert_eq!(
            (atanh_over_argument(0.0), sinh_over_argument(0.0)),
            (1.0, 1.0)
        );
    }
}
