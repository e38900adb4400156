//! Stand-ins for NVIDIA's libraries, for tests on machines without a GPU: the same calls, answered by the host.
//!
//! They check the manuals' conditions of each call: which numbers lie where, how much room is asked for, in whose
//! context. They say nothing of speed, and little of time: a call has happened when it returns.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const LIBRARIES: [(&str, &str); 3] = [
    ("cuda", include_str!("stand_ins/cuda.c")),
    ("cusolver", include_str!("stand_ins/cusolver.c")),
    ("nccl", include_str!("stand_ins/nccl.c")),
];

/// Set where the stand-ins are what the loader finds.
const AMONG: &str = "MATBACKPROP_STAND_INS";

/// Runs `body` in a process of its own, where the stand-ins are what the loader finds. To be called by the test of this
/// name, with its modules, and by nothing else: the process is the same test once more.
///
/// # Panics
/// When the test fails there, is not there, or the stand-ins cannot be compiled: `cc`, which links Rust programs too, does
/// that.
pub fn run_among(test: &str, body: impl FnOnce()) {
    run_among_by(Command::new(this_program()), test, body);
}

/// The same in as many processes as `launcher` starts of the command added to its arguments, as `mpirun -np 2` does.
///
/// # Panics
/// As [`run_among`].
pub fn run_among_launched(mut launcher: Command, test: &str, body: impl FnOnce()) {
    launcher.arg(this_program());
    run_among_by(launcher, test, body);
}

fn run_among_by(mut again: Command, test: &str, body: impl FnOnce()) {
    if std::env::var_os(AMONG).is_some() {
        return body();
    }
    // Once a process: tests are threads of one.
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let program = this_program();
    let folder = FOLDER.get_or_init(|| compiled(program.parent().expect("a folder")));
    again.args(["--exact", test, "--include-ignored", "--nocapture"]);
    // Before the existing folders: launchers may need those.
    let mut folders = vec![folder.clone()];
    if let Some(others) = std::env::var_os("LD_LIBRARY_PATH") {
        folders.extend(std::env::split_paths(&others));
    }
    let folders = std::env::join_paths(folders).expect("folders without colons");
    again.env(AMONG, "1").env("LD_LIBRARY_PATH", folders);
    let output = again.output().expect("this program, once more");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    let passed = output.status.success() && said.contains("1 passed");
    assert!(
        passed,
        "`{test}` among stand-ins: {}\n{said}\n{failed}",
        output.status
    );
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program's own path")
}

/// The folder of the libraries, compiled once for all tests of a build.
fn compiled(beside: &Path) -> PathBuf {
    let folder = beside.join("stand-ins");
    std::fs::create_dir_all(&folder).expect("a folder beside this program");
    for (name, source) in LIBRARIES {
        let library = folder.join(format!("lib{name}.so"));
        let copy = folder.join(format!("{name}.c"));
        if library.exists() && std::fs::read_to_string(&copy).is_ok_and(|copy| copy == source) {
            continue;
        }
        // Other processes may do the same meanwhile: whole files alone appear.
        let own = format!("{name}-{}", std::process::id());
        let [own_source, own_library] = [folder.join(format!("{own}.c")), folder.join(&own)];
        std::fs::write(&own_source, source).expect("a stand-in's source");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-w", "-o"])
            .arg(&own_library)
            .arg(&own_source);
        cc.args(["-lm", "-lrt"]);
        let status = cc.status().expect("cc");
        assert!(status.success(), "cc of {name}.c: {status}");
        std::fs::rename(&own_library, &library).expect("a stand-in's place");
        std::fs::rename(&own_source, &copy).expect("a stand-in's place");
    }
    folder
}
