//! What COCO's records are called: whole numbers, mostly.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of an image, a category or an annotation: only its equality and its order count.
///
/// # Conventions
/// A whole number without a sign below 2⁶⁴ is a [`Id::Number`], also written `7.0`. All others, and texts, are an
/// [`Id::Text`]: `-1`, `18446744073709551617`, `img_7`. So the text `"7"` is not the number 7, as in Python.
///
/// The order is numpy's: numbers by their value, then texts by their letters. Stored in JSON as a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A whole number.
    Number(u64),
    /// A text, or the digits of a number beyond 64 bits or below zero.
    Text(Box<str>),
}

impl Id {
    /// The id of a number as JSON writes it; `None` where it is not whole.
    pub(crate) fn of_number(written: &str) -> Option<Self> {
        if let Ok(number) = written.parse() {
            return Some(Self::Number(number));
        }
        if is_whole(written) {
            return Some(match written {
                "-0" => Self::Number(0),
                digits => Self::Text(digits.into()),
            });
        }
        // 7.0, 1e3: whole where its value is. Every digit that a float has is exact.
        let value: f64 = written.parse().ok()?;
        if !value.is_finite() || value.fract() != 0.0 {
            return None;
        }
        Self::of_number(&format!("{:.0}", value + 0.0))
    }

    /// As messages show it: texts in quotes.
    pub(crate) fn quoted(&self) -> String {
        match self {
            Self::Text(text) if !is_whole(text) => {
                let short: String = text.chars().take(60).collect();
                let more = if short.len() < text.len() { "…" } else { "" };
                format!("\"{short}{more}\"")
            }
            other => other.to_string(),
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl PartialEq<u64> for Id {
    fn eq(&self, number: &u64) -> bool {
        matches!(self, Self::Number(own) if own == number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        /// Below zero, 64 bits, beyond them, text.
        fn class(id: &Id) -> u8 {
            match id {
                Id::Number(_) => 1,
                Id::Text(text) if !is_whole(text) => 3,
                Id::Text(text) if text.starts_with('-') => 0,
                Id::Text(_) => 2,
            }
        }
        let by_value = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) if class(self) == class(other) => match class(self) {
                0 => by_value(b, a),
                2 => by_value(a, b),
                _ => a.cmp(b),
            },
            _ => class(self).cmp(&class(other)),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a whole number or a text")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
                Ok(Id::Number(number))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Id, E> {
                Id::of_number(&number.to_string())
                    .ok_or_else(|| E::custom("expected a whole number"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Id, E> {
                Ok(Id::Text(text.into()))
            }
        }

        deserializer
            .deserialize_any(IdVisitor)
            .map_err(D::Error::custom)
    }
}

/// Whether a text is the digits of a whole number that needs more than 64 bits, or a sign.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let written = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    written && (text.starts_with('-') || text.parse::<u64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Id {
        Id::Text(text.into())
    }

    #[test]
    fn numbers_are_equal_where_python_says_so() {
        for (written, id) in [
            ("0", Some(Id::Number(0))),
            ("-0", Some(Id::Number(0))),
            ("-0.0", Some(Id::Number(0))),
            ("7.0", Some(Id::Number(7))),
            ("7e0", Some(Id::Number(7))),
            ("1E2", Some(Id::Number(100))),
            ("18446744073709551615", Some(Id::Number(u64::MAX))),
            ("18446744073709551616", Some(text("18446744073709551616"))),
            ("18446744073709551617", Some(text("18446744073709551617"))),
            ("1e20", Some(text("100000000000000000000"))),
            ("-1", Some(text("-1"))),
            ("-1.0", Some(text("-1"))),
            ("1.5", None),
            ("NaN", None),
            ("Infinity", None),
            ("1e999", None),
        ] {
            assert_eq!(Id::of_number(written), id, "{written}");
        }
        assert!(Id::Number(7) == 7 && text("7") != 7);
    }

    #[test]
    fn the_order_is_by_value_and_texts_come_last() {
        let ordered = [
            text("-20"),
            text("-3"),
            Id::Number(0),
            Id::Number(9),
            Id::Number(10),
            text("18446744073709551616"),
            text("100000000000000000000"),
            text("10"),
            text("9"),
            text("img_1"),
        ];
        assert!(ordered.is_sorted(), "{ordered:?}");
        let mut turned: Vec<_> = ordered.iter().rev().cloned().collect();
        turned.sort();
        assert_eq!(turned, ordered);
    }

    #[test]
    fn ids_are_stored_as_they_are_and_shown_in_quotes() {
        let ids = [
            Id::Number(7),
            text("img_1"),
            text("-1"),
            text("18446744073709551617"),
        ];
        let stored = serde_json::to_string(&ids).unwrap();
        assert_eq!(stored, r#"[7,"img_1","-1","18446744073709551617"]"#);
        assert_eq!(serde_json::from_str::<Vec<Id>>(&stored).unwrap(), ids);
        let shown: Vec<_> = ids.iter().map(Id::quoted).collect();
        assert_eq!(shown, ["7", "\"img_1\"", "-1", "18446744073709551617"]);
        assert_eq!(
            text(&"ä".repeat(100)).quoted(),
            format!("\"{}…\"", "ä".repeat(60))
        );
        assert!(serde_json::from_str::<Id>("1.5").is_err());
    }
}
