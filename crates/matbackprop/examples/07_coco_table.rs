//! The official table of COCO's detection measures, from a file of results.
//!
//! `cargo run --release --example 07_coco_table -- instances.json results.json`; without arguments, a drawn set.

use matbackprop::bench_coco::evaluate_detections;

const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/drawn");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [truth, results] = match arguments.as_slice() {
        [truth, results] => [truth.clone(), results.clone()],
        _ => ["instances.json", "results.json"].map(|name| format!("{DRAWN}/{name}")),
    };
    // Boxes or masks: the first result says which. Some(DetectionKind::Bbox) would insist on boxes.
    let table = evaluate_detections(truth.as_ref(), results.as_ref(), None)?;

    // As the official tool prints it.
    println!("{table}\n");
    // By name, for a report of your own.
    for row in table.rows() {
        let value = row
            .value
            .map_or("none".to_owned(), |value| format!("{value:.4}"));
        println!("{:<6} {value}", row.name);
    }
    for category in &table.categories {
        let value = category
            .ap
            .map_or("none".to_owned(), |ap| format!("{ap:.4}"));
        println!("AP of {}: {value}", category.name);
    }
    Ok(())
}
