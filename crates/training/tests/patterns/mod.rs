//! Synthetic regions for the tests of region classifiers.

use image::{Rgb, RgbImage};
use models::{Descriptors, FeatureMaps, RegionCrop, RegionSet, RegionView, Result};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use segmentation::GridAxis;

/// Pixels of a crop along a side.
pub const SIDE: u32 = 32;

/// Descriptors of two numbers with one mean: the classes differ in how the numbers vary together, inside the mask
/// alone. Crops are noise, stripes along either side, or degenerate.
pub struct Patterns {
    /// Their names.
    pub ids: Vec<String>,
    /// Whether crops are constant, black, of one pixel, or of equal channels.
    pub degenerate: bool,
}

impl Patterns {
    pub fn new(count: usize) -> Self {
        Self {
            ids: (0..count).map(|i| format!("region{i}")).collect(),
            degenerate: false,
        }
    }
}

impl RegionSet for Patterns {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn id(&self, index: usize) -> &str {
        &self.ids[index]
    }

    fn class(&self, index: usize) -> usize {
        index % 2
    }

    fn crop(&self, index: usize, view: RegionView, side: u32) -> Result<RegionCrop> {
        let mut random = Pcg64Mcg::seed_from_u64(index as u64 ^ view.jitter.unwrap_or(0));
        let image = RgbImage::from_fn(side, side, |x, y| {
            let along = if index.is_multiple_of(2) { x } else { y };
            let stripe = if along / 4 % 2 == 0 { 190 } else { 60 };
            Rgb([stripe, stripe, 255 - stripe]
                .map(|v: u8| v.saturating_add_signed(random.random_range(-30..30))))
        });
        let pixels = side * side;
        let mask: Vec<bool> = (0..pixels).map(|i| i / side < side / 2).collect();
        let whole = RegionCrop {
            image,
            mask,
            frame: [0, 0, side, side],
        };
        if !self.degenerate {
            return Ok(whole);
        }
        Ok(match index % 4 {
            0 => RegionCrop {
                image: RgbImage::from_pixel(side, side, Rgb([127; 3])),
                ..whole
            },
            1 => RegionCrop {
                image: RgbImage::new(side, side),
                ..whole
            },
            2 => RegionCrop {
                mask: (0..pixels).map(|i| i == pixels - 1).collect(),
                ..whole
            },
            // Three equal channels.
            _ => RegionCrop {
                image: RgbImage::from_fn(side, side, |x, _| Rgb([(x * 8) as u8; 3])),
                frame: [3, 3, 1, 1],
                ..whole
            },
        })
    }

    fn descriptors(&self, index: usize, _: &RegionCrop) -> Result<Descriptors> {
        let mut random = Pcg64Mcg::seed_from_u64(77 + index as u64);
        let (side, sign) = (8, if index.is_multiple_of(2) { 1.0 } else { -1.0 });
        let mut values = vec![0.0; 2 * side * side];
        for i in 0..side * side {
            let (a, b) = (
                random.random_range(-1.0..1.0),
                random.random_range(-0.2..0.2),
            );
            // Below the mask's edge the classes trade places: pooling over the box sees nothing.
            let sign = if i / side < side / 2 { sign } else { -sign };
            values[i] = a;
            values[side * side + i] = sign * a + b;
        }
        let axis = GridAxis::spread(side, SIDE as usize);
        Ok(Descriptors {
            maps: FeatureMaps::new(2, side, side, values)?,
            axes: [axis, axis],
        })
    }
}
