//! Numbers as C prints them.

/// Significant digits of `%g`.
const DIGITS: i32 = 6;

/// `%10g` of C: six significant digits without zeros behind them, in ten places, to the right.
///
/// ```text
/// 10^x ≤ |number| < 10^(x + 1)     after rounding to six digits
/// x < −4 or x ≥ 6                  1.08081e+06
/// else                             0.0123457
/// ```
pub(super) fn general(number: f64) -> String {
    format!("{:>10}", unpadded(number))
}

fn unpadded(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string().to_lowercase();
    }
    // Rounded first: 999999.5 has seven digits before the point.
    let scientific = format!("{number:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let behind_point = (DIGITS - 1 - exponent) as usize;
        return without_zeros(&format!("{number:.behind_point$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mantissa = without_zeros(mantissa);
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_c_does() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (5.0, "5"),
            (0.5, "0.5"),
            (1.0 / 6.0, "0.166667"),
            (1.368_771_2, "1.36877"),
            (0.012_345_678_9, "0.0123457"),
            (-0.000_123_456_7, "-0.000123457"),
            (0.000_012_345_67, "1.23457e-05"),
            (154_401.0, "154401"),
            (999_999.4, "999999"),
            (999_999.5, "1e+06"),
            (1_080_807.0, "1.08081e+06"),
            (1e100, "1e+100"),
        ];
        for (number, text) in cases {
            assert_eq!(unpadded(number), text);
            assert_eq!(general(number), format!("{text:>10}"));
        }
        assert_eq!(unpadded(f64::NAN), "nan");
        assert_eq!(unpadded(f64::NEG_INFINITY), "-inf");
    }
}
