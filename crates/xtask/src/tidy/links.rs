//! Relative links of Markdown files lead to files of the repository, and their anchors to headings.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;

/// Every file and folder of the repository, and the anchors of its pages.
pub struct Tree {
    known: BTreeSet<String>,
    anchors: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    /// Of all files by path, and the text files among them by path and text.
    pub fn new(files: &[String], texts: &[(&str, String)]) -> Self {
        let mut known = BTreeSet::from([String::new()]);
        for file in files {
            known.insert(file.clone());
            let mut rest = file.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                known.insert(folder.to_owned());
                rest = folder;
            }
        }
        let pages = texts.iter().filter(|(path, _)| path.ends_with(".md"));
        let anchors = pages.map(|(path, text)| ((*path).to_owned(), anchors(text)));
        Self {
            known,
            anchors: anchors.collect(),
        }
    }

    /// What is wrong with a link to `target` on the page `path`.
    fn fault(&self, path: &str, target: &str) -> Option<&'static str> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = file.split('?').next().unwrap_or_default();
        let place = if file.is_empty() {
            Some(path.to_owned())
        } else {
            resolve(folder, &file.replace("%20", " "))
        };
        let Some(place) = place.filter(|place| self.known.contains(place)) else {
            return Some("a file or folder of the repository");
        };
        // Anchors of other files, as lines of code, are the forge's own.
        let anchors = self.anchors.get(&place)?;
        (!anchor.is_empty() && !anchors.contains(anchor)).then_some("the anchor of a heading there")
    }
}

pub fn check(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(text) {
        for target in targets(&without_code(line)) {
            if !is_relative(&target) {
                continue;
            }
            if let Some(expected) = tree.fault(path, &target) {
                let what = format!("link to `{target}`");
                findings.push(Finding::new(path, number, what, expected));
            }
        }
    }
    findings
}

/// The lines outside fenced code, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|m| start.starts_with(m));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        (fence.is_none() && mark.is_none()).then_some((index + 1, line))
    })
}

/// The anchors of a page, as GitHub makes them of its headings, and those written as `id="…"`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(text) {
        found.extend(between(line, "id=\"", '"').map(str::to_owned));
        let title = line.trim_start_matches('#');
        let depth = line.len() - title.len();
        if !(1..=6).contains(&depth) || !title.starts_with(' ') {
            continue;
        }
        let anchor = anchor(title.trim());
        // The second heading of one title is title-1, the third title-2.
        let again = (1..).map(|count| format!("{anchor}-{count}"));
        let mut names = std::iter::once(anchor.clone()).chain(again);
        found.extend(names.find(|name| !found.contains(name)));
    }
    found
}

/// Lower case, a hyphen a space, without punctuation; of a link its text alone.
fn anchor(title: &str) -> String {
    let mut shown = title.to_owned();
    for target in targets(title) {
        shown = shown.replace(&format!("]({target})"), "");
    }
    let kept = shown.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.flat_map(char::to_lowercase).collect()
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
        found.extend(between(line, open, close).map(first_word));
    }
    if line.starts_with('[')
        && let Some((name, rest)) = line.split_once("]:")
        && !name.starts_with("[^")
    {
        found.push(first_word(rest));
    }
    found
}

/// What stands between `open` and the next `close`, each time.
fn between<'a>(line: &'a str, open: &'a str, close: char) -> impl Iterator<Item = &'a str> {
    line.match_indices(open).filter_map(move |(at, _)| {
        let rest = &line[at + open.len()..];
        rest.find(close).map(|end| &rest[..end])
    })
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
    !has_scheme && !target.starts_with("//")
}

/// `target` seen from `folder`, without `.` and `..`; `None` where it leaves the repository.
pub fn resolve(folder: &str, target: &str) -> Option<String> {
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
        let front = "# The front\n## Where `f32` ends: [here](x.md)\n## Limits\n## Limits\n";
        let texts = [("README.md", front.into()), ("data/README.md", text.into())];
        let tree = Tree::new(&files.map(str::to_owned), &texts);
        check("data/README.md", text, &tree)
            .into_iter()
            .map(|finding| format!("{} {}", finding.line, finding.what))
            .collect()
    }

    #[test]
    fn links_that_resolve() {
        assert!(found("[a](../README.md#the-front) ![b](samples/coffee.jpg \"title\")").is_empty());
        assert!(found("[folder](samples) [folder](samples/) [top](..)").is_empty());
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
    fn anchors_are_those_of_headings() {
        let good = "[a](../README.md#where-f32-ends-here) [b](../README.md#limits-1)\n\
                    [c](#größe-5--3) [d](#of-old)\n### Größe: 5 × 3\n<a id=\"of-old\"></a>";
        assert_eq!(found(good), [""; 0]);
        let bad = "[a](#absent)\n\n[b](../README.md#limits-2)\n```\n# absent\n```\n#absent";
        let expected = ["1 link to `#absent`", "3 link to `../README.md#limits-2`"];
        assert_eq!(found(bad), expected);
        assert!(found("[line](samples/coffee.jpg#L3)").is_empty());
    }

    #[test]
    fn code_is_no_link() {
        assert!(
            found("```text\n[a](absent.md)\n```\n`[b](absent.md)` ``[c](`absent)``").is_empty()
        );
        assert_eq!(found("```\n```\n[a](absent.md)").len(), 1);
    }
}
