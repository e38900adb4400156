//! A module lies in a file of its name, its own modules in a folder beside it: `rule.rs` and `rule/`, not `rule/mod.rs`.

use super::finding::Finding;

pub fn check(path: &str) -> Option<Finding> {
    let folder = path.strip_suffix("/mod.rs")?;
    // A file beside the tests of a crate would be a test itself.
    if path.contains("/tests/") {
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
