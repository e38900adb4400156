//! Arguments of the command line.
//!
//! An option is added where its command is: a doc comment whose first paragraph is its short help, and a heading of
//! [`headings`]. Tests hold its sentences short and its defaults true; `cargo xtask command-line` then writes the page.

mod clusters;
mod device;
mod eval;
mod eval_coco;
mod global;
mod headings;
mod manual;
mod reading;
mod report;
mod reproduce;
pub mod sections;
mod segment;
mod segment_files;
mod train_boundaries;
mod train_ncuts;
mod train_o2p;
mod training;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueHint};

pub use eval::EvalBsdsArguments;
pub use eval_coco::EvalCocoArguments;
pub use global::{ColorName, GlobalArguments, color_asked};
pub use manual::{CompletionsArguments, ManArguments};
pub use report::ReportArguments;
pub use reproduce::Reproduce;
pub use segment::{Followed, Quality, SegmentArguments};
pub use train_boundaries::TrainBoundariesArguments;
pub use train_ncuts::TrainNcutsArguments;
pub use train_o2p::TrainO2pArguments;

const EXAMPLES: &str = "\
  # Segment a photograph with the network inside this program
  matbackprop segment photo.jpg

  # All options and examples of a command
  matbackprop segment --help";

const NEXT: &str = "\
  `matbackprop COMMAND --help` has all options of a command, -h a summary.
  `matbackprop man COMMAND` prints its manual page, `matbackprop completions` completes it in your shell.
  `matbackprop info` describes the network inside this program.";

const EXIT_CODES: &str = "    0        success
    1        failure: the reason is on standard error
    2        invalid arguments
    128 + n  stopped by signal n, with a checkpoint; Ctrl-C gives 130";

const ENVIRONMENT: &str =
    "    MATBACKPROP_DATA    folder whose `weights` segment --quality high looks into
    NO_COLOR            no colours, as --color never
    RAYON_NUM_THREADS   number of threads [default: one a core]";

const TRAIN_EXAMPLES: &str = "\
  # A network that segments
  matbackprop train ncuts --recipe lite0-ncuts --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0

  # A head that draws boundaries
  matbackprop train boundaries --recipe lite0-boundaries --data BSDS500 \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/boundaries

  # A classifier of regions
  matbackprop train o2p --recipe lite0-o2p-fc --data COCO \\
    --trunk-weights efficientnet_lite0_f16.safetensors --out runs/lite0-o2p-fc";

const EVAL_EXAMPLES: &str = "\
  # A trained network on BSDS500
  matbackprop eval bsds --data BSDS500 --split val --run runs/lite0

  # Detections of any method on MS-COCO
  matbackprop eval coco --detections results.json --truth instances.json";

const INFO_EXAMPLES: &str = "\
  # The network inside this program
  matbackprop info

  # A network that `train` wrote
  matbackprop info runs/lite0/network.safetensors";

const SECTIONS: [(&str, &str); 3] = [
    ("Where to look next", NEXT),
    ("Exit codes", EXIT_CODES),
    ("Environment", ENVIRONMENT),
];

/// Segment photographs, and train and measure the networks that do it
///
/// DeepNCuts segments photographs by normalised cuts. DeepO2P classifies regions by second-order pooling. Both train
/// through matrix layers whose gradients are right, or an error.
#[derive(Parser, Debug)]
#[command(
    name = "matbackprop",
    version,
    max_term_width = 100,
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = sections::examples(EXAMPLES),
    after_long_help = sections::with_examples(EXAMPLES, &SECTIONS)
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub global: GlobalArguments,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Segment(Box<SegmentArguments>),
    #[command(subcommand)]
    Train(Train),
    #[command(subcommand)]
    Eval(Eval),
    Report(ReportArguments),
    #[command(subcommand)]
    Reproduce(Reproduce),
    Info(InfoArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Train a network on BSDS500 or MS-COCO
#[derive(Subcommand, Debug)]
#[command(after_help = sections::examples(TRAIN_EXAMPLES))]
pub enum Train {
    Ncuts(Box<TrainNcutsArguments>),
    Boundaries(Box<TrainBoundariesArguments>),
    O2p(Box<TrainO2pArguments>),
}

/// Measure segmentations, boundaries, classifications or detections
#[derive(Subcommand, Debug)]
#[command(after_help = sections::examples(EVAL_EXAMPLES))]
pub enum Eval {
    Bsds(Box<EvalBsdsArguments>),
    Coco(Box<EvalCocoArguments>),
}

/// Describe a network: its layers, parameters and bytes
#[derive(Args, Debug)]
#[command(after_help = sections::examples(INFO_EXAMPLES))]
pub struct InfoArguments {
    /// Network that `train` wrote [default: the one inside this program]
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// The parser of the whole command line.
pub fn command() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    use clap::Arg;
    use clap::builder::StyledStr;

    use super::*;
    use crate::command_line::manual::{Page, pages};

    /// Options and arguments that the help shows, with the call that they belong to.
    fn shown(pages: &[Page]) -> impl Iterator<Item = (String, &Arg)> {
        pages.iter().flat_map(|page| {
            let all = page.command.get_arguments();
            all.filter(|argument| !argument.is_hide_set())
                .map(|argument| (format!("{} {argument}", page.call()), argument))
        })
    }

    /// Both ends of a help text.
    fn ends(page: &Page) -> impl Iterator<Item = &StyledStr> {
        let (short, long) = (
            page.command.get_after_help(),
            page.command.get_after_long_help(),
        );
        short.into_iter().chain(long)
    }

    #[test]
    fn the_commands_are_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_is_explained_under_a_heading() {
        for (call, argument) in shown(&pages()) {
            let known = argument.is_positional() || argument.get_id() == "version";
            assert!(known || argument.get_help_heading().is_some(), "{call}");
            assert!(argument.get_help().is_some(), "{call}");
            for value in argument.get_possible_values() {
                let explained = value.get_help().is_some() || argument.get_id() == "shell";
                assert!(
                    explained || !argument.get_action().takes_values(),
                    "{call}: {value:?}"
                );
            }
        }
    }

    #[test]
    fn every_example_is_a_call() {
        for page in pages() {
            for end in ends(&page) {
                let sections = sections::read(end);
                let section = sections
                    .first()
                    .filter(|one| one.title == sections::EXAMPLES);
                let calls = section.map(sections::Section::calls).unwrap_or_default();
                assert!(!calls.is_empty(), "{}", page.call());
                for call in calls {
                    let words = call.split_whitespace();
                    let words = words.take_while(|word| !["|", ">", ">>"].contains(word));
                    let parsed = Arguments::try_parse_from(words);
                    let help =
                        |error: &clap::Error| error.kind() == clap::error::ErrorKind::DisplayHelp;
                    assert!(parsed.as_ref().err().is_none_or(help), "{call}: {parsed:?}");
                }
            }
        }
    }

    #[test]
    fn lines_that_stay_fit_eighty_columns() {
        for page in pages() {
            for section in ends(&page).flat_map(sections::read) {
                for line in section.lines {
                    let stays = section.title == sections::EXAMPLES || line.starts_with("    ");
                    assert!(
                        !stays || line.chars().count() <= 80,
                        "{}: {line}",
                        page.call()
                    );
                }
            }
        }
    }

    #[test]
    fn sentences_are_short() {
        let mut texts: Vec<(String, String)> = Vec::new();
        let pages = pages();
        for page in &pages {
            let about = page.command.get_long_about().or(page.command.get_about());
            texts.extend(about.map(|about| (page.call(), about.to_string())));
            for section in ends(page).flat_map(sections::read) {
                let blocks = section.blocks().into_iter().filter(|block| !block.is_table);
                texts.extend(blocks.map(|block| (page.call(), block.lines.join("\n\n"))));
            }
        }
        for (call, argument) in shown(&pages) {
            let help = argument.get_long_help().or(argument.get_help());
            texts.extend(help.map(|help| (call.clone(), help.to_string())));
            for value in argument.get_possible_values() {
                texts.extend(
                    value
                        .get_help()
                        .map(|help| (call.clone(), help.to_string())),
                );
            }
        }
        for (call, text) in texts {
            let marked = text.replace([':', ';', '?'], ".").replace("\n\n", ". ");
            for sentence in marked.split(". ") {
                // Lists of names are no sentences.
                let words = sentence
                    .split_whitespace()
                    .filter(|word| !word.ends_with(','));
                assert!(words.count() <= 20, "{call}: {sentence}");
            }
        }
    }
}
