//! The program: [`matbackprop::command_line`].

mod one_arena;

use std::process::ExitCode;

fn main() -> ExitCode {
    one_arena::ensure();
    matbackprop::command_line(std::env::args_os())
}
