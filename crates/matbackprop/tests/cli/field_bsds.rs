//! Inputs that people have and that once failed: layouts of others on BSDS500, and files in place of weights.
//!
//! Protects the numbers of the same data in other files, and the sentence where a number can hardly be meant.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::call::{Called, matbackprop};

/// The boundary F of maps of two levels.
const F_OF_TWO: f64 = 0.945_4;
/// The covering of the label maps, where id 0 is a segment.
const COVERING: f64 = 0.981_8;

pub fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/field-cases/bsds")
        .join(name)
}

/// The usual set, with the files of these cases over its own; a kind of files that a case has replaces the set's.
pub fn set_with(cases: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["images/val", "groundTruth/val"] {
        let of_case = cases
            .iter()
            .map(|name| case(name).join(kind))
            .find(|of| of.is_dir());
        let to = folder.path().join(kind);
        copy(&of_case.unwrap_or_else(|| case("set").join(kind)), &to);
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// The object of a measurement, and the messages beside it.
pub fn measured(data: &Path, more: &[&str]) -> (Value, String) {
    let data = data.display().to_string();
    let call = ["eval", "bsds", "--split", "val", "--json", "--data", &data];
    let Called { code, out, err } = matbackprop(&call).args(more).call();
    assert_eq!(code, 0, "{err}");
    (serde_json::from_str(&out).unwrap(), err)
}

fn refused(data: &Path, more: &[&str]) -> String {
    let data = data.display().to_string();
    matbackprop(&["eval", "bsds", "--split", "val", "--data", &data])
        .args(more)
        .fail(1)
}

fn f_of(object: &Value) -> f64 {
    object["boundary"]["ods"]["f"].as_f64().unwrap()
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// To the digits that are printed.
fn is(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 5.1e-5
}

#[test]
fn case_40_labels_from_zero_in_mat_files() {
    let covering = |object: &Value| object["covering"]["ods"].as_f64().unwrap();
    let [mat, png] = ["40/mat", "40/png"].map(|folder| text(&case(folder)));
    let (object, err) = measured(&case("set"), &["--segs", &png]);
    assert!(is(covering(&object), COVERING), "{object}");
    assert!(
        object.get("remarks").is_none() && !err.contains("note:"),
        "{err}"
    );
    // As the benchmark counts them, with a word.
    let (object, err) = measured(&case("set"), &["--segs", &mat]);
    assert!(is(covering(&object), 0.708_3), "{object}");
    assert!(
        err.contains("id 0 stands on") && err.contains("--labels-from-zero"),
        "{err}"
    );
    assert!(
        object["remarks"][0]
            .as_str()
            .unwrap()
            .contains("--labels-from-zero")
    );
    let (object, err) = measured(&case("set"), &["--segs", &mat, "--labels-from-zero"]);
    assert!(is(covering(&object), COVERING), "{object}");
    assert!(!err.contains("note:"), "{err}");
}

#[test]
fn case_41_soft_maps_of_0_and_1() {
    let maps = text(&case("41/maps"));
    let (object, err) = measured(&case("set"), &["--pb", &maps]);
    assert_eq!(f_of(&object), 0.0);
    assert!(
        err.contains("the brightest pixel of all soft maps is 1 of 255"),
        "{err}"
    );
    assert!(err.contains("--scale 1 "), "{err}");
    let (object, err) = measured(&case("set"), &["--pb", &maps, "--scale", "1"]);
    assert!(is(f_of(&object), F_OF_TWO), "{object}");
    assert!(!err.contains("note:"), "{err}");
    let data = text(&case("set"));
    let call = [
        "eval", "bsds", "--split", "val", "--data", &data, "--pb", &maps,
    ];
    let err = matbackprop(&call).args(["--scale", "0"]).fail(2);
    assert!(
        err.contains("--scale: expected a number above 0, found 0"),
        "{err}"
    );
}

#[test]
fn cases_43_to_51_are_the_same_numbers_in_other_files() {
    let maps = text(&case("maps"));
    let (usual, _) = measured(&case("set"), &["--pb", &maps]);
    for (number, cases, maps) in [
        (43, &[][..], "43/maps"),
        (45, &["45"], "maps"),
        (46, &["46"], "maps"),
    ] {
        let set = set_with(cases);
        let (object, err) = measured(set.path(), &["--pb", &text(&case(maps))]);
        assert_eq!(object, usual, "case {number}: {err}");
        assert!(!err.contains("note:"), "case {number}: {err}");
    }
    // Doubles, which no picture of 8 bits has rounded.
    let (object, err) = measured(&case("set"), &["--pb", &text(&case("44/maps"))]);
    assert!(
        is(f_of(&usual), 0.986_5) && is(f_of(&object), 0.986_5),
        "{object}: {err}"
    );
    assert!(!err.contains("note:"), "{err}");
    // A PNG under the name of a JPEG, and what macOS leaves.
    let set = set_with(&[]);
    fs::copy(
        case("50/images/val/101.jpg"),
        set.path().join("images/val/101.jpg"),
    )
    .unwrap();
    fs::write(set.path().join("images/val/._101.jpg"), [0, 5, 22, 7]).unwrap();
    fs::write(set.path().join("groundTruth/val/._102.mat"), [0, 5, 22, 7]).unwrap();
    fs::write(set.path().join("images/val/.DS_Store"), "").unwrap();
    fs::write(set.path().join("images/val/Thumbs.db"), "").unwrap();
    assert_eq!(measured(set.path(), &["--pb", &maps]).0, usual);
}

#[test]
fn cases_47_and_49_are_one_annotator_without_segments() {
    let maps = text(&case("maps"));
    let [mat, png] = ["47", "49"].map(|number| {
        let (object, err) = measured(set_with(&[number]).path(), &["--pb", &maps]);
        assert!(!err.contains("note:"), "{err}");
        object
    });
    assert!(is(f_of(&mat), 0.979_2), "{mat}");
    assert_eq!(mat, png);
}

#[test]
fn maps_and_truths_upside_down_are_read_where_that_is_asked_for() {
    let (usual, _) = measured(&case("set"), &["--pb", &text(&case("maps"))]);
    let folder = tempfile::tempdir().unwrap();
    let inverted = folder.path().join("maps");
    invert(&case("maps"), &inverted);
    let (wrong, err) = measured(&case("set"), &["--pb", &text(&inverted)]);
    assert!(f_of(&wrong) < 0.5, "{wrong}");
    assert!(err.contains("--invert"), "{err}");
    let (object, err) = measured(&case("set"), &["--pb", &text(&inverted), "--invert"]);
    assert!(is(f_of(&object), f_of(&usual)), "{object}: {err}");
    assert!(!err.contains("note:"), "{err}");
    // Truths of pictures: black lines on white, and levels of which the brighter half counts.
    let maps = text(&case("maps"));
    let pictures = set_with(&["49"]);
    let (expected, _) = measured(pictures.path(), &["--pb", &maps]);
    let truth = pictures.path().join("groundTruth/val");
    invert(&truth, &truth);
    let (object, _) = measured(pictures.path(), &["--pb", &maps, "--truth", "inverted"]);
    assert_eq!(f_of(&object), f_of(&expected));
    invert(&truth, &truth);
    let (object, _) = measured(pictures.path(), &["--pb", &maps, "--truth-above", "0.5"]);
    assert_eq!(f_of(&object), f_of(&expected));
}

#[test]
fn truths_of_bsds300_are_read() {
    let set = tempfile::tempdir().unwrap();
    copy(&case("set/images/val"), &set.path().join("images/test"));
    for (user, id) in [("1102", "101"), ("1107", "101"), ("1102", "102")] {
        let folder = set.path().join("human/color").join(user);
        fs::create_dir_all(&folder).unwrap();
        let rows = (0..40).map(|row| format!("0 {row} 0 29\n1 {row} 30 59\n"));
        let rows: String = rows.collect();
        let seg =
            format!("format ascii cr\nimage {id}\nuser {user}\nwidth 60\nheight 40\ndata\n{rows}");
        fs::write(folder.join(format!("{id}.seg")), seg).unwrap();
    }
    // Halves, as the truth has them.
    let maps = tempfile::tempdir().unwrap();
    for id in ["101", "102"] {
        let halves = image::GrayImage::from_fn(60, 40, |x, _| image::Luma([u8::from(x >= 30)]));
        halves.save(maps.path().join(format!("{id}.png"))).unwrap();
    }
    let (data, maps) = (text(set.path()), text(maps.path()));
    let call = ["eval", "bsds", "--split", "test", "--json", "--data", &data];
    let Called { code, out, err } = matbackprop(&call)
        .args(["--segs", &maps, "--boundaries"])
        .call();
    assert_eq!(code, 0, "{err}");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["covering"]["ods"], 1.0);
    assert_eq!(f_of(&object), 1.0);
    assert!(!err.contains("note:"), "{err}");
}

/// The pictures of a folder, black for white.
fn invert(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries: Vec<_> = fs::read_dir(from).unwrap().map(Result::unwrap).collect();
    for entry in entries {
        let mut picture = image::open(entry.path()).unwrap().to_luma8();
        image::imageops::invert(&mut picture);
        picture.save(to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn case_49_a_truth_of_pictures_has_no_regions() {
    let set = set_with(&["49"]);
    let err = refused(set.path(), &["--segs", &text(&case("40/png"))]);
    assert!(
        err.contains("101.png: expected segments, found boundaries alone"),
        "{err}"
    );
}

#[test]
fn case_52_a_map_of_another_size_is_named_by_its_path() {
    let maps = text(&case("52/maps"));
    let err = refused(&case("set"), &["--pb", &maps]);
    let expected = format!(
        "{}: expected 60 × 40 pixels, as the photograph has, found 48 × 32: save it at the photograph's size",
        case("52/maps/101.png").display()
    );
    assert!(err.contains(&expected), "{err}");
    let err = refused(&case("set"), &["--segs", &maps]);
    assert!(err.contains(&expected), "{err}");
}

#[test]
fn case_70_memory_is_the_limit_and_not_a_ratio() {
    let (object, _) = measured(&case("70/set"), &["--segs", &text(&case("70/segs8"))]);
    assert!(
        is(object["covering"]["ods"].as_f64().unwrap(), 1.0),
        "{object}"
    );
}

#[test]
fn an_image_without_a_map_is_left_out_by_name_up_to_a_share() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(case("maps/101.png"), folder.path().join("101.png")).unwrap();
    let maps = text(folder.path());
    let err = refused(&case("set"), &["--pb", &maps]);
    assert!(err.contains("for image 102, found none"), "{err}");
    let share = ["--pb", &maps, "--max-unreadable", "0.5"];
    let (object, err) = measured(&case("set"), &share);
    assert_eq!(object["images"], 1);
    assert_eq!(object["left_out"][0]["id"], "102");
    assert!(err.contains("image 102 is left out: "), "{err}");
    // One that cannot be read is left out too, once more is allowed than that.
    fs::write(folder.path().join("102.png"), "no picture").unwrap();
    let (object, err) = measured(&case("set"), &share);
    assert_eq!(object["images"], 1);
    assert!(
        err.contains("image 102 is left out: ") && err.contains("102.png: "),
        "{err}"
    );
    fs::write(folder.path().join("101.png"), "no picture").unwrap();
    let err = refused(&case("set"), &share);
    assert_eq!(
        err.matches("101.png").count() + err.matches("102.png").count(),
        1,
        "{err}"
    );
    let out = tempfile::tempdir().unwrap();
    fs::copy(case("maps/102.png"), folder.path().join("102.png")).unwrap();
    let out_folder = text(out.path());
    let (object, _) = measured(
        &case("set"),
        &[&share[..], &["--out", &out_folder]].concat(),
    );
    assert_eq!(object["left_out"][0]["id"], "101");
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("(1 left out)") && page.contains("102: F "));
}

#[test]
fn raw_maps_are_suppressed_where_that_is_asked_for() {
    let maps = text(&case("maps"));
    let (raw, _) = measured(&case("set"), &["--pb", &maps]);
    let (thin, _) = measured(&case("set"), &["--pb", &maps, "--nms"]);
    assert_ne!(f_of(&raw), f_of(&thin));
    assert!(f_of(&thin) > 0.3, "{thin}");
    let data = text(&case("set"));
    let call = [
        "eval", "bsds", "--split", "val", "--data", &data, "--segs", &maps,
    ];
    matbackprop(&call).args(["--nms"]).fail(2);
}

#[test]
fn case_80_files_in_place_of_weights_are_named() {
    for (name, words) in [
        (
            "model.pth",
            "found a PyTorch checkpoint: data/README.md tells how to make safetensors of it",
        ),
        (
            "lfs.safetensors",
            "found a Git LFS pointer: `git lfs pull` fetches the file of 12345678 bytes",
        ),
        ("html.safetensors", "found a web page"),
    ] {
        let path = text(&case("80").join(name));
        let err = matbackprop(&["info", &path]).fail(1);
        assert!(err.contains(words), "{name}: {err}");
        // Once.
        assert_eq!(err.matches(name).count(), 1, "{err}");
        assert_eq!(err.matches("expected").count(), 1, "{err}");
    }
}

#[test]
fn case_81_a_prefix_of_a_wrapper_is_passed_over() {
    let weights = text(&case("81/module.safetensors"));
    let err = matbackprop(&["info", &weights]).fail(1);
    assert!(
        err.contains("found the weights of a trunk alone, lite0"),
        "{err}"
    );
    let set = set_with(&[]);
    for kind in ["images", "groundTruth"] {
        copy(
            &case("set").join(kind).join("val"),
            &set.path().join(kind).join("train"),
        );
    }
    let call = ["--model", "lite0-untrained", "--trunk-weights", &weights];
    let err = refused(set.path(), &call);
    // The stem is there behind its prefix; the file has nothing else.
    assert!(
        err.contains("module.safetensors: expected a tensor `_"),
        "{err}"
    );
    assert!(
        !err.contains("expected a tensor `_conv_stem.weight`"),
        "{err}"
    );
    assert!(
        err.contains("found one tensor, `module._conv_stem.weight`"),
        "{err}"
    );
}
