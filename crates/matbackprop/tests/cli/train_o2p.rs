//! `matbackprop train o2p` and `matbackprop eval coco --run`.
//!
//! Protects the way from regions to a measured classifier, for each kind of trunk, and the paired comparison of two runs.

use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use crate::call::{Called, matbackprop, names_in};
use crate::small_coco;

pub const RECIPE: &str = r#"
[model]
trunk = "alexnet"
from-scratch = true
taps = ["relu2"]
side = 48
masked = true
reduction = 6
pooling = { second-order = { epsilon = 1e-2 } }
hidden = [8]

[training]
trunk = "whole"
epochs = 2
batch = 4
"#;

fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    small_coco::write(folder.path());
    std::fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
    folder
}

fn train(root: &Path, model: &str, run: &str) -> Vec<String> {
    let place = |name: &str| root.join(name).display().to_string();
    let data = root.display().to_string();
    [
        "train",
        "o2p",
        "--model",
        model,
        "--data",
        &data,
        "--out",
        &place(run),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn measure(root: &Path, run: &str) -> Vec<String> {
    let run = root.join(run).display().to_string();
    let data = root.display().to_string();
    ["eval", "coco", "--data", &data, "--run", &run]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn a_small_training_is_measured_and_compared() {
    let data = dataset();
    let recipe = data.path().join("recipe.toml").display().to_string();
    let call = matbackprop(&[]).args(train(data.path(), &recipe, "run"));
    let Called { code, out, err } = call.call();
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("8 regions") && err.contains("step 4/4"),
        "{err}"
    );
    assert!(out.contains("matbackprop eval coco"), "{out}");
    let run = data.path().join("run");
    assert_eq!(
        names_in(&run),
        [
            "checkpoint-0.safetensors",
            "checkpoint.safetensors",
            "digests.jsonl",
            "journal.jsonl",
            "network.safetensors"
        ]
    );
    let network = run.join("network.safetensors").display().to_string();
    let printed = matbackprop(&["info", &network]).succeed();
    for words in ["log(second moment + ", "free-form region", "classes"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    for key in [
        "smallest_eigenvalue",
        "condition",
        "fewer_than_channels",
        "training_error",
    ] {
        assert!(last[key].as_f64().unwrap().is_finite(), "{key}: {last}");
    }

    let against = run.display().to_string();
    let page = run.join("report.html");
    matbackprop(&["report", &against]).succeed();
    let before = std::fs::read_to_string(&page).unwrap();
    assert!(before.contains("Training error") && before.contains("Not measured yet"));
    let printed = matbackprop(&[]).args(measure(data.path(), "run")).succeed();
    assert!(
        printed.contains("top-1 error") && printed.contains("upright"),
        "{printed}"
    );
    let compared = matbackprop(&[])
        .args(measure(data.path(), "run"))
        .args(["--against", &against, "--json"])
        .succeed();
    let compared: serde_json::Value = serde_json::from_str(&compared).unwrap();
    assert_eq!(compared["difference"]["estimate"], 0.0);
    assert_eq!(compared["report"]["regions"], 8);

    let root = data.path().display().to_string();
    let call = ["report", &against, "--data", &root, "--pictures", "2"];
    matbackprop(&call).succeed();
    let after = std::fs::read_to_string(&page).unwrap();
    assert!(after.contains("Confusion") && after.contains("Condition"));
    let wrong = compared["report"]["top1_error"]["estimate"]
        .as_f64()
        .unwrap()
        > 0.0;
    assert_eq!(after.contains("data:image/jpeg;base64,"), wrong);
}

#[test]
fn descriptors_need_no_trunk() {
    let data = dataset();
    let call = matbackprop(&[])
        .args(train(data.path(), "sift-o2p", "sift"))
        .args(["--epochs", "1"]);
    let Called { code, err, .. } = call.call();
    assert_eq!(code, 0, "{err}");
    matbackprop(&[])
        .args(measure(data.path(), "sift"))
        .succeed();
}

/// The names and shapes of torchvision's AlexNet; of the classifier one tensor, which is not taken.
pub fn torchvision_alexnet(path: &Path) {
    let kernels = [
        (0, vec![64, 3, 11, 11]),
        (3, vec![192, 64, 5, 5]),
        (6, vec![384, 192, 3, 3]),
        (8, vec![256, 384, 3, 3]),
        (10, vec![256, 256, 3, 3]),
    ];
    let mut shapes = vec![("classifier.6.bias".to_owned(), vec![1000])];
    for (module, shape) in kernels {
        shapes.push((format!("features.{module}.bias"), vec![shape[0]]));
        shapes.push((format!("features.{module}.weight"), shape));
    }
    let number = |i: usize| (0.05 * (12.9898 * i as f32).sin()).to_le_bytes();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let count: usize = shape.iter().product();
            (name, shape, (0..count).flat_map(number).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn alexnet_s_rows_run_on_torchvision_s_weights() {
    let data = dataset();
    let weights = data.path().join("alexnet.safetensors");
    torchvision_alexnet(&weights);
    let weights = weights.display().to_string();
    matbackprop(&[])
        .args(train(data.path(), "alexnet-o2p-fc", "frozen"))
        .args(["--epochs", "1", "--trunk-weights", &weights])
        .succeed();
    // The same network is trained further, and its last block with it.
    let recipes = &experiments::recipe::COCO_RECIPES;
    let text = recipes.text("alexnet-o2p-fc-tuned").unwrap();
    let going_on = text.replace("[model]", "[model]\nstart = \"alexnet-o2p-fc\"");
    let recipe = data.path().join("going-on.toml").display().to_string();
    std::fs::write(&recipe, going_on).unwrap();
    let start = data.path().join("frozen").display().to_string();
    matbackprop(&[])
        .args(train(data.path(), &recipe, "tuned"))
        .args(["--epochs", "1", "--start", &start])
        .succeed();
    matbackprop(&[])
        .args(measure(data.path(), "tuned"))
        .succeed();
}

#[test]
fn wrong_calls_are_reported_with_code_2() {
    let data = dataset();
    let recipe = data.path().join("recipe.toml").display().to_string();
    let cases: [(&str, &[&str], &str); 4] = [
        ("nothing", &[], "sift-o2p"),
        ("lite0-o2p", &[], "--trunk-weights"),
        (&recipe, &["--start", "x"], "--init-from"),
        (&recipe, &["--split", "test"], "instances_test.json"),
    ];
    for (model, more, said) in cases {
        let call = matbackprop(&[])
            .args(train(data.path(), model, "wrong"))
            .args(more);
        let Called { code, err, .. } = call.call();
        assert!(
            code == 2 && err.contains(said),
            "{model} {more:?}: {code} {err}"
        );
        assert!(!data.path().join("wrong").exists());
    }
    let missing = matbackprop(&[]).args(measure(data.path(), "no-run")).call();
    assert!(
        missing.code == 1 && missing.err.contains("no-run"),
        "{}",
        missing.err
    );
}
