//! From a photograph to numbers: each trunk has its own recipe.

use std::path::Path;

use image::RgbImage;

use crate::error::{Error, Result};
use crate::trunk::Planes;

/// Order of the colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How a trunk wants its pixels: xᶜ = (p꜀ − meanᶜ) / scaleᶜ, p in 0 … 255.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct InputRecipe {
    /// Order of the channels; mean and scale are in this order.
    pub order: ChannelOrder,
    /// Subtracted, in 0 … 255.
    pub mean: [f32; 3],
    /// Divided by.
    pub scale: [f32; 3],
}

impl InputRecipe {
    /// BGR minus ImageNet's mean pixel: VGG-16's own weights.
    pub const CAFFE: Self = Self {
        order: ChannelOrder::Bgr,
        mean: [103.939, 116.779, 123.68],
        scale: [1.0; 3],
    };

    /// RGB in 0 … 1, ImageNet's mean and deviation: torchvision's weights.
    pub const TORCHVISION: Self = Self {
        order: ChannelOrder::Rgb,
        mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
        scale: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
    };

    /// RGB, (p − 127) / 128: EfficientNet-Lite's weights.
    pub const LITE: Self = Self {
        order: ChannelOrder::Rgb,
        mean: [127.0; 3],
        scale: [128.0; 3],
    };

    /// The image as three planes.
    ///
    /// # Shapes
    /// 3 × height × width, in the recipe's order.
    pub fn planes(&self, image: &RgbImage) -> Planes {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut planes = Planes::zeros(3, height, width, 0);
        for channel in 0..3 {
            let source = match self.order {
                ChannelOrder::Rgb => channel,
                ChannelOrder::Bgr => 2 - channel,
            };
            let (mean, scale) = (self.mean[channel], self.scale[channel]);
            for (y, pixels) in image.rows().enumerate() {
                let row = planes.row_mut(channel, y);
                for (place, pixel) in row.iter_mut().zip(pixels) {
                    *place = (f32::from(pixel.0[source]) - mean) / scale;
                }
            }
        }
        planes
    }
}

/// Reads a photograph from a file.
///
/// # Errors
/// [`Error::File`] when it cannot be opened, [`Error::Image`] when it is not a JPEG or PNG, or claims more pixels
/// than its file can hold.
pub fn read_image(path: &Path) -> Result<RgbImage> {
    let reader = image::ImageReader::open(path).map_err(Error::file(path))?;
    let mut reader = reader.with_guessed_format().map_err(Error::file(path))?;
    // A picture cannot claim more memory than its file can fill: deflate packs at most 1,032 bytes into one.
    let file = std::fs::metadata(path).map_err(Error::file(path))?.len();
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(file.saturating_mul(1024).clamp(16 << 20, 512 << 20));
    reader.limits(limits);
    let image = reader.decode().map_err(|error| Error::Image {
        path: path.to_path_buf(),
        message: error.to_string(),
    })?;
    Ok(image.into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_by_hand() {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8, 127, 255]));
        let lite = InputRecipe::LITE.planes(&image);
        assert_eq!(
            lite.data(),
            &[-127.0 / 128.0, -126.0 / 128.0, 0.0, 0.0, 1.0, 1.0]
        );
        let caffe = InputRecipe::CAFFE.planes(&image);
        assert_eq!(caffe.row(0, 0), &[255.0 - 103.939; 2]);
        assert_eq!(caffe.row(2, 0), &[-123.68, 1.0 - 123.68]);
    }

    #[test]
    fn a_file_that_is_no_image_is_named() {
        let error = read_image(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/Cargo.toml"
        )));
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("Cargo.toml: expected an image"),
            "{message}"
        );
        assert!(matches!(
            read_image(Path::new("no such file")),
            Err(Error::File { .. })
        ));
    }
}
