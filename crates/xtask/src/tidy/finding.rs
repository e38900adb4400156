//! Findings of a rule.

use std::fmt;

/// One line of the report: `path:line: what, expected …`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// From 1; 1 also where the whole file is meant.
    pub line: usize,
    pub what: String,
    pub expected: String,
}

impl Finding {
    pub fn new(
        path: &str,
        line: usize,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}:{}: {}, expected {}",
            self.path, self.line, self.what, self.expected
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_path_line_what_expected() {
        let finding = Finding::new("a/b.rs", 7, "found x", "y");
        assert_eq!(finding.to_string(), "a/b.rs:7: found x, expected y");
    }

    #[test]
    fn sorts_by_path_then_line() {
        let early = Finding::new("a.rs", 2, "z", "z");
        let late = Finding::new("a.rs", 10, "a", "a");
        assert!(early < late && late < Finding::new("b.rs", 1, "a", "a"));
    }
}
