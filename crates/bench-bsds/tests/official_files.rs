//! The official kit's own text files, written again: those of regions byte for byte, those of boundaries with the same
//! columns and numbers as near as its own runs are to each other (see `official_boundaries.rs`).

use std::path::PathBuf;

use bench_bsds::{
    BoundaryEvaluation, BoundaryFolder, BoundaryMap, BsdsDataset, Evaluation, OfficialFile,
    SegmentationFolder, Thresholds,
};
use test_support::{data_folder, needs};

/// How far R, P, F and AP may lie from the nearest official run.
const TOLERANCE: f64 = 5e-4;

fn fixture() -> PathBuf {
    data_folder("bsds-bench-fixture")
}

fn official(test: &str, name: &str) -> String {
    std::fs::read_to_string(fixture().join(test).join(name)).unwrap()
}

fn dataset() -> BsdsDataset {
    BsdsDataset::open_folders(fixture().join("images"), fixture().join("groundTruth")).unwrap()
}

fn drawn(dataset: &BsdsDataset, index: usize) -> Vec<BoundaryMap> {
    let annotations = dataset.drawn(index).unwrap();
    let maps = annotations
        .iter()
        .map(|annotation| annotation.boundary_map().unwrap());
    maps.collect()
}

/// Files of regions and of boundaries.
fn of_segmentations(folder: &str) -> [Vec<OfficialFile>; 2] {
    let dataset = dataset();
    let folder = SegmentationFolder::open(
        fixture().join(folder),
        dataset.ids(),
        Thresholds::official(5).unwrap(),
    )
    .unwrap();
    let mut regions = Evaluation::default();
    let mut boundaries = BoundaryEvaluation::default();
    for (index, id) in dataset.ids().iter().enumerate() {
        let pool = folder.pool(index).unwrap();
        let annotations = dataset.annotations(index).unwrap();
        regions.push(id, &annotations, &pool).unwrap();
        let found = folder.boundaries(index, &pool).unwrap();
        let drawn = drawn(&dataset, index);
        boundaries.push(id, &drawn, &found).unwrap();
    }
    [
        regions.official_files().unwrap(),
        boundaries.official_files().unwrap(),
    ]
}

fn of_pictures() -> Vec<OfficialFile> {
    let dataset = dataset();
    let thresholds = Thresholds::official(5).unwrap();
    let folder = BoundaryFolder::open(fixture().join("png"), dataset.ids(), thresholds).unwrap();
    let mut boundaries = BoundaryEvaluation::default();
    for (index, id) in dataset.ids().iter().enumerate() {
        let found = folder.boundaries(index).unwrap();
        let drawn = drawn(&dataset, index);
        boundaries.push(id, &drawn, &found).unwrap();
    }
    boundaries.official_files().unwrap()
}

/// Those of all images, and those of each.
fn split(files: &[OfficialFile]) -> (Vec<&OfficialFile>, Vec<&OfficialFile>) {
    files
        .iter()
        .partition(|file| file.name.starts_with("eval_"))
}

fn assert_same_text(files: &[OfficialFile], test: &str) {
    let (together, each) = split(files);
    assert_eq!((together.len(), each.len()), (5, 15));
    for file in together {
        assert_eq!(
            file.text,
            official(test, &file.name),
            "{test}/{}",
            file.name
        );
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

fn assert_near(files: &[OfficialFile], test: &str) {
    let (together, each) = split(files);
    assert_eq!((together.len(), each.len()), (3, 5));
    for file in together {
        let name = &file.name;
        let expected = official(test, name);
        let runs = ["test_1", "test_2", "test_3", "test_4"].map(|run| official(run, name));
        assert_eq!(file.text.lines().count(), expected.lines().count());
        for (line, (found, expected)) in file.text.lines().zip(expected.lines()).enumerate() {
            // Columns of the same places, numbers of images and levels to the digit.
            assert_eq!(found.len(), expected.len(), "{test}/{name}");
            let names = match name.as_str() {
                "eval_bdry_img.txt" => 2,
                _ => 1,
            };
            let exact = 11 * names - 1;
            assert_eq!(found[..exact], expected[..exact], "{test}/{name}");
            for (column, found) in numbers(found).iter().enumerate().skip(names) {
                let from = |run: &String| {
                    let of_run = numbers(run.lines().nth(line).unwrap_or_default());
                    (found - of_run[column]).abs()
                };
                let nearest = runs.iter().map(from).fold(f64::MAX, f64::min);
                assert!(
                    nearest <= TOLERANCE,
                    "{test}/{name}: {found}: {nearest:.1e}"
                );
            }
        }
    }
}

#[needs("bsds-bench-fixture")]
#[test]
fn contour_maps_as_test_1() {
    let [regions, boundaries] = of_segmentations("ucm2");
    assert_same_text(&regions, "test_1");
    assert_near(&boundaries, "test_1");
}

#[needs("bsds-bench-fixture")]
#[test]
fn pictures_as_test_2() {
    assert_near(&of_pictures(), "test_2");
}

#[needs("bsds-bench-fixture")]
#[test]
fn cells_of_label_maps_as_test_3_to_test_5() {
    let [regions, boundaries] = of_segmentations("segs");
    for test in ["test_4", "test_5"] {
        assert_same_text(&regions, test);
    }
    for test in ["test_3", "test_4"] {
        assert_near(&boundaries, test);
    }
}
