//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::check::{Selection, Step};
use crate::data::Action;

/// Tasks of this workspace.
///
/// Exit codes: 0 all well, 1 something was found or failed, 2 usage.
#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    after_help = "Example:\n  cargo xtask check --from clippy"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything a change has to pass, step by step; stops at the first failure.
    ///
    /// Steps that build take all features of matbackprop-core, and the features `mpi` where there is an MPI.
    #[command(after_help = "Example:\n  cargo xtask check --only test")]
    Check(Check),
    /// Our own lint; each finding is one line: path:line: what was found, what was expected.
    #[command(after_help = TIDY_RULES)]
    Tidy,
    /// The data sets of data/manifest.toml: list them, say where to get them, verify the present ones.
    ///
    /// Nothing is downloaded. The sets lie in the folder MATBACKPROP_DATA, by default in ../shared/data beside the
    /// workspace; the sample photographs in data/samples.
    #[command(after_help = "Example:\n  cargo xtask data verify bsds500")]
    Data {
        #[command(subcommand)]
        action: Option<Action>,
    },
    /// The page, as a folder that any file server can serve: web/dist.
    ///
    /// Needs the target wasm32-unknown-unknown (rustup target add, or ci/setup-wasm.sh) and Node.js with npm, from which
    /// it installs its tools into target/web-tools.
    #[command(
        after_help = "Example:\n  cargo xtask web && python3 -m http.server --directory web/dist"
    )]
    Web {
        /// Then serve the folder on 127.0.0.1 and drive headless Chromium through all exhibits.
        ///
        /// Label maps and embeddings are compared with the command line's; an error on the browser's console fails.
        /// Screenshots go to target/web. Needs Chromium in PATH or in the variable CHROMIUM (ci/setup-browser.sh).
        #[arg(long)]
        test: bool,
    },
    /// Kills, stops, damaged, replaced and cut files, full disks, second calls and lost ranks at random; after each the result has the
    /// bytes of an undisturbed call, or the fault is refused by name.
    ///
    /// Every round is printed. The faults follow from the seed; the moments at which they meet a process do not.
    #[command(after_help = "Example:\n  cargo xtask chaos --minutes 30 --seed 7")]
    Chaos {
        /// For how long.
        #[arg(long, value_name = "N", default_value_t = 1.0)]
        minutes: f64,
        /// The seed; without one, the seconds of the clock.
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
    /// The page of the command line, written again from its parser: crates/matbackprop/docs/command-line.md.
    #[command(
        name = "command-line",
        after_help = "Example:\n  cargo xtask command-line"
    )]
    Manual,
    /// Reads the database of advisories by cargo-deny, and notes what was read and when: ci/advisories.toml.
    ///
    /// The step `deny` fails where that is older than 120 days and the database can be reached.
    #[command(after_help = "Example:\n  cargo xtask advisories")]
    Advisories,
}

const TIDY_RULES: &str = "\
Rules:
  length   at most 400 lines of code before `mod tests`; lib.rs at most 150 lines; a numbered
           example at most 60
  words    words that we do not use, and what we say instead: crates/xtask/words.toml
  layers   a crate depends on the floors below it, never on its own or a higher one
  lints    every crate takes the workspace's lints; unsafe code in one file alone
  modules  a module lies in a file of its name, not in mod.rs
  weight   no file over 1 MiB outside crates/matbackprop/weights, at most 30 MB in all
  paths    no absolute path of one machine
  links    every relative link of a Markdown file leads to a file of the repository, its anchor to a heading";

/// Which steps to run; without an option, all.
#[derive(Args, Debug)]
pub struct Check {
    /// This step alone.
    #[arg(long, value_name = "STEP", conflicts_with = "from")]
    only: Option<Step>,
    /// This step and those after it.
    #[arg(long, value_name = "STEP", hide_possible_values = true)]
    from: Option<Step>,
}

impl Check {
    pub fn selection(&self) -> Selection {
        match (self.only, self.from) {
            (Some(step), _) => Selection::Only(step),
            (None, Some(step)) => Selection::From(step),
            (None, None) => Selection::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map(|arguments| arguments.command)
    }

    fn selection(line: &str) -> Selection {
        match parse(line) {
            Ok(Command::Check(check)) => check.selection(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn steps_are_selected_in_either_spelling() {
        assert_eq!(selection("check"), Selection::All);
        assert_eq!(
            selection("check --only clippy"),
            Selection::Only(Step::Clippy)
        );
        assert_eq!(
            selection("check --only=clippy"),
            Selection::Only(Step::Clippy)
        );
        assert_eq!(selection("check --from doc"), Selection::From(Step::Doc));
    }

    #[test]
    fn data_takes_names_where_they_mean_something() {
        let action = |line| match parse(line) {
            Ok(Command::Data { action }) => action,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(action("data"), None);
        assert_eq!(action("data where"), Some(Action::Where { names: vec![] }));
        let names = vec!["bsds500".to_owned(), "samples".to_owned()];
        assert_eq!(
            action("data verify bsds500 samples"),
            Some(Action::Verify { names })
        );
    }

    #[test]
    fn usage_errors_name_the_word_and_have_code_2() {
        for (line, word) in [
            ("verify", "verify"),
            ("check --only lint", "lint"),
            ("check --only", "--only"),
            ("check --fast", "--fast"),
            ("check --only test --from doc", "--from"),
            ("tidy now", "now"),
            ("web --serve", "--serve"),
            ("data fetch", "fetch"),
            ("data list bsds500", "bsds500"),
            ("data verify --all", "--all"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_of_check_describes_every_step() {
        let error = parse("check --help").expect_err("help");
        assert_eq!(error.exit_code(), 0);
        for step in Step::all() {
            let line = format!("- {}:", step.name());
            assert!(error.to_string().contains(&line), "{line} {error}");
        }
    }
}
