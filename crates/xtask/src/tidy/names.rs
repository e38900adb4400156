//! A module is called after what it holds: never utils, helpers or common.

use super::finding::Finding;
use super::source_text::Line;

const REFUSED: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

pub fn check(path: &str, lines: &[Line]) -> Vec<Finding> {
    let expected = "a module called after what it holds";
    let mut findings = Vec::new();
    for part in path.trim_end_matches(".rs").split('/') {
        if REFUSED.contains(&part) {
            findings.push(Finding::new(
                path,
                1,
                format!("`{part}` in the path of a source file"),
                expected,
            ));
        }
    }
    for (index, line) in lines.iter().enumerate() {
        if let Some(name) = inline_module(&line.code)
            && REFUSED.contains(&name)
        {
            findings.push(Finding::new(
                path,
                index + 1,
                format!("`mod {name}`"),
                expected,
            ));
        }
    }
    findings
}

/// The name in `mod name {` or `pub(crate) mod name;`.
fn inline_module(code: &str) -> Option<&str> {
    let mut words = code.split_whitespace().skip_while(|word| *word != "mod");
    words.next()?;
    words.next().map(|name| name.trim_end_matches([';', '{']))
}

#[cfg(test)]
mod tests {
    use super::super::source_text::split;
    use super::*;

    #[test]
    fn files_and_folders() {
        assert_eq!(check("crates/a/src/utils.rs", &[]).len(), 1);
        assert_eq!(check("crates/a/tests/common/mod.rs", &[]).len(), 1);
        assert!(check("crates/a/src/utility_curve.rs", &[]).is_empty());
        assert!(check("crates/a/src/gap.rs", &[]).is_empty());
    }

    #[test]
    fn module_lines() {
        let lines = split("mod gap;\npub(crate) mod helpers {\n}\n// mod utils;\nmod common;\n");
        let found: Vec<usize> = check("src/lib.rs", &lines).iter().map(|f| f.line).collect();
        assert_eq!(found, [2, 5]);
    }
}
