//! A call of the binary and its results.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The results of a call.
pub struct Called {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Called {
    /// Of a process that has ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

pub struct Call(Command);

/// A call with these arguments.
pub fn matbackprop(arguments: &[&str]) -> Call {
    let mut command = Command::new(env!("CARGO_BIN_EXE_matbackprop"));
    command.args(arguments);
    Call(command)
}

impl Call {
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    /// With a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Without a variable of the environment.
    pub fn without(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub fn inside(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    pub fn call(mut self) -> Called {
        Called::of(self.0.output().unwrap())
    }

    /// Calls with these bytes on standard input.
    pub fn call_with_input(mut self, bytes: &[u8]) -> Called {
        let command = self.0.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // Dropped at once: the end of the file.
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        Called::of(child.wait_with_output().unwrap())
    }

    /// Starts it, with its results kept for later.
    pub fn start(mut self) -> Child {
        let command = self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// As several processes of one job, where the feature is there.
    #[cfg(feature = "mpi")]
    pub fn by_ranks(self, count: usize) -> Self {
        let mut several = Command::new("mpirun");
        several
            .args(["-np", &count.to_string()])
            .arg(self.0.get_program())
            .args(self.0.get_args());
        if let Some(folder) = self.0.get_current_dir() {
            several.current_dir(folder);
        }
        Self::with_leave(several)
    }

    /// Variables that Open MPI needs where a user is root, or cores are fewer than ranks; other launchers do not ask.
    #[cfg(feature = "mpi")]
    pub fn with_leave(mut launcher: Command) -> Self {
        for (name, value) in [
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
            ("OMPI_MCA_hwloc_base_binding_policy", "none"),
            ("OMPI_MCA_btl_vader_single_copy_mechanism", "none"),
            ("RAYON_NUM_THREADS", "1"),
        ] {
            launcher.env(name, value);
        }
        Self(launcher)
    }

    /// The command itself, to be started and looked after.
    #[cfg(feature = "mpi")]
    pub fn command(self) -> Command {
        self.0
    }

    /// Calls, and expects success.
    pub fn succeed(self) -> String {
        let Called { code, out, err } = self.call();
        assert_eq!(code, 0, "{err}");
        out
    }

    /// Calls, and expects this code and nothing on standard output.
    pub fn fail(self, expected: i32) -> String {
        let Called { code, out, err } = self.call();
        assert_eq!((code, out.as_str()), (expected, ""), "{err}");
        err
    }
}

/// Runs a command of which no file may grow beyond so many KiB: to the program a disk that is full.
#[cfg(unix)]
pub fn on_a_full_disk(command: &Command, kib: u64) -> Output {
    let mut limited = Command::new("bash");
    limited
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args())
        .env("RAYON_NUM_THREADS", "1");
    limited.output().unwrap()
}

/// Everything in a folder, in order of names.
pub fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}
