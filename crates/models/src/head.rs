//! The layers between a trunk's features and a matrix layer, which are learned first.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::parameters::{WIDEST, check_weight_count};
use crate::trunk::{Builder, Chain, Dropout, NamedLayer, Step};

/// A convolution with ReLU of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadLayer {
    /// Output channels.
    pub channels: usize,
    /// Side of the kernel, odd; zero padding keeps the size.
    pub kernel: usize,
}

/// Conv–ReLU pairs in a row, with dropout before the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadLayout {
    /// The pairs.
    pub layers: Vec<HeadLayer>,
    /// Probability with which a channel is dropped before the last pair while training; 0 for none.
    pub dropout: f32,
}

impl Default for HeadLayout {
    fn default() -> Self {
        let layer = |channels, kernel| HeadLayer { channels, kernel };
        Self {
            layers: vec![layer(256, 1), layer(48, 3)],
            dropout: 0.0,
        }
    }
}

impl HeadLayout {
    /// The chain on an input of `channels`, layers named `head.0`, `head.1`, …
    ///
    /// # Errors
    /// [`Error::Setting`] for an empty head, an even kernel or one above 31, no channels or above 32,768, more than
    /// 2²⁹ numbers, a rate outside [0, 1).
    pub(crate) fn chain(&self, channels: usize) -> Result<(Chain, Vec<NamedLayer>)> {
        if !(0.0..1.0).contains(&self.dropout) {
            let found = self.dropout.to_string();
            return Err(Error::Setting {
                name: "dropout",
                expected: "a rate in [0, 1)",
                found,
            });
        }
        if self.dropout > 0.0 && self.layers.len() == 1 {
            let found = format!("{} before the only layer", self.dropout);
            return Err(Error::Setting {
                name: "dropout",
                expected: "0, or a head of two layers or more",
                found,
            });
        }
        let mut chain = Builder::new(channels);
        for (index, layer) in self.layers.iter().enumerate() {
            let possible = (1..=WIDEST).contains(&layer.channels) && layer.kernel < 32;
            if layer.kernel.is_multiple_of(2) || !possible {
                let found = format!("kernel {}, channels {}", layer.kernel, layer.channels);
                let expected = "an odd kernel up to 31 and 1 to 32768 channels";
                return Err(Error::Setting {
                    name: "head",
                    expected,
                    found,
                });
            }
            if index > 0 && index + 1 == self.layers.len() && self.dropout > 0.0 {
                chain.step(Step::Dropout(Dropout {
                    rate: self.dropout,
                    single: false,
                }));
            }
            chain.conv(format!("head.{index}"), layer.channels, layer.kernel);
        }
        if self.layers.is_empty() {
            let found = "none".to_owned();
            return Err(Error::Setting {
                name: "head",
                expected: "at least one layer",
                found,
            });
        }
        let (chain, layers) = chain.finish_whole();
        check_weight_count(&layers)?;
        Ok((chain, layers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn a_head_keeps_the_size() {
        let (chain, layers) = HeadLayout {
            dropout: 0.5,
            ..HeadLayout::default()
        }
        .chain(10)
        .unwrap();
        assert_eq!(chain.sizes((10, 4, 6)).unwrap().last(), Some(&(48, 4, 6)));
        assert_eq!(chain.steps.len(), 3);
        let (plain, _) = HeadLayout {
            dropout: 0.0,
            ..HeadLayout::default()
        }
        .chain(10)
        .unwrap();
        assert_eq!(plain.steps.len(), 2);
        assert_eq!(layers[1].name, "head.1");
        assert_eq!(layers[1].weight_shape(), [48, 256, 3, 3]);
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let layer = |channels, kernel| HeadLayer { channels, kernel };
        let chain = |layers, dropout| HeadLayout { layers, dropout }.chain(3);
        refused! {
            chain(vec![], 0.0) => Error::Setting { .. },
            chain(vec![layer(4, 2)], 0.0) => Error::Setting { .. },
            chain(vec![layer(0, 1)], 0.0) => Error::Setting { .. },
            chain(vec![layer(4, 1)], 0.5) => Error::Setting { .. },
            chain(vec![layer(4, 1)], 1.0) => Error::Setting { .. },
            chain(vec![layer(4, 1)], f32::NAN) => Error::Setting { .. },
        }
    }
}
