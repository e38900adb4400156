//! The logarithm of a covariance, and its gradient with respect to your own features, one of them dead.
//!
//! `cargo run --release --example 03_log_covariance_gradient`

use faer::{Mat, Scale};
use image::RgbImage;
use matbackprop::matbackprop_core::{GramFunction, Log, Result, Ridge};
use matbackprop::pictures::read_upright;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");
/// Pixels along a side of a patch.
const SIDE: u32 = 24;

/// Features of a square patch, a row a pixel: red, green, blue about their mean, and a channel that never responds.
fn features(photograph: &RgbImage, left: u32, top: u32) -> Mat<f64> {
    let count = f64::from(SIDE * SIDE);
    let mut rows = Mat::from_fn((SIDE * SIDE) as usize, 4, |i, channel| {
        let (x, y) = (left + i as u32 % SIDE, top + i as u32 / SIDE);
        let pixel = photograph.get_pixel(x, y).0;
        pixel
            .get(channel)
            .map_or(0.0, |value| f64::from(*value) / 255.0)
    });
    for column in rows.col_iter_mut() {
        let mean = column.sum() / count;
        column
            .iter_mut()
            .for_each(|value| *value = (*value - mean) / count.sqrt());
    }
    rows
}

/// C = log(FᵀF + εI): FᵀF is the covariance. The dead channel makes it singular; ε keeps the logarithm finite.
fn log_covariance(features: &Mat<f64>) -> Result<GramFunction<Ridge<Log>>> {
    GramFunction::forward(features.as_ref(), Ridge::new(Log, 1e-6)?)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let photograph = read_upright(SAMPLE.as_ref())?;
    // The table's wood moves until its colours vary as the saucer's do.
    let mut wood = features(&photograph, 20, 20);
    let saucer = log_covariance(&features(&photograph, 330, 300))?;
    for step in 0..=150 {
        let covariance = log_covariance(&wood)?;
        // J = ½ ‖C − T‖², so the cotangent of C is C − T.
        let difference = covariance.value() - saucer.value();
        let gradient = covariance.vjp(difference.as_ref())?;
        assert!(gradient.norm_l2().is_finite());
        if step % 30 == 0 {
            let distance = difference.norm_l2();
            println!("step {step:3}: distance of the covariances {distance:.4}");
        }
        wood -= Scale(5e-5) * gradient;
    }
    Ok(())
}
