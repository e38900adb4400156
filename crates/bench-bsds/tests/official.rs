//! The official benchmark's own results, reproduced to the digits it prints.
//!
//! Its five images are measured as contour maps (`test_1`) and as cells of label maps (`test_4`, `test_5`).

use std::path::{Path, PathBuf};

use bench_bsds::{
    BsdsDataset, Error, Evaluation, Level, Report, SegmentationFolder, Split, Thresholds, evaluate,
    evaluate_in_parallel,
};
use test_support::{data_folder, needs};

fn fixture() -> PathBuf {
    data_folder("bsds-bench-fixture")
}

/// The exact report, and the one from numbers rounded as the official files round them.
fn measured(segmentations: &str) -> [Report; 2] {
    let dataset =
        BsdsDataset::open_folders(fixture().join("images"), fixture().join("groundTruth")).unwrap();
    let thresholds = Thresholds::official(5).unwrap();
    let folder =
        SegmentationFolder::open(fixture().join(segmentations), dataset.ids(), thresholds).unwrap();
    let mut evaluation = Evaluation::default();
    for (index, id) in dataset.ids().iter().enumerate() {
        let annotations = dataset.annotations(index).unwrap();
        evaluation
            .push(id, &annotations, &folder.pool(index).unwrap())
            .unwrap();
    }
    let exact = evaluation.report().unwrap();
    let mut seen = Vec::new();
    let pools = |index| folder.pool(index);
    let report =
        evaluate::<_, Error>(&dataset, pools, |progress| seen.push(progress.done)).unwrap();
    assert_eq!((report, seen), (exact.clone(), vec![1, 2, 3, 4, 5]));
    assert_eq!(
        evaluate_in_parallel::<_, Error>(&dataset, pools, |_| ()).unwrap(),
        exact
    );
    [exact, evaluation.report_as_filed().unwrap()]
}

/// The numbers as C's `%g` prints them: six digits, no zeros behind.
fn printed(numbers: &[f64]) -> Vec<String> {
    numbers
        .iter()
        .map(|number| {
            let before_point = if *number == 0.0 {
                0
            } else {
                number.abs().log10().floor() as i32
            };
            let text = format!("{number:.*}", (5 - before_point).max(0) as usize);
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        })
        .collect()
}

fn official(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn number(level: Level) -> f64 {
    match level {
        Level::Place(number) | Level::Clusters(number) => f64::from(number),
        Level::Threshold(threshold) => threshold,
    }
}

/// The official files, by name.
fn tables(report: &Report) -> [(&'static str, Vec<Vec<f64>>); 5] {
    let (cover, pri, vi) = (&report.covering, &report.pri, &report.vi);
    let images = report.per_image.iter().zip(1u32..).map(|(row, place)| {
        vec![
            f64::from(place),
            number(row.covering_level),
            row.covering,
            row.covering_of_segments,
        ]
    });
    let levels = report.per_level.iter();
    [
        (
            "eval_cover.txt",
            vec![vec![
                number(cover.ods_level),
                cover.ods,
                cover.ois,
                cover.best,
            ]],
        ),
        ("eval_cover_img.txt", images.collect()),
        (
            "eval_cover_th.txt",
            levels
                .clone()
                .map(|row| vec![number(row.level), row.covering])
                .collect(),
        ),
        (
            "eval_RI_VOI.txt",
            vec![vec![
                number(pri.ods_level),
                pri.ods,
                pri.ois,
                number(vi.ods_level),
                vi.ods,
                vi.ois,
            ]],
        ),
        (
            "eval_RI_VOI_thr.txt",
            levels
                .map(|row| vec![number(row.level), row.pri, row.vi])
                .collect(),
        ),
    ]
}

fn assert_is_official([exact, filed]: &[Report; 2], test: &str) {
    for (name, rows) in tables(filed) {
        let found: Vec<_> = rows.iter().map(|row| printed(row)).collect();
        assert_eq!(
            found,
            official(&fixture().join(test).join(name)),
            "{test}/{name}"
        );
    }
    // Without that rounding: half a digit of the print, and as much again from each number in the files.
    for ((name, rows), (_, filed)) in tables(exact).iter().zip(tables(filed)) {
        for (exact, filed) in rows.iter().flatten().zip(filed.iter().flatten()) {
            assert!(
                (exact - filed).abs() <= 1e-5 * filed,
                "{test}/{name}: {exact} {filed}"
            );
        }
    }
}

#[needs("bsds-bench-fixture")]
#[test]
fn contour_maps_as_test_1() {
    assert_is_official(&measured("ucm2"), "test_1");
}

#[needs("bsds-bench-fixture")]
#[test]
fn cells_of_label_maps_as_test_4_and_test_5() {
    let reports = measured("segs");
    assert_is_official(&reports, "test_4");
    assert_is_official(&reports, "test_5");
}

#[needs("bsds500")]
#[test]
fn every_image_and_annotation_of_train_and_val_reads() {
    let mut segments = Vec::new();
    for (split, count) in [(Split::Train, 200), (Split::Val, 100)] {
        let dataset = BsdsDataset::open(data_folder("bsds500"), split).unwrap();
        assert_eq!(dataset.len(), count);
        for index in 0..count {
            let annotations = dataset.annotations(index).unwrap();
            assert!(
                (4..=9).contains(&annotations.len()),
                "{}",
                dataset.ids()[index]
            );
            segments.extend(annotations.iter().map(|map| map.compacted().1));
        }
        assert_eq!(
            dataset.image(0).unwrap().width() as usize,
            dataset.image_size(0).unwrap().width
        );
    }
    segments.sort_unstable();
    assert_eq!(
        (segments.len(), segments[0], segments[segments.len() - 1]),
        (1633, 2, 208)
    );
}

#[test]
fn prints_as_c_does() {
    assert_eq!(
        printed(&[1.0 / 6.0, 0.5, 1.0, 5.0, 1.3687712, 0.0123456789]),
        ["0.166667", "0.5", "1", "5", "1.36877", "0.0123457"]
    );
}
