//! A module lies in a file of its name, its own modules in a folder beside it: `rule.rs` and `rule/`, not `rule/mod.rs`.

use super::finding::Finding;

/// Folders whose modules are still called `mod.rs`; to be emptied.
const NOT_YET: [&str; 3] = [
    "crates/matbackprop-core/src/",
    "crates/models/src/",
    "crates/ncuts/src/",
];

pub fn check(path: &str) -> Option<Finding> {
    let folder = path.strip_suffix("/mod.rs")?;
    // A file beside a test of several crates would be a test itself.
    if path.contains("/tests/") || NOT_YET.iter().any(|place| path.starts_with(place)) {
        return None;
    }
    let expected = format!("the file {folder}.rs");
    Some(Finding::new(path, 1, "a module called mod.rs", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names_of_their_modules() {
        let finding = check("crates/a/src/rule/mod.rs").expect("a finding");
        assert_eq!(finding.expected, "the file crates/a/src/rule.rs");
        assert_eq!(check("crates/a/src/rule.rs"), None);
        assert_eq!(check("crates/a/tests/patterns/mod.rs"), None);
    }
}
