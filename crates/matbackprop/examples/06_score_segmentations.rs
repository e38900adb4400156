//! Scores segmentations as BSDS500 does: regions and boundaries, a call each.
//!
//! `cargo run --release --example 06_score_segmentations -- BSDS500 val SEGMENTATIONS`, the last a folder of label maps
//! `ID_K.png` or of `.mat` files; without arguments, two drawn pictures.

use matbackprop::bench_bsds::{
    BsdsDataset, Error, SegmentationFolder, Thresholds, evaluate_boundaries, evaluate_in_parallel,
};

const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/drawn");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (dataset, folder) = match arguments.as_slice() {
        [root, split, folder] => (BsdsDataset::open(root, split.parse()?)?, folder.clone()),
        _ => {
            let (images, people) = (format!("{DRAWN}/images"), format!("{DRAWN}/groundTruth"));
            let dataset = BsdsDataset::open_folders(images, people)?;
            (dataset, format!("{DRAWN}/segments"))
        }
    };
    let found = SegmentationFolder::open(&folder, dataset.ids(), Thresholds::official(99)?)?;

    let regions = evaluate_in_parallel::<_, Error>(&dataset, |index| found.pool(index), |_| ())?;
    let boundaries = evaluate_boundaries::<Error>(
        &dataset,
        |index| found.boundaries(index, &found.pool(index)?),
        |progress| eprintln!("{} of {}", progress.done, progress.total),
    )?;

    let (average, f) = (
        &regions.average_covering,
        [boundaries.ods.f, boundaries.ois.f],
    );
    println!("{:32} {:>6} {:>6}", "", "ODS", "OIS");
    for (name, [ods, ois]) in [
        ("covering", [regions.covering.ods, regions.covering.ois]),
        ("average covering", [average.ods, average.ois]),
        (
            "probabilistic Rand index",
            [regions.pri.ods, regions.pri.ois],
        ),
        (
            "variation of information, bits",
            [regions.vi.ods, regions.vi.ois],
        ),
        ("F of boundaries", f),
    ] {
        println!("{name:32} {ods:6.3} {ois:6.3}");
    }
    println!("average precision {:.3}", boundaries.average_precision);
    Ok(())
}
