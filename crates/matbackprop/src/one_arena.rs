//! Address space where it is limited (`ulimit -v`).

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::env;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use rustix::process::{Resource, getrlimit};

    /// As glibc reads it, when a program starts and not later.
    const ARENAS: &str = "MALLOC_ARENA_MAX";

    /// Starts this program again, in the same process, with one arena for all threads, where its address space is limited.
    ///
    /// glibc gives each thread an arena, 64 to 128 MiB of address space of which little is used: under a limit of 350,000 KiB
    /// a training that needs 140 MiB ran out of it. Anything that fails here leaves things as they are.
    pub fn ensure() {
        let limited = getrlimit(Resource::As).current.is_some();
        if !limited || env::var_os(ARENAS).is_some() {
            return;
        }
        let mut words = env::args_os();
        let (Ok(program), Some(name)) = (env::current_exe(), words.next()) else {
            return;
        };
        // Comes back only where it failed.
        let _ = Command::new(program)
            .arg0(name)
            .args(words)
            .env(ARENAS, "1")
            .exec();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use glibc::ensure;

/// Other systems reserve nothing by the thread.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn ensure() {}
