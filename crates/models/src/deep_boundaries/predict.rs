//! From an image to a map of probabilities.

use std::sync::Arc;

use image::imageops::flip_horizontal;
use image::{GrayImage, Luma, RgbImage};
use segmentation::GridAxis;

use super::network::DeepBoundaries;
use crate::device::GridMaps;
use crate::error::Result;
use crate::trunk::Mode;

/// How likely a person would draw a boundary on each pixel of a photograph.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundaryProbabilities {
    width: usize,
    height: usize,
    probabilities: Vec<f32>,
}

impl BoundaryProbabilities {
    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// From 0 to 1, row by row.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// A picture of 8 bits: 255 is certain.
    pub fn picture(&self) -> GrayImage {
        let at = |x: u32, y: u32| self.probabilities[y as usize * self.width + x as usize];
        GrayImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            Luma([(255.0 * at(x, y)).round() as u8])
        })
    }
}

impl DeepBoundaries {
    /// The boundaries of an image; with `flips` the mean of the logits with those of its mirror image, which costs as much
    /// again.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`](crate::Error::ImageTooSmall).
    pub fn boundaries(&self, image: &RgbImage, flips: bool) -> Result<BoundaryProbabilities> {
        let head = self.folded_head();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut logits = self.logits(image, &head)?;
        if flips {
            let mirrored = self.logits(&flip_horizontal(image), &head)?;
            let rows = logits.chunks_exact_mut(width);
            for (row, other) in rows.zip(mirrored.chunks_exact(width)) {
                for (value, other) in row.iter_mut().zip(other.iter().rev()) {
                    *value = 0.5 * (*value + other);
                }
            }
        }
        let probabilities = logits.into_iter().map(|z| 1.0 / (1.0 + (-z).exp()));
        Ok(BoundaryProbabilities {
            width,
            height,
            probabilities: probabilities.collect(),
        })
    }

    /// z at the image's size.
    fn logits(&self, image: &RgbImage, head: &Arc<Vec<Vec<f32>>>) -> Result<Vec<f32>> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let levels = self.device_levels(image)?;
        let axes = self.level_axes(height, width)?;
        let finest = axes[0];
        // The head reads the coarsest first.
        let inputs = axes.into_iter().zip(levels).rev();
        let inputs = inputs
            .map(|(axes, maps)| GridMaps::on(axes, maps))
            .collect();
        let device = self.head.parameters.device();
        let mode = Mode::Inference;
        let z = device.forward(&self.head.chain, inputs, head, mode, &mut |_| {})?;
        let z = z.into_planes()?.into_contiguous();
        Ok(at_full_size(&z, finest, (width, height)))
    }
}

/// Numbers of a grid on every pixel, bilinearly; beyond the outermost positions theirs.
fn at_full_size(
    values: &[f32],
    [columns, rows]: [GridAxis; 2],
    (width, height): (usize, usize),
) -> Vec<f32> {
    let place = |axis: &GridAxis, pixel: usize| {
        let at = axis.coordinate(pixel);
        let low = at as usize;
        (low, (low + 1).min(axis.positions - 1), at.fract() as f32)
    };
    let across: Vec<_> = (0..width).map(|x| place(&columns, x)).collect();
    let mut full = Vec::with_capacity(width * height);
    for y in 0..height {
        let (above, below, t) = place(&rows, y);
        let row = |at: usize| &values[at * columns.positions..][..columns.positions];
        let (above, below) = (row(above), row(below));
        full.extend(across.iter().map(|(left, right, u)| {
            let top = above[*left] + u * (above[*right] - above[*left]);
            let bottom = below[*left] + u * (below[*right] - below[*left]);
            top + t * (bottom - top)
        }));
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary_architecture::BoundaryArchitecture;
    use crate::device::Device;
    use crate::error::Error;
    use crate::network::TrunkWeights;
    use crate::trunk::TrunkKind;

    fn network() -> DeepBoundaries {
        let architecture = BoundaryArchitecture::new(TrunkKind::Lite0);
        DeepBoundaries::new(architecture, &TrunkWeights::Random, 1).unwrap()
    }

    fn image() -> RgbImage {
        RgbImage::from_fn(41, 32, |x, y| {
            image::Rgb([(5 * x + 7 * y) as u8, 9, x as u8])
        })
    }

    #[test]
    fn positions_keep_their_numbers_and_pixels_between_them_the_mean() {
        let axis = |positions| GridAxis {
            positions,
            stride: 2.0,
            offset: 0.0,
        };
        let full = at_full_size(&[0.0, 4.0, 2.0, 6.0], [axis(2), axis(2)], (4, 3));
        let expected = [0.0, 2.0, 4.0, 4.0, 1.0, 3.0, 5.0, 5.0, 2.0, 4.0, 6.0, 6.0];
        assert_eq!(full, expected);
    }

    #[test]
    fn the_folded_head_gives_what_standardised_features_give() {
        let mut network = network();
        network
            .calibrate([Ok::<_, Error>(image())].into_iter())
            .unwrap();
        let levels = network.level_features(&image()).unwrap();
        let axes = network.level_axes(32, 41).unwrap();
        let z = network.logits_of(&levels, &axes).unwrap();
        let expected = at_full_size(&z, axes[0], (41, 32));
        let found = network.logits(&image(), &network.folded_head()).unwrap();
        for (a, b) in found.iter().zip(&expected) {
            // Channels that hardly change are divided by a thousandth: digits go with their mean.
            assert!((a - b).abs() < 2e-2 * (1.0 + b.abs()), "{a} {b}");
        }
    }

    #[test]
    fn a_mirror_image_has_the_mirrored_boundaries_on_every_device() {
        let network = network();
        let found = network.boundaries(&image(), true).unwrap();
        let mirrored = network
            .boundaries(&flip_horizontal(&image()), true)
            .unwrap();
        let rows = found.probabilities().chunks_exact(41);
        for (row, other) in rows.zip(mirrored.probabilities().chunks_exact(41)) {
            assert!(row.iter().eq(other.iter().rev()));
        }
        assert_ne!(network.boundaries(&image(), false).unwrap(), found);
        let picture = found.picture();
        let first = (255.0 * found.probabilities()[0]).round() as u8;
        assert_eq!(
            (picture.dimensions(), picture[(0, 0)].0[0]),
            ((41, 32), first)
        );
        let elsewhere = network.on_device(&Device::tensors_on_cpu());
        let elsewhere = elsewhere.boundaries(&image(), true).unwrap();
        for (a, b) in elsewhere.probabilities().iter().zip(found.probabilities()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}
