//! Limits on the address space, as schedulers of clusters set them.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use crate::call::Called;
use crate::small_bsds;

fn within(kilobytes: usize, folder: &Path, words: &[&str]) -> Called {
    let limited = format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &limited, env!("CARGO_BIN_EXE_matbackprop")])
        .args(words)
        .current_dir(folder)
        .env_remove("MALLOC_ARENA_MAX");
    Called::of(command.output().unwrap())
}

#[test]
fn what_cannot_be_had_is_refused_by_the_name_of_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    small_bsds::write(&folder.path().join("data"));
    let train = "train ncuts --trunk lite0 --from-scratch --data data --out run --epochs 1";
    let train: Vec<&str> = train.split(' ').collect();
    let eval = "eval bsds --data data --split val --run run --limit 1";
    let eval: Vec<&str> = eval.split(' ').collect();
    let refused = |words: &[&str], split: &str| {
        let Called { code, err, .. } = within(110_000, folder.path(), words);
        let line = err.lines().find(|line| line.starts_with("error: "));
        let named = |line: &str| {
            line.starts_with(&format!("error: data/images/{split}/"))
                && line.contains(".jpg: expected at most 107.5 MiB of memory for ")
        };
        assert!(code == 1 && line.is_some_and(named), "{words:?}: {err}");
    };
    refused(&train, "train");
    // More than the work takes, and less than an arena for each thread would.
    for words in [&train, &eval] {
        let Called { code, err, .. } = within(300_000, folder.path(), words);
        assert_eq!(code, 0, "{words:?}: {err}");
    }
    refused(&eval, "val");
}
