//! Small synthetic photographs, and a network that learns to cut them.

use image::RgbImage;
use models::{
    CutArchitecture, DeepNcuts, HeadLayer, HeadLayout, Precision, TapLayer, TrainableNetwork,
    TrunkKind, TrunkWeights,
};
use rand::{RngExt, SeedableRng};
use segmentation::LabelMap;
use training::{Result, SegmentationSet};

/// Of every photograph, in pixels.
pub const WIDTH: u32 = 64;
/// Of every photograph, in pixels.
pub const HEIGHT: u32 = 48;

/// Photographs of two noisy colours along a slanted border, annotated twice.
pub struct Slants(Vec<String>);

impl Slants {
    /// So many photographs.
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|i| format!("slant{i}")).collect())
    }

    /// On which side of the border a pixel lies.
    pub fn side(index: usize, x: u32, y: u32) -> bool {
        x * 3 + y * (index as u32 % 4) > 90 + 4 * index as u32
    }
}

impl SegmentationSet for Slants {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, index: usize) -> &str {
        &self.0[index]
    }

    fn image(&self, index: usize) -> Result<RgbImage> {
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(index as u64);
        Ok(RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            let base = if Self::side(index, x, y) {
                [200, 120, 60]
            } else {
                [70, 110, 160]
            };
            image::Rgb(
                base.map(|value: u8| value.saturating_add_signed(random.random_range(-40..40))),
            )
        }))
    }

    fn annotations(&self, index: usize) -> Result<Vec<LabelMap>> {
        let map = |extra: bool| {
            let ids = (0..WIDTH * HEIGHT).map(|i| {
                let (x, y) = (i % WIDTH, i / WIDTH);
                u32::from(Self::side(index, x, y)) + 2 * u32::from(extra && y < 20)
            });
            LabelMap::new(WIDTH as usize, HEIGHT as usize, ids.collect())
        };
        Ok(vec![map(false)?, map(true)?])
    }
}

/// A small network with a new head.
#[allow(dead_code)] // Not every test cuts.
pub fn network() -> DeepNcuts {
    let tap = |layer: &str| TapLayer {
        layer: layer.into(),
        scale: 1.0,
    };
    let layer = |channels, kernel| HeadLayer { channels, kernel };
    let head = HeadLayout {
        layers: vec![layer(32, 1), layer(8, 3)],
        dropout: 0.2,
    };
    let taps = vec![tap("expand1"), tap("expand3")];
    let architecture = CutArchitecture {
        taps,
        ..CutArchitecture::new(TrunkKind::Lite0, Some(head))
    };
    DeepNcuts::new(architecture, &TrunkWeights::Random, 2).unwrap()
}

/// The contents that its file would have.
pub fn bytes_of(network: &impl TrainableNetwork) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network");
    network.write(&path, Precision::Single).unwrap();
    std::fs::read(path).unwrap()
}
