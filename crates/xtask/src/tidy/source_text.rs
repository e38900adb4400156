//! Rust source, each line split into code and comment, the contents of literals blanked.
//!
//! Enough of the grammar for a lint: line comments, nested block comments, strings with escapes, raw
//! strings, character literals told from lifetimes. No macro is expanded.

/// One line of a source file.
#[derive(Debug, Default, PartialEq)]
pub struct Line {
    /// The code, with the contents of string and character literals left out.
    pub code: String,
    /// The text of the comments.
    pub comment: String,
    /// Neither blank nor comment only.
    pub is_code: bool,
}

enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { hashes: Option<usize> },
}

/// Splits a whole file.
pub fn split(source: &str) -> Vec<Line> {
    let mut state = State::Code;
    source
        .lines()
        .map(|raw| {
            let characters: Vec<char> = raw.chars().collect();
            let mut line = Line::default();
            let mut at = 0;
            while at < characters.len() {
                at = step(&mut state, &characters, at, &mut line);
            }
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            line
        })
        .collect()
}

/// Consumes at least one character from `at`; returns where to go on.
fn step(state: &mut State, line: &[char], at: usize, out: &mut Line) -> usize {
    let character = line[at];
    let next = line.get(at + 1).copied();
    match state {
        State::LineComment => {
            out.comment.push(character);
            at + 1
        }
        State::BlockComment { depth } => match (character, next) {
            ('/', Some('*')) => {
                *depth += 1;
                at + 2
            }
            ('*', Some('/')) => {
                *depth -= 1;
                if *depth == 0 {
                    *state = State::Code;
                }
                at + 2
            }
            _ => {
                out.comment.push(character);
                at + 1
            }
        },
        State::Text { hashes } => {
            out.is_code |= !character.is_whitespace();
            match (character, *hashes) {
                ('\\', None) => at + 2,
                ('"', None) => {
                    out.code.push('"');
                    *state = State::Code;
                    at + 1
                }
                ('"', Some(count)) if hashes_at(line, at + 1) >= count => {
                    out.code.push('"');
                    *state = State::Code;
                    at + 1 + count
                }
                _ => at + 1,
            }
        }
        State::Code => match (character, next) {
            ('/', Some('/')) => {
                *state = State::LineComment;
                at + 2
            }
            ('/', Some('*')) => {
                *state = State::BlockComment { depth: 1 };
                at + 2
            }
            ('"', _) => {
                out.is_code = true;
                out.code.push('"');
                *state = State::Text {
                    hashes: raw_hashes(line, at),
                };
                at + 1
            }
            ('\'', _) => {
                out.is_code = true;
                out.code.push('\'');
                after_quote(line, at)
            }
            _ => {
                out.is_code |= !character.is_whitespace();
                out.code.push(character);
                at + 1
            }
        },
    }
}

/// How many `#` stand from `at` on.
fn hashes_at(line: &[char], at: usize) -> usize {
    line[at.min(line.len())..]
        .iter()
        .take_while(|character| **character == '#')
        .count()
}

/// The number of `#` where the quote at `at` opens a raw string: `r"`, `br#"`, `cr##"`.
fn raw_hashes(line: &[char], at: usize) -> Option<usize> {
    let before = &line[..at];
    let hashes = before.iter().rev().take_while(|c| **c == '#').count();
    let prefix: String = before[..at - hashes]
        .iter()
        .rev()
        .take_while(|c| c.is_alphanumeric() || **c == '_')
        .collect();
    // Collected from the right: `br` reads `rb`.
    matches!(prefix.as_str(), "r" | "rb" | "rc").then_some(hashes)
}

/// Where to go on after a quote: behind a character literal, or behind the quote of a lifetime.
fn after_quote(line: &[char], at: usize) -> usize {
    match (line.get(at + 1), line.get(at + 2)) {
        (Some('\\'), _) => {
            // '\'' and '\u{…}': the first quote behind the escaped character ends it.
            let rest = line.get(at + 3..).unwrap_or(&[]);
            let length = rest.iter().position(|c| *c == '\'').unwrap_or(rest.len());
            at + 3 + length + 1
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> Vec<String> {
        split(source)
            .into_iter()
            .map(|line| line.code.trim().to_owned())
            .collect()
    }

    #[test]
    fn comments_are_told_from_code() {
        let lines = split("let a = 1; // one\n\n/// doc\n/* b /* c */ d */ let e;\n");
        assert_eq!(lines[0].code, "let a = 1; ");
        assert_eq!(lines[0].comment, " one");
        assert_eq!(lines[2].comment, "/ doc");
        assert_eq!(lines[3].comment, " b  c  d ");
        assert_eq!(lines[3].code.trim(), "let e;");
        let is_code: Vec<bool> = lines.iter().map(|line| line.is_code).collect();
        assert_eq!(is_code, [true, false, false, true]);
    }

    #[test]
    fn block_comments_run_over_lines() {
        let lines = split("a /* b\nc\n*/ d");
        assert_eq!(code("a /* b\nc\n*/ d"), ["a", "", "d"]);
        assert!(!lines[1].is_code);
    }

    #[test]
    fn contents_of_strings_are_no_code() {
        assert_eq!(code(r#"f("a // b \" c", x)"#), [r#"f("", x)"#]);
        assert_eq!(code(r###"f(r#"a " b"#, x)"###), [r##"f(r#"", x)"##]);
        assert_eq!(code(r##"f(br"a\", x)"##), [r##"f(br"", x)"##]);
    }

    #[test]
    fn a_string_over_lines_counts_as_code() {
        let lines = split("let a = \"one\n  // two\n\nthree\"; b");
        let is_code: Vec<bool> = lines.iter().map(|line| line.is_code).collect();
        assert_eq!(is_code, [true, true, false, true]);
        assert_eq!(lines[1].comment, "");
        assert_eq!(lines[3].code, "\"; b");
    }

    #[test]
    fn lifetimes_and_characters() {
        assert_eq!(code("fn f<'a>(x: &'a str) // '"), ["fn f<'a>(x: &'a str)"]);
        assert_eq!(
            code(r#"['"', '\'', '\u{41}', b'/'] // c"#),
            ["[', ', ', b']"]
        );
    }
}
