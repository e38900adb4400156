//! What stands below the options of a help text: examples, files, exit codes, each under a heading.
//!
//! Text is indented by two spaces, and clap wraps it. Lines indented by four are tables, which stay as they are.
//! Examples are lines for a shell: `# what it does`, then the call.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::builder::styling::Style;

/// The heading of the examples; every command has it.
pub const EXAMPLES: &str = "Examples";

/// A heading and the lines below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub lines: Vec<String>,
}

/// Lines of a section that belong together, without their indentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whether the lines stay as they are: examples and tables.
    pub is_table: bool,
    pub lines: Vec<String>,
}

impl Section {
    /// Paragraphs and tables, in order; all examples are one table.
    pub fn blocks(&self) -> Vec<Block> {
        let examples = self.title == EXAMPLES;
        let mut blocks: Vec<Block> = Vec::new();
        let mut together = false;
        for line in &self.lines {
            let is_table = examples || line.starts_with("    ");
            let text = line.strip_prefix(if examples { "  " } else { "    " });
            let text = match is_table {
                true => text.unwrap_or(line),
                false => line.trim_start(),
            };
            match blocks.last_mut() {
                _ if line.is_empty() && !examples => {}
                Some(block) if block.is_table == is_table && together => {
                    block.lines.push(text.to_owned());
                }
                _ => blocks.push(Block {
                    is_table,
                    lines: vec![text.to_owned()],
                }),
            }
            together = examples || !line.is_empty();
        }
        blocks
    }
}

#[cfg(test)]
impl Section {
    /// The calls of examples, without comments, continued lines joined.
    pub fn calls(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|line| line.trim());
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
        let text = lines.join("\n").replace("\\\n", "");
        let calls = text.lines().filter(|line| !line.is_empty());
        calls.map(str::to_owned).collect()
    }
}

/// The end of the short help: examples alone.
pub fn examples(lines: &str) -> StyledStr {
    with_examples(lines, &[])
}

/// The end of the long help: examples, then other sections.
pub fn with_examples(lines: &str, others: &[(&str, &str)]) -> StyledStr {
    let heading = Style::new().bold().underline();
    let all = [(EXAMPLES, lines)]
        .into_iter()
        .chain(others.iter().copied());
    let mut text = String::new();
    for (title, lines) in all {
        // A text that begins after a line's end has lost the indentation of its first line.
        let indent = if lines.starts_with(' ') { "" } else { "  " };
        // As clap writes its own headings; a String takes any text.
        let _ = write!(
            text,
            "{heading}{title}:{heading:#}\n{indent}{}\n\n",
            lines.trim_end()
        );
    }
    text.trim_end().to_owned().into()
}

/// The sections of such an end.
pub fn read(end: &StyledStr) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in end.to_string().lines() {
        match (line.starts_with(' '), sections.last_mut()) {
            (false, _) if line.ends_with(':') => sections.push(Section {
                title: line.trim_end_matches(':').to_owned(),
                lines: Vec::new(),
            }),
            (_, Some(section)) => section.lines.push(line.to_owned()),
            (_, None) => {}
        }
    }
    for section in &mut sections {
        while section.lines.last().is_some_and(String::is_empty) {
            section.lines.pop();
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_back() {
        let end = with_examples(
            "  # One\n  a b\n\n  c: d:\n",
            &[("Files", "  Text:\n    x  y")],
        );
        let section = |title: &str, lines: &[&str]| Section {
            title: title.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let expected = [
            section("Examples", &["  # One", "  a b", "", "  c: d:"]),
            section("Files", &["  Text:", "    x  y"]),
        ];
        assert_eq!(read(&end), expected);
        assert_eq!(read(&examples("  a")), [section("Examples", &["  a"])]);
    }
}
