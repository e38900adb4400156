//! Tasks of this workspace: `cargo xtask check`, `tidy`, `data`, `web`.
//!
//! ```text
//!   arguments ─▶ check ─▶ format · tidy · deny · clippy · test · doc · examples · cuda · web · mpi
//!            ├─▶ tidy  ─▶ one rule a file, findings as `path:line: what, expected`
//!            ├─▶ web   ─▶ compiler ─▶ module ─▶ web/dist ─▶ browser
//!            └─▶ data  ─▶ manifest.toml ─▶ list · where · verify
//! ```
//!
//! Exit codes: 0 all well, 1 something was found or failed, 2 the command line was not understood.

#![forbid(unsafe_code)]

mod arguments;
mod check;
mod data;
mod deny;
mod examples;
mod mpi;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use arguments::Command;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let command = match arguments::parse(&words) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("error: {message}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `Ok(false)` where it ran and found something wrong.
fn run(command: &Command) -> Result<bool> {
    if let Command::Help(text) = command {
        println!("{text}");
        return Ok(true);
    }
    let root = workspace::root()?;
    match command {
        Command::Check(selection) => check::run(&root, *selection),
        Command::Tidy => tidy::run(&root),
        Command::Web { test } => match web::run(&root, *test)? {
            Some(passed) => Ok(passed),
            None => Ok(false),
        },
        Command::Data(action) => data::run(&root, action),
        Command::Help(_) => Ok(true),
    }
}
