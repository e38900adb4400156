//! No path that exists on one machine only.

use super::finding::Finding;

/// First folders of such paths; kept without slashes so that this file is clean itself.
const FIRST_FOLDERS: [&str; 6] = ["home", "root", "Users", "tmp", "work", "mnt"];

pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(found) = unix_path(line).or_else(|| drive_path(line)) {
            findings.push(Finding::new(
                path,
                index + 1,
                format!("a path of one machine, `{found}`"),
                "a path relative to the workspace, or an environment variable",
            ));
        }
    }
    findings
}

/// `/folder/` where the slash begins a path: nothing of a longer path or an address before it.
fn unix_path(line: &str) -> Option<&str> {
    for (at, _) in line.match_indices('/') {
        let before = line[..at].chars().next_back();
        let continues =
            |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '~' | '}' | '*' | '/');
        if before.is_some_and(continues) {
            continue;
        }
        for folder in FIRST_FOLDERS {
            let rest = &line[at + 1..];
            if rest
                .strip_prefix(folder)
                .is_some_and(|r| r.starts_with('/'))
            {
                return Some(&line[at..at + folder.len() + 2]);
            }
        }
    }
    None
}

/// A drive letter: one capital, a colon, one or two strokes, a name of three letters or more.
fn drive_path(line: &str) -> Option<&str> {
    for (at, _) in line.match_indices(':') {
        let mut before = line[..at].chars().rev();
        let letter = before.next().is_some_and(|c| c.is_ascii_uppercase());
        let alone = !before
            .next()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = &line[at + 1..];
        let name = rest.trim_start_matches(['\\', '/']);
        let strokes = rest.len() - name.len();
        let length = name.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letter && alone && (1..=2).contains(&strokes) && length >= 3 {
            return Some(&line[at - 1..at + 1 + strokes + length]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        check("a.md", line).first().map(|f| f.what.clone())
    }

    #[test]
    fn paths_of_one_machine() {
        for folder in FIRST_FOLDERS {
            let line = format!("let p = \"/{folder}/me/x\";");
            let what = found(&line).expect("a finding");
            assert_eq!(what, format!("a path of one machine, `/{folder}/`"));
        }
        let line = ["C:", "Users", "me"].join("\\");
        assert!(found(&line).is_some());
        let line = format!("(see D:{}data/x)", "/");
        assert!(found(&line).is_some());
    }

    #[test]
    fn other_paths_and_addresses() {
        for before in [
            "https://example.org",
            "target",
            "..",
            "~",
            "${DIR}",
            "a/b",
            "*",
        ] {
            for folder in FIRST_FOLDERS {
                let line = format!("see {before}/{folder}/x");
                assert_eq!(found(&line), None, "{line}");
            }
        }
        for line in [
            "#!/usr/bin/env bash",
            "/homes/x",
            "format!(\"A: {a}\")",
            "dA:/data is no drive",
            "at 12:00, A:b",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn the_line_is_counted() {
        let text = format!("one\ntwo /{}/x", "tmp");
        assert_eq!(check("a.md", &text)[0].line, 2);
    }
}
