//! What happens to a training in the night: it is killed, stopped, its disk fills, its pictures break.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::call::names_in;
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

/// The bytes that a training which nothing happens to ends with.
fn undisturbed(data: &Path) -> Vec<u8> {
    let run = data.join("undisturbed");
    let (code, err) = finish(data, &run);
    assert_eq!(code, 0, "{err}");
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
    let expected = undisturbed(data.path());
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
        // One that has come to its end begins anew.
        if run.join("network.safetensors").exists() {
            assert_eq!(fs::read(run.join("network.safetensors")).unwrap(), expected);
            fs::remove_dir_all(&run).unwrap();
        }
    }
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert_eq!(fs::read(run.join("network.safetensors")).unwrap(), expected);
    assert_eq!(journal(&run), STEPS);
    // What was half-written is gone.
    let names = names_in(&run);
    assert!(
        !names.iter().any(|name| name.ends_with(".partial")),
        "{names:?}"
    );
}

#[cfg(unix)]
#[test]
fn who_asks_gets_a_checkpoint_and_the_way_on() {
    let (data, run) = dataset();
    let expected = undisturbed(data.path());
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
    assert_eq!(fs::read(run.join("network.safetensors")).unwrap(), expected);
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_leaves_the_last_checkpoint() {
    let (data, run) = dataset();
    let expected = undisturbed(data.path());
    let mut child = command(data.path(), &run).spawn().unwrap();
    wait_for(&mut child, &run, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoint = run.join("checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    // No file may grow beyond half of the checkpoint: to the program a disk that is full.
    let blocks = before.len() / 2 / 1024;
    let full = command(data.path(), &run);
    let mut limited = Command::new("bash");
    limited
        .arg("-c")
        .arg(format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""
        ))
        .arg(full.get_program())
        .args(full.get_args())
        .env("RAYON_NUM_THREADS", "1");
    let output = limited.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("checkpoint.safetensors: "), "{err}");
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
    let (code, err) = finish(data.path(), &run);
    assert_eq!(code, 0, "{err}");
    assert_eq!(fs::read(run.join("network.safetensors")).unwrap(), expected);
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
            let told = err.matches("12 cannot be read and is left out, 1 so far");
            assert_eq!(told.count(), 1, "{err}");
            assert_eq!(journal(&run), STEPS);
        } else {
            assert!(err.contains("expected at most 20 % of 2 examples"), "{err}");
        }
    }
}
