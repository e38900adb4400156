//! Tasks of this workspace: `cargo xtask check`, `tidy`, `data`, `web`, `chaos`, `command-line`, `advisories`.
//!
//! ```text
//!   arguments ─▶ check ─▶ format · tidy · typos · deny · clippy · test · doc · examples · package · cuda · web
//!            ├─▶ tidy  ─▶ one rule a file, findings as `path:line: what, expected`
//!            ├─▶ web   ─▶ compiler ─▶ module ─▶ web/dist ─▶ browser
//!            ├─▶ data  ─▶ manifest.toml ─▶ list · where · verify
//!            ├─▶ chaos ─▶ a test of matbackprop: faults at random
//!            ├─▶ advisories ─▶ cargo-deny ─▶ ci/advisories.toml
//!            └─▶ command-line ─▶ a test of matbackprop ─▶ crates/matbackprop/docs/command-line.md
//! ```
//!
//! Exit codes: 0 all well, 1 something was found or failed, 2 the command line was not understood.

mod advisories;
mod arguments;
mod bridges;
mod chaos;
mod check;
mod command_line;
mod data;
mod deny;
mod digest;
mod examples;
mod members;
mod mpi;
mod package;
mod python;
mod tidy;
mod typos;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
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
    let root = workspace::root()?;
    match command {
        Command::Check(check) => check::run(&root, check.selection()),
        Command::Tidy => tidy::run(&root),
        Command::Data { action } => data::run(&root, action.as_ref()),
        Command::Web { test } => Ok(web::run(&root, *test)?.unwrap_or(false)),
        Command::Chaos { minutes, seed } => chaos::run(&root, *minutes, *seed),
        Command::Advisories => advisories::run(&root),
        Command::Manual => command_line::run(&root),
    }
}
