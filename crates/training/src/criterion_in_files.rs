//! A cut's criterion in recipes and checkpoints: by name where the usual settings serve, else with its settings.
//!
//! ```text
//! "hard"    "eigenvectors"    { regularised = { epsilon = 1e-4 } }    { eigenvectors = { gaps = … } }
//! ```

use std::fmt;

use matbackprop_core::{GapPolicy, RankTolerance};
use ncuts::Criterion;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

/// Projectors of a hard rank. Features are f32: values below their rounding are not rank.
pub(crate) const HARD: Criterion = Criterion::HardProjector {
    rank_tolerance: RankTolerance::Relative(1e-6),
};

/// Leading eigenvectors, eigenvalues closer than a thousandth smoothed over.
pub(crate) const EIGENVECTORS: Criterion = Criterion::Eigenvectors {
    gaps: GapPolicy::Broadened { width: 1e-3 },
};

const NAMES: [&str; 2] = ["hard", "eigenvectors"];
const NAMED: [Criterion; 2] = [HARD, EIGENVECTORS];

/// Writes a name, or the criterion in the words of `ncuts`.
pub(crate) fn serialize<S: Serializer>(
    criterion: &Criterion,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match NAMED.iter().position(|named| named == criterion) {
        Some(place) => serializer.serialize_str(NAMES[place]),
        None => criterion.serialize(serializer),
    }
}

/// Reads either form.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Criterion, D::Error> {
    deserializer.deserialize_any(NameOrSettings)
}

struct NameOrSettings;

impl<'de> Visitor<'de> for NameOrSettings {
    type Value = Criterion;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`hard`, `eigenvectors`, or a criterion with its settings")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Criterion, E> {
        match NAMES.iter().position(|known| *known == name) {
            Some(place) => Ok(NAMED[place]),
            None => Err(E::unknown_variant(name, &NAMES)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Criterion, A::Error> {
        Criterion::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut_task::CutTraining;

    fn text_of(criterion: Criterion) -> String {
        let settings = CutTraining {
            criterion,
            ..CutTraining::default()
        };
        serde_json::to_string(&settings).unwrap()
    }

    #[test]
    fn checkpoints_hold_the_same_bytes_as_ever() {
        let rows = [
            (HARD, r#""hard""#),
            (EIGENVECTORS, r#""eigenvectors""#),
            (
                Criterion::default(),
                r#"{"regularised":{"epsilon":0.0001}}"#,
            ),
            (
                Criterion::Eigenvectors {
                    gaps: GapPolicy::Broadened { width: 0.5 },
                },
                r#"{"eigenvectors":{"gaps":{"broadened":{"width":0.5}}}}"#,
            ),
        ];
        for (criterion, words) in rows {
            let text = format!(r#"{{"annotations":"all","criterion":{words}}}"#);
            assert_eq!(text_of(criterion), text);
            let read: CutTraining = serde_json::from_str(&text).unwrap();
            assert_eq!(read.criterion, criterion);
        }
    }

    #[test]
    fn other_words_are_refused_with_those_that_are_known() {
        let read = |words: &str| {
            let text = format!(r#"{{"criterion":{words}}}"#);
            let error = serde_json::from_str::<CutTraining>(&text).unwrap_err();
            error.to_string()
        };
        for (words, expected) in [
            (r#""soft""#, "`hard` or `eigenvectors`"),
            (r#"{"soft":{}}"#, "`hard-projector`"),
            (r#"{"regularised":{"delta":1}}"#, "missing field `epsilon`"),
            ("3", "a criterion with its settings"),
        ] {
            let error = read(words);
            assert!(error.contains(expected), "{words}: {error}");
        }
    }
}
