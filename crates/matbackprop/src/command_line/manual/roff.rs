//! A page of the manual, for `man`.
//!
//! clap_mangen writes all above the examples. It would join the lines of these to a paragraph.

use anyhow::{Context, Result};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Page;
use crate::command_line::arguments::sections::{self, Section};

/// The page in roff.
pub fn page(page: &Page) -> Result<String> {
    let man = Man::new(page.command.clone()).title(page.call().replace(' ', "-"));
    let man = man.source(concat!("matbackprop ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    synopsis(&page.command).to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if page.command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let end = page.command.get_after_long_help();
    let end = end.or_else(|| page.command.get_after_help());
    for section in end.map(sections::read).unwrap_or_default() {
        write(&section).to_writer(&mut text)?;
    }
    String::from_utf8(text).context("the manual page")
}

/// The usage line of the help: clap_mangen would list every option here, in the order of their letters.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.trim_start_matches("Usage:").lines();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.trim())]);
    }
    roff.control("fi", []);
    roff
}

fn write(section: &Section) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [section.title.to_uppercase().as_str()]);
    for block in section.blocks() {
        match block.is_table {
            true => {
                roff.control("nf", []);
                for line in &block.lines {
                    roff.text([roman(line.as_str())]);
                }
                roff.control("fi", []);
            }
            false => {
                for line in &block.lines {
                    roff.text([roman(line.as_str())]);
                }
            }
        }
        roff.control("PP", []);
    }
    roff
}
