//! Options of second-order pooling in recipes and networks: ε beside the map's name.
//!
//! ```text
//! {"map":"log","epsilon":0.001,"centred":false,"signed-square-root":null,"unit-norm":false}
//! ```
//!
//! A sum of outer products instead of their mean has `"normalised":false` too.

use o2p::{O2pOptions, SpectralMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct InFiles {
    map: MapName,
    epsilon: f64,
    centred: bool,
    #[serde(skip_serializing_if = "is_usual")]
    normalised: bool,
    signed_square_root: Option<f64>,
    unit_norm: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MapName {
    Log,
    SquareRoot,
    Power(f64),
    Identity,
}

impl Default for InFiles {
    fn default() -> Self {
        let usual = O2pOptions::default();
        Self {
            map: MapName::Log,
            epsilon: usual.map.epsilon(),
            centred: usual.centred,
            normalised: usual.normalised,
            signed_square_root: usual.signed_square_root,
            unit_norm: usual.unit_norm,
        }
    }
}

/// Writes options in the form above.
pub(crate) fn serialize<S: Serializer>(
    options: &O2pOptions,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let map = match options.map {
        SpectralMap::Log { .. } => MapName::Log,
        SpectralMap::SquareRoot { .. } => MapName::SquareRoot,
        SpectralMap::Power { exponent, .. } => MapName::Power(exponent),
        SpectralMap::Identity => MapName::Identity,
        other => {
            let words = format!("expected a map that has a name in files, found {other:?}");
            return Err(serde::ser::Error::custom(words));
        }
    };
    // The identity has no ε: the usual one stands in its place.
    let epsilon = match map {
        MapName::Identity => InFiles::default().epsilon,
        _ => options.map.epsilon(),
    };
    let in_files = InFiles {
        map,
        epsilon,
        centred: options.centred,
        normalised: options.normalised,
        signed_square_root: options.signed_square_root,
        unit_norm: options.unit_norm,
    };
    in_files.serialize(serializer)
}

/// Reads that form; what is missing is as usual.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<O2pOptions, D::Error> {
    let InFiles {
        map,
        epsilon,
        centred,
        normalised,
        signed_square_root,
        unit_norm,
    } = InFiles::deserialize(deserializer)?;
    let map = match map {
        MapName::Log => SpectralMap::Log { epsilon },
        MapName::SquareRoot => SpectralMap::SquareRoot { epsilon },
        MapName::Power(exponent) => SpectralMap::Power { exponent, epsilon },
        MapName::Identity => SpectralMap::Identity,
    };
    Ok(O2pOptions {
        map,
        centred,
        normalised,
        signed_square_root,
        unit_norm,
    })
}

fn is_usual(normalised: &bool) -> bool {
    *normalised
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region_pooling::RegionPooling;

    /// Texts that networks from before hold.
    #[test]
    fn networks_hold_the_same_bytes_as_ever() {
        let usual = O2pOptions::default();
        let power = O2pOptions {
            map: SpectralMap::Power {
                exponent: 0.75,
                epsilon: 0.5,
            },
            centred: true,
            signed_square_root: Some(0.25),
            unit_norm: true,
            ..usual
        };
        let identity = O2pOptions {
            map: SpectralMap::Identity,
            ..usual
        };
        let rows = [
            (
                usual,
                r#""map":"log","epsilon":0.001,"centred":false,"signed-square-root":null,"unit-norm":false"#,
            ),
            (
                power,
                r#""map":{"power":0.75},"epsilon":0.5,"centred":true,"signed-square-root":0.25,"unit-norm":true"#,
            ),
            (
                identity,
                r#""map":"identity","epsilon":0.001,"centred":false,"signed-square-root":null,"unit-norm":false"#,
            ),
        ];
        for (options, words) in rows {
            let pooling = RegionPooling::SecondOrder(options);
            let text = format!(r#"{{"second-order":{{{words}}}}}"#);
            assert_eq!(serde_json::to_string(&pooling).unwrap(), text);
            let read: RegionPooling = serde_json::from_str(&text).unwrap();
            assert_eq!(read, pooling);
        }
    }

    #[test]
    fn sums_are_read_as_they_are_written() {
        let sums = RegionPooling::SecondOrder(O2pOptions {
            normalised: false,
            ..O2pOptions::default()
        });
        let text = serde_json::to_string(&sums).unwrap();
        assert!(text.contains(r#""normalised":false"#), "{text}");
        let read: RegionPooling = serde_json::from_str(&text).unwrap();
        assert_eq!(read, sums);
    }

    #[test]
    fn missing_words_are_as_usual_and_unknown_ones_are_refused() {
        let of = |text: &str| serde_json::from_str::<RegionPooling>(text);
        let epsilon = 0.5;
        let expected = RegionPooling::SecondOrder(O2pOptions {
            map: SpectralMap::Log { epsilon },
            ..O2pOptions::default()
        });
        assert_eq!(of(r#"{"second-order":{"epsilon":0.5}}"#).unwrap(), expected);
        for words in [r#"{"map":"cube"}"#, r#"{"ridge":0.5}"#] {
            let text = format!(r#"{{"second-order":{words}}}"#);
            let error = of(&text).unwrap_err().to_string();
            assert!(error.contains("unknown"), "{words}: {error}");
        }
    }
}
