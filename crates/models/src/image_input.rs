//! From a photograph to numbers: each trunk has its own recipe.

use image::RgbImage;

use crate::backend::Planes;

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
}
