//! Description of a network, as in the metadata of its file.

use serde::{Deserialize, Serialize};

use crate::cut_settings::CutSettings;
use crate::error::{Error, Result};
use crate::head::HeadLayout;
use crate::image_input::InputRecipe;
use crate::trunk::TrunkKind;

/// A layer of the trunk whose features are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapLayer {
    /// Its name, `relu4_3` say.
    pub layer: String,
    /// Factor on its features; 1 / RMS over the training images.
    pub scale: f32,
}

impl TapLayer {
    /// A layer as it is, not yet measured: scale 1.
    pub fn unscaled(layer: impl Into<String>) -> Self {
        Self {
            layer: layer.into(),
            scale: 1.0,
        }
    }
}

/// How many clusters an image gets by default: k = ⌊slope · r + offset + ½⌋, held in a range.
///
/// r = tr P_ε² = Σᵢ (σᵢ² / (σᵢ² + ε))² is the soft rank of the learned affinity: how many segments
/// the network is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterRule {
    /// Clusters a unit of soft rank.
    pub slope: f64,
    /// Clusters beyond that.
    pub offset: f64,
    /// ε of the soft rank.
    pub epsilon: f64,
    /// Fewest clusters.
    pub fewest: usize,
    /// Most clusters.
    pub most: usize,
}

impl Default for ClusterRule {
    fn default() -> Self {
        Self {
            slope: 1.5,
            offset: 0.0,
            epsilon: 1e-4,
            fewest: 2,
            most: 16,
        }
    }
}

impl ClusterRule {
    /// r from the singular values σ of D^{−½} F Λ^{½}.
    pub fn soft_rank(&self, singular_values: &[f64]) -> f64 {
        let share = |sigma: &f64| sigma * sigma / (sigma * sigma + self.epsilon);
        singular_values
            .iter()
            .map(|sigma| share(sigma).powi(2))
            .sum()
    }

    /// k for a soft rank, `shift` clusters more than the rule says.
    pub fn clusters(&self, soft_rank: f64, shift: f64) -> usize {
        let k = (self.slope * soft_rank + self.offset + shift).round();
        (k.max(0.0) as usize).clamp(self.fewest, self.most)
    }
}

/// Everything about a [`DeepNcuts`](crate::DeepNcuts) but its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutArchitecture {
    /// Version of this description.
    pub format: u32,
    /// The trunk.
    pub trunk: TrunkKind,
    /// How it wants its pixels.
    pub recipe: InputRecipe,
    /// Which of its layers are taken, the one that gives the grid first.
    pub taps: Vec<TapLayer>,
    /// The head; none for the trunk's own features.
    pub head: Option<HeadLayout>,
    /// How many clusters by default.
    pub clusters: ClusterRule,
    /// How its embedding is cut.
    pub cut: CutSettings,
}

impl CutArchitecture {
    /// The version this crate writes and reads.
    pub const FORMAT: u32 = 1;

    /// A trunk's two usual layers under a new head.
    pub fn new(trunk: TrunkKind, head: Option<HeadLayout>) -> Self {
        let cut = if head.is_some() {
            CutSettings::TRAINED
        } else {
            CutSettings::UNTRAINED
        };
        Self {
            format: Self::FORMAT,
            trunk,
            recipe: trunk.recipe(),
            taps: trunk.default_taps().map(TapLayer::unscaled).to_vec(),
            head,
            clusters: ClusterRule::default(),
            cut,
        }
    }

    /// The description out of a file's metadata.
    ///
    /// # Errors
    /// [`Error::NotANetwork`].
    pub(crate) fn from_metadata(origin: &str, text: &str) -> Result<Self> {
        let refused = |found: String| Error::NotANetwork {
            origin: origin.to_owned(),
            found,
        };
        let architecture: Self =
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        if architecture.format != Self::FORMAT {
            return Err(refused(format!("format {}", architecture.format)));
        }
        if let Some(wrong) = architecture.wrong() {
            return Err(refused(wrong));
        }
        Ok(architecture)
    }

    /// The first invalid value, in words.
    fn wrong(&self) -> Option<String> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let (clusters, cut) = (&self.clusters, &self.cut);
        let taps = self.taps.iter().all(|tap| positive(f64::from(tap.scale)));
        let scales = self
            .recipe
            .scale
            .iter()
            .all(|scale| positive(f64::from(*scale)));
        let means = self.recipe.mean.iter().all(|mean| mean.is_finite());
        let range = 1 <= clusters.fewest && clusters.fewest <= clusters.most;
        let rule =
            positive(clusters.epsilon) && clusters.slope.is_finite() && clusters.offset.is_finite();
        let rules: [(bool, String); 4] = [
            (taps, format!("taps {:?}", self.taps)),
            (scales && means, format!("recipe {:?}", self.recipe)),
            (range && rule, format!("clusters {clusters:?}")),
            (cut.is_sound(), format!("cut {cut:?}")),
        ];
        rules
            .into_iter()
            .find(|(holds, _)| !holds)
            .map(|(_, words)| words)
    }

    /// Names and scales as trunks take them.
    pub(crate) fn trunk_taps(&self) -> Vec<(String, f32)> {
        self.taps
            .iter()
            .map(|tap| (tap.layer.clone(), tap.scale))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn soft_rank_and_clusters_by_hand() {
        let rule = ClusterRule {
            epsilon: 1.0,
            ..ClusterRule::default()
        };
        assert_eq!(rule.soft_rank(&[1.0, 0.0]), 0.25);
        assert_eq!(rule.clusters(4.0, 0.0), 6);
        assert_eq!(rule.clusters(4.0, 1.0), 7);
        assert_eq!(rule.clusters(4.0, -9.0), 2);
        assert_eq!(rule.clusters(40.0, 0.0), 16);
    }

    #[test]
    fn another_format_and_impossible_numbers_are_refused() {
        let mut architecture = CutArchitecture::new(TrunkKind::Lite0, None);
        let text = serde_json::to_string(&architecture).unwrap();
        assert_eq!(
            CutArchitecture::from_metadata("file", &text).unwrap(),
            architecture
        );
        let wrong = [
            CutArchitecture {
                clusters: ClusterRule {
                    fewest: 5,
                    most: 3,
                    ..architecture.clusters
                },
                ..architecture.clone()
            },
            CutArchitecture {
                recipe: InputRecipe {
                    scale: [1.0, 0.0, 1.0],
                    ..architecture.recipe
                },
                ..architecture.clone()
            },
            CutArchitecture {
                cut: CutSettings {
                    restarts: 0,
                    ..architecture.cut
                },
                ..architecture.clone()
            },
        ];
        let read = |architecture: &CutArchitecture| {
            let text = serde_json::to_string(architecture).unwrap();
            CutArchitecture::from_metadata("file", &text)
        };
        let [clusters, recipe, cut] = wrong;
        architecture.format = 7;
        refused! {
            read(&clusters) => Error::NotANetwork { found, .. } if found.starts_with("clusters"),
            read(&recipe) => Error::NotANetwork { found, .. } if found.starts_with("recipe"),
            read(&cut) => Error::NotANetwork { found, .. } if found.starts_with("cut"),
            read(&architecture) => Error::NotANetwork { found, .. } if found == "format 7",
            CutArchitecture::from_metadata("file", "") => Error::NotANetwork { .. },
            CutArchitecture::from_metadata("file", "{") => Error::NotANetwork { .. },
        }
    }
}
