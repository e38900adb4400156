//! `matbackprop report` of trainings that cut.
//!
//! Protects that a page shows the network that was written, also during a run and after a resume, and that measuring
//! changes no step of the training.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};
use crate::small_bsds;

/// Two steps on two small pictures, with a measure of two others after each.
fn train(root: &Path, run: &str, more: &[&str]) -> Called {
    let (root, out) = (root.display(), root.join(run).display().to_string());
    let call = format!(
        "train ncuts --data {root} --trunk alexnet --epochs 1 --head 6x1 --seed 7 --out {out}"
    );
    let call: Vec<&str> = call.split(' ').collect();
    // The same bits from run to run: sums in one order.
    let call = matbackprop(&call).with("RAYON_NUM_THREADS", "1");
    call.args(more).call()
}

const MEASURED: [&str; 3] = ["--from-scratch", "--val-every", "1"];

/// Pictures, a trained run, and where its page will be.
fn trained() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let data = tempfile::tempdir().unwrap();
    small_bsds::write(data.path());
    let Called { code, err, .. } = train(data.path(), "run", &MEASURED);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("after step 0: average covering 0.")
            && err.contains("after step 2: average covering 0.")
            && err.contains("of 2 photographs of val"),
        "{err}"
    );
    let (run, page) = (data.path().join("run"), data.path().join("page.html"));
    (data, run, page)
}

fn report(data: &Path, run: &Path, page: &Path, more: &[&str]) -> Called {
    let paths = [run, Path::new("--data"), data, Path::new("--out"), page];
    matbackprop(&["report"]).args(paths).args(more).call()
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap()
}

/// Steps of the measures, and each one's covering.
fn measures(run: &Path) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(run.join("val.jsonl")).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["images"], 2);
        assert!(record["seconds"].as_f64().unwrap() > 0.0);
        (
            record["step"].as_u64().unwrap(),
            record["mean_covering"].as_f64().unwrap(),
        )
    };
    text.lines().map(record).collect()
}

#[test]
fn a_finished_training_is_shown_before_and_after() {
    let (data, run, page) = trained();
    let Called { code, err, .. } = report(data.path(), &run, &page, &[]);
    assert_eq!(code, 0, "{err}");
    let html = read(&page);
    // Two photographs: as it is, before, after, by a person.
    assert_eq!(html.matches("src=\"data:image/jpeg;base64,").count(), 8);
    for words in [
        "<p>ended, step 2",
        "Average covering of val",
        "<b>Spectrum</b>",
        "before: ",
        "after 2 steps: ",
        "a person: 3 segments",
        "2 photographs of val",
        "Rank",
        "Learning rate",
        "Gradient norm (L2)",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let Called { code, .. } = report(data.path(), &run, &page, &["--pictures", "1"]);
    assert_eq!((code, read(&page).matches("<img").count()), (0, 4));
    // Without data there are words in place of pictures.
    let alone = matbackprop(&["report"]).args([&run, Path::new("--out"), &page]);
    alone.succeed();
    let html = read(&page);
    assert!(html.contains("With --data BSDS500") && !html.contains("<img"));
    // A run of before there was a first network to keep.
    fs::remove_file(run.join("start.safetensors")).unwrap();
    let Called { code, .. } = report(data.path(), &run, &page, &[]);
    let html = read(&page);
    assert_eq!((code, html.matches("<img").count()), (0, 6));
    assert!(!html.contains("before: "));
}

#[test]
fn the_last_measure_is_of_the_network_that_was_written() {
    let data = tempfile::tempdir().unwrap();
    small_bsds::write(data.path());
    // Features of a trunk that does not learn pass through half precision on their way; those of one that does, do not.
    let learning = [&MEASURED[..], &["--train-trunk", "all"]].concat();
    let Called { code, err, .. } = train(data.path(), "run", &learning);
    assert_eq!(code, 0, "{err}");
    let (run, page) = (data.path().join("run"), data.path().join("page.html"));
    let Called { code, err, .. } = report(data.path(), &run, &page, &[]);
    assert_eq!(code, 0, "{err}");
    let (step, covering) = *measures(&run).last().unwrap();
    let words = format!("{covering:.3} after {step} steps");
    assert!(step == 2 && read(&page).contains(&words), "{words}");
}

#[test]
fn a_training_that_goes_on_is_shown_as_its_checkpoint_is() {
    let (data, run, page) = trained();
    fs::remove_file(run.join("network.safetensors")).unwrap();
    // Lines that are being written.
    for name in ["journal.jsonl", "val.jsonl"] {
        let whole = fs::read_to_string(run.join(name)).unwrap();
        fs::write(run.join(name), format!("{whole}{{\"step\":3,\"lo")).unwrap();
    }
    let Called { code, err, .. } = report(data.path(), &run, &page, &[]);
    assert_eq!(code, 0, "{err}");
    let html = read(&page);
    assert!(html.contains("<p>not ended, step 2") && html.contains("after 2 steps: "));
    assert_eq!(html.matches("<img").count(), 8);
}

#[test]
fn a_training_taken_up_again_measures_no_step_twice() {
    let (data, run, _) = trained();
    let before = measures(&run);
    let steps: Vec<u64> = before.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [0, 1, 2]);
    // A crash after more measures than the checkpoint knows of, the last of them cut short.
    let whole = fs::read_to_string(run.join("val.jsonl")).unwrap();
    let later = whole.lines().last().unwrap().replace(":2,", ":9,");
    let crashed = format!("{whole}{later}\n{{\"step\":10,\"me");
    fs::write(run.join("val.jsonl"), crashed).unwrap();
    let start = fs::read(run.join("start.safetensors")).unwrap();
    let Called { code, err, .. } = train(data.path(), "run", &["--resume", "--val-every", "1"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(measures(&run), before);
    assert_eq!(fs::read(run.join("start.safetensors")).unwrap(), start);
}

#[test]
fn measuring_changes_no_step() {
    let (data, run, _) = trained();
    let without = ["--from-scratch", "--val-every", "0"];
    let Called { code, err, .. } = train(data.path(), "alone", &without);
    assert_eq!(code, 0, "{err}");
    let alone = data.path().join("alone");
    assert!(!alone.join("val.jsonl").exists() && !err.contains("covering"));
    for name in ["network.safetensors", "start.safetensors"] {
        let networks = [&run, &alone].map(|run| fs::read(run.join(name)).unwrap());
        assert!(networks[0] == networks[1], "{name}");
    }
}

#[test]
fn validation_that_is_impossible_is_refused_before_a_step() {
    let data = tempfile::tempdir().unwrap();
    small_bsds::write(data.path());
    let learned = [&MEASURED[..], &["--split", "trainval"]].concat();
    let Called { code, err, .. } = train(data.path(), "run", &learned);
    assert!(code == 2 && err.contains("--val-every"), "{err}");
    fs::remove_dir_all(data.path().join("images/val")).unwrap();
    let Called { code, err, .. } = train(data.path(), "run", &MEASURED);
    assert!(code == 1 && err.contains("images/val"), "{err}");
    assert!(!data.path().join("run").exists());
    // Unless it is asked for: then there is just no curve.
    let Called { code, err, .. } = train(data.path(), "run", &MEASURED[..1]);
    assert_eq!(code, 0, "{err}");
    assert!(!data.path().join("run/val.jsonl").exists());
}

#[test]
fn errors_of_a_run_are_named_and_no_page_is_left() {
    let (data, run, page) = trained();
    let refused = |data: &Path, more: &[&str], expected: i32, said: &str| {
        let Called { code, out, err } = report(data, &run, &page, more);
        assert_eq!((code, out.as_str()), (expected, ""), "{said}: {err}");
        assert!(err.contains(said), "{said}: {err}");
        assert!(!page.exists(), "{said}");
    };
    refused(&data.path().join("absent"), &[], 2, "--data");
    refused(data.path(), &["--split", "dev"], 2, "--split");
    refused(data.path(), &["--split", "test"], 1, "images/test");
    refused(&run, &[], 1, "images/val");
    let damage = |name: &str, bytes: &[u8]| fs::write(run.join(name), bytes).unwrap();
    let start = fs::read(run.join("start.safetensors")).unwrap();
    damage("start.safetensors", &start[..start.len() / 2]);
    refused(data.path(), &[], 1, "start.safetensors");
    damage("start.safetensors", &start);
    let whole = fs::read(run.join("val.jsonl")).unwrap();
    damage("val.jsonl", b"{\"step\":0,\n{\"step\":1}\n");
    refused(data.path(), &[], 1, "val.jsonl: line 1");
    damage("val.jsonl", &whole);
    damage("network.safetensors", b"nothing");
    refused(data.path(), &[], 1, "network.safetensors");
    fs::remove_file(run.join("network.safetensors")).unwrap();
    // The one that is kept beside the newest would serve.
    let mut checkpoints = names_in(&run);
    checkpoints.retain(|name| name.starts_with("checkpoint"));
    assert_eq!(checkpoints.len(), 2);
    for name in &checkpoints {
        damage(name, &start);
    }
    refused(data.path(), &[], 1, "checkpoint.safetensors");
    for name in &checkpoints {
        fs::remove_file(run.join(name)).unwrap();
    }
    refused(data.path(), &[], 1, "found neither");
}
