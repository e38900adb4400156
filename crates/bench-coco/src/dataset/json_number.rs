//! Numbers as JSON and Python write them.

/// Whether the bytes are a number of JSON, or one of Python's.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    if matches!(bytes, b"NaN" | b"Infinity" | b"-Infinity") {
        return true;
    }
    let digits = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            digits => digits,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_looks_like_one() {
        for good in [
            "0",
            "-0",
            "10",
            "1.5",
            "-0.25e-3",
            "1E+9",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in [
            "", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1.5.2", "nan", "-NaN", "0x1", "1_0",
        ] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }
}
