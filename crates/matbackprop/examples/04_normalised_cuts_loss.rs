//! A loss for your own features: how far their normalised cut lies from the segments that a person drew.
//!
//! `cargo run --release --example 04_normalised_cuts_loss`

use faer::{Mat, Scale};
use image::imageops::{FilterType, resize};
use matbackprop::ncuts::{Criterion, Indicator, LabelMap, NcutsLayer};
use matbackprop::pictures::read_upright;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");
/// Positions of the grid.
const WIDTH: usize = 30;
const HEIGHT: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photograph = read_upright(SAMPLE.as_ref())?;
    let (width, height) = (photograph.width() as usize, photograph.height() as usize);
    // The person's segments, at the photograph's size: the saucer with its cup, and the table.
    let inside = |x: f64, y: f64| ((x - 0.49) / 0.31).powi(2) + ((y - 0.53) / 0.42).powi(2) < 1.0;
    let drawn = (0..width * height).map(|pixel| {
        let (x, y) = (pixel % width, pixel / width);
        u32::from(inside(x as f64 / width as f64, y as f64 / height as f64))
    });
    let drawn = LabelMap::new(width, height, drawn.collect())?;
    let drawn = [Indicator::from_label_map(&drawn, WIDTH, HEIGHT)?];

    // Your features, n × d and not negative: here the colours of a small copy, and a constant.
    let small = resize(
        &photograph,
        WIDTH as u32,
        HEIGHT as u32,
        FilterType::Triangle,
    );
    let mut features = Mat::from_fn(WIDTH * HEIGHT, 4, |i, channel| {
        let colours = small.get_pixel((i % WIDTH) as u32, (i / WIDTH) as u32).0;
        colours
            .get(channel)
            .map_or(0.1, |value| f64::from(*value) / 255.0)
    });

    let layer = NcutsLayer::new(Criterion::Regularised { epsilon: 1e-4 });
    for step in 0..=100 {
        // W = F Fᵀ is the affinity of all pairs of positions; its 600 × 600 numbers are never formed.
        let cut = layer.forward(features.as_ref(), None, &drawn)?;
        if step % 20 == 0 {
            let (loss, alignment) = (cut.loss(), cut.alignment());
            println!(
                "step {step:3}: loss {loss:.4}, alignment with the person's cut {alignment:.4}"
            );
        }
        features -= Scale(0.1) * cut.vjp(1.0)?.features;
        // As a ReLU would.
        for column in features.col_iter_mut() {
            column.iter_mut().for_each(|value| *value = value.max(1e-3));
        }
    }
    Ok(())
}
