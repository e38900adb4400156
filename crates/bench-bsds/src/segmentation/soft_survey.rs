//! Whether the numbers of soft maps can be meant: all maps of a set together.

use std::fmt;

use super::soft_map::SoftLook;

/// The numbers of all soft maps of a set, and the doubts that they raise.
///
/// One map may well be dark: a doubt is about all of them.
///
/// ```
/// use bench_bsds::{SoftDoubt, SoftLook, SoftSurvey};
///
/// let dark = SoftLook {
///     full: 255.0, integers: true, least: 0.0, most: 1.0, pixels: 100, bright: 7, not_numbers: 0,
/// };
/// let survey: SoftSurvey = [dark, dark].into_iter().collect();
/// assert_eq!(survey.doubts(), [SoftDoubt::Faint { most: 1.0, full: 255.0 }]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftSurvey {
    /// A look at all maps of one scale as one.
    scales: Vec<SoftLook>,
}

/// Why the numbers of soft maps are perhaps not what was meant.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SoftDoubt {
    /// The strongest pixel of all maps is weaker than one half.
    Faint {
        /// Its number.
        most: f64,
        /// The number that is strength 1.
        full: f64,
    },
    /// Numbers beyond strength 1.
    Beyond {
        /// The highest.
        most: f64,
        /// The number that is strength 1.
        full: f64,
    },
    /// Numbers below 0.
    Negative {
        /// The lowest.
        least: f64,
        /// The highest.
        most: f64,
    },
    /// More than half of all pixels are bright: boundaries are dark on white.
    Bright {
        /// The share of them.
        share: f64,
    },
    /// Pixels that are not a number.
    NotNumbers {
        /// How many.
        count: u64,
        /// Of how many.
        pixels: u64,
    },
}

/// The share of bright pixels from where on boundaries cannot be meant.
const BRIGHT: f64 = 0.5;

impl SoftSurvey {
    /// Adds a map.
    pub fn add(&mut self, look: SoftLook) {
        let Some(whole) = self.scales.iter_mut().find(|whole| whole.full == look.full) else {
            self.scales.push(look);
            return;
        };
        *whole = SoftLook {
            full: whole.full,
            integers: whole.integers && look.integers,
            least: whole.least.min(look.least),
            most: whole.most.max(look.most),
            pixels: whole.pixels + look.pixels,
            bright: whole.bright + look.bright,
            not_numbers: whole.not_numbers + look.not_numbers,
        };
    }

    /// All doubts; none for maps as they should be.
    pub fn doubts(&self) -> Vec<SoftDoubt> {
        self.scales.iter().flat_map(doubts_of).collect()
    }
}

/// The doubts about the maps of one scale.
fn doubts_of(look: &SoftLook) -> Vec<SoftDoubt> {
    let SoftLook {
        full, least, most, ..
    } = *look;
    let mut doubts = Vec::new();
    if look.not_numbers > 0 {
        doubts.push(SoftDoubt::NotNumbers {
            count: look.not_numbers,
            pixels: look.pixels,
        });
    }
    if least < 0.0 {
        doubts.push(SoftDoubt::Negative { least, most });
    } else if most > full {
        doubts.push(SoftDoubt::Beyond { most, full });
    } else if most > 0.0 && most < 0.5 * full {
        doubts.push(SoftDoubt::Faint { most, full });
    }
    let share = look.bright as f64 / look.pixels.max(1) as f64;
    if share > BRIGHT {
        doubts.push(SoftDoubt::Bright { share });
    }
    doubts
}

impl FromIterator<SoftLook> for SoftSurvey {
    fn from_iter<I: IntoIterator<Item = SoftLook>>(looks: I) -> Self {
        let mut survey = Self::default();
        looks.into_iter().for_each(|look| survey.add(look));
        survey
    }
}

impl SoftDoubt {
    /// The number that would better be strength 1, where there is one.
    pub fn scale(&self) -> Option<f64> {
        const USUAL: [f64; 6] = [1.0, 100.0, 255.0, 1023.0, 4095.0, 65535.0];
        match self {
            Self::Faint { most, full } | Self::Beyond { most, full } => {
                // The next usual scale, where the numbers fill a quarter of it.
                let enough = |scale: &&f64| **scale >= *most && **scale <= 4.0 * most;
                let better = *USUAL.iter().find(enough).unwrap_or(most);
                (better != *full).then_some(better)
            }
            _ => None,
        }
    }
}

impl fmt::Display for SoftDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faint { most, full } => write!(
                f,
                "the brightest pixel of all soft maps is {most} of {full}: nothing is found at most thresholds"
            ),
            Self::Beyond { most, full } => {
                write!(f, "soft maps reach {most}: expected strengths up to {full}")
            }
            Self::Negative { least, most } => write!(
                f,
                "soft maps hold numbers from {least} to {most}: expected strengths from 0; scores before a sigmoid?"
            ),
            Self::Bright { share } => write!(
                f,
                "{:.0} % of the pixels of all soft maps are bright: expected white boundaries on black",
                100.0 * share
            ),
            Self::NotNumbers { count, pixels } => write!(
                f,
                "no finite number at {count} of {pixels} pixels of the soft maps: NaN counts as no boundary"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(full: f64, least: f64, most: f64, bright: u64) -> SoftLook {
        SoftLook {
            full,
            integers: full > 1.0,
            least,
            most,
            pixels: 100,
            bright,
            not_numbers: 0,
        }
    }

    fn doubts(looks: &[SoftLook]) -> Vec<SoftDoubt> {
        looks.iter().copied().collect::<SoftSurvey>().doubts()
    }

    #[test]
    fn maps_as_they_should_be_raise_no_doubt() {
        assert_eq!(SoftSurvey::default().doubts(), []);
        // A dark map and an empty one beside a usual one.
        let looks = [
            look(255.0, 0.0, 12.0, 9),
            look(255.0, 0.0, 0.0, 0),
            look(255.0, 0.0, 201.0, 9),
        ];
        assert_eq!(doubts(&looks), []);
        assert_eq!(doubts(&[look(1.0, 0.0, 1.0, 30)]), []);
        assert_eq!(doubts(&[look(1.0, 0.0, 0.0, 0)]), []);
    }

    #[test]
    fn each_doubt_names_its_number_and_a_scale() {
        for (full, most, scale) in [
            (255.0, 1.0, 1.0),
            (255.0, 100.0, 100.0),
            (65535.0, 255.0, 255.0),
            (65535.0, 1.0, 1.0),
            (65535.0, 1000.0, 1023.0),
            (65535.0, 4095.0, 4095.0),
            (1.0, 255.0, 255.0),
            (1.0, 254.3, 255.0),
            (1.0, 0.2, 1.0),
            (1.0, 65535.0, 65535.0),
        ] {
            let found = doubts(&[look(full, 0.0, most, 5)]);
            assert_eq!(found.len(), 1, "{most} of {full}");
            assert!(found[0].to_string().contains(&most.to_string()));
            if most != 0.2 {
                assert_eq!(found[0].scale(), Some(scale), "{most} of {full}");
            }
        }
        let found = doubts(&[look(1.0, -7.5, 5.0, 5)]);
        assert!(matches!(found[..], [SoftDoubt::Negative { .. }]) && found[0].scale().is_none());
        let found = doubts(&[look(255.0, 0.0, 255.0, 93)]);
        assert_eq!(found, [SoftDoubt::Bright { share: 0.93 }]);
        assert!(found[0].to_string().starts_with("93 % "));
        let both = doubts(&[look(255.0, 0.0, 1.0, 93)]);
        assert_eq!(both.len(), 2);
        // Files of two types: each has its own scale.
        assert_eq!(
            doubts(&[look(255.0, 0.0, 255.0, 3), look(1.0, 0.0, 1.0, 3)]),
            []
        );
        let mixed = doubts(&[look(255.0, 0.0, 1.0, 3), look(1.0, 0.0, 255.0, 3)]);
        assert!(matches!(
            mixed[..],
            [SoftDoubt::Faint { .. }, SoftDoubt::Beyond { .. }]
        ));
    }
}
