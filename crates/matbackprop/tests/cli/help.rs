//! Help texts, and what every command takes.
//!
//! Protects that a newcomer can copy any example and see it work, and that `--quiet`, `--verbose` and `--color` hold.

use std::path::Path;

use crate::call::{Called, matbackprop, names_in};
use crate::eval_bsds::perfect_segmentations;
use crate::{small_bsds, small_coco};

pub const COMMANDS: [&[&str]; 16] = [
    &[],
    &["segment"],
    &["train"],
    &["train", "ncuts"],
    &["train", "boundaries"],
    &["train", "o2p"],
    &["eval"],
    &["eval", "bsds"],
    &["eval", "coco"],
    &["report"],
    &["reproduce"],
    &["reproduce", "bsds"],
    &["reproduce", "coco"],
    &["info"],
    &["completions"],
    &["man"],
];

/// The examples of a help text as calls of a shell, in order.
pub fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let lines = lines.map(str::trim).filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", "");
    let calls = text.lines().filter(|line| !line.is_empty());
    calls.map(str::to_owned).collect()
}

/// All that the examples name, apart from what a training makes.
pub fn stage() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/samples");
    for (sample, name) in [("chelsea.jpg", "photo.jpg"), ("coffee.jpg", "coffee.jpg")] {
        std::fs::copy(samples.join(sample), place(name)).unwrap();
    }
    std::fs::create_dir_all(place("photos/trip")).unwrap();
    std::fs::copy(samples.join("chelsea.jpg"), place("photos/trip/cat.jpg")).unwrap();
    small_bsds::write(&place("BSDS500"));
    small_coco::write(&place("COCO"));
    perfect_segmentations(&place("segmentations"));
    std::fs::create_dir(place("maps")).unwrap();
    for (seed, id) in ["21", "22"].iter().enumerate() {
        let (width, height) = (small_bsds::WIDTH as u32, small_bsds::HEIGHT as u32);
        let map = image::GrayImage::from_fn(width, height, |x, _| {
            image::Luma([if x == 31 + 6 * seed as u32 { 255 } else { 0 }])
        });
        map.save(place("maps").join(format!("{id}.png"))).unwrap();
    }
    let truth = place("COCO/annotations/instances_val.json");
    std::fs::copy(truth, place("instances.json")).unwrap();
    let found = r#"[{"image_id": 4, "category_id": 3, "score": 0.9, "bbox": [4, 10, 40, 40]}]"#;
    std::fs::write(place("results.json"), found).unwrap();
    for shell in [
        ".local/share/bash-completion/completions",
        ".zfunc",
        ".config/fish/completions",
        "WEIGHTS",
    ] {
        std::fs::create_dir_all(place(shell)).unwrap();
    }
    folder
}

#[test]
fn every_help_has_examples_and_a_summary() {
    for command in COMMANDS {
        let Called { code, out, err } = matbackprop(command).args(["--help"]).call();
        assert_eq!((code, err.as_str()), (0, ""), "{command:?}");
        let call = format!("matbackprop {}", command.join(" "));
        let calls = examples(&out);
        assert!(
            calls.iter().any(|one| one.starts_with(call.trim_end())),
            "{command:?}: {out}"
        );
        let short = matbackprop(command).args(["-h"]).succeed();
        assert_eq!(examples(&short), calls, "{command:?}");
        assert!(short.len() <= out.len(), "{command:?}");
    }
}

#[test]
fn quiet_prints_errors_and_results_alone() {
    let folder = stage();
    let call = |arguments: &[&str]| matbackprop(arguments).inside(folder.path()).call();
    let Called { code, out, err } = call(&[
        "segment",
        "photo.jpg",
        "-o",
        "made",
        "--max-side",
        "64",
        "--quiet",
    ]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    assert_eq!(names_in(&folder.path().join("made")).len(), 2);
    let Called { code, out, err } = call(&["-q", "segment", "absent.jpg"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("error: absent.jpg: "), "{err}");
    let eval = [
        "eval",
        "bsds",
        "--data",
        "BSDS500",
        "--split",
        "val",
        "--segs",
        "segmentations",
    ];
    let loud = call(&[&eval[..], &["--out", "loud"]].concat());
    let quiet = call(&[&eval[..], &["--out", "quiet", "-q"]].concat());
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    let table = loud.out.split("page  ").next().unwrap();
    assert_eq!(quiet.out, table);
    assert!(
        !loud.err.is_empty() && table.contains("covering"),
        "{}",
        loud.err
    );
    assert!(call(&["-q", "info"]).out.contains("trunk"));
}

#[test]
fn verbose_tells_weights_device_and_seconds() {
    let folder = stage();
    let call = |arguments: &[&str]| matbackprop(arguments).inside(folder.path()).call();
    let Called { out, err, .. } =
        call(&["segment", "photo.jpg", "--max-side", "64", "--json", "-v"]);
    for words in [
        "weights inside this program: lite0, ",
        "device cpu\n",
        "took ",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert!(out.starts_with('{'), "{out}");
    let network = folder.path().join("network.safetensors");
    std::fs::write(network, matbackprop::DEFAULT_NETWORK_BYTES).unwrap();
    let eval = [
        "eval",
        "bsds",
        "--data",
        "BSDS500",
        "--split",
        "val",
        "--k",
        "2",
        "--weights",
        "network.safetensors",
    ];
    let Called { err, .. } = call(&[&eval[..], &["--verbose"]].concat());
    for words in [
        "weights network.safetensors: lite0, ",
        "device cpu\n",
        "image: 2 in ",
        "trunk ",
        "peak memory ",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
}

#[test]
fn colours_are_asked_for() {
    let escaped = |call: &[&str], variables: &[&str]| {
        let mut called = matbackprop(call);
        for name in ["NO_COLOR", "CLICOLOR_FORCE"] {
            called = called.without(name);
        }
        for name in variables {
            called = called.with(name, "1");
        }
        let Called { out, err, .. } = called.call();
        let colour = |text: &str| text.contains('\u{1b}');
        (colour(&out), colour(&err))
    };
    let (help, failure) = (["segment", "--help"], ["segment", "absent.jpg"]);
    let with = |call: &[&'static str], when| [call, &["--color", when]].concat();
    assert_eq!(escaped(&help, &[]), (false, false));
    assert_eq!(escaped(&failure, &[]), (false, false));
    assert_eq!(escaped(&with(&help, "always"), &[]), (true, false));
    assert_eq!(escaped(&with(&failure, "always"), &[]), (false, true));
    assert_eq!(escaped(&help, &["CLICOLOR_FORCE"]), (true, false));
    assert_eq!(
        escaped(&help, &["CLICOLOR_FORCE", "NO_COLOR"]),
        (false, false)
    );
    assert_eq!(
        escaped(&with(&help, "never"), &["CLICOLOR_FORCE"]),
        (false, false)
    );
}

#[test]
fn scripts_and_pages_are_printed() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = matbackprop(&["completions", shell]).succeed();
        assert!(
            script.contains("matbackprop") && script.contains("max-side"),
            "{shell}"
        );
    }
    let page = matbackprop(&["man", "eval", "bsds"]).succeed();
    assert!(page.contains(".TH matbackprop-eval-bsds 1"), "{page}");
    let err = matbackprop(&["man", "evaluate"]).fail(2);
    assert!(err.contains("found `evaluate`"), "{err}");
    let folder = tempfile::tempdir().unwrap();
    matbackprop(&["man", "--out", "pages"])
        .inside(folder.path())
        .succeed();
    assert_eq!(names_in(&folder.path().join("pages")).len(), COMMANDS.len());
}
