//! `matbackprop completions` and `matbackprop man`: everything here is made out of the parser.

#[cfg(test)]
mod markdown;
mod roff;

use anyhow::{Context, Result};
use clap::Command;
use experiments::files::write_whole;

use crate::command_line::arguments::{self, CompletionsArguments, ManArguments};
use crate::command_line::failure::usage;
use crate::command_line::output;

/// A command, and the words that call it: none for the program, `eval bsds` for a command inside another.
pub struct Page {
    pub words: Vec<String>,
    pub command: Command,
}

impl Page {
    /// `matbackprop eval bsds`.
    pub fn call(&self) -> String {
        let words = ["matbackprop"].into_iter();
        let words = words.chain(self.words.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Prints the completion script of a shell.
pub fn completions(arguments: &CompletionsArguments) -> Result<()> {
    let mut script = Vec::new();
    let mut command = arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "matbackprop", &mut script);
    let script = String::from_utf8(script).context("the completion script")?;
    output::print(script.trim_end())
}

/// Prints a page, or writes all.
pub fn man(arguments: &ManArguments) -> Result<()> {
    let pages = pages();
    let Some(folder) = &arguments.out else {
        let page = pages.iter().find(|page| page.words == arguments.words);
        let Some(page) = page else {
            let found = arguments.words.join(" ");
            return Err(usage(format!(
                "COMMAND: expected a command, such as `eval bsds`, found `{found}`"
            )));
        };
        return output::print(roff::page(page)?.trim_end());
    };
    std::fs::create_dir_all(folder).with_context(|| format!("--out {}", folder.display()))?;
    for page in &pages {
        let name = format!("{}.1", page.call().replace(' ', "-"));
        write_whole(&folder.join(name), roff::page(page)?.as_bytes())?;
    }
    output::print_done(&format!("{} pages in {}", pages.len(), folder.display()))
}

/// The program and all its commands, each before those inside it.
pub fn pages() -> Vec<Page> {
    // `help` says nothing that is not here.
    let mut program = arguments::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    gather(program, Vec::new(), &mut pages);
    pages
}

fn gather(command: Command, words: Vec<String>, pages: &mut Vec<Page>) {
    let inner: Vec<Command> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    pages.push(Page {
        words: words.clone(),
        command,
    });
    for command in inner {
        let name = command.get_name().to_owned();
        gather(command, [words.clone(), vec![name]].concat(), pages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Old names that still work, hidden.
    const HIDDEN: [&str; 6] = [
        "--model",
        "--start",
        "--rate",
        "--averaging",
        "--taps",
        "--unreadable",
    ];

    /// Whether a text has an option of this name, not one that begins alike.
    fn has_option(text: &str, name: &str) -> bool {
        text.match_indices(name).any(|(at, _)| {
            let rest = &text[at + name.len()..];
            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-')
        })
    }

    #[test]
    fn every_shell_completes_every_command_and_no_old_name() {
        for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
            let mut script = Vec::new();
            let mut command = arguments::command();
            clap_complete::generate(*shell, &mut command, "matbackprop", &mut script);
            let script = String::from_utf8(script).unwrap();
            for page in pages() {
                for option in page
                    .command
                    .get_arguments()
                    .filter_map(|arg| arg.get_long())
                {
                    // Fish has the name without its dashes.
                    assert!(script.contains(option), "{shell}: {option}");
                }
                let name = page.words.last().map_or("matbackprop", String::as_str);
                assert!(script.contains(name), "{shell}: {name}");
            }
            for old in HIDDEN {
                assert!(!has_option(&script, old), "{shell}: {old}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_of_the_manual() {
        let pages = pages();
        let calls: Vec<String> = pages.iter().map(Page::call).collect();
        assert!(
            calls.contains(&"matbackprop reproduce coco".to_owned()),
            "{calls:?}"
        );
        for page in &pages {
            let text = roff::page(page).unwrap();
            let call = page.call();
            let title = format!(".TH {} 1", call.replace(' ', "-"));
            assert!(text.contains(&title), "{call}: {text}");
            assert!(text.contains(".SH EXAMPLES\n.nf\n"), "{call}");
            for option in page
                .command
                .get_arguments()
                .filter_map(|arg| arg.get_long())
            {
                let option = format!("\\-\\-{}", option.replace('-', "\\-"));
                assert!(text.contains(&option), "{call}: {option}");
            }
            for old in HIDDEN {
                let old = old.replace('-', "\\-");
                assert!(!has_option(&text, &old), "{call}: {old}");
            }
        }
    }

    /// Where this is set, the page is written and not compared.
    const WRITE: &str = "MATBACKPROP_WRITE_COMMAND_LINE";

    #[test]
    fn the_page_of_the_command_line_is_that_of_the_parser() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/command-line.md");
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(path, markdown::page(&pages())).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let page = markdown::page(&pages());
        let line = page.lines().zip(written.lines()).position(|(a, b)| a != b);
        assert!(
            page == written,
            "docs/command-line.md differs from the parser, first in line {}. To write it again:\n\n    \
             cargo xtask command-line\n",
            line.map_or(page.lines().count().min(written.lines().count()), |line| {
                line
            }) + 1
        );
        for old in HIDDEN {
            assert!(!has_option(&page, old), "{old}");
        }
    }
}
