//! VGG-16's convolutions.

use super::builder::Builder;
use super::chain::Step;
use super::max_pool::MaxPool;

/// Output channels of the convolutions of each stage.
const STAGES: [&[usize]; 5] = [
    &[64, 64],
    &[128, 128],
    &[256, 256, 256],
    &[512, 512, 512],
    &[512, 512, 512],
];

/// conv1_1 … conv5_3 with their pools, under torchvision's names; values `relu1_1` … `relu5_3`.
///
/// # Source
/// Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015,
/// configuration D.
pub(super) fn builder() -> Builder {
    let mut chain = Builder::new(3);
    // torchvision counts every module: a convolution, its ReLU, a pool.
    let mut module = 0;
    for (stage, widths) in STAGES.iter().enumerate() {
        if stage > 0 {
            chain.step(Step::MaxPool(MaxPool {
                kernel: 2,
                stride: 2,
                ceil: false,
            }));
            module += 1;
        }
        for (index, width) in widths.iter().enumerate() {
            chain
                .conv(format!("features.{module}"), *width, 3)
                .named(format!("relu{}_{}", stage + 1, index + 1));
            module += 2;
        }
    }
    chain
}
