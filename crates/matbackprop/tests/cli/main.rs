//! The binary, called as people call it.

mod bad_input;
mod bsds_notes;
mod call;
#[cfg(unix)]
mod chaos;
mod eval_bsds;
mod eval_coco;
mod examples;
mod fault_tolerance;
mod field_bsds;
mod help;
mod little_memory;
mod official_files;
#[cfg(feature = "mpi")]
mod ranks;
mod real_images;
mod report;
mod reproduce;
mod segment;
mod segment_as_seen;
mod segment_exports;
mod segment_files;
#[cfg(target_os = "linux")]
mod segment_stops;
mod small_bsds;
mod small_coco;
mod train_boundaries;
mod train_ncuts;
mod train_o2p;
mod unread;

use call::{Called, matbackprop};

#[test]
fn a_wrong_call_is_reported_on_standard_error_with_code_2() {
    let calls: [&[&str]; 16] = [
        &[],
        &["segments"],
        &["segment"],
        &["segment", "a.jpg", "--k", "0"],
        &["segment", "a.jpg", "--k", "9..3"],
        &["segment", "a.jpg", "--max-side", "-1"],
        &["train"],
        &[
            "train", "ncuts", "--data", "d", "--trunk", "resnet", "--out", "o",
        ],
        &["eval", "bsds", "--data", "d", "--split", "val"],
        &[
            "eval", "bsds", "--data", "d", "--split", "dev", "--ucm", "u",
        ],
        &[
            "eval", "bsds", "--data", "d", "--split", "val", "--ucm", "u", "--segs", "s",
        ],
        &[
            "eval",
            "bsds",
            "--data",
            "d",
            "--split",
            "val",
            "--untrained",
            "vgg16",
        ],
        &["eval", "coco"],
        &["eval", "coco", "--truth", "t"],
        &["eval", "coco", "--detections", "d"],
        &[
            "eval",
            "coco",
            "--detections",
            "d",
            "--truth",
            "t",
            "--kind",
            "keypoints",
        ],
    ];
    for call in calls {
        let Called { code, out, err } = matbackprop(call).call();
        assert_eq!((code, out.as_str()), (2, ""), "{call:?}: {err}");
        assert!(err.len() > 20, "{call:?}: {err}");
    }
}

#[test]
fn info_tells_the_embedded_network() {
    let Called { code, out, .. } = matbackprop(&["info"]).call();
    assert_eq!(code, 0);
    for word in ["trunk       lite0", "head", "bytes", "taps", "clusters"] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn info_names_a_file_that_is_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    std::fs::write(&path, "nothing").unwrap();
    for path in [path, folder.path().join("absent")] {
        let name = path.display().to_string();
        let Called { code, out, err } = matbackprop(&["info", &name]).call();
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(err.contains(&name), "{err}");
    }
}

#[test]
fn a_report_of_no_training_names_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().display().to_string();
    let Called { code, out, err } = matbackprop(&["report", &run]).call();
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("journal.jsonl"), "{err}");
    std::fs::write(folder.path().join("journal.jsonl"), "x\n").unwrap();
    let Called { code, err, .. } = matbackprop(&["report", &run]).call();
    assert!(code == 1 && err.contains("line 1"), "{err}");
}
