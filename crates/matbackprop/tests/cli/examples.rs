//! The examples of the help texts, run by a shell.
//!
//! Protects that what a newcomer copies works: in order, in one folder that holds what the examples name.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use test_support::{data_folder, needs};

use crate::call::matbackprop;
use crate::help::{COMMANDS, examples, stage};

const TRUNK: &str = "efficientnet_lite0_f16.safetensors";

/// Every example once: those of a command before those of commands that take its results.
fn all_examples() -> Vec<String> {
    let mut commands = COMMANDS.to_vec();
    // Longer ones first: `train` shows the beginning of what `train ncuts` shows.
    let place = |command: &&[&str]| match command {
        ["train", _] => 0,
        ["eval", _] => 1,
        [_, ..] => 2,
        [] => 3,
    };
    commands.sort_by_key(place);
    let mut calls: Vec<String> = Vec::new();
    for command in commands {
        let help = matbackprop(command).args(["--help"]).succeed();
        for call in examples(&help) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
    }
    calls
}

/// Runs a call as a shell would, beside the files it names.
fn run(call: &str, folder: &Path) {
    // A pipe leads to programs that may be absent.
    let call = call.split(" | ").next().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_matbackprop"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-e", "-c", call])
        .current_dir(folder)
        .env("HOME", folder)
        .env("PROFILE", folder.join("profile.ps1"))
        .env(
            "PATH",
            format!("{}:{path}", program.parent().unwrap().display()),
        )
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{call}\n{err}");
}

/// Trains, or takes the results of a training.
fn needs_a_training(call: &str) -> bool {
    let names = [
        " train ",
        " report ",
        "--run runs/lite0-",
        " runs/boundaries",
    ];
    names.iter().any(|name| call.contains(name))
}

/// Takes hours.
fn is_long(call: &str) -> bool {
    call.contains(" reproduce ") && !call.contains("--dry-run")
}

#[test]
fn examples_that_need_no_training_run() {
    let folder = stage();
    std::fs::create_dir_all(folder.path().join("runs/lite0")).unwrap();
    let network = folder.path().join("runs/lite0/network.safetensors");
    std::fs::write(network, matbackprop::DEFAULT_NETWORK_BYTES).unwrap();
    let calls = all_examples();
    let calls = calls
        .iter()
        .filter(|call| !needs_a_training(call) && !is_long(call));
    let mut count = 0;
    for call in calls {
        run(call, folder.path());
        count += 1;
    }
    assert!(count >= 20, "{count}");
    for made in [
        "photo.overlay.png",
        "pictures/coffee.k6.labels.png",
        "measures/report.html",
        ".zfunc/_matbackprop",
        ".local/share/man/man1/matbackprop-eval-bsds.1",
    ] {
        assert!(folder.path().join(made).is_file(), "{made}");
    }
}

#[needs("weights")]
#[test]
fn examples_of_trainings_run() {
    let folder = stage();
    std::fs::copy(
        data_folder("weights").join(TRUNK),
        folder.path().join(TRUNK),
    )
    .unwrap();
    let calls = all_examples();
    let mut calls = calls
        .iter()
        .filter(|call| needs_a_training(call))
        .peekable();
    assert!(calls.peek().is_some());
    for call in calls {
        run(call, folder.path());
    }
    for made in [
        "runs/lite0/network.safetensors",
        "runs/lite0/report.html",
        "o2p.html",
    ] {
        assert!(folder.path().join(made).is_file(), "{made}");
    }
}
