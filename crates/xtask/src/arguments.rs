//! The command line, from words to a [`Command`].

use crate::check::{Selection, Step};
use crate::data::Action;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub enum Command {
    Help(&'static str),
    Check(Selection),
    Tidy,
    Data(Action),
    /// The page; driven in a browser too with `test`.
    Web {
        test: bool,
    },
}

pub const HELP: &str = "\
Tasks of this workspace.

Usage: cargo xtask <COMMAND>

Commands:
  check   format, tidy, deny, clippy, test, doc, examples, cuda, web, mpi; stops at the first failure
  tidy    our own lint: sizes, layers, words, stubs, paths, links
  data    the data sets: list, where to get them, verify what is there
  web     the page, as a folder; with --test in a browser

Options:
  -h, --help   this text; after a command, the text of that command

Exit codes: 0 all well, 1 something was found or failed, 2 usage.

Example:
  cargo xtask check --from clippy";

const CHECK_HELP: &str = "\
Everything a change has to pass, in order; stops at the first failure.

Usage: cargo xtask check [--only STEP | --from STEP]

Steps:
  format     cargo fmt --all -- --check
  tidy       cargo xtask tidy
  deny       cargo deny --config ci/deny.toml check: licences, versions, sources, and advisories
             where their database can be fetched; skipped, with a word, without cargo-deny
  clippy     cargo clippy --workspace --features FEATURES --all-targets -- -D warnings
  test       cargo test --workspace --features FEATURES
  doc        RUSTDOCFLAGS='-D warnings' cargo doc --workspace --features FEATURES --no-deps
  examples   every example of the workspace, built and run to its end
  cuda       clippy of models and training with the feature cuda, which takes no CUDA toolkit
  web        cargo xtask web --test; skipped, with a word, where there is no compiler for
             wasm32-unknown-unknown, no npm or no Chromium
  mpi        clippy, and the tests of several processes, with the feature mpi; skipped, with a
             word, where there is no MPI or no libclang

FEATURES are all of matbackprop-core's.

Options:
  --only STEP   that step alone
  --from STEP   that step and those after it

Example:
  cargo xtask check --only test";

const TIDY_HELP: &str = "\
Our own lint. Each finding is one line: path:line: what was found, what was expected.

Usage: cargo xtask tidy

Rules:
  length     at most 400 lines of code before `mod tests`; lib.rs at most 150 lines
  names      no module called utils, helpers or common
  stubs      no unfinished code, no reminders in comments
  words      the words of our house in the identifiers of matbackprop-core, o2p and ncuts
  layers     a crate depends on the floors below it, never on its own or a higher one
  safety     every crate forbids unsafe code
  weight     no file over 1 MiB outside data/weights, at most 30 MB in all
  paths      no absolute path of somebody's machine
  links      every relative link of a Markdown file leads to a file of the repository

Example:
  cargo xtask tidy";

const DATA_HELP: &str = "\
The data sets of data/manifest.toml. Nothing is downloaded from here: `where` prints the
commands to run, `verify` says whether what they left is what we measured with.

Usage: cargo xtask data list
       cargo xtask data where [NAME...]
       cargo xtask data verify [NAME...]

  list     a table: name, size, licence, whether it is here
  where    page, version, licence, folder, and the commands that fetch it
  verify   sizes and SHA-256 of what is here; a set that is absent counts as an error
           only where it is named, or belongs to the repository

The sets lie under the folder MATBACKPROP_DATA, by default ../shared/data beside the
workspace; the sample photographs under data/samples.

Example:
  cargo xtask data verify bsds500";

const WEB_HELP: &str = "\
The page, as a folder that any server of files can give away: web/dist.

Usage: cargo xtask web [--test]

Needs the target wasm32-unknown-unknown (rustup target add, or ci/setup-wasm.sh) and Node.js
with npm, from which it installs what it needs into target/web-tools.

Options:
  --test   then serve the folder on 127.0.0.1, drive headless Chromium through all exhibits and
           hold label maps and embeddings against the command line's; any error on the
           browser's console fails. Screenshots go to target/web. Needs Chromium in PATH or
           in the variable CHROMIUM (ci/setup-browser.sh)

Example:
  cargo xtask web && python3 -m http.server --directory web/dist";

/// Reads the words after `cargo xtask`; an `Err` is a usage message.
pub fn parse(words: &[String]) -> Result<Command, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((&name, rest)) = words.split_first() else {
        return Ok(Command::Help(HELP));
    };
    let help = match name {
        "-h" | "--help" => return Ok(Command::Help(HELP)),
        "help" => return parse_help(rest),
        "check" => CHECK_HELP,
        "tidy" => TIDY_HELP,
        "data" => DATA_HELP,
        "web" => WEB_HELP,
        other => {
            return Err(format!(
                "unknown command `{other}`, expected check, tidy, data or web"
            ));
        }
    };
    if rest.iter().any(|word| matches!(*word, "-h" | "--help")) {
        return Ok(Command::Help(help));
    }
    match name {
        "check" => parse_selection(rest).map(Command::Check),
        "data" => parse_action(rest).map(Command::Data),
        "web" => match rest {
            [] => Ok(Command::Web { test: false }),
            ["--test"] => Ok(Command::Web { test: true }),
            [other, ..] => Err(format!("unexpected `{other}`, expected --test or nothing")),
        },
        _ => match rest.first() {
            None => Ok(Command::Tidy),
            Some(word) => Err(format!("unexpected `{word}`, `tidy` takes no arguments")),
        },
    }
}

fn parse_help(rest: &[&str]) -> Result<Command, String> {
    match rest {
        [] => Ok(Command::Help(HELP)),
        ["check"] => Ok(Command::Help(CHECK_HELP)),
        ["tidy"] => Ok(Command::Help(TIDY_HELP)),
        ["data"] => Ok(Command::Help(DATA_HELP)),
        ["web"] => Ok(Command::Help(WEB_HELP)),
        [other, ..] => Err(format!(
            "no help on `{other}`, expected check, tidy, data or web"
        )),
    }
}

fn parse_selection(rest: &[&str]) -> Result<Selection, String> {
    // `--only=clippy` and `--only clippy` are the same.
    let words: Vec<&str> = rest
        .iter()
        .flat_map(|word| word.splitn(2, '='))
        .collect::<Vec<_>>();
    match words.as_slice() {
        [] => Ok(Selection::All),
        [option @ ("--only" | "--from")] => Err(format!(
            "`{option}` needs a step, expected one of {}",
            Step::names()
        )),
        [option @ ("--only" | "--from"), name] => {
            let step = Step::from_name(name).ok_or_else(|| {
                format!("unknown step `{name}`, expected one of {}", Step::names())
            })?;
            Ok(match *option {
                "--only" => Selection::Only(step),
                _ => Selection::From(step),
            })
        }
        [other, ..] if !other.starts_with("--only") && !other.starts_with("--from") => Err(
            format!("unexpected `{other}`, expected --only STEP or --from STEP"),
        ),
        _ => Err("expected at most one of --only STEP and --from STEP".to_owned()),
    }
}

fn parse_action(rest: &[&str]) -> Result<Action, String> {
    if let Some(option) = rest.iter().find(|word| word.starts_with('-')) {
        return Err(format!("unknown option `{option}`"));
    }
    let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match rest {
        [] | ["list"] => Ok(Action::List),
        ["where", sets @ ..] => Ok(Action::Where(names(sets))),
        ["verify", sets @ ..] => Ok(Action::Verify(names(sets))),
        ["list", word, ..] => Err(format!("unexpected `{word}`, `data list` takes no names")),
        [other, ..] => Err(format!(
            "unknown data command `{other}`, expected list, where or verify"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn commands_without_options() {
        assert_eq!(parse_line(""), Ok(Command::Help(HELP)));
        assert_eq!(parse_line("check"), Ok(Command::Check(Selection::All)));
        assert_eq!(parse_line("tidy"), Ok(Command::Tidy));
        assert_eq!(parse_line("data"), Ok(Command::Data(Action::List)));
        assert_eq!(parse_line("web"), Ok(Command::Web { test: false }));
        assert_eq!(parse_line("web --test"), Ok(Command::Web { test: true }));
    }

    #[test]
    fn both_spellings_of_a_step() {
        let only = Ok(Command::Check(Selection::Only(Step::Clippy)));
        assert_eq!(parse_line("check --only clippy"), only);
        assert_eq!(parse_line("check --only=clippy"), only);
        let from = Ok(Command::Check(Selection::From(Step::Doc)));
        assert_eq!(parse_line("check --from doc"), from);
    }

    #[test]
    fn help_of_each_command() {
        assert_eq!(parse_line("--help"), Ok(Command::Help(HELP)));
        assert_eq!(parse_line("check --help"), Ok(Command::Help(CHECK_HELP)));
        assert_eq!(parse_line("tidy -h"), Ok(Command::Help(TIDY_HELP)));
        assert_eq!(parse_line("help data"), Ok(Command::Help(DATA_HELP)));
        for step in Step::ALL {
            assert!(CHECK_HELP.contains(&format!("\n  {}", step.name())));
        }
    }

    #[test]
    fn data_takes_names_where_they_mean_something() {
        assert_eq!(
            parse_line("data verify bsds500 samples"),
            Ok(Command::Data(Action::Verify(vec![
                "bsds500".to_owned(),
                "samples".to_owned()
            ])))
        );
        assert_eq!(
            parse_line("data where"),
            Ok(Command::Data(Action::Where(vec![])))
        );
        assert!(parse_line("data list bsds500").is_err());
    }

    #[test]
    fn usage_errors_name_the_word() {
        for (line, word) in [
            ("chekc", "`chekc`"),
            ("check --only lint", "`lint`"),
            ("check --only", "`--only`"),
            ("check --fast", "`--fast`"),
            ("check --only test --from doc", "at most one"),
            ("tidy now", "`now`"),
            ("web --serve", "`--serve`"),
            ("data fetch", "`fetch`"),
            ("data verify --all", "`--all`"),
            ("help me", "`me`"),
        ] {
            let message = parse_line(line).expect_err(line);
            assert!(message.contains(word), "{line}: {message}");
        }
    }
}
