//! Readers that end early, `matbackprop … | head -1`: the work is done all the same, and results that nobody read are no
//! success.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::call::names_in;
use crate::segment_files::folder_of;

/// The exit code of a call whose standard output, and standard error where it is asked for, nobody reads.
fn code_unread(folder: &Path, arguments: &[&str], errors_too: bool) -> i32 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_matbackprop"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(match errors_too {
            true => Stdio::piped(),
            false => Stdio::null(),
        })
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap().code().unwrap()
}

#[test]
fn photographs_are_segmented_whether_the_lines_are_read_or_not() {
    let folder = folder_of(&["a.png", "b.png", "c.png"]);
    for errors_too in [false, true] {
        for (json, code) in [(&[][..], 0), (&["--json"][..], 141)] {
            let call = [&["segment", ".", "-v", "-o", "out"], json].concat();
            assert_eq!(
                code_unread(folder.path(), &call, errors_too),
                code,
                "{call:?}"
            );
            let out = folder.path().join("out");
            assert_eq!(names_in(&out).len(), 6);
            std::fs::remove_dir_all(out).unwrap();
        }
    }
}

#[test]
fn results_that_nobody_reads_are_no_success() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code_unread(folder.path(), &["info"], false), 141);
    assert_eq!(
        code_unread(folder.path(), &["completions", "bash"], false),
        141
    );
    // An error stays what it is.
    assert_eq!(code_unread(folder.path(), &["info", "absent"], true), 1);
}
