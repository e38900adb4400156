//! What `segment` says where it ends before its work: an interrupt while it waits, a folder it cannot write into.
//!
//! Protects scripts that pipe photographs and read JSON: no call hangs, and each prints its object.

use std::process::{Command, Stdio};

use crate::call::{Called, matbackprop};
use crate::segment_files::{folder_of, object};

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
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
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
        let sent = Command::new("kill")
            .args([number, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
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
