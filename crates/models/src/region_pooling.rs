//! From the features of a region to one vector, and back.

use faer::{Mat, MatRef};
use matbackprop_core::Eigenpairs;
use o2p::{O2pForward, O2pLayer, O2pOptions, O2pPrepared, Region, SpectralReport};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::second_order_in_files;

/// How a region's positions become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RegionPooling {
    /// vech f(G), G the second moment: d (d + 1) / 2 numbers.
    #[serde(with = "second_order_in_files")]
    SecondOrder(O2pOptions),
    /// The weighted mean: d numbers.
    Average,
    /// Every channel at every position, whatever the region: d n numbers, in torch's order.
    Flatten,
}

impl RegionPooling {
    /// Numbers that come out for n positions of d channels.
    pub fn outputs(&self, channels: usize, positions: usize) -> usize {
        match self {
            Self::SecondOrder(_) => channels * (channels + 1) / 2,
            Self::Average => channels,
            Self::Flatten => channels * positions,
        }
    }

    /// Refuses settings outside their range.
    pub(crate) fn check(&self) -> Result<()> {
        let Self::SecondOrder(options) = self else {
            return Ok(());
        };
        // One region of one position: settings that the layer refuses there it refuses everywhere. A channel that is
        // zero has no logarithm at ε = 0, which is an error of the features, not of the settings.
        let features = faer::mat![[1.0, 2.0], [2.0, 0.5], [0.5, 0.25]];
        O2pLayer::new(*options).forward(features.as_ref(), None, &[Region::all(3)?])?;
        Ok(())
    }
}

/// The saved values of a region for its backward pass.
pub(crate) enum Pooled {
    SecondOrder(Box<O2pForward>),
    Average { region: Region, channels: usize },
    Flatten { positions: usize, channels: usize },
}

/// A region prepared for its eigenvalues, or already pooled to z.
pub(crate) enum Prepared {
    SecondOrder(Box<O2pPrepared>),
    Done(Pooled, Vec<f64>),
}

impl Prepared {
    /// Does all before eigenvalues.
    ///
    /// ```text
    /// second order   z = vech f(G)
    /// average        z_c = Σᵢ wᵢ Fᵢ_c / Σᵢ wᵢ              F̄ᵢ_c = wᵢ z̄_c / Σ w
    /// flatten        z_{c n + i} = Fᵢ_c                    F̄ᵢ_c = z̄_{c n + i}
    /// ```
    pub(crate) fn begin(
        pooling: &RegionPooling,
        features: MatRef<'_, f64>,
        region: &Region,
    ) -> Result<Self> {
        let (positions, channels) = features.shape();
        if region.length() != positions {
            return Err(Error::Region(o2p::Error::RegionLength {
                expected: positions,
                found: region.length(),
            }));
        }
        match pooling {
            RegionPooling::SecondOrder(options) => {
                let regions = std::slice::from_ref(region);
                let prepared = O2pLayer::new(*options).prepare(features, None, regions)?;
                Ok(Self::SecondOrder(Box::new(prepared)))
            }
            RegionPooling::Average => {
                let mean = |c: usize| {
                    let weighted = region.positions().iter().zip(region.weights());
                    let sum: f64 = weighted.map(|(&i, w)| w * features[(i, c)]).sum();
                    sum / region.total()
                };
                let output = (0..channels).map(mean).collect();
                let region = region.clone();
                Ok(Self::Done(Pooled::Average { region, channels }, output))
            }
            RegionPooling::Flatten => {
                let output = (0..channels)
                    .flat_map(|c| (0..positions).map(move |i| features[(i, c)]))
                    .collect();
                let pooled = Pooled::Flatten {
                    positions,
                    channels,
                };
                Ok(Self::Done(pooled, output))
            }
        }
    }

    /// The matrix whose eigenpairs [`Prepared::finish`] takes, where it would take any.
    pub(crate) fn matrix(&self) -> Option<MatRef<'_, f64>> {
        match self {
            Self::SecondOrder(prepared) => prepared.matrices().into_iter().next().flatten(),
            Self::Done(..) => None,
        }
    }

    /// z; without eigenpairs they are found here.
    pub(crate) fn finish(self, eigenpairs: Option<Eigenpairs>) -> Result<(Pooled, Vec<f64>)> {
        match self {
            Self::SecondOrder(prepared) => {
                let forward = prepared.finish(vec![eigenpairs])?;
                let output = forward.outputs().row(0).iter().copied().collect();
                Ok((Pooled::SecondOrder(Box::new(forward)), output))
            }
            Self::Done(pooled, z) => Ok((pooled, z)),
        }
    }
}

impl Pooled {
    /// z, and the saved values for the backward pass.
    pub(crate) fn forward(
        pooling: &RegionPooling,
        features: MatRef<'_, f64>,
        region: &Region,
    ) -> Result<(Self, Vec<f64>)> {
        Prepared::begin(pooling, features, region)?.finish(None)
    }

    /// F̄ from z̄.
    pub(crate) fn vjp(&self, bar: &[f64]) -> Result<Mat<f64>> {
        Ok(match self {
            Self::SecondOrder(forward) => {
                let bar = MatRef::from_row_major_slice(bar, 1, bar.len());
                forward.vjp(bar)?.features
            }
            Self::Average { region, channels } => {
                let mut features_bar = Mat::zeros(region.length(), *channels);
                for (&i, w) in region.positions().iter().zip(region.weights()) {
                    for (c, bar) in bar.iter().enumerate() {
                        features_bar[(i, c)] = w / region.total() * bar;
                    }
                }
                features_bar
            }
            Self::Flatten {
                positions,
                channels,
            } => Mat::from_fn(*positions, *channels, |i, c| bar[c * positions + i]),
        })
    }

    /// The report of the spectral map.
    pub(crate) fn report(&self) -> Option<SpectralReport> {
        match self {
            Self::SecondOrder(forward) => forward.reports().first().copied(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matbackprop_core::gradcheck::gaussian;
    use o2p::SpectralMap;
    use test_support::refused;

    /// ⟨z̄, ż⟩ against differences, and numbers worked by hand.
    #[test]
    fn every_pooling_goes_back() {
        let features = gaussian(6, 3, 1);
        let direction = gaussian(6, 3, 2);
        let region = Region::from_weights(&[1.0, 0.0, 0.5, 0.25, 0.0, 1.0]).unwrap();
        let poolings = [
            RegionPooling::SecondOrder(O2pOptions::default()),
            RegionPooling::Average,
            RegionPooling::Flatten,
        ];
        for pooling in poolings {
            let value = |f: &Mat<f64>| Pooled::forward(&pooling, f.as_ref(), &region).unwrap();
            let (pooled, z) = value(&features);
            assert_eq!(z.len(), pooling.outputs(3, 6));
            let bar: Vec<f64> = (0..z.len()).map(|i| (i as f64).sin()).collect();
            let back = pooled.vjp(&bar).unwrap();
            let h = 1e-5;
            let step = |h: f64| value(&(&features + faer::Scale(h) * &direction)).1;
            let along: f64 = step(h)
                .iter()
                .zip(step(-h))
                .zip(&bar)
                .map(|((a, b), bar)| (a - b) / (2.0 * h) * bar)
                .sum();
            let sums = (0..3).flat_map(|c| (0..6).map(move |i| (i, c)));
            let inner: f64 = sums.map(|at| back[at] * direction[at]).sum();
            assert!((along - inner).abs() < 1e-8, "{pooling:?}: {along} {inner}");
        }
        let (_, mean) = Pooled::forward(
            &RegionPooling::Average,
            faer::mat![[1.0], [4.0]].as_ref(),
            &Region::from_weights(&[1.0, 0.5]).unwrap(),
        )
        .unwrap();
        assert_eq!(mean, [2.0]);
    }

    #[test]
    fn unsound_settings_are_refused() {
        let with = |epsilon| {
            RegionPooling::SecondOrder(O2pOptions {
                map: SpectralMap::Log { epsilon },
                ..O2pOptions::default()
            })
        };
        let other = Region::all(3).unwrap();
        let features = gaussian(2, 2, 1);
        refused! {
            with(-1.0).check() => Error::Region(o2p::Error::Rule(_)),
            with(f64::NAN).check() => Error::Region(o2p::Error::Rule(_)),
            Pooled::forward(&RegionPooling::Average, features.as_ref(), &other)
                => Error::Region(o2p::Error::RegionLength { expected: 2, found: 3 }),
        }
    }
}
