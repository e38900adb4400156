//! All segmentations of a photograph at once: a tree whose cuts are segmentations, from two segments to hundreds.
//!
//! `cargo run --release --example 02_contour_tree -- photograph.jpg`; without a file, a sample.

use std::path::PathBuf;

use matbackprop::models::TreeSettings;
use matbackprop::pictures::{contour_image, paint_outlines, read_upright};

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/samples/chelsea.jpg"
);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os()
        .nth(1)
        .map_or(SAMPLE.into(), PathBuf::from);
    let photograph = read_upright(&path)?;
    let network = matbackprop::default_network()?;
    let tree = network
        .contours(&photograph, &TreeSettings::default())?
        .tree;

    // Two regions merge at a height from 0 to 1: how little they have in common.
    println!("height  segments");
    for height in [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0] {
        println!("{height:6.1}  {:8}", tree.cut(height).1);
    }

    let folder = std::env::temp_dir().join("matbackprop-examples");
    std::fs::create_dir_all(&folder)?;
    for count in [2, 5, 12] {
        let (labels, segments) = tree.cut_into(count);
        let picture = folder.join(format!("cut-{segments}.png"));
        paint_outlines(&photograph, &labels)?.save(&picture)?;
        println!("{segments} segments: {}", picture.display());
    }

    // The tree in one picture: a border is as bright as the height up to which it stands.
    let picture = folder.join("contours.png");
    contour_image(&tree).save(&picture)?;
    println!("all of them: {}", picture.display());
    Ok(())
}
