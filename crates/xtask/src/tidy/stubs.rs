//! Nothing unfinished, nothing left from debugging.

use super::finding::Finding;
use super::source_text::Line;

const MACROS: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
/// Spelled in two, so that a plain search of the sources finds true ones only.
const REMINDERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

pub fn check(path: &str, lines: &[Line]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for name in MACROS {
            if has_word(&line.code, name) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("`{name}`"),
                    "finished code; what is unsupported is a typed error",
                ));
            }
        }
        for word in REMINDERS {
            if has_word(&line.comment, word) || has_word(&line.code, word) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("`{word}`"),
                    "the work done, or an issue that says what is missing",
                ));
            }
        }
    }
    findings
}

/// `word` in `text`, not as a part of a longer identifier.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name)
            && (word.ends_with('!') || !after.is_some_and(part_of_name))
    })
}

#[cfg(test)]
mod tests {
    use super::super::source_text::split;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check("a.rs", &split(text))
            .into_iter()
            .map(|finding| format!("{} {}", finding.line, finding.what))
            .collect()
    }

    #[test]
    fn macros_in_code() {
        for name in MACROS {
            let text = format!("fn f() {{\n    let x = {name}(y);\n}}");
            assert_eq!(found(&text), [format!("2 `{name}`")]);
        }
    }

    #[test]
    fn reminders_in_comments() {
        for word in REMINDERS {
            let text = format!("// {word}: later\na /* {word} */ b");
            assert_eq!(found(&text), [format!("1 `{word}`"), format!("2 `{word}`")]);
        }
    }

    #[test]
    fn strings_and_longer_words_are_left_alone() {
        for (name, word) in MACROS.into_iter().zip(REMINDERS) {
            let text = format!("let a = \"{name}() {word}\"; my_{name}(); // {word}S");
            assert!(found(&text).is_empty(), "{text}");
        }
    }
}
