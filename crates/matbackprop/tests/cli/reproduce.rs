//! `matbackprop reproduce`: finished runs are not repeated, stopped ones are resumed, failed ones stop no other.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::call::{Call, Called, matbackprop, names_in};
use crate::train_o2p::{RECIPE, torchvision_alexnet};
use crate::{small_bsds, small_coco};

/// A head on two small pictures, long enough to be stopped.
const HEAD: &str = r#"
[model]
trunk = "alexnet"
layers = ["relu1"]
head = "6x1"

[training]
trunk = "frozen"
epochs = 10
checkpoint-every = 1
"#;

/// The same trunk learns on, from the run of the row `head`.
const TUNED: &str = r#"
[model]
trunk = "alexnet"
layers = ["relu1"]
head = "6x1"
init-from = "head"

[training]
trunk = "frozen"
epochs = 1
"#;

/// A data set, weights and recipes in one folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    small_bsds::write(folder.path());
    torchvision_alexnet(&place("alexnet-owt-7be5be79.safetensors"));
    fs::write(place("head.toml"), HEAD).unwrap();
    fs::write(place("tuned.toml"), TUNED).unwrap();
    fs::write(place("recipe.toml"), RECIPE).unwrap();
    folder
}

fn reproduce(folder: &Path, comparison: &str, rows: &[&str]) -> Call {
    let call = matbackprop(&["reproduce", comparison, "--data", ".", "--weights", "."]);
    let call = call.args(["--out", "runs"]).args(rows);
    call.args(["--python", "true"].iter().filter(|_| comparison == "bsds"))
        .inside(folder)
}

#[test]
fn a_dry_run_prints_calls_and_makes_nothing() {
    let folder = folder();
    let out = reproduce(folder.path(), "bsds", &["--dry-run"]).succeed();
    for words in [
        "gpb-owt-ucm: --ucm is not given, so it is left out\n",
        "vgg16-ncuts: there is no ./vgg16_features_f16.safetensors, so it is left out\n",
        "intervening-contour:\n  ",
        "train ncuts --recipe alexnet-ncuts --data . --out runs/alexnet-ncuts --trunk-weights \
         ./alexnet-owt-7be5be79.safetensors\n",
        "--out runs/alexnet-ncuts-tuned --init-from runs/alexnet-ncuts\n",
        "eval bsds --data . --split val --run runs/alexnet-ncuts > runs/alexnet-ncuts/val.partial",
        "outside_references.py felzenszwalb ./images/val runs/felzenszwalb/segmentations\n",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let out = reproduce(folder.path(), "coco", &["--dry-run", "--seeds", "4,5"]).succeed();
    for words in [
        "alexnet-o2p-fc, seed 5:\n  ",
        "--out runs/sift-o2p-4 --cache runs/cache --seed 4\n",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!folder.path().join("runs").exists());
    let err = reproduce(folder.path(), "coco", &["no-such-row"]).fail(2);
    assert!(err.contains("sift-o2p"), "{err}");
}

/// Waits for so many lines of a journal.
fn wait_for(journal: &Path, steps: usize) {
    let begin = Instant::now();
    let lines = || {
        fs::read_to_string(journal)
            .unwrap_or_default()
            .lines()
            .count()
    };
    while lines() < steps {
        assert!(begin.elapsed() < Duration::from_secs(120), "no step");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn rows_are_stopped_resumed_and_not_done_again() {
    let folder = folder();
    let place = |name: &str| folder.path().join(name);
    let rows = [
        "felzenszwalb",
        "head.toml",
        "tuned.toml",
        "intervening-contour",
    ];
    let mut child = Command::new(env!("CARGO_BIN_EXE_matbackprop"))
        .args(["reproduce", "bsds", "--data", ".", "--weights", "."])
        .args(["--out", "runs", "--python", "true"])
        .args(rows)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&place("runs/head/journal.jsonl"), 2);
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success() && child.try_wait().is_ok());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(143), "{err}");
    assert!(
        err.contains("stopped by SIGTERM after 0 runs; the same command resumes"),
        "{err}"
    );
    // Nothing is measured yet, and the rows by other programs failed before.
    assert!(!place("runs/head/val.txt").exists());
    assert!(
        err.contains("felzenszwalb: failed, exit status: 2; see runs/felzenszwalb.log"),
        "{err}"
    );
    assert!(place("runs/outside_references.py").is_file());

    let Called { code, out, err } = reproduce(folder.path(), "bsds", &rows).call();
    assert_eq!(code, 1, "{err}");
    let log = fs::read_to_string(place("runs/head.log")).unwrap();
    assert!(err.contains("1 of the runs failed"), "{err}{log}");
    assert!(log.contains("resuming after step "), "{log}");
    let names: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["head", "intervening-contour", "tuned"]);
    assert!(
        out.lines().all(|line| line.contains(" average covering ")),
        "{out}"
    );
    assert_eq!(fs::read_to_string(place("runs/table.txt")).unwrap(), out);

    // All that is left to do is nothing; the table is the same.
    let journal = fs::read(place("runs/head/journal.jsonl")).unwrap();
    let again = reproduce(folder.path(), "bsds", &rows[1..]).succeed();
    assert_eq!(again, out);
    assert_eq!(fs::read(place("runs/head/journal.jsonl")).unwrap(), journal);
    let dry = reproduce(folder.path(), "bsds", &["head.toml", "--dry-run"]).succeed();
    assert_eq!(dry, "head: done\n");
}

#[test]
fn rows_of_regions_have_a_line_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    small_coco::write(folder.path());
    fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
    let rows = ["recipe.toml", "--seeds", "7,8"];
    let out = reproduce(folder.path(), "coco", &rows).succeed();
    assert!(out.starts_with("recipe 7 top-1 error "), "{out}");
    assert_eq!(out.lines().count(), 1);
    let run = names_in(&folder.path().join("runs/recipe-7"));
    assert!(run.iter().any(|name| name == "val.txt"), "{run:?}");
}
