//! `matbackprop completions` and `matbackprop man`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;

use super::{headings, sections};

const COMPLETIONS_EXAMPLES: &str = "\
  # Bash, with the package bash-completion
  matbackprop completions bash \\
    > ~/.local/share/bash-completion/completions/matbackprop

  # Zsh, where ~/.zfunc is in fpath
  matbackprop completions zsh > ~/.zfunc/_matbackprop

  # Fish
  matbackprop completions fish > ~/.config/fish/completions/matbackprop.fish

  # PowerShell
  matbackprop completions powershell >> $PROFILE";

const MAN_EXAMPLES: &str = "\
  # Read the page of one command
  matbackprop man eval bsds | man -l -

  # Write all pages to where man looks: then `man matbackprop-segment`
  matbackprop man --out ~/.local/share/man/man1";

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = sections::examples(COMPLETIONS_EXAMPLES))]
pub struct CompletionsArguments {
    /// Shell to complete commands, options and values in
    pub shell: Shell,
}

/// Print a manual page, or write all of them
///
/// Without a command it is the page of the whole program.
#[derive(Args, Debug)]
#[command(after_help = sections::examples(MAN_EXAMPLES))]
pub struct ManArguments {
    /// Command to print the page of, such as `eval bsds`
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub words: Vec<String>,

    /// Folder to write the pages of all commands into, created if missing
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = headings::OUTPUT)]
    pub out: Option<PathBuf>,
}
