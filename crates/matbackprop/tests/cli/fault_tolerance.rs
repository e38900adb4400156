//! Faults during a training: it is killed, stopped, its disk fills, its files break or go.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::call::names_in;
#[cfg(unix)]
use crate::call::on_a_full_disk;
use crate::small_bsds;

/// Steps of every training here.
const STEPS: usize = 40;
/// How often a training is killed.
const KILLS: usize = 50;

fn command(data: &Path, run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_matbackprop"));
    command
        .args(["train", "ncuts", "--trunk", "lite0", "--from-scratch"])
        .args(["--head", "6x1", "--epochs", "20", "--seed", "7"])
        .args(["--checkpoint-every", "1", "--val-every", "0"])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(run)
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if run.join("checkpoint.safetensors").exists() {
        command.arg("--resume");
    }
    command
}

/// Runs to the end.
fn finish(data: &Path, run: &Path) -> (i32, String) {
    let output = command(data, run).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), err)
}

/// The bytes that a training which nothing happens to ends with: trained once for all tests, as their data are the same.
fn undisturbed() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let (data, run) = dataset();
        let (code, err) = finish(data.path(), &run);
        assert_eq!(code, 0, "{err}");
        network(&run)
    })
}

fn network(run: &Path) -> Vec<u8> {
    fs::read(run.join("network.safetensors")).unwrap()
}

fn dataset() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    small_bsds::write(folder.path());
    let run = folder.path().join("run");
    (folder, run)
}

fn journal(run: &Path) -> usize {
    let text = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    text.lines().count()
}

/// Waits until so many steps are in the journal.
fn wait_for(child: &mut Child, run: &Path, steps: usize) {
    let begin = Instant::now();
    while journal(run) < steps {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(begin.elapsed() < Duration::from_secs(120), "no step");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn fifty_kills_change_no_byte() {
    let (data, run) = dataset();
    let expected = undisturbed();
    // Moments from a generator of our own, so that each of the fifty is another.
    let mut state = 0x2545_F491_u32;
    let mut kills = 0;
    while kills < KILLS {
        let mut child = command(data.path(), &run).spawn().unwrap();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from(state >> 24)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        // A finished one starts again.
        if run.join("network.safetensors").exists() {
            assert!(network(&run) == expected);
            fs::remove_dir_all(&run).unwrap();
        }
    }
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert!(network(&run) == expected);
    assert_eq!(journal(&run), STEPS);
    // Half-written files are gone.
    let names = names_in(&run);
    assert!(
        !names.iter().any(|name| name.ends_with(".partial")),
        "{names:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_a_checkpoint_and_the_command_to_resume() {
    let (data, run) = dataset();
    let expected = undisturbed();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let before = journal(&run);
        let mut child = command(data.path(), &run).spawn().unwrap();
        wait_for(&mut child, &run, before + 2);
        let killed = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        let words = format!("error: stopped by SIG{signal} after step ");
        assert!(err.contains(&words) && err.contains("--resume"), "{err}");
    }
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert!(network(&run) == expected);
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_leaves_the_last_checkpoint() {
    let (data, run) = dataset();
    let expected = undisturbed();
    let mut child = command(data.path(), &run).spawn().unwrap();
    wait_for(&mut child, &run, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoint = run.join("checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    // No file may grow beyond half of the checkpoint.
    let kib = before.len() as u64 / 2 / 1024;
    let output = on_a_full_disk(&command(data.path(), &run), kib);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("checkpoint.safetensors: "), "{err}");
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert!(network(&run) == expected);
}

#[test]
fn a_picture_that_breaks_is_left_out_where_the_settings_allow_it() {
    for (allowed, code) in [("0.5", 0), ("0.2", 1)] {
        let (data, run) = dataset();
        fs::write(data.path().join("images/train/12.jpg"), "no picture").unwrap();
        let output = command(data.path(), &run)
            .args(["--unreadable", allowed])
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains("12.jpg"), "{err}");
        if code == 0 {
            let lines = err.matches("12 cannot be read and is left out, 1 so far");
            assert_eq!(lines.count(), 1, "{err}");
            assert_eq!(journal(&run), STEPS);
        } else {
            assert!(err.contains("expected at most 20 % of 2 examples"), "{err}");
        }
    }
}

/// Lets a training come to its third step, does something to its files, and waits for the end.
fn disturb(data: &Path, run: &Path, more: &[&str], disturb: impl FnOnce()) -> (i32, String) {
    let mut child = command(data, run).args(more).spawn().unwrap();
    wait_for(&mut child, run, 3);
    disturb();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), err)
}

#[test]
fn an_annotation_that_breaks_in_the_middle_of_an_epoch_is_left_out() {
    type Harm = fn(&Path);
    let broken: [(&str, Harm); 3] = [
        ("a header of 128 bytes, found 9 bytes", |path| {
            fs::write(path, "no matrix").unwrap();
        }),
        ("found ", |path| {
            let whole = fs::read(path).unwrap();
            fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }),
        ("No such file", |path| fs::remove_file(path).unwrap()),
    ];
    for (why, harm) in broken {
        let (data, run) = dataset();
        let annotation = data.path().join("groundTruth/train/12.mat");
        let more = ["--unreadable", "0.5"];
        let (code, err) = disturb(data.path(), &run, &more, || harm(&annotation));
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("12.mat: ") && err.contains(why), "{err}");
        let lines = err.matches("12 cannot be read and is left out, 1 so far");
        assert_eq!(lines.count(), 1, "{err}");
        assert_eq!(journal(&run), STEPS);
    }
}

#[test]
fn a_training_that_too_much_was_missing_for_goes_on_when_it_is_back() {
    let (data, run) = dataset();
    let annotation = data.path().join("groundTruth/train/12.mat");
    let remove = || fs::remove_file(&annotation).unwrap();
    let (code, err) = disturb(data.path(), &run, &["--unreadable", "0.2"], remove);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("expected at most 20 % of 2 examples"), "{err}");
    small_bsds::write(data.path());
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    let expected = undisturbed();
    assert!(network(&run) == expected);
}

#[test]
fn files_that_were_replaced_are_noticed_and_taken_where_that_is_asked_for() {
    let (data, run) = dataset();
    let mut child = command(data.path(), &run).spawn().unwrap();
    wait_for(&mut child, &run, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    // A label of one pixel; the file is as long as before, and as old.
    let annotation = data.path().join("groundTruth/train/12.mat");
    let before = fs::metadata(&annotation).unwrap();
    let mut bytes = fs::read(&annotation).unwrap();
    let last = bytes.iter().rposition(|byte| *byte == 3).unwrap();
    bytes[last] = 2;
    fs::write(&annotation, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&annotation).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("other contents of 12;") && err.contains("--changed-data"),
        "{err}"
    );
    let output = command(data.path(), &run).arg("--changed-data").output();
    let output = output.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("resuming with other contents of 12"), "{err}");
    assert_eq!(journal(&run), STEPS);
}

#[test]
fn a_second_training_in_a_folder_is_refused_and_the_first_is_as_if_alone() {
    let (data, run) = dataset();
    let expected = undisturbed();
    let mut first = command(data.path(), &run).spawn().unwrap();
    wait_for(&mut first, &run, 2);
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 1, "{err}");
    let words = format!("that of process {} on ", first.id());
    assert!(err.contains(&words), "{err}");
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(network(&run) == expected);
    assert_eq!(journal(&run), STEPS);
    assert!(!run.join("run.lock").exists());
}

#[test]
fn a_training_killed_before_its_first_checkpoint_starts_again() {
    let (data, run) = dataset();
    let expected = undisturbed();
    let mut child = command(data.path(), &run).spawn().unwrap();
    let begin = Instant::now();
    while !run.join("run.lock").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no lock");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Should the kill have come late, what it left is taken away: the lock is there in either case.
    for name in names_in(&run) {
        if name.starts_with("checkpoint") || name == "journal.jsonl" {
            fs::remove_file(run.join(name)).unwrap();
        }
    }
    let output = command(data.path(), &run).arg("--resume").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("before its first checkpoint"), "{err}");
    assert!(network(&run) == expected);
    // A folder in which none was begun is a slip of the keyboard.
    let elsewhere = data.path().join("elsewhere");
    let output = command(data.path(), &elsewhere).arg("--resume").output();
    let err = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(err.contains("--resume: expected a checkpoint"), "{err}");
}

/// Takes a bit, or the second half, of a file away.
fn damage(path: &Path, whole: bool) {
    // Not through another name of the same bytes.
    let mut bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    if whole {
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
    } else {
        bytes.truncate(bytes.len() / 2);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_checkpoint_is_passed_over_to_the_same_bytes() {
    let (data, run) = dataset();
    let expected = undisturbed();
    let mut child = command(data.path(), &run)
        .args(["--keep-checkpoints", "3"])
        .spawn()
        .unwrap();
    wait_for(&mut child, &run, 6);
    child.kill().unwrap();
    child.wait().unwrap();
    let older = || {
        let names = names_in(&run);
        let steps = names.iter().filter_map(|name| {
            let step = name.strip_prefix("checkpoint-")?;
            step.strip_suffix(".safetensors")?.parse().ok()
        });
        let mut steps: Vec<u64> = steps.collect();
        steps.sort_unstable();
        steps
    };
    let steps = older();
    // A kill may come between a new checkpoint and the end of the oldest.
    assert!((2..=3).contains(&steps.len()), "{steps:?}");
    // A bit of the newest is turned, and the one before it is cut short.
    let before = run.join(format!("checkpoint-{}.safetensors", steps[steps.len() - 1]));
    damage(&run.join("checkpoint.safetensors"), true);
    damage(&before, false);
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    for name in [
        "checkpoint.safetensors: ",
        &format!("{}: ", before.display()),
    ] {
        assert!(err.contains(name), "{err}");
    }
    assert_eq!(err.matches("it is skipped").count(), 2, "{err}");
    assert!(err.contains("found another digest"), "{err}");
    let from = format!("resuming after step {} of {STEPS}", steps[steps.len() - 2]);
    assert!(err.contains(&from), "{err}");
    assert!(network(&run) == expected);
    assert_eq!(journal(&run), STEPS);
    // Two are kept by default: the newest and the one before.
    assert_eq!(older(), [STEPS as u64 - 1]);

    // Where none is valid there is nothing to resume from.
    for name in names_in(&run) {
        if name.starts_with("checkpoint") {
            damage(&run.join(name), false);
        }
    }
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("checkpoint.safetensors: expected"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_full_folder_is_reported_and_loses_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let (data, run) = dataset();
    let expected = undisturbed();
    let mut child = command(data.path(), &run).spawn().unwrap();
    wait_for(&mut child, &run, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoint = fs::read(run.join("checkpoint.safetensors")).unwrap();
    let allow = |mode| fs::set_permissions(&run, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    // Root may write everywhere: as root we run the call as another user, where there is a way to.
    let everybody = fs::File::create(run.join("probe")).is_ok();
    let _ = fs::remove_file(run.join("probe"));
    let call = command(data.path(), &run);
    let mut asked = Command::new(if everybody { "setpriv" } else { "env" });
    if everybody {
        asked.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    asked
        .arg(call.get_program())
        .args(call.get_args())
        .env("RAYON_NUM_THREADS", "1");
    match asked.output() {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("setpriv: ") => {
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{err}");
            assert!(err.contains("Permission denied"), "{err}");
            assert!(err.contains(&run.display().to_string()), "{err}");
        }
        _ => eprintln!("left out: this user may write everywhere, and setpriv cannot be had"),
    }
    allow(0o755);
    let now = fs::read(run.join("checkpoint.safetensors")).unwrap();
    assert!(now == checkpoint, "the checkpoint was touched");
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert!(network(&run) == expected);

    // A new training fails at once.
    let place = data.path().join("images/train/11.jpg/run");
    let (code, err) = finish(data.path(), &place);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("11.jpg/run: "), "{err}");
    assert!(!err.contains("calibrating"), "{err}");
}
