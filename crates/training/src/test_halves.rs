//! Photographs that trainings are tried on.

use image::RgbImage;
use segmentation::LabelMap;

use crate::error::{Error, Result};
use crate::segmentation_set::SegmentationSet;
use models::{CutArchitecture, DeepNcuts, HeadLayer, HeadLayout, TrunkKind, TrunkWeights};

/// Photographs of two halves, of which some files are broken.
pub(super) struct Halves {
    names: Vec<String>,
    pub(super) broken: Option<usize>,
    /// An example without segmentations, which no training is for.
    pub(super) bare: Option<usize>,
}

impl Halves {
    pub(super) fn new(count: usize, broken: Option<usize>) -> Self {
        let names = (0..count).map(|index| format!("halves{index}")).collect();
        Self {
            names,
            broken,
            bare: None,
        }
    }
}

impl SegmentationSet for Halves {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn id(&self, index: usize) -> &str {
        &self.names[index]
    }

    fn image(&self, index: usize) -> Result<RgbImage> {
        if self.broken == Some(index) {
            let path = "halves.jpg".into();
            let source = std::io::Error::other("it was cut short");
            return Err(Error::File { path, source });
        }
        let shade = 20 * index as u8;
        Ok(RgbImage::from_fn(48, 32, |x, y| {
            image::Rgb([if x < 24 { 30 } else { 200 }, shade, (5 * y) as u8])
        }))
    }

    fn annotations(&self, index: usize) -> Result<Vec<LabelMap>> {
        if self.bare == Some(index) {
            return Ok(Vec::new());
        }
        let ids = (0..48 * 32).map(|place| u32::from(place % 48 >= 24));
        Ok(vec![LabelMap::new(48, 32, ids.collect())?])
    }
}

/// A small one.
pub(super) fn network() -> DeepNcuts {
    let layer = |channels, kernel| HeadLayer { channels, kernel };
    let head = HeadLayout {
        layers: vec![layer(8, 1), layer(6, 3)],
        dropout: 0.0,
    };
    let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(head));
    DeepNcuts::new(architecture, &TrunkWeights::Random, 3).unwrap()
}
