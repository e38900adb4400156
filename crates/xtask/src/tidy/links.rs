//! Relative links of Markdown files lead to files of the repository.

use std::collections::BTreeSet;

use super::finding::Finding;

/// Every file and folder of the repository.
pub struct Tree {
    known: BTreeSet<String>,
}

impl Tree {
    pub fn new(files: &[String]) -> Self {
        let mut known = BTreeSet::from([String::new()]);
        for file in files {
            known.insert(file.clone());
            let mut rest = file.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                known.insert(folder.to_owned());
                rest = folder;
            }
        }
        Self { known }
    }
}

pub fn check(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|m| start.starts_with(m));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if fence.is_some() || mark.is_some() {
            continue;
        }
        for target in targets(&without_code(line)) {
            if !is_relative(&target) {
                continue;
            }
            let file = target.split(['#', '?']).next().unwrap_or_default();
            let resolved = resolve(folder, &file.replace("%20", " "));
            if !resolved.is_some_and(|place| tree.known.contains(&place)) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("link to `{target}`"),
                    "a file or folder of the repository",
                ));
            }
        }
    }
    findings
}

/// The line without its `code spans`.
fn without_code(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('`') {
        kept.push_str(&rest[..open]);
        let ticks = rest[open..].bytes().take_while(|b| *b == b'`').count();
        let inside = &rest[open + ticks..];
        match inside.find(&"`".repeat(ticks)) {
            Some(close) => rest = &inside[close + ticks..],
            None => {
                rest = inside;
            }
        }
    }
    kept + rest
}

/// The targets behind `](`, in `src="…"`, in `href="…"`, and behind `[name]:`.
fn targets(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        for (at, _) in line.match_indices(open) {
            let rest = &line[at + open.len()..];
            if let Some(end) = rest.find(close) {
                found.push(first_word(&rest[..end]));
            }
        }
    }
    if line.starts_with('[')
        && let Some((name, rest)) = line.split_once("]:")
        && !name.starts_with("[^")
    {
        found.push(first_word(rest));
    }
    found
}

/// The target without its title and angle brackets.
fn first_word(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.trim_matches(['<', '>']).to_owned()
}

fn is_relative(target: &str) -> bool {
    let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '+')
    });
    !has_scheme && !target.starts_with('#') && !target.starts_with("//")
}

/// `target` seen from `folder`, without `.` and `..`; `None` where it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = ["README.md", "data/README.md", "data/samples/coffee.jpg"];
        let tree = Tree::new(&files.map(str::to_owned));
        check("data/README.md", text, &tree)
            .into_iter()
            .map(|finding| format!("{} {}", finding.line, finding.what))
            .collect()
    }

    #[test]
    fn links_that_resolve() {
        assert!(found("[a](../README.md#top) ![b](samples/coffee.jpg \"title\")").is_empty());
        assert!(found("[folder](samples) [folder](samples/) [top](..) [here](#x)").is_empty());
        assert!(
            found("[web](https://example.org/a) <img src=\"./samples/coffee.jpg\">").is_empty()
        );
        assert!(found("[name]: ../README.md \"title\"\n[^1]: a note").is_empty());
    }

    #[test]
    fn links_that_do_not() {
        assert_eq!(found("a\n[b](absent.md)"), ["2 link to `absent.md`"]);
        assert_eq!(found("[out](../../shared/x.md)").len(), 1);
        assert_eq!(found("[root](/README.md)").len(), 1);
        assert_eq!(found("[name]: absent.md").len(), 1);
        assert_eq!(found("<a href=\"absent.html\">x</a>").len(), 1);
    }

    #[test]
    fn code_is_no_link() {
        assert!(
            found("```text\n[a](absent.md)\n```\n`[b](absent.md)` ``[c](`absent)``").is_empty()
        );
        assert_eq!(found("```\n```\n[a](absent.md)").len(), 1);
    }
}
