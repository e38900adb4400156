//! Tests that a page names behind a link to a Rust file are in that file: ``[forms.rs] `a_test` `` or
//! ``[forms.rs](../tests/forms.rs) `a_test` ``.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::links::resolve;

pub fn check(path: &str, text: &str, texts: &BTreeMap<&str, &str>) -> Vec<Finding> {
    let places = definitions(text);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (file, test) in named(line) {
            let target = places.get(file).copied().unwrap_or(file);
            let place = resolve(folder, target);
            let Some(code) = place.as_deref().and_then(|place| texts.get(place)) else {
                // The rule of links names what is not there.
                continue;
            };
            if !code.contains(&format!("fn {test}(")) {
                let what = format!("test `{test}`");
                let expected = format!("one of {target}");
                findings.push(Finding::new(path, index + 1, what, expected));
            }
        }
    }
    findings
}

/// Where names of links lead: `[forms.rs]: ../tests/forms.rs`.
fn definitions(text: &str) -> BTreeMap<&str, &str> {
    let parts = text.lines().filter_map(|line| {
        let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
        Some((name, target.trim()))
    });
    parts.collect()
}

/// Rust files, by name or place, and each test that follows one: several may share a file.
fn named(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((_, behind)) = rest.split_once('[') {
        rest = behind;
        let Some((name, mut behind)) = behind.split_once(']') else {
            break;
        };
        let mut file = name;
        if let Some((target, after)) = behind
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
        {
            (file, behind) = (target, after);
        }
        if !file.ends_with(".rs") {
            continue;
        }
        while let Some((test, after)) = code_span(behind) {
            found.push((file, test));
            behind = after;
        }
    }
    found
}

/// A name in a code span that follows at once, or behind a comma, and what is behind it.
fn code_span(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let (name, behind) = text.strip_prefix('`')?.split_once('`')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_looked_for_in_the_linked_file() {
        let code = "#[test]\nfn reads_it() {}\nfn and_this() {}\n";
        let texts = BTreeMap::from([("a/tests/x.rs", code)]);
        let check = |line: &str| {
            let text = format!("{line}\n\n[x.rs]: ../tests/x.rs\n");
            check("a/docs/p.md", &text, &texts)
        };
        for fine in [
            "| a | [x.rs] `reads_it` |",
            "| a | [x.rs] `reads_it`, `and_this` |",
            "[x.rs](../tests/x.rs) `reads_it`",
            "[y.rs] `elsewhere`, [x.rs] holds `anything`",
            "`reads_nothing`",
        ] {
            assert_eq!(check(fine), [], "{fine}");
        }
        for wrong in [
            "| a | [x.rs] `reads` |",
            "| a | [x.rs] `reads_it`, `and_that` |",
            "[x.rs](../tests/x.rs) `reads_that`",
        ] {
            let found = check(wrong);
            assert_eq!(found.len(), 1, "{wrong}");
            assert!(
                found[0].to_string().contains("one of ../tests/x.rs"),
                "{}",
                found[0]
            );
        }
    }
}
