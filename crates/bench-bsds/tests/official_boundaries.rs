//! The official benchmark's own boundary results.
//!
//! Its five images are measured as contour maps (`test_1`), as pictures (`test_2`) and as cells of label maps (`test_3`
//! and `test_4`). All are the same boundaries, so that those folders hold four runs of one measurement; they differ by
//! up to 10⁻³ in an image, as a pixel without partner has to find a place in a graph drawn at random, and sometimes
//! takes a partner from others for it. Ours are the most pairs there can be.

use std::path::PathBuf;

use bench_bsds::{
    BoundaryMap, BoundaryReport, BsdsDataset, Error, Level, Split, Thresholds, evaluate_boundaries,
    read_boundaries,
};
use test_support::{data_folder, needs};

/// How far R, P, F and AP may lie from the nearest official run: twice the measured distance.
const TOLERANCE: f64 = 5e-4;

/// How far from any official run, over all images and in one image: those lie as far from each other.
const SPREAD: f64 = 1e-3;
const SPREAD_IN_AN_IMAGE: f64 = 1.5e-3;

fn fixture() -> PathBuf {
    data_folder("bsds-bench-fixture")
}

fn measured(folder: &str, ending: &str, thresholds: usize) -> BoundaryReport {
    let dataset =
        BsdsDataset::open_folders(fixture().join("images"), fixture().join("groundTruth")).unwrap();
    let thresholds = Thresholds::official(thresholds).unwrap();
    let found = |index: usize| {
        let id = &dataset.ids()[index];
        let file = fixture().join(folder).join(format!("{id}.{ending}"));
        read_boundaries(&file, &thresholds)
    };
    evaluate_boundaries::<Error>(&dataset, found, |_| ()).unwrap()
}

fn official(test: &str, name: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(fixture().join(test).join(name)).unwrap();
    text.lines()
        .map(|line| {
            line.split_whitespace()
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect()
}

/// The official files, by name.
fn tables(report: &BoundaryReport) -> [(&'static str, Vec<Vec<f64>>); 3] {
    let (ods, ois) = (report.ods, report.ois);
    let levels = report.per_level.iter().map(|row| {
        let level = match row.level {
            Level::Place(number) | Level::Clusters(number) => f64::from(number),
            Level::Threshold(threshold) => threshold,
        };
        vec![level, row.score.recall, row.score.precision, row.score.f]
    });
    let images = report.per_image.iter().zip(1u32..).map(|(row, place)| {
        let score = row.score;
        vec![
            f64::from(place),
            row.level,
            score.recall,
            score.precision,
            score.f,
        ]
    });
    let together = vec![
        report.ods_level,
        ods.recall,
        ods.precision,
        ods.f,
        ois.recall,
        ois.precision,
        ois.f,
        report.average_precision,
    ];
    [
        ("eval_bdry_thr.txt", levels.collect()),
        ("eval_bdry_img.txt", images.collect()),
        ("eval_bdry.txt", vec![together]),
    ]
}

fn assert_is_official(report: &BoundaryReport, test: &str) {
    for (name, rows) in tables(report) {
        let expected = official(test, name);
        let runs = ["test_1", "test_2", "test_3", "test_4"].map(|test| official(test, name));
        let spread = if name == "eval_bdry_img.txt" {
            SPREAD_IN_AN_IMAGE
        } else {
            SPREAD
        };
        assert_eq!(rows.len(), expected.len(), "{test}/{name}");
        let (mut farthest, mut nearest) = (0.0_f64, 0.0_f64);
        for (y, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), expected[y].len(), "{test}/{name}");
            // Numbers of images and levels are exact, and differ from run to run.
            let names = row.len() - if name == "eval_bdry.txt" { 7 } else { 3 };
            for (x, found) in row.iter().enumerate() {
                let from = |official: f64| (found - official).abs();
                if x < names {
                    assert!(
                        from(expected[y][x]) < 1e-6,
                        "{test}/{name}: {found} {expected:?}"
                    );
                    continue;
                }
                farthest = farthest.max(from(expected[y][x]));
                nearest = nearest.max(
                    runs.iter()
                        .map(|run| from(run[y][x]))
                        .fold(f64::MAX, f64::min),
                );
            }
        }
        println!("{test}/{name}: {farthest:.1e}, nearest run {nearest:.1e}");
        assert!(
            farthest <= spread && nearest <= TOLERANCE,
            "{test}/{name}: {farthest:.1e}, {nearest:.1e}"
        );
        // Recall counts pairs. The official numbers are rounded to six digits.
        for (row, expected) in rows.iter().zip(&expected) {
            let recall = row.len() - if name == "eval_bdry.txt" { 7 } else { 3 };
            assert!(
                row[recall] >= expected[recall] - 5e-7,
                "{test}/{name}: {row:?} {expected:?}"
            );
        }
    }
}

#[needs("bsds-bench-fixture")]
#[test]
fn all_four_official_runs() {
    let contours = measured("ucm2", "mat", 5);
    assert_is_official(&contours, "test_1");
    let pictures = measured("png", "png", 5);
    assert_is_official(&pictures, "test_2");
    // As many levels as there are segmentations, for any number asked for.
    let segments = measured("segs", "mat", 99);
    assert_is_official(&segments, "test_3");
    assert_is_official(&segments, "test_4");
    let scores = |report: &BoundaryReport| -> Vec<_> {
        report.per_level.iter().map(|row| row.score).collect()
    };
    assert_eq!(contours.per_level, pictures.per_level);
    assert_eq!(scores(&contours), scores(&segments));
}

/// Boundaries of label maps and their thinning, to the pixel: the files hold both for every annotation.
#[needs("bsds500")]
#[test]
fn boundaries_drawn_are_those_between_the_segments() {
    let mut count = 0;
    for split in [Split::Train, Split::Val] {
        let dataset = BsdsDataset::open(data_folder("bsds500"), split).unwrap();
        for index in 0..dataset.len() {
            for annotation in dataset.drawn(index).unwrap() {
                assert!(annotation.boundaries.is_some());
                let between = BoundaryMap::between_segments(&annotation.segmentation).thinned();
                assert!(
                    between == annotation.boundary_map().unwrap(),
                    "{}",
                    dataset.ids()[index]
                );
                count += 1;
            }
        }
    }
    assert_eq!(count, 1633);
}
