//! Commands by several processes: the same answers, and the loss of a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::needs;

use crate::call::{Call, Called, matbackprop, names_in};
use crate::eval_bsds::perfect_segmentations;
use crate::{small_bsds, small_coco};

const STEPS: usize = 60;

fn dataset() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    small_bsds::write(folder.path());
    let run = folder.path().join("run");
    (folder, run)
}

/// A training of one step of two pictures an epoch.
fn train(data: &Path, run: &Path, more: &[&str]) -> Call {
    let call = matbackprop(&["train", "ncuts", "--trunk", "lite0", "--head", "6x1"])
        .args(["--seed", "7", "--data"])
        .args([data, Path::new("--out"), run]);
    let call = call.args(more);
    match run.join("checkpoint.safetensors").exists() {
        true => call.args(["--resume", "--from-scratch"]),
        false => call.args(["--from-scratch"]),
    }
}

/// A training that can be disturbed.
fn long(data: &Path, run: &Path) -> Call {
    let epochs = STEPS.to_string();
    let more = [
        "--batch",
        "2",
        "--epochs",
        &epochs,
        "--checkpoint-every",
        "5",
        "--val-every",
        "0",
    ];
    train(data, run, &more).by_ranks(2)
}

fn journal(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    let lines = text.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn network(run: &Path) -> Vec<u8> {
    fs::read(run.join("network.safetensors")).unwrap()
}

#[needs("mpirun")]
#[test]
fn two_ranks_take_the_steps_of_one_process() {
    // Rounding grows from step to step, the faster the longer the steps are: in a trunk of random weights to more than
    // the bound at a rate of 10⁻³.
    for (trunk, rate) in [("none", "1e-3"), ("all", "1e-4")] {
        let (data, one) = dataset();
        let two = data.path().join("two");
        let more = [
            "--train-trunk",
            trunk,
            "--rate",
            rate,
            "--epochs",
            "20",
            "--batch",
            "2",
        ];
        train(data.path(), &one, &more).succeed();
        let Called { code, out, err } = train(data.path(), &two, &more).by_ranks(2).call();
        assert_eq!(code, 0, "{err}");
        // One of them reports.
        assert_eq!(out.matches("network.safetensors").count(), 1, "{out}");
        assert_eq!(err.matches("in the head; 2 images").count(), 1, "{err}");
        assert_eq!(names_in(&one), names_in(&two));
        let (one, two) = (journal(&one), journal(&two));
        assert_eq!((one.len(), two.len()), (20, 20));
        let loss = |step: &Value| step["loss"].as_f64().unwrap();
        assert!(loss(&one[0]) - loss(&one[19]) > 1e-2, "{trunk}: {one:?}");
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one["images"], two["images"]);
            let difference = (loss(one) - loss(two)).abs();
            assert!(difference < 1e-5, "{trunk}: {one} {two}");
        }
    }
}

#[needs("mpirun")]
#[test]
fn regions_are_learned_and_measured_by_two_ranks_as_by_one() {
    let data = tempfile::tempdir().unwrap();
    small_coco::write(data.path());
    let recipe = data.path().join("recipe.toml");
    fs::write(&recipe, crate::train_o2p::RECIPE).unwrap();
    let place = |name: &str| data.path().join(name).display().to_string();
    let root = data.path().display().to_string();
    let train = |run: &str| {
        let call = ["train", "o2p", "--epochs", "10", "--data", &root, "--model"];
        matbackprop(&call).args([&place("recipe.toml"), "--out", &place(run)])
    };
    train("one").succeed();
    train("two").by_ranks(2).succeed();
    let losses = |run: &str| {
        let steps = journal(&data.path().join(run)).into_iter();
        steps
            .map(|step| step["loss"].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    let (one, two) = (losses("one"), losses("two"));
    assert_eq!((one.len(), two.len()), (20, 20));
    for (one, two) in one.iter().zip(&two) {
        assert!((one - two).abs() < 1e-5, "{one} {two}");
    }
    let measure = || matbackprop(&["eval", "coco", "--data", &root, "--run", &place("one")]);
    let table = |text: String| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("regions a second"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let one = table(measure().succeed());
    let predictions = fs::read(place("one/predictions_val.json")).unwrap();
    assert_eq!(table(measure().by_ranks(2).succeed()), one);
    assert_eq!(
        fs::read(place("one/predictions_val.json")).unwrap(),
        predictions
    );
}

#[needs("mpirun")]
#[test]
fn two_ranks_measure_as_one() {
    let (data, _) = dataset();
    perfect_segmentations(&data.path().join("segs"));
    let root = data.path().display().to_string();
    let segs = data.path().join("segs").display().to_string();
    let sources: [&[&str]; 2] = [
        &["--segs", &segs, "--boundaries", "--json", "--details"],
        &["--model", "intervening-contour", "--k", "2,3"],
    ];
    for source in sources {
        let call =
            || matbackprop(&["eval", "bsds", "--split", "val", "--data", &root]).args(source);
        let one = call().succeed();
        assert_eq!(call().by_ranks(2).succeed(), one);
        // More ranks than images.
        assert_eq!(call().by_ranks(3).succeed(), one);
    }
    let out = |name: &str| data.path().join(name).display().to_string();
    for (ranks, name) in [(1, "one"), (2, "two")] {
        let call = matbackprop(&["eval", "bsds", "--split", "val", "--data", &root, "--segs"]);
        let call = call.args([&segs, "--out", &out(name)]);
        if ranks == 1 {
            call
        } else {
            call.by_ranks(ranks)
        }
        .succeed();
    }
    let (one, two) = (data.path().join("one"), data.path().join("two"));
    assert_eq!(names_in(&one), names_in(&two));
    for name in [
        "report.json",
        "settings.json",
        "images/21.json",
        "images/22.json",
    ] {
        assert_eq!(
            fs::read(one.join(name)).unwrap(),
            fs::read(two.join(name)).unwrap()
        );
    }
}

#[needs("mpirun")]
#[test]
fn photographs_are_cut_by_two_ranks_as_by_one() {
    let (data, _) = dataset();
    let train = data.path().join("images/train");
    fs::write(train.join("13.jpg"), "no picture").unwrap();
    let call = |out: &str| {
        matbackprop(&["segment", "11.jpg", "13.jpg", "12.jpg", "-o", out]).inside(&train)
    };
    let one = call("one").call();
    let two = call("two").by_ranks(2).call();
    assert_eq!((one.code, two.code), (1, 1), "{}", two.err);
    // The lines without the seconds and the folder.
    let without_time = |out: &str| {
        let line = |line: &str| {
            let (front, back) = (line.split(", ").next(), line.split("): ").nth(1));
            format!("{front:?} {back:?}")
        };
        out.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        without_time(&one.out),
        without_time(&two.out.replace("two/", "one/"))
    );
    for words in ["error: 13.jpg: ", "error: 1 of 3 images was not segmented"] {
        assert_eq!(two.err.matches(words).count(), 1, "{}", two.err);
    }
    let (one, two) = (train.join("one"), train.join("two"));
    assert_eq!(names_in(&one), names_in(&two));
    for name in names_in(&one) {
        assert_eq!(
            fs::read(one.join(&name)).unwrap(),
            fs::read(two.join(&name)).unwrap()
        );
    }
}

/// A running training, with the process of one of its ranks.
struct Going {
    launcher: Child,
    rank: u32,
}

impl Going {
    /// Starts it, and waits for so many steps in the journal.
    fn until(steps: usize, data: &Path, run: &Path) -> Self {
        let mut command = long(data, run).command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut launcher = command.spawn().unwrap();
        let begin = Instant::now();
        while journal(run).len() < steps {
            assert!(launcher.try_wait().unwrap().is_none(), "it ended by itself");
            assert!(begin.elapsed() < Duration::from_secs(240), "no step");
            std::thread::sleep(Duration::from_millis(5));
        }
        let rank = second_rank(launcher.id()).expect("a process of the second rank");
        Self { launcher, rank }
    }

    /// Sends the rank a signal, and waits for the end of all.
    fn after(self, signal: &str) -> (Output, String) {
        let signalled = Command::new("kill")
            .args(["-s", signal, &self.rank.to_string()])
            .status();
        assert!(signalled.unwrap().success());
        let output = self.launcher.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr.clone()).unwrap();
        (output, err)
    }
}

/// The process of rank 1 below `launcher`.
pub fn second_rank(launcher: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    let mut below = processes.filter(|process| is_below(*process, launcher));
    below.find(|process| {
        let variables = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let mut variables = variables.split(|byte| *byte == 0);
        variables.any(|one| one == b"OMPI_COMM_WORLD_RANK=1" || one == b"PMI_RANK=1")
    })
}

fn is_below(process: u32, launcher: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    match parent.and_then(|parent| parent.trim().parse().ok()) {
        None | Some(0) => false,
        Some(parent) => parent == launcher || is_below(parent, launcher),
    }
}

#[test]
#[needs("mpirun")]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc, which Linux has")]
fn a_lost_rank_ends_the_others_which_go_on_to_the_same_bytes() {
    let (data, run) = dataset();
    let undisturbed = data.path().join("undisturbed");
    long(data.path(), &undisturbed).succeed();
    let (output, err) = Going::until(12, data.path(), &run).after("KILL");
    assert!(!output.status.success(), "{err}");
    let message =
        "error: expected 2 ranks, found rank 1 lost: no heartbeat; the same command with --resume";
    assert_eq!(err.matches(message).count(), 1, "{err}");
    assert!(!run.join("network.safetensors").exists());
    let err = long(data.path(), &run).call().err;
    assert_eq!(err.matches("resuming after step ").count(), 1, "{err}");
    assert_eq!(network(&run), network(&undisturbed));
    assert_eq!(journal(&run).len(), STEPS);
}

#[test]
#[needs("mpirun")]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc, which Linux has")]
fn one_rank_that_is_asked_to_stop_stops_all_after_the_same_step() {
    let (data, run) = dataset();
    let undisturbed = data.path().join("undisturbed");
    long(data.path(), &undisturbed).succeed();
    let (output, err) = Going::until(12, data.path(), &run).after("TERM");
    assert_eq!(output.status.code(), Some(143), "{err}");
    assert_eq!(
        err.matches("error: stopped by SIGTERM after step ").count(),
        1,
        "{err}"
    );
    let done = journal(&run).len();
    assert!(err.contains(&format!("after step {done};")), "{err}");
    let again = long(data.path(), &run).call();
    let resuming = format!("resuming after step {done} of {STEPS}");
    assert!(again.err.contains(&resuming), "{}", again.err);
    assert_eq!(network(&run), network(&undisturbed));
    // And by one process, from a checkpoint that two wrote.
    fs::remove_dir_all(&run).unwrap();
    drop(Going::until(12, data.path(), &run).after("TERM"));
    let epochs = STEPS.to_string();
    let more = [
        "--batch",
        "2",
        "--epochs",
        &epochs,
        "--checkpoint-every",
        "5",
        "--val-every",
        "0",
    ];
    train(data.path(), &run, &more).succeed();
    assert_eq!(journal(&run).len(), STEPS);
}

#[needs("mpirun")]
#[test]
fn an_error_on_one_rank_is_reported_once_and_ends_all() {
    let (data, run) = dataset();
    let absent = data.path().join("absent");
    let ranks =
        [data.path(), absent.as_path()].map(|data| train(data, &run, &["--batch", "2"]).command());
    let mut launcher = Command::new("mpirun");
    for (place, rank) in ranks.iter().enumerate() {
        let colon = (place > 0).then_some(":");
        launcher
            .args(colon)
            .args(["-np", "1"])
            .arg(rank.get_program())
            .args(rank.get_args());
    }
    let Called { code, err, .. } = Call::with_leave(launcher).call();
    assert_ne!(code, 0);
    let message = "error: rank 1: --data: expected the folder of BSDS500, found none at ";
    assert_eq!(err.matches(message).count(), 1, "{err}");
    assert_eq!(err.matches("error: ").count(), 1, "{err}");
    assert!(!run.exists());
    // Both meet this one.
    fs::write(data.path().join("images/train/12.jpg"), "no picture").unwrap();
    let Called { code, err, .. } = train(data.path(), &run, &["--batch", "2"])
        .by_ranks(2)
        .call();
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("12.jpg"), "{err}");
    assert_eq!(
        err.matches("error: expected at most 1 % of 2 examples")
            .count(),
        1,
        "{err}"
    );
    // A batch that leaves a rank without work.
    fs::remove_dir_all(&run).unwrap();
    let Called { code, err, .. } = train(data.path(), &run, &["--batch", "1"])
        .by_ranks(2)
        .call();
    assert_eq!(code, 2, "{err}");
    let message = "error: batch: expected an example a rank or more, found 1 for 2 ranks";
    assert_eq!(err.matches(message).count(), 1, "{err}");
}
