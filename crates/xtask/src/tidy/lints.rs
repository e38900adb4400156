//! Every crate takes the workspace's lints, unsafe code forbidden among them.
//!
//! One crate denies it instead, since a forbidden lint cannot be allowed again for the one file that makes calls safe
//! which no library makes safe. libFuzzer calls its targets by an entry point that is not safe.

use toml::{Table, Value};

use super::finding::Finding;

/// Packages with lints of their own.
const OWN_LINTS: [&str; 2] = ["crates/gpu/Cargo.toml", "crates/fuzz/Cargo.toml"];
const ALLOWED: &str = "allow(unsafe_code)";
/// Where unsafe code may be allowed, and where the words are spelled out.
const ALLOWED_IN: [&str; 2] = ["crates/gpu/src/calls.rs", "crates/xtask/src/tidy/lints.rs"];

pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if path.ends_with("Cargo.toml") {
        let manifest: Table = toml::from_str(text).unwrap_or_default();
        let lints = |table: &Table| table.get("lints").cloned();
        if let Some(workspace) = manifest.get("workspace").and_then(Value::as_table)
            && !OWN_LINTS.contains(&path)
            && level(lints(workspace)).as_deref() != Some("forbid")
        {
            let expected = "`unsafe_code = \"forbid\"` among the workspace's lints";
            findings.push(Finding::new(
                path,
                1,
                "unsafe code is not forbidden",
                expected,
            ));
        }
        let inherits = lints(&manifest).and_then(|lints| lints.get("workspace")?.as_bool());
        let own = OWN_LINTS.contains(&path);
        if manifest.contains_key("package") && inherits != Some(true) && !own {
            let what = "a package without the workspace's lints";
            findings.push(Finding::new(path, 1, what, "`[lints] workspace = true`"));
        }
    }
    if path.ends_with(".rs") && !ALLOWED_IN.contains(&path) {
        for (index, _) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(ALLOWED))
        {
            let expected = format!("unsafe code in {} alone", ALLOWED_IN[0]);
            findings.push(Finding::new(
                path,
                index + 1,
                "unsafe code is allowed",
                expected,
            ));
        }
    }
    findings
}

/// The level of the lint on unsafe code, plain or with a priority.
fn level(lints: Option<Value>) -> Option<String> {
    let lint = lints?.get("rust")?.get("unsafe_code")?.clone();
    let level = lint.get("level").unwrap_or(&lint);
    level.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "[package]\nname = \"a\"\n";

    #[test]
    fn packages_inherit() {
        let inherits = format!("{PACKAGE}[lints]\nworkspace = true\n");
        assert!(check("crates/a/Cargo.toml", &inherits).is_empty());
        assert_eq!(check("crates/a/Cargo.toml", PACKAGE).len(), 1);
        assert!(check("crates/fuzz/Cargo.toml", PACKAGE).is_empty());
        let own = format!("{PACKAGE}[lints.rust]\nunsafe_code = \"deny\"\n");
        assert!(check("crates/gpu/Cargo.toml", &own).is_empty());
        assert_eq!(check("crates/a/Cargo.toml", &own).len(), 1);
    }

    #[test]
    fn the_workspace_forbids() {
        for (level, count) in [
            ("\"forbid\"", 0),
            ("{ level = \"forbid\", priority = 1 }", 0),
            ("\"warn\"", 1),
        ] {
            let text = format!("[workspace.lints.rust]\nunsafe_code = {level}\n");
            assert_eq!(check("Cargo.toml", &text).len(), count, "{level}");
        }
        assert_eq!(check("Cargo.toml", "[workspace]\n").len(), 1);
    }

    #[test]
    fn one_file_may_allow_it() {
        let text = format!("\n#![{ALLOWED}]\n");
        assert!(check(ALLOWED_IN[0], &text).is_empty());
        let findings = check("crates/gpu/src/card.rs", &text);
        assert_eq!(findings[0].line, 2);
    }
}
