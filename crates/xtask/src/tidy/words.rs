//! Words that we do not use, and what we say instead: the list `crates/xtask/words.toml`.
//!
//! A word of the list is looked for in identifiers and prose alike: text is split where a word ends, at `_`, at `-` and
//! inside `CamelCase`, and compared in lower case. So `gone on` is found in `GoneOn`, in `gone_on`, and in a comment that
//! breaks its line between the two; not in "gone, on".

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::finding::Finding;

/// The list itself, which is not searched.
const LIST: &str = "crates/xtask/words.toml";
/// Texts that are searched, by their ending.
const SEARCHED: [&str; 8] = ["rs", "md", "toml", "js", "html", "css", "sh", "yml"];
/// Where the words of the mathematics count.
const MATHEMATICS: [&str; 3] = ["crates/matbackprop-core/", "crates/o2p/", "crates/ncuts/"];

/// Each table holds `word = "what we say instead"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// In every text.
    everywhere: BTreeMap<String, String>,
    /// In the Rust code of the crates that hold the mathematics.
    mathematics: BTreeMap<String, String>,
    /// As the name of a module.
    modules: BTreeMap<String, String>,
    /// `"path of a file or folder" = ["word", …]`: words that may stay there.
    exceptions: BTreeMap<String, Vec<String>>,
}

impl List {
    pub fn read(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(LIST));
        let text = text.with_context(|| format!("reading {LIST}"))?;
        toml::from_str(&text).with_context(|| format!("reading {LIST}"))
    }

    /// Every place of a word of the list in one text, and in its path.
    pub fn check(&self, path: &str, text: &str) -> Vec<Finding> {
        let ending = path.rsplit('.').next().unwrap_or_default();
        if path == LIST || !SEARCHED.contains(&ending) {
            return Vec::new();
        }
        let words = split(text);
        let mut findings = self.findings(path, &self.everywhere, &words);
        if ending == "rs" {
            if MATHEMATICS.iter().any(|folder| path.starts_with(folder)) {
                findings.extend(self.findings(path, &self.mathematics, &words));
            }
            let declared = |name: &String| format!("mod {name}");
            let modules = self.modules.iter();
            let modules = modules.map(|(name, instead)| (declared(name), instead.clone()));
            findings.extend(self.findings(path, &modules.collect(), &words));
            findings.extend(self.findings(path, &self.modules, &split(path)));
        }
        findings
    }

    fn findings(
        &self,
        path: &str,
        table: &BTreeMap<String, String>,
        words: &[Word],
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (refused, instead) in table {
            if self.is_excepted(path, refused) {
                continue;
            }
            let phrase = split(refused);
            for line in places(&phrase, words) {
                let what = format!("`{refused}`");
                findings.push(Finding::new(path, line, what, instead.clone()));
            }
        }
        findings
    }

    fn is_excepted(&self, path: &str, word: &str) -> bool {
        self.exceptions.iter().any(|(place, words)| {
            path.strip_prefix(place.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && words.iter().any(|excepted| excepted == word)
        })
    }
}

/// A word of a text, in lower case.
#[derive(Debug, PartialEq)]
struct Word {
    text: String,
    /// From 1.
    line: usize,
    /// Whether nothing that ends a phrase lies between the word before and this one.
    joined: bool,
}

/// The words of a text in their order.
fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut line, mut joined, mut inside) = (1, true, false);
    let mut characters = text.chars().peekable();
    let mut before = ' ';
    while let Some(character) = characters.next() {
        if character.is_alphanumeric() {
            let next_is_small = characters.peek().is_some_and(|next| next.is_lowercase());
            let hump = character.is_uppercase()
                && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
            if !inside || hump {
                words.push(Word {
                    text: String::new(),
                    line,
                    joined,
                });
            }
            if let Some(word) = words.last_mut() {
                word.text.extend(character.to_lowercase());
            }
            (inside, joined) = (true, true);
        } else {
            inside = false;
            // White space, parts of names and of options, and the marks of comments.
            joined &= character.is_whitespace() || matches!(character, '_' | '-' | '/' | '!' | '*');
            line += usize::from(character == '\n');
        }
        before = character;
    }
    words
}

/// The lines in which the phrase begins.
fn places(phrase: &[Word], words: &[Word]) -> Vec<usize> {
    let begins = |window: &&[Word]| {
        let same = |(a, b): (&Word, &Word)| a.text == b.text;
        window.iter().zip(phrase).all(same) && window.iter().skip(1).all(|word| word.joined)
    };
    words
        .windows(phrase.len().max(1))
        .filter(begins)
        .map(|window| window[0].line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    fn list() -> List {
        let text = r#"
            [everywhere]
            "gone on" = "resumed"
            stub = "work done"
            [mathematics]
            small = "epsilon"
            "fn turn" = "vjp"
            [modules]
            stuff = "what it holds"
            [exceptions]
            "crates/a" = ["stub"]
            "crates/b/src/c.rs" = ["gone on"]
        "#;
        toml::from_str(text).expect("a list")
    }

    fn found(path: &str, text: &str) -> Vec<String> {
        let findings = list().check(path, text);
        findings
            .iter()
            .map(|found| format!("{} {}", found.line, found.what))
            .collect()
    }

    #[test]
    fn words_end_at_strokes_and_humps() {
        let texts =
            |text: &str| -> Vec<String> { split(text).into_iter().map(|word| word.text).collect() };
        assert_eq!(texts("rank_tol: GoneOn"), ["rank", "tol", "gone", "on"]);
        assert_eq!(texts("HTMLPage f64"), ["html", "page", "f64"]);
        assert_eq!(texts("EPS_MAX --dry-run"), ["eps", "max", "dry", "run"]);
    }

    #[test]
    fn phrases_in_every_spelling() {
        let text = "gone on\nGoneOn gone_on\n/// a run that is gone\n/// on with\n";
        assert_eq!(
            found("a.md", text),
            ["1 `gone on`", "2 `gone on`", "2 `gone on`", "3 `gone on`"]
        );
        assert!(found("a.rs", "gone, on; gone. On; gone only; forgone on").is_empty());
    }

    #[test]
    fn whole_words_only() {
        assert_eq!(
            found("a.rs", "my_stub(); // Stub"),
            ["1 `stub`", "1 `stub`"]
        );
        assert!(found("a.rs", "stubs stubborn").is_empty());
        assert!(found("a.json", "stub").is_empty());
    }

    #[test]
    fn the_mathematics_has_words_of_its_own() {
        let text = "fn turn(small: f64) { m.turn() }";
        assert_eq!(
            found("crates/ncuts/src/a.rs", text),
            ["1 `fn turn`", "1 `small`"]
        );
        assert!(found("crates/models/src/a.rs", text).is_empty());
        assert!(found("crates/ncuts/README.md", text).is_empty());
    }

    #[test]
    fn modules_by_path_and_by_declaration() {
        assert_eq!(found("src/stuff.rs", "").len(), 1);
        assert_eq!(found("src/stuff/mod.rs", "").len(), 1);
        assert_eq!(found("src/a.rs", "pub mod stuff {}"), ["1 `mod stuff`"]);
        assert!(found("src/a.rs", "some stuff").is_empty());
    }

    #[test]
    fn exceptions_of_files_and_folders() {
        assert!(found("crates/a/src/x.rs", "stub").is_empty());
        assert_eq!(found("crates/ab/src/x.rs", "stub").len(), 1);
        assert!(found("crates/b/src/c.rs", "gone on").is_empty());
        assert_eq!(found("crates/b/src/c.rs", "stub").len(), 1);
    }

    #[test]
    fn the_list_of_the_repository_is_read() {
        List::read(&workspace::root().expect("a workspace")).expect("a list");
    }
}
