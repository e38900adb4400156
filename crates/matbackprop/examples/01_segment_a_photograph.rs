//! Segments a photograph by the network that comes with the crate, and draws the outlines on it.
//!
//! `cargo run --release --example 01_segment_a_photograph -- photograph.jpg`; without a file, a sample.

use std::path::PathBuf;

use matbackprop::models::TreeSettings;
use matbackprop::pictures::{paint_outlines, paint_segments, read_upright};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os()
        .nth(1)
        .map_or(SAMPLE.into(), PathBuf::from);
    let photograph = read_upright(&path)?;

    // EfficientNet-Lite0 with a head that was trained through normalised cuts.
    let network = matbackprop::default_network()?;
    let settings = TreeSettings::default();
    let contours = network.contours(&photograph, &settings)?;
    let (labels, segments) = contours.tree.cut(settings.height);
    println!("{}: {segments} segments", path.display());

    let mut areas = vec![0; segments];
    for id in labels.ids() {
        areas[*id as usize] += 1;
    }
    for (segment, area) in areas.iter().enumerate() {
        let share = 100.0 * f64::from(*area) / labels.ids().len() as f64;
        println!("  segment {segment}: {share:.1} % of the pixels");
    }

    let folder = std::env::temp_dir().join("matbackprop-examples");
    std::fs::create_dir_all(&folder)?;
    let (outlines, colours) = (folder.join("outlines.png"), folder.join("segments.png"));
    paint_outlines(&photograph, &labels)?.save(&outlines)?;
    paint_segments(&labels).save(&colours)?;
    println!("pictures: {} and {}", outlines.display(), colours.display());
    Ok(())
}
