//! The program: [`matbackprop::command_line`].

use std::process::ExitCode;

fn main() -> ExitCode {
    matbackprop::command_line(std::env::args_os())
}
