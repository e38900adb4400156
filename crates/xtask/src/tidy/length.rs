//! Rooms of a size one can oversee: 400 lines of code a file, 150 lines a front page, 60 lines a numbered example.

use super::finding::Finding;

/// Lines of code before `mod tests`.
const CODE_LIMIT: usize = 400;
/// All lines of a `lib.rs`.
const FRONT_PAGE_LIMIT: usize = 150;
/// All lines of an example whose name begins with a number.
const EXAMPLE_LIMIT: usize = 60;

pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let code = text
        .lines()
        .map(str::trim)
        .take_while(|line| !opens_tests(line))
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count();
    if code > CODE_LIMIT {
        findings.push(Finding::new(
            path,
            1,
            format!("{code} lines of code before `mod tests`"),
            format!("at most {CODE_LIMIT}: split by meaning"),
        ));
    }
    let lines = text.lines().count();
    let front_page = path == "lib.rs" || path.ends_with("/lib.rs");
    if front_page && lines > FRONT_PAGE_LIMIT {
        findings.push(Finding::new(
            path,
            FRONT_PAGE_LIMIT + 1,
            format!("a front page of {} lines", lines),
            format!("at most {FRONT_PAGE_LIMIT}, without logic"),
        ));
    }
    if is_numbered_example(path) && lines > EXAMPLE_LIMIT {
        findings.push(Finding::new(
            path,
            EXAMPLE_LIMIT + 1,
            format!("a numbered example of {lines} lines"),
            format!("at most {EXAMPLE_LIMIT}: one thing at a time"),
        ));
    }
    findings
}

fn is_numbered_example(path: &str) -> bool {
    let example = path.rsplit_once("/examples/").map(|(_, name)| name);
    example.is_some_and(|name| name.starts_with(|first: char| first.is_ascii_digit()))
}

fn opens_tests(code: &str) -> bool {
    let mut words = code.split_whitespace();
    words.next() == Some("mod") && words.next() == Some("tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_hundred_lines_pass_and_one_more_does_not() {
        let full = "let a = 1;\n".repeat(400);
        assert!(check("src/a.rs", &full).is_empty());
        let findings = check("src/a.rs", &(full + "let b;\n"));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.starts_with("401 lines"));
    }

    #[test]
    fn blanks_comments_and_tests_do_not_count() {
        let text =
            "// c\n\n".repeat(300) + &"a;\n".repeat(400) + "mod tests {\n" + &"b;\n".repeat(500);
        assert!(check("src/a.rs", &text).is_empty());
    }

    #[test]
    fn a_numbered_example_counts_every_line() {
        let lines = "// line\n".repeat(60);
        assert!(check("crates/a/examples/01_b.rs", &lines).is_empty());
        let longer = lines + "// more\n";
        let findings = check("crates/a/examples/01_b.rs", &longer);
        assert_eq!(findings[0].line, 61);
        assert!(check("crates/a/examples/b.rs", &longer).is_empty());
    }

    #[test]
    fn a_front_page_counts_every_line() {
        let page = "//! page\n".repeat(150);
        assert!(check("crates/a/src/lib.rs", &page).is_empty());
        let findings = check("crates/a/src/lib.rs", &(page.clone() + "//! more\n"));
        assert_eq!(findings[0].line, 151);
        assert!(check("crates/a/src/main.rs", &(page + "//! more\n")).is_empty());
    }
}
