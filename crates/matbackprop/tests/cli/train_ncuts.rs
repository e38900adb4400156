//! `matbackprop train ncuts`.
//!
//! Protects the way from a folder and a recipe to a network, and that wrong settings are refused before a file is made.

use std::path::Path;

use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};
use crate::small_bsds;

/// A training of two steps on two small pictures.
const SMALL: [&str; 8] = [
    "--trunk", "alexnet", "--epochs", "1", "--head", "6x1", "--seed", "7",
];

fn train(root: &Path) -> Vec<String> {
    let root = root.display();
    let mut call = vec![
        "train".to_owned(),
        "ncuts".to_owned(),
        "--data".to_owned(),
        root.to_string(),
    ];
    call.extend(["--out".to_owned(), format!("{root}/run")]);
    call
}

fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    small_bsds::write(folder.path());
    folder
}

const FILES_OF_A_RUN: [&str; 7] = [
    "checkpoint-0.safetensors",
    "checkpoint.safetensors",
    "digests.jsonl",
    "journal.jsonl",
    "network.safetensors",
    "start.safetensors",
    "val.jsonl",
];

#[test]
fn a_small_training_ends_in_a_network() {
    let data = dataset();
    let export = data.path().join("small.safetensors").display().to_string();
    let call = matbackprop(&[]).args(train(data.path())).args(SMALL).args([
        "--from-scratch",
        "--export",
        &export,
    ]);
    let Called { code, out, err } = call.call();
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("step 2/2: epoch 1, loss ") && err.contains("images/s"),
        "{err}"
    );
    assert!(
        out.contains("network.safetensors") && out.contains("matbackprop eval bsds"),
        "{out}"
    );
    let run = data.path().join("run");
    assert_eq!(names_in(&run), FILES_OF_A_RUN);
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let steps: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(steps.len(), 2);
    assert!(steps[1]["loss"].as_f64().unwrap().is_finite());
    // The network is whole: it is described, and measured.
    let printed = matbackprop(&["info", &export]).succeed();
    assert!(
        printed.contains("trunk       alexnet") && printed.contains("6x1"),
        "{printed}"
    );
    let (root, run) = (data.path().display().to_string(), run.display().to_string());
    let page = data.path().join("page.html");
    matbackprop(&["report", &run, "--out", &page.display().to_string()]).succeed();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Rank") && page.contains("<svg") && page.contains("6x1"));
    let call = [
        "eval", "bsds", "--data", &root, "--split", "val", "--run", &run, "--k", "2", "--json",
    ];
    let object: Value = serde_json::from_str(&matbackprop(&call).succeed()).unwrap();
    assert_eq!(object["images"], 2);
    // It is not started again by mistake, and a finished one may be resumed.
    let err = matbackprop(&[])
        .args(train(data.path()))
        .args(SMALL)
        .args(["--from-scratch"])
        .fail(2);
    assert!(err.contains("--resume"), "{err}");
    matbackprop(&[])
        .args(train(data.path()))
        .args(SMALL)
        .args(["--resume"])
        .succeed();
    let err = matbackprop(&[])
        .args(train(data.path()))
        .args(SMALL)
        .args(["--resume", "--rate", "0.5"])
        .fail(1);
    assert!(
        err.contains("another setting: learning-rate: 0.003, not 0.5\n"),
        "{err}"
    );
    let err = matbackprop(&[])
        .args(train(data.path()))
        .args(SMALL)
        .args(["--resume", "--taps", "relu3"])
        .fail(2);
    assert!(
        err.contains("with layers relu4,relu5, found layers relu3"),
        "{err}"
    );
}

#[test]
fn a_recipe_trains_and_another_goes_on_from_it() {
    let data = dataset();
    let root = data.path().display().to_string();
    let recipe = |name: &str, more: &str| {
        let text = format!(
            "[model]\ntrunk = \"alexnet\"\nhead = \"6x1\"\n{more}\n[loss]\ncriterion = \"eigenvectors\"\n\n[training]\nepochs = 1\n"
        );
        let path = data.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (first, second) = (
        recipe("first.toml", ""),
        recipe("second.toml", "start = \"first\"\n"),
    );
    let [run, next] = ["run", "next"].map(|name| data.path().join(name).display().to_string());
    let call = |model: &str, out: &str, more: &[&str]| {
        let call = [
            "train", "ncuts", "--data", &root, "--model", model, "--out", out,
        ];
        matbackprop(&call).args(more)
    };
    call(&first, &run, &["--from-scratch", "--seed", "7"]).succeed();
    let err = call(&second, &next, &["--from-scratch"]).fail(2);
    assert!(err.contains("--init-from"), "{err}");
    let err = call(&first, &next, &["--start", &run]).fail(2);
    assert!(err.contains("--init-from"), "{err}");
    let err = call(&second, &next, &["--start", &run, "--head", "5x1"]).fail(2);
    assert!(
        err.contains("--init-from: expected the network that is there"),
        "{err}"
    );
    call(&second, &next, &["--start", &run]).succeed();
    assert!(data.path().join("next/network.safetensors").is_file());
    // A row that is trained is not measured as it is.
    let eval = [
        "eval", "bsds", "--data", &root, "--split", "val", "--model", &first,
    ];
    let err = matbackprop(&eval).fail(2);
    assert!(err.contains("--run"), "{err}");
}

#[test]
fn wrong_settings_are_refused_before_anything_is_made() {
    let data = dataset();
    let calls: [(&[&str], &str); 8] = [
        (&[], "--from-scratch"),
        (&["--from-scratch", "--taps", "conv9"], "conv9"),
        (&["--from-scratch", "--rate", "-1"], "rate"),
        (&["--from-scratch", "--momentum", "0.5"], "--momentum"),
        (
            &["--from-scratch", "--dropout", "1.5", "--head", "6x1,6x1"],
            "dropout",
        ),
        (&["--from-scratch", "--train-trunk", "from:conv9"], "conv9"),
        (
            &["--from-scratch", "--export", "no/such/folder/x.safetensors"],
            "--export",
        ),
        (
            &["--from-scratch", "--trunk-weights", "x"],
            "--trunk-weights",
        ),
    ];
    for (more, word) in calls {
        let settings = if more.contains(&"--head") {
            &SMALL[..4]
        } else {
            &SMALL[..]
        };
        let err = matbackprop(&[])
            .args(train(data.path()))
            .args(settings)
            .args(more)
            .fail(2);
        assert!(err.contains(word), "{more:?}: {err}");
        assert!(!data.path().join("run").exists(), "{more:?}");
    }
}

#[test]
fn missing_files_and_settings_are_named() {
    let data = dataset();
    let call = || matbackprop(&[]).args(train(data.path())).args(SMALL);
    let err = call()
        .args(["--trunk-weights", "absent.safetensors"])
        .fail(1);
    assert!(err.contains("absent.safetensors"), "{err}");
    let err = call().args(["--resume"]).fail(1);
    assert!(err.contains("checkpoint"), "{err}");
    std::fs::remove_dir_all(data.path().join("images/train")).unwrap();
    let err = call().args(["--from-scratch"]).fail(1);
    assert!(err.contains("images/train"), "{err}");
    assert!(!data.path().join("run").exists());
    let elsewhere = [
        "train",
        "ncuts",
        "--data",
        "absent",
        "--out",
        "x",
        "--from-scratch",
    ];
    let err = matbackprop(&elsewhere).args(SMALL).fail(2);
    assert!(err.contains("--data"), "{err}");
}
