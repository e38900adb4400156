//! Options of every command: how much is printed, and in which colours.

use std::ffi::OsString;

use clap::{ArgAction, Args, ValueEnum};

use super::headings;
use crate::command_line::output::Verbosity;

/// When messages and help are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorName {
    /// On a terminal, unless the variable NO_COLOR is set
    Auto,
    /// Also in files and pipes
    Always,
    /// Nowhere
    Never,
}

/// Options that stand before or after any command.
#[derive(Args, Clone, Copy, Debug)]
pub struct GlobalArguments {
    /// Print errors, warnings and requested results only
    ///
    /// Tables, descriptions and `--json` are requested results. Progress, notes and names of written files are not. A
    /// warning says that a number may not mean what it seems to.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = headings::GLOBAL)]
    quiet: bool,

    /// Print more: weights, device, seconds of each stage
    #[arg(short, long, global = true, help_heading = headings::GLOBAL)]
    verbose: bool,

    /// When to colour messages and help
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorName::Auto,
        help_heading = headings::GLOBAL)]
    color: ColorName,

    /// Print help: a summary with -h, everything with --help
    #[arg(short, long, global = true, action = ArgAction::Help, help_heading = headings::GLOBAL)]
    help: Option<bool>,
}

impl GlobalArguments {
    /// How much is printed. Quiet wins where the two options stand on either side of a command.
    pub fn verbosity(self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

/// The colours that these arguments ask for, before they are parsed: help and errors of the parser are coloured too.
/// A word that is no colour is left to the parser.
pub fn color_asked(arguments: impl IntoIterator<Item = OsString>) -> ColorName {
    let mut asked = ColorName::Auto;
    let mut arguments = arguments.into_iter().take_while(|word| word != "--");
    while let Some(word) = arguments.next() {
        let value = match word.to_str() {
            Some("--color") => arguments.next(),
            Some(word) => word.strip_prefix("--color=").map(OsString::from),
            None => None,
        };
        let name = value.as_deref().and_then(|value| value.to_str());
        let name = name.and_then(|name| ColorName::from_str(name, false).ok());
        asked = name.unwrap_or(asked);
    }
    asked
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::command_line::arguments::Arguments;

    fn parsed(call: &str) -> Result<GlobalArguments, clap::Error> {
        Ok(Arguments::try_parse_from(call.split(' '))?.global)
    }

    #[test]
    fn they_stand_before_or_after_the_command() {
        for (call, expected) in [
            ("matbackprop info", Verbosity::Normal),
            ("matbackprop -q info", Verbosity::Quiet),
            ("matbackprop info --quiet", Verbosity::Quiet),
            (
                "matbackprop eval -v coco --run r --data d",
                Verbosity::Verbose,
            ),
            ("matbackprop -v info -q", Verbosity::Quiet),
        ] {
            assert_eq!(parsed(call).unwrap().verbosity(), expected, "{call}");
        }
        assert!(parsed("matbackprop info -q -v").is_err());
        assert!(parsed("matbackprop info --color blue").is_err());
    }

    #[test]
    fn colours_are_known_before_parsing() {
        let asked = |call: &str| color_asked(call.split(' ').map(OsString::from));
        for (call, expected) in [
            ("segment a.jpg", ColorName::Auto),
            ("segment --color always a.jpg", ColorName::Always),
            ("--color=never segment", ColorName::Never),
            ("--color=blue segment", ColorName::Auto),
            ("segment -- --color=always", ColorName::Auto),
            ("segment --color", ColorName::Auto),
        ] {
            assert_eq!(asked(call), expected, "{call}");
        }
    }
}
