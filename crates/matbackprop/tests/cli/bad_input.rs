//! Files that claim more than they hold: each is refused by name, soon, and within a bound on memory.
#![cfg(unix)]

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::eval_bsds::perfect_segmentations;
use crate::{small_bsds, small_coco};

/// Address space that a call may take, in kB: as much as the program needs to report that a file is absent, and
/// 100 MB.
const MOST_KILOBYTES: usize = 230_000;
/// A guard, not a measure: a call that would take minutes fails here.
const DEADLINE: Duration = Duration::from_secs(20);

/// Calls within the bounds, and expects code 1 or 2 and these words on standard error.
fn refused(arguments: &[&str], words: &[&str]) {
    let limited = format!("ulimit -v {MOST_KILOBYTES}; exec \"$0\" \"$@\"");
    let stderr = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_matbackprop")])
        .args(arguments)
        // Threads reserve address space that is not used.
        .env("RAYON_NUM_THREADS", "1")
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.reopen().unwrap())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("{arguments:?}: no answer within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let err = fs::read_to_string(stderr.path()).unwrap();
    // The message does not print the bomb.
    assert!(err.len() < 2_000, "{arguments:?}: {} bytes", err.len());
    assert!(
        matches!(status.code(), Some(1 | 2)),
        "{arguments:?}: {status}: {err}"
    );
    for word in words {
        assert!(err.contains(word), "{arguments:?}: {word}: {err}");
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A PNG of a few kilobytes whose header claims `side` × `side` pixels.
fn png_bomb(side: u32) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    let grey = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * y) as u8]));
    grey.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut png = png.into_inner();
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let crc = !png[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

/// A JPEG whose frame claims `side` × `side` pixels.
fn jpeg_bomb(side: u16) -> Vec<u8> {
    let mut jpeg = Cursor::new(Vec::new());
    let image = image::RgbImage::new(16, 16);
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let mut jpeg = jpeg.into_inner();
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]);
    let at = frame.unwrap() + 5;
    jpeg[at..at + 2].copy_from_slice(&side.to_be_bytes());
    jpeg[at + 2..at + 4].copy_from_slice(&side.to_be_bytes());
    jpeg
}

#[test]
fn pictures_that_claim_more_than_their_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    small_bsds::write(folder.path());
    let bomb = folder.path().join("21.png");
    for side in [60_000, 9_000] {
        fs::write(&bomb, png_bomb(side)).unwrap();
        let size = format!("{side} × {side}");
        refused(&["segment", &text(&bomb)], &["21.png: expected ", &size]);
        let eval = [
            "eval", "bsds", "--split", "val", "--limit", "1", "--data", &data,
        ];
        for option in ["--segs", "--pb"] {
            let arguments = [&eval[..], &[option, &data]].concat();
            refused(&arguments, &["21.png: expected ", &size]);
        }
    }
    for side in [60_000, 9_000] {
        let photograph = folder.path().join("images/val/21.jpg");
        fs::write(&photograph, jpeg_bomb(side)).unwrap();
        refused(&["segment", &text(&photograph)], &["21.jpg: expected "]);
        // A dataset's photograph; its annotations are of another size, which is reported first where they are read.
        let eval = [
            "eval", "bsds", "--split", "val", "--limit", "1", "--data", &data, "--k", "2",
        ];
        let arguments = [&eval[..], &["--model", "intervening-contour"]].concat();
        refused(&arguments, &["21"]);
    }
}

/// A file that begins with a length and a header of safetensors.
fn safetensors(length: u64, header: &str) -> Vec<u8> {
    [&length.to_le_bytes(), header.as_bytes()].concat()
}

#[test]
fn weights_that_claim_more_than_their_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let header = r#"{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}"#;
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let files = [
        safetensors(1 << 60, "{}"),
        safetensors(99_999_999, "{}"),
        safetensors(header.len() as u64, header),
        safetensors(deep.len() as u64, &deep),
    ];
    for bytes in files {
        fs::write(&path, bytes).unwrap();
        let expected = "x.safetensors: expected a safetensors file, found ";
        refused(&["info", &text(&path)], &[expected]);
        let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/samples/coffee.jpg");
        let arguments = ["segment", picture, "--weights", &text(&path)];
        refused(&arguments, &[expected]);
    }
}

/// A `.mat` file with one element.
fn mat(kind: u32, claimed: u32, data: &[u8]) -> Vec<u8> {
    let mut file = vec![b' '; 124];
    file.extend(b"\x00\x01IM");
    file.extend([kind.to_le_bytes(), claimed.to_le_bytes()].concat());
    file.extend(data);
    file
}

/// Zeros, packed as tightly as deflate can.
fn deflated_zeros(count: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..count.div_ceil(block.len()) {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn mat_files_that_claim_more_than_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    small_bsds::write(folder.path());
    let packed = deflated_zeros(200 << 20);
    let bombs = [
        (mat(14, 1 << 31, b"12345678"), "expected 2147483648 bytes"),
        (
            mat(15, packed.len() as u32, &packed),
            "bytes in this file after inflation, found more",
        ),
    ];
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    perfect_segmentations(&whole);
    fs::create_dir(&broken).unwrap();
    let eval = ["eval", "bsds", "--split", "val", "--limit", "1", "--data"];
    let truth = folder.path().join("groundTruth/val/21.mat");
    let annotated = fs::read(&truth).unwrap();
    for (bytes, found) in bombs {
        let words = ["21.mat: at byte ", found];
        let asked = |segs: &Path| {
            let segs = text(segs);
            refused(&[&eval[..], &[&data, "--segs", &segs]].concat(), &words);
        };
        fs::write(broken.join("21.mat"), &bytes).unwrap();
        asked(&broken);
        fs::write(&truth, &bytes).unwrap();
        asked(&whole);
        fs::write(&truth, &annotated).unwrap();
    }
}

/// COCO's annotations with the given parts.
fn truth(size: (u64, u64), categories: usize, segmentation: &str, info: &str) -> String {
    let category = |id| format!(r#"{{"id": {}, "name": "a"}}"#, id + 1);
    let categories: Vec<String> = (0..categories).map(category).collect();
    let (width, height) = size;
    format!(
        r#"{{"info": {info}, "categories": [{}],
            "images": [{{"id": 1, "file_name": "1.png", "width": {width}, "height": {height}}}],
            "annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 4,
                "bbox": [0, 0, 2, 2], "segmentation": {segmentation}}}]}}"#,
        categories.join(",")
    )
}

#[test]
fn json_that_is_too_deep_too_wide_or_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    small_coco::write(folder.path());
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let square = "[[0, 0, 2, 0, 2, 2, 0, 2]]";
    // Two corners of an image, thousands of times.
    let zigzag: Vec<&str> = (0..8_000).map(|_| "0,0,65535,65535").collect();
    let zigzag = format!("[[{}]]", zigzag.join(","));
    let huge = format!(r#"{{"size": [6, 8], "counts": [{}]}}"#, u32::MAX);
    let cases: [(String, &str); 9] = [
        (truth((8, 6), 1, &deep(100), "{}"), "at most 32 lists"),
        (truth((8, 6), 1, &deep(100_000), "{}"), "at most 32 lists"),
        (truth((8, 6), 1, square, &deep(100)), "at most 32 lists"),
        ("[".repeat(100_000), "at most 32 lists"),
        (truth((8, 6), 1, &huge, "{}"), "run lengths over 48 pixels"),
        (
            truth((8, 6), 1, r#"{"size": [6, 8], "counts": "\u007f"}"#, "{}"),
            "run lengths",
        ),
        (
            truth((1_000_000_000, 1_000_000_000), 1, square, "{}"),
            "pixels, found ",
        ),
        (
            truth((16_000, 16_000), 1, &zigzag.replace("65535", "15999"), "{}"),
            "an outline of at most",
        ),
        (truth((65_535, 65_535), 1, &zigzag, "{}"), "found "),
    ];
    let path = folder.path().join("truth.json");
    let results = folder.path().join("results.json");
    fs::write(
        &results,
        r#"[{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [0, 0, 2, 2],
        "segmentation": {"size": [6, 8], "counts": "0X1"}}]"#,
    )
    .unwrap();
    let (truth_file, results_file) = (text(&path), text(&results));
    let eval = [
        "eval",
        "coco",
        "--truth",
        &truth_file,
        "--detections",
        &results_file,
    ];
    let out = folder.path().join("run");
    for (json, found) in &cases {
        fs::write(&path, json).unwrap();
        refused(
            &[&eval[..], &["--kind", "segm"]].concat(),
            &["truth.json: ", found],
        );
        let learned = folder.path().join("annotations/instances_train.json");
        fs::write(&learned, json).unwrap();
        let train = [
            "train",
            "o2p",
            "--model",
            "deep-o2p-s",
            "--data",
            &data,
            "--out",
            &text(&out),
        ];
        refused(&train, &["instances_train.json: "]);
    }
    fs::write(&path, truth((8, 6), 1, square, "{}")).unwrap();
    for json in [deep(100), deep(100_000), "[".repeat(100_000)] {
        fs::write(&results, json).unwrap();
        refused(&eval, &["results.json: ", "at most 32 lists"]);
    }
}

#[test]
fn recipes_that_are_too_deep_or_ask_for_more_than_memory() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    small_bsds::write(folder.path());
    let coco = folder.path().join("coco");
    small_coco::write(&coco);
    let coco_data = text(&coco);
    let recipe: PathBuf = folder.path().join("recipe.toml");
    let (model, out) = (text(&recipe), text(&folder.path().join("run")));
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let tables = format!("[{}a]", "a.".repeat(100_000));
    let cuts = |head: &str| format!("[model]\ntrunk = \"lite0\"\nhead = \"{head}\"\n[training]");
    let regions = |more: &str| {
        format!(
            "[model]\ndescriptors = \"sift\"\nside = 64\nmasked = true\npooling = \"average\"\n{more}\n[training]"
        )
    };
    for (text, found) in [
        (deep.clone(), "recipe.toml: "),
        (tables.clone(), "recipe.toml: "),
        (cuts("1000000000x1"), "1000000000"),
        (cuts("48x99999"), "99999"),
        (cuts("32000x31,32000x31"), "2^29 numbers"),
    ] {
        fs::write(&recipe, text).unwrap();
        let train = [
            "train", "ncuts", "--model", &model, "--data", &data, "--out", &out,
        ];
        refused(&[&train[..], &["--from-scratch"]].concat(), &[found]);
    }
    for (text, found) in [
        (deep, "recipe.toml: "),
        (tables, "recipe.toml: "),
        (regions("hidden = [1000000000]"), "1000000000"),
        (regions("reduction = 1000000000"), "1000000000"),
        (regions("hidden = [32000, 32000]"), "2^29 numbers"),
    ] {
        fs::write(&recipe, text).unwrap();
        let train = [
            "train", "o2p", "--model", &model, "--data", &coco_data, "--out", &out,
        ];
        refused(&train, &[found]);
    }
}
