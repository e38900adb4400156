//! The words of our house, in the identifiers of the crates that hold the mathematics.

use super::finding::Finding;
use super::source_text::Line;

const CRATES: [&str; 3] = ["crates/matbackprop-core/", "crates/o2p/", "crates/ncuts/"];

pub fn check(path: &str, lines: &[Line]) -> Vec<Finding> {
    if !CRATES.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let identifiers = identifiers(&line.code);
        for (position, identifier) in identifiers.iter().enumerate() {
            let previous = position.checked_sub(1).map(|before| identifiers[before]);
            if let Some(expected) = judge(identifier, previous) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("identifier `{identifier}`"),
                    expected,
                ));
            }
        }
    }
    findings
}

/// What to say instead, where the identifier is none of ours.
fn judge(identifier: &str, previous: Option<&str>) -> Option<&'static str> {
    let lower = identifier.to_lowercase();
    if lower.starts_with("grad_") {
        return Some("`x_bar` for the cotangent of x");
    }
    if lower == "adjoint" && previous == Some("fn") {
        return Some("`vjp`: in faer, adjoint is the conjugate transpose");
    }
    let has_part = |word: &str| lower.split('_').any(|part| part == word);
    if has_part("eps") {
        return Some("`epsilon` for a ridge, `floor` for a smallest accepted value");
    }
    if has_part("tol") {
        return Some("`tolerance`");
    }
    None
}

fn identifiers(code: &str) -> Vec<&str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::source_text::split;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check("crates/ncuts/src/degree.rs", &split(text))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn words_we_do_not_use() {
        assert_eq!(found("let grad_x = 1;"), ["identifier `grad_x`"]);
        assert_eq!(found("let rank_tol = EPS;").len(), 2);
        assert_eq!(found("fn adjoint(&self)"), ["identifier `adjoint`"]);
        assert_eq!(found("fn f(eps: f64)"), ["identifier `eps`"]);
    }

    #[test]
    fn words_we_do() {
        assert!(found("let epsilon = f64::EPSILON; let tolerance = 1e-9;").is_empty());
        assert!(found("use crate::gradcheck; m.adjoint(); let steps = total;").is_empty());
        assert!(found("// eps, tol and grad_x in prose\nlet a = \"eps\";").is_empty());
    }

    #[test]
    fn other_crates_choose_their_words() {
        assert!(check("crates/models/src/a.rs", &split("let eps = 1;")).is_empty());
    }
}
