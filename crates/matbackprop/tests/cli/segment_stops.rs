//! What `segment` says, and leaves, where it ends before its work: an interrupt while it waits or writes, a folder it cannot
//! write into.
//!
//! Protects scripts that pipe photographs and read JSON: no call hangs, each prints its object, and no unfinished file stays.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::call::{Called, matbackprop, names_in};
use crate::segment::photograph;
use crate::segment_files::{folder_of, object};

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn hidden_in(folder: &Path) -> Vec<String> {
    let mut names = names_in(folder);
    names.retain(|name| name.starts_with('.'));
    names
}

/// A call that writes many files into `out`, one after the other, and has written some of them.
fn writing(folder: &Path) -> Child {
    let exports = "masks,coco,coco-polygons,geojson,svg,npy,adjacency";
    let call = ["segment", "large.png", "--k", "2..16", "--export", exports];
    let child = matbackprop(&call)
        .args(["--labels", "-o", "out"])
        .inside(folder)
        .start();
    let out = folder.join("out");
    let written = || match hidden_in(&out).as_slice() {
        [one] => names_in(&out.join(one)).len(),
        _ => 0,
    };
    while !out.exists() || written() < 4 {
        sleep(Duration::from_millis(5));
    }
    child
}

fn folder_with_a_large_photograph() -> tempfile::TempDir {
    let folder = folder_of(&["small.png"]);
    let large = photograph(1200, 800);
    large.save(folder.path().join("large.png")).unwrap();
    folder
}

#[test]
fn a_second_signal_leaves_no_unfinished_file() {
    let folder = folder_with_a_large_photograph();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let child = writing(folder.path());
        for _ in 0..2 {
            send(signal, &child);
            sleep(Duration::from_millis(50));
        }
        let found = Called::of(child.wait_with_output().unwrap());
        assert_eq!(found.code, code, "{}", found.err);
        assert!(names_in(&folder.path().join("out")).is_empty());
    }
}

#[test]
fn what_a_killed_call_left_goes_at_the_next_start_and_not_what_a_living_one_writes() {
    let folder = folder_with_a_large_photograph();
    let out = folder.path().join("out");
    let mut killed = writing(folder.path());
    send("-KILL", &killed);
    killed.wait().unwrap();
    let left = hidden_in(&out);
    assert_eq!(left.len(), 1);
    let small = || matbackprop(&["segment", "small.png", "-o", "out"]).inside(folder.path());
    small().succeed();
    assert!(hidden_in(&out).is_empty());
    let living = writing(folder.path());
    small().succeed();
    assert_eq!(hidden_in(&out).len(), 1);
    let found = Called::of(living.wait_with_output().unwrap());
    assert_eq!(found.code, 0, "{}", found.err);
    // 15 cuts of ten kinds, and the two of the small photograph.
    assert_eq!(names_in(&out).len(), 15 * 10 + 2);
}

/// Waits until a process catches SIGINT, and then until it may be reading.
fn wait_until_listening(id: u32) {
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:\t"));
        u64::from_str_radix(caught.unwrap(), 16).unwrap() & 2 == 2
    };
    while !listens() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(200));
}

#[test]
fn the_first_interrupt_ends_a_wait_for_standard_input_or_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("mkfifo")
        .arg(folder.path().join("pipe.png"))
        .status();
    assert!(made.unwrap().success());
    for (name, number, code) in [("-", "-INT", 130), ("pipe.png", "-TERM", 143)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_matbackprop"))
            .args(["segment", name, "-o", "out", "--json"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nothing is written into it, and it is not closed.
        let _input = child.stdin.take();
        wait_until_listening(child.id());
        send(number, &child);
        let found = Called::of(child.wait_with_output().unwrap());
        assert_eq!(found.code, code, "{}", found.err);
        assert!(found.err.contains("after 0 of 1 image;"), "{}", found.err);
        assert_eq!(object(&found.out)["not_reached"], 1);
    }
}

#[test]
fn a_folder_that_cannot_be_written_into_is_named_and_json_says_what_was_done() {
    let folder = folder_of(&["a.png"]);
    // No user can make files there, not even root.
    let call = ["segment", "a.png", "-o", "/proc", "--json"];
    let Called { code, out, err } = matbackprop(&call).inside(folder.path()).call();
    assert_eq!(code, 1, "{err}");
    let words = "--out: /proc: expected a folder that can be written into: ";
    assert!(err.contains(words) && !err.contains(".partial"), "{err}");
    let object = object(&out);
    assert_eq!(object["images"].as_array().unwrap().len(), 0);
    assert!(
        object["error"].as_str().unwrap().starts_with(words),
        "{object}"
    );
}

#[test]
fn more_than_the_memory_allowed_is_refused_by_name_before_it_is_taken() {
    let folder = folder_with_a_large_photograph();
    let call = |memory| {
        let call = ["segment", "large.png", "-o", "out", "--max-memory", memory];
        matbackprop(&call).inside(folder.path()).call()
    };
    let Called { code, err, .. } = call("64M");
    assert_eq!(code, 1, "{err}");
    let words = "large.png: expected at most 64 MiB of memory for segmenting at 1024 × 683 pixels (`--max-side`), found";
    assert!(err.contains(words), "{err}");
    assert!(!folder.path().join("out").exists());
    assert_eq!(call("256M").code, 0);
}

#[test]
fn a_strip_is_segmented_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let strip = image::RgbImage::from_fn(6000, 30, |x, _| {
        image::Rgb([[220, 30, 30], [20, 40, 200]][x as usize / 1000 % 2])
    });
    strip.save(folder.path().join("strip.png")).unwrap();
    let call = ["segment", "strip.png", "--json", "-o", "out"];
    let Called { code, out, err } = matbackprop(&call).inside(folder.path()).call();
    assert_eq!(code, 0, "{err}");
    let image = &object(&out)["images"][0];
    assert_eq!(image["working_size"], serde_json::json!([6000, 30]));
    let found = image["segmentations"][0]["segments"].as_u64().unwrap();
    assert!(found > 1, "{found}");
    assert!(
        err.contains("a strip, segmented at 6000 × 30 pixels"),
        "{err}"
    );
}

#[test]
fn the_stages_add_up_to_the_time_on_the_clock() {
    let folder = folder_with_a_large_photograph();
    let call = ["segment", "large.png", "--json", "-o", "out"];
    let began = std::time::Instant::now();
    let out = matbackprop(&call).inside(folder.path()).succeed();
    let clock = began.elapsed().as_secs_f64();
    let seconds = &object(&out)["images"][0]["seconds"];
    let of = |stage: &str| seconds[stage].as_f64().unwrap();
    let stages = [
        "reading",
        "trunk",
        "layer",
        "clustering",
        "painting",
        "writing",
    ];
    let sum: f64 = stages.map(of).iter().sum();
    assert!((sum - of("total")).abs() < 1e-9 && stages.map(of).iter().all(|one| *one > 0.0));
    // The program's start, and its network, are all that is left out.
    assert!(
        of("total") < clock && of("total") > 0.5 * clock,
        "{seconds} of {clock}"
    );
}
