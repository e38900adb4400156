//! No unsafe code: forbidden by the workspace's lints, or by the crate's own attribute. But for one file, where calls
//! that no library makes safe are made so.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::finding::Finding;

/// Whose entry point libFuzzer calls by its name, which is not safe.
const FUZZ: &str = "crates/fuzz";
/// The crate that calls NVIDIA's libraries, and its one file that may.
const GPU: (&str, &str) = ("crates/gpu", "crates/gpu/src/calls.rs");
const ALLOWED: &str = "allow(unsafe_code)";
const ATTRIBUTE: &str = "#![forbid(unsafe_code)]";

/// Takes all texts; looks at the root files of every package among them.
pub fn check(texts: &[(&str, String)]) -> Result<Vec<Finding>> {
    let workspace_forbids = match find(texts, "Cargo.toml") {
        Some(text) => forbids(&parse("Cargo.toml", text)?),
        None => false,
    };
    let mut findings = Vec::new();
    for (path, text) in texts {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        let manifest = parse(path, text)?;
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(Value::as_bool)
            == Some(true);
        if inherits && workspace_forbids {
            continue;
        }
        if folder == GPU.0 && level(&manifest) == Some("deny") {
            findings.extend(allowed_elsewhere(texts));
            continue;
        }
        let mut roots = 0;
        for name in ["src/lib.rs", "src/main.rs"] {
            let source_path = format!("{folder}/{name}");
            let Some(source) = find(texts, &source_path) else {
                continue;
            };
            roots += 1;
            if !source.lines().any(|line| line.trim() == ATTRIBUTE) {
                findings.push(Finding::new(
                    &source_path,
                    1,
                    "unsafe code is not forbidden",
                    format!("`{ATTRIBUTE}`, or `[lints] workspace = true` in {path}"),
                ));
            }
        }
        if roots == 0 && folder != FUZZ {
            findings.push(Finding::new(
                path,
                1,
                "a package without a root that forbids unsafe code",
                "`[lints] workspace = true`",
            ));
        }
    }
    Ok(findings)
}

/// The files of the crate of calls, but for the one, that allow unsafe code.
fn allowed_elsewhere(texts: &[(&str, String)]) -> Vec<Finding> {
    let own = texts.iter().filter(|(path, _)| {
        let inside = path
            .strip_prefix(GPU.0)
            .is_some_and(|rest| rest.starts_with('/'));
        inside && path.ends_with(".rs") && *path != GPU.1
    });
    let lines = own.flat_map(|(path, text)| text.lines().enumerate().map(move |line| (path, line)));
    lines
        .filter(|(_, (_, line))| line.contains(ALLOWED))
        .map(|(path, (index, _))| {
            let expected = format!("unsafe code in {} alone", GPU.1);
            Finding::new(path, index + 1, "unsafe code is allowed", expected)
        })
        .collect()
}

fn find<'a>(texts: &'a [(&str, String)], path: &str) -> Option<&'a str> {
    texts
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| text.as_str())
}

fn parse(path: &str, text: &str) -> Result<Table> {
    toml::from_str(text).with_context(|| format!("reading {path}"))
}

/// Whether the workspace manifest says `unsafe_code = "forbid"`, plainly or with a priority.
fn forbids(manifest: &Table) -> bool {
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    workspace.and_then(level) == Some("forbid")
}

/// What the lints of a manifest, or of its workspace, say of unsafe code.
fn level(table: &Table) -> Option<&str> {
    let rust = table.get("lints").and_then(|lints| lints.get("rust"));
    let level = rust.and_then(|rust| rust.get("unsafe_code"));
    let level = level.and_then(|level| level.get("level")).or(level);
    level.and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORBIDS: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    const WARNS: &str = "[workspace.lints.rust]\nunsafe_code = \"warn\"\n";
    const INHERITS: &str = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
    const ALONE: &str = "[package]\nname = \"a\"\n";

    fn found(workspace: &str, manifest: &str, source: &str) -> usize {
        let texts = [
            ("Cargo.toml", workspace.to_owned()),
            ("crates/a/Cargo.toml", manifest.to_owned()),
            ("crates/a/src/lib.rs", source.to_owned()),
        ];
        check(&texts).expect("manifests that parse").len()
    }

    #[test]
    fn either_way_of_forbidding_passes() {
        assert_eq!(found(FORBIDS, INHERITS, "fn f() {}"), 0);
        assert_eq!(found(WARNS, ALONE, "//! a\n#![forbid(unsafe_code)]\n"), 0);
        let with_priority = FORBIDS.replace("\"forbid\"", "{ level = \"forbid\", priority = 1 }");
        assert_eq!(found(&with_priority, INHERITS, ""), 0);
    }

    #[test]
    fn only_the_fuzz_targets_may() {
        let texts = |folder: &str| {
            [
                ("Cargo.toml".to_owned(), FORBIDS.to_owned()),
                (format!("{folder}/Cargo.toml"), ALONE.to_owned()),
            ]
        };
        for (folder, count) in [("crates/fuzz", 0), ("crates/a", 1)] {
            let texts = texts(folder);
            let texts = texts
                .each_ref()
                .map(|(path, text)| (path.as_str(), text.clone()));
            assert_eq!(check(&texts).expect("manifests that parse").len(), count);
        }
    }

    #[test]
    fn one_file_of_one_crate_may() {
        const DENIES: &str = "[package]\nname = \"gpu\"\n[lints.rust]\nunsafe_code = \"deny\"\n";
        let count = |manifest: &str, path: &str| {
            let texts = [
                ("Cargo.toml", FORBIDS.to_owned()),
                ("crates/gpu/Cargo.toml", manifest.to_owned()),
                ("crates/gpu/src/lib.rs", "mod calls;\n".to_owned()),
                (path, format!("\n#![{ALLOWED}]\n")),
            ];
            check(&texts).expect("manifests that parse").len()
        };
        assert_eq!(count(DENIES, "crates/gpu/src/calls.rs"), 0);
        assert_eq!(count(DENIES, "crates/gpu/src/card.rs"), 1);
        assert_eq!(count(ALONE, "crates/gpu/src/calls.rs"), 1);
        let warns = DENIES.replace("deny", "warn");
        assert_eq!(count(&warns, "crates/gpu/src/calls.rs"), 1);
    }

    #[test]
    fn neither_does_not() {
        assert_eq!(found(FORBIDS, ALONE, "fn f() {}"), 1);
        assert_eq!(found(WARNS, INHERITS, "fn f() {}"), 1);
        assert_eq!(found(WARNS, ALONE, "// #![forbid(unsafe_code)]\n"), 1);
    }
}
