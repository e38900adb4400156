//! `matbackprop eval bsds --pb` and `--out`: soft boundary maps, the official kit's files, and resumed calls.

use std::path::Path;

use bench_bsds::BoundaryMap;
use image::{ImageBuffer, Luma};
use segmentation::LabelMap;
use serde_json::Value;
use test_support::needs;

use crate::call::{Called, matbackprop, names_in};
use crate::eval_bsds::{dataset, eval, fixture, near, perfect_segmentations};
use crate::small_bsds;

/// The boundaries of one annotator, as strengths of 0 and 1.
fn drawn(seed: usize) -> BoundaryMap {
    let (width, height) = (small_bsds::WIDTH, small_bsds::HEIGHT);
    let ids = (0..width * height)
        .map(|pixel| u32::from(small_bsds::segment(seed, pixel % width, pixel / width)));
    let map = LabelMap::new(width, height, ids.collect()).unwrap();
    BoundaryMap::between_segments(&map)
}

/// Soft boundary maps of both images of val, one in 8 bits, one in 16.
fn perfect_boundaries(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let (width, height) = (small_bsds::WIDTH as u32, small_bsds::HEIGHT as u32);
    let (first, second) = (drawn(0), drawn(1));
    let grey = first.pixels().iter().map(|set| u8::from(*set) * 255);
    ImageBuffer::<Luma<u8>, _>::from_raw(width, height, grey.collect::<Vec<_>>())
        .unwrap()
        .save(folder.join("21.png"))
        .unwrap();
    let grey = second.pixels().iter().map(|set| u16::from(*set) * 65535);
    ImageBuffer::<Luma<u16>, _>::from_raw(width, height, grey.collect::<Vec<_>>())
        .unwrap()
        .save(folder.join("22.png"))
        .unwrap();
}

/// A folder below another, as an argument.
fn below(root: &Path, name: &str) -> String {
    root.join(name).display().to_string()
}

#[test]
fn soft_boundary_maps_are_measured_by_their_boundaries_alone() {
    let data = dataset();
    perfect_boundaries(&data.path().join("pb"));
    let pb = below(data.path(), "pb");
    let call = || matbackprop(&[]).args(eval(data.path())).args(["--pb", &pb]);
    let object: Value = serde_json::from_str(&call().args(["--json"]).succeed()).unwrap();
    let keys: Vec<_> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["boundary", "images"]);
    for measure in ["recall", "precision", "f"] {
        near(&object["boundary"]["ods"][measure], 1.0);
        near(&object["boundary"]["ois"][measure], 1.0);
    }
    let table = call().succeed();
    assert!(
        table.contains("boundary F                  1.0000  1.0000"),
        "{table}"
    );
    assert!(!table.contains("covering"), "{table}");
    let out = data.path().join("out");
    call().args(["--out"]).args([&out]).succeed();
    let names = names_in(&out);
    assert!(
        names.contains(&"eval_bdry.txt".to_owned())
            && !names.contains(&"eval_cover.txt".to_owned()),
        "{names:?}"
    );
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("21: F 1.000, threshold 0.01"), "{page}");
}

#[test]
fn wrong_soft_boundary_maps_are_named() {
    let data = dataset();
    let folder = data.path().join("pb");
    let pb = below(data.path(), "pb");
    let call = |more: &[&str]| {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--pb", &pb])
            .args(more)
    };
    let err = call(&[]).fail(2);
    assert!(err.contains("--pb: expected a folder"), "{err}");
    perfect_boundaries(&folder);
    for more in [["--k", "2"], ["--levels", "auto"], ["--thresholds", "0"]] {
        let err = call(&more).fail(2);
        assert!(err.contains(more[0]), "{err}");
    }
    image::GrayImage::new(64, 47)
        .save(folder.join("22.png"))
        .unwrap();
    let err = call(&[]).fail(1);
    assert!(
        err.contains("22.png: expected 64 × 48 pixels, as the photograph has, found 64 × 47"),
        "{err}"
    );
    image::RgbImage::from_pixel(64, 48, image::Rgb([200, 0, 0]))
        .save(folder.join("22.png"))
        .unwrap();
    let err = call(&[]).fail(1);
    assert!(
        err.contains("22.png") && err.contains("grey of 8 or 16 bits"),
        "{err}"
    );
    std::fs::remove_file(folder.join("22.png")).unwrap();
    let err = call(&[]).fail(1);
    assert!(
        err.contains("expected 22.png, 22.npy, 22.mat or 22.jpg for image 22, found none"),
        "{err}"
    );
    assert!(call(&["--limit", "1"]).succeed().contains("1 image,"));
}

/// Everything below a folder except its own path: names and bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut contents = Vec::new();
    for name in names_in(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            contents.extend(self::contents(&path));
        } else {
            contents.push((name, std::fs::read(path).unwrap()));
        }
    }
    contents
}

#[test]
fn out_holds_the_kit_and_a_page() {
    let data = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let (segs, out) = (below(data.path(), "segs"), data.path().join("out"));
    let printed = matbackprop(&[])
        .args(eval(data.path()))
        .args(["--segs", &segs, "--boundaries", "--out"])
        .args([&out])
        .succeed();
    assert!(printed.contains("report.html"), "{printed}");
    let mut expected = vec![
        "eval_RI_VOI.txt",
        "eval_RI_VOI_thr.txt",
        "eval_bdry.txt",
        "eval_bdry_img.txt",
        "eval_bdry_thr.txt",
        "eval_cover.txt",
        "eval_cover_img.txt",
        "eval_cover_th.txt",
        "images",
        "report.html",
        "report.json",
        "settings.json",
    ];
    let names = ["21", "22"].map(|id| [1, 2, 3, 4].map(|kind| format!("{id}_ev{kind}.txt")));
    expected.extend(names.iter().flatten().map(String::as_str));
    expected.sort_unstable();
    assert_eq!(names_in(&out), expected);
    assert_eq!(names_in(&out.join("images")), ["21.json", "22.json"]);
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(
        text("eval_cover.txt"),
        "         1          1          1          1\n"
    );
    // One annotator's 64 × 48 pixels.
    assert_eq!(
        text("21_ev2.txt"),
        "         1       3072       3072       3072       3072\n"
    );
    let object: Value = serde_json::from_str(&text("report.json")).unwrap();
    near(&object["per_image"][1]["covering"], 1.0);
    near(&object["boundary"]["per_image"][1]["f"], 1.0);
    let page = text("report.html");
    for part in [
        "Precision over recall",
        "Best images",
        "Worst images",
        "class=\"sortable\"",
        "base64,",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for outside in ["src=\"http", "href=", "@import", "url("] {
        assert!(
            !page.contains(outside),
            "the page needs nothing but itself: {outside}"
        );
    }
}

#[test]
fn a_call_that_was_stopped_goes_on_to_the_same_numbers() {
    let data = dataset();
    let segs = data.path().join("segs");
    perfect_segmentations(&segs);
    // Something to count: the first image's map is that of the second.
    std::fs::copy(segs.join("22.png"), segs.join("21.png")).unwrap();
    let call = |out: &Path, more: &[&str]| {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--boundaries", "--json", "--segs"])
            .args([&segs])
            .args(["--out"])
            .args([out])
            .args(more)
    };
    let (whole, stopped) = (data.path().join("whole"), data.path().join("stopped"));
    let expected = call(&whole, &[]).succeed();

    let second = std::fs::read(segs.join("22.png")).unwrap();
    std::fs::write(segs.join("22.png"), "torn").unwrap();
    assert!(call(&stopped, &[]).fail(1).contains("22.png"));
    assert_eq!(names_in(&stopped.join("images")), ["21.json"]);
    std::fs::write(segs.join("22.png"), second).unwrap();

    let kept = stopped.join("images/21.json");
    let written = || std::fs::metadata(&kept).unwrap().modified().unwrap();
    let before = written();
    assert_eq!(call(&stopped, &[]).succeed(), expected);
    assert_eq!(written(), before, "the first image was measured again");
    assert!(contents(&stopped) == contents(&whole));

    // More images are no other setting.
    let grown = data.path().join("grown");
    call(&grown, &["--limit", "1"]).succeed();
    assert_eq!(call(&grown, &[]).succeed(), expected);
    assert!(contents(&grown) == contents(&whole));

    let err = call(&whole, &["--thresholds", "7"]).fail(2);
    assert!(
        err.contains("other settings") && err.contains("thresholds: expected 99, found 7"),
        "{err}"
    );
    std::fs::write(segs.join("22.png"), "other").unwrap();
    let err = call(&whole, &[]).fail(2);
    assert!(
        err.contains("22.json") && err.contains("other files"),
        "{err}"
    );
}

#[test]
fn a_retrained_network_is_another_setting() {
    let data = dataset();
    let weights = data.path().join("network.safetensors");
    let embedded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/weights/ncuts_lite0_f16.safetensors"
    );
    std::fs::copy(embedded, &weights).unwrap();
    let call = |name: &str, more: &[&str]| {
        matbackprop(&[])
            .args(eval(data.path()))
            .args(["--k", "2,3", "--json", "--details", "--weights"])
            .args([&weights])
            .args(["--out", &below(data.path(), name)])
            .args(more)
    };
    let expected = call("whole", &[]).succeed();
    call("grown", &["--limit", "1"]).succeed();
    assert_eq!(call("grown", &[]).succeed(), expected);
    let err = call("grown", &["--boundaries"]).fail(2);
    assert!(
        err.contains("boundaries: expected false, found true"),
        "{err}"
    );
    let small = [
        "train", "ncuts", "--trunk", "alexnet", "--epochs", "1", "--head", "6x1",
    ];
    matbackprop(&small)
        .args([
            "--from-scratch",
            "--data",
            &data.path().display().to_string(),
        ])
        .args(["--out", &below(data.path(), "run"), "--export"])
        .args([&weights])
        .succeed();
    let err = call("grown", &[]).fail(2);
    assert!(err.contains("network: expected "), "{err}");
}

#[test]
fn a_folder_that_cannot_be_written_is_reported_before_the_work() {
    let data = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let segs = below(data.path(), "segs");
    let file = data.path().join("file");
    std::fs::write(&file, "a file").unwrap();
    let err = matbackprop(&[])
        .args(eval(data.path()))
        .args(["--segs", &segs, "--out"])
        .args([&file])
        .fail(1);
    assert!(err.contains("--out") && err.contains("file"), "{err}");
    assert!(!err.contains("image 1/"), "{err}");
    assert_eq!(std::fs::read(&file).unwrap(), b"a file");
}

#[needs("bsds-bench-fixture")]
#[test]
fn the_official_files_are_written_again() {
    let data = tempfile::tempdir().unwrap();
    let fixture = fixture(data.path());
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let sources = [
        ("--ucm", "ucm2", "test_1"),
        ("--segs", "segs", "test_4"),
        ("--pb", "png", "test_2"),
    ];
    for (option, folder, test) in sources {
        let out = data.path().join(test);
        let mut call = matbackprop(&[])
            .args(eval(data.path()))
            .args([option, &below(&fixture, folder), "--boundaries", "--out"])
            .args([&out]);
        if option != "--segs" {
            call = call.args(["--thresholds", "5"]);
        }
        let Called { code, err, .. } = call.call();
        assert_eq!(code, 0, "{err}");
        for name in names_in(&fixture.join(test)) {
            let expected = text(&fixture.join(test).join(&name));
            let found = text(&out.join(&name));
            if !name.starts_with("eval_bdry") {
                assert_eq!(found, expected, "{test}/{name}");
                continue;
            }
            assert_eq!(found.len(), expected.len(), "{test}/{name}");
            // Four official runs of one measurement differ by up to 1e-3: ours is within 5e-4 of one of them.
            let numbers = |text: &str| -> Vec<f64> {
                let words = text.split_whitespace();
                words.map(|number| number.parse().unwrap()).collect()
            };
            let runs = ["test_1", "test_2", "test_3", "test_4"];
            let runs = runs.map(|run| numbers(&text(&fixture.join(run).join(&name))));
            for (place, number) in numbers(&found).into_iter().enumerate() {
                let from = |run: &Vec<f64>| (run[place] - number).abs();
                let nearest = runs.iter().map(from).fold(f64::MAX, f64::min);
                assert!(nearest <= 5e-4, "{test}/{name}: {number}: {nearest}");
            }
        }
        let each = names_in(&out)
            .into_iter()
            .filter(|name| name.contains("_ev"))
            .count();
        assert_eq!(each, if option == "--pb" { 5 } else { 20 });
    }
}
