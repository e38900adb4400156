//! All commands as one page of Markdown: `docs/command-line.md`.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, Command};

use super::Page;
use crate::command_line::arguments::sections::{self, EXAMPLES};

const ORIGIN: &str = "\
<!-- Written from the parser by `cargo xtask command-line`: change the help texts, not this page. -->";

/// The whole page.
pub fn page(pages: &[Page]) -> String {
    let mut text = format!("# The command line\n\n{ORIGIN}\n");
    for page in pages {
        if !page.words.is_empty() {
            let _ = write!(text, "\n## {}\n", page.call());
        }
        about(&mut text, page);
        contents(&mut text, page, pages);
        options(&mut text, page);
        end(&mut text, &page.command);
    }
    text
}

fn about(text: &mut String, page: &Page) {
    let command = &page.command;
    let words = command.get_long_about().or_else(|| command.get_about());
    let words = words.map(StyledStr::to_string).unwrap_or_default();
    for paragraph in paragraphs(&words) {
        let _ = write!(text, "\n{}\n", sentence(&paragraph));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").lines().map(str::trim);
    let usage: Vec<&str> = usage.collect();
    let _ = write!(text, "\n```text\n{}\n```\n", usage.join("\n"));
}

/// The commands inside this one, in a table.
fn contents(text: &mut String, page: &Page, pages: &[Page]) {
    let depth = page.words.len() + 1;
    let inner = pages
        .iter()
        .filter(|inner| inner.words.len() == depth && inner.words.starts_with(&page.words));
    let mut rows = inner.peekable();
    if rows.peek().is_some() {
        text.push_str("\n| command | |\n| --- | --- |\n");
    }
    for inner in rows {
        let (call, anchor) = (inner.call(), inner.call().replace(' ', "-"));
        let about = inner.command.get_about().map(StyledStr::to_string);
        let _ = writeln!(
            text,
            "| [`{call}`](#{anchor}) | {} |",
            about.unwrap_or_default()
        );
    }
}

/// The options, a group after the other. Those of every command stand with the program alone.
fn options(text: &mut String, page: &Page) {
    let shown = |argument: &&Arg| {
        let elsewhere = argument.is_global_set() && !page.words.is_empty();
        !argument.is_hide_set() && !elsewhere
    };
    let all: Vec<&Arg> = page.command.get_arguments().filter(shown).collect();
    let group = |argument: &Arg| match argument.get_help_heading() {
        Some(heading) => heading.to_owned(),
        None if argument.is_positional() => "Arguments".to_owned(),
        None => "Options".to_owned(),
    };
    let mut headings: Vec<String> = Vec::new();
    // As in the help: arguments without a name come first.
    for positional in [true, false] {
        for argument in all.iter().filter(|one| one.is_positional() == positional) {
            let heading = group(argument);
            if !headings.contains(&heading) {
                headings.push(heading);
            }
        }
    }
    for heading in headings {
        let _ = write!(text, "\n**{heading}**\n\n");
        for argument in all.iter().filter(|one| group(one) == heading) {
            option(text, argument);
        }
    }
}

/// A line of a list, and one for each named value.
fn option(text: &mut String, argument: &Arg) {
    let short = argument.get_short().map(|short| format!("`-{short}`, "));
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut help = paragraphs(&help.map(StyledStr::to_string).unwrap_or_default());
    let mut default = None;
    if let Some(first) = help.first_mut()
        && let Some((words, rest)) = first.split_once(" [default: ")
    {
        default = Some(rest.trim_end_matches(']').to_owned());
        *first = words.to_owned();
    }
    if argument.get_action().takes_values() && !argument.get_default_values().is_empty() {
        let values = argument.get_default_values().iter();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        default = Some(format!("`{}`", values.join(",")));
    }
    let mut words: Vec<String> = help.iter().map(|words| sentence(words)).collect();
    if argument.is_required_set() && !argument.is_positional() {
        words.push("Required.".to_owned());
    }
    words.extend(default.map(|default| format!("Default: {default}.")));
    let _ = writeln!(
        text,
        "- {}`{argument}`: {}",
        short.unwrap_or_default(),
        words.join(" ")
    );
    if !argument.get_action().takes_values() {
        return;
    }
    for value in argument.get_possible_values() {
        let help = value.get_help().map(|help| format!(": {help}"));
        let _ = writeln!(
            text,
            "  - `{}`{}",
            value.get_name(),
            help.unwrap_or_default()
        );
    }
}

/// Examples and what else stands below the options.
fn end(text: &mut String, command: &Command) {
    let end = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    for section in end.map(sections::read).unwrap_or_default() {
        let _ = write!(text, "\n**{}**\n", section.title);
        let language = match section.title == EXAMPLES {
            true => "sh",
            false => "text",
        };
        for block in section.blocks() {
            let lines = block.lines.join("\n");
            let _ = match block.is_table {
                true => write!(text, "\n```{language}\n{lines}\n```\n"),
                false => write!(text, "\n{lines}\n"),
            };
        }
    }
}

/// Paragraphs, a line each.
fn paragraphs(text: &str) -> Vec<String> {
    let blocks = text.split("\n\n").map(|block| block.split_whitespace());
    let lines = blocks.map(|words| words.collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

/// With a full stop.
fn sentence(text: &str) -> String {
    match text.ends_with(['.', ':', '?', '!']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: Command) -> String {
        let mut command = command.disable_help_flag(true);
        command.build();
        page(&[Page {
            words: Vec::new(),
            command,
        }])
    }

    #[test]
    fn an_option_has_its_group_default_and_values() {
        let kind = Arg::new("kind")
            .long("kind")
            .short('k')
            .help_heading("Output")
            .help("What to draw [default: the last]")
            .long_help("What to draw [default: the last]\n\nSlow for circles.")
            .value_parser(["line", "circle"]);
        let count = Arg::new("count")
            .long("count")
            .default_value("7")
            .help("How many");
        let file = Arg::new("file").required(true).help("Where from");
        let text = of(Command::new("x").args([kind, count, file]));
        let expected = "\
**Arguments**

- `<file>`: Where from.

**Output**

- `-k`, `--kind <kind>`: What to draw. Slow for circles. Default: the last.
  - `line`
  - `circle`

**Options**

- `--count <count>`: How many. Default: `7`.
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn tables_stay_and_text_flows() {
        let end = sections::with_examples(
            "  # A\n  x 1",
            &[("Files", "  Written:\n\n    a  b\n    c  d")],
        );
        let text = of(Command::new("x").after_long_help(end));
        let expected = "\n**Examples**\n\n```sh\n# A\nx 1\n```\n\n**Files**\n\nWritten:\n\n```text\na  b\nc  d\n```\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
