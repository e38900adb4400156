//! Exit codes: 2 for invalid arguments, 1 for a failure, 128 + n for a training that signal n
//! stopped, 141 where nobody read the results that were asked for.

use std::process::ExitCode;

use experiments::{Error, error_chain_line};

use crate::command_line::interrupt::Interrupted;
use crate::command_line::output;

/// As if SIGPIPE had ended the process, which ends programs whose reader is no more.
const UNREAD: u8 = 141;

/// The exit code of a command that did its work: another than 0 where its results were not read.
pub fn done() -> ExitCode {
    match output::is_unread() {
        true => ExitCode::from(UNREAD),
        false => ExitCode::SUCCESS,
    }
}

/// A wrong call, in words.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Error::setting(message).into()
}

/// Prints the error; its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let io = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>());
    // The reader has seen enough: `matbackprop … | head`.
    if io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
        return ExitCode::from(UNREAD);
    }
    output::error(&error_chain_line(error.as_ref()));
    if is_usage(error) {
        output::say("for more, call the same command with --help");
    }
    code(error)
}

/// Whether the call is to blame.
pub fn is_usage(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(Error::is_setting)
}

/// The exit code of an error.
pub fn code(error: &anyhow::Error) -> ExitCode {
    if is_usage(error) {
        return ExitCode::from(2);
    }
    let interrupted = error.chain().find_map(|cause| cause.downcast_ref());
    interrupted.map_or(ExitCode::FAILURE, |interrupted: &Interrupted| {
        ExitCode::from(interrupted.exit_code())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn usage_is_found_below_its_context() {
        let wrapped = Err::<(), _>(usage("no")).context("--k").unwrap_err();
        assert_eq!(
            format!("{:?}", report(&wrapped)),
            format!("{:?}", ExitCode::from(2))
        );
        let failed = anyhow::anyhow!("no");
        assert_eq!(
            format!("{:?}", report(&failed)),
            format!("{:?}", ExitCode::FAILURE)
        );
    }
}
