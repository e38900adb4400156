//! Results stored by other programs, to many digits, in the tests of matbackprop-core: read by the bridges to frameworks.

use serde_json::Value;
use std::path::Path;

/// A matrix, row after row.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Rows times columns of them.
    pub entries: Vec<f64>,
}

/// ⟨G, log(FᵀF + ε I)⟩ on a spectrum where gradients go wrong, and its gradient.
#[derive(Clone, Debug)]
pub struct GramLogCase {
    /// The spectrum.
    pub name: String,
    /// ε.
    pub epsilon: f64,
    /// F, n × d.
    pub f: Matrix,
    /// G, d × d.
    pub g: Matrix,
    /// The gradient, n × d.
    pub f_bar: Vec<f64>,
}

/// What an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// The gradient.
    Right,
    /// An error.
    Error,
    /// One of both.
    Either,
    /// There is no gradient, and no way to see that: finite numbers.
    Unknowable,
}

/// A loss of A that sees closed gaps or lost rank, and its gradient where it has one.
#[derive(Clone, Debug)]
pub struct ClosedGapCase {
    /// Spectrum, loss and cotangent.
    pub name: String,
    /// The rule that is differentiated.
    pub rule: String,
    /// The loss, where the rule has several.
    pub loss: String,
    /// What an answer has to be.
    pub must: Must,
    /// Of the relative error of a right answer.
    pub tolerance: f64,
    /// Vectors kept, where the loss keeps some.
    pub k: usize,
    /// The relative tolerance of a projector.
    pub rank_tolerance: Option<f64>,
    /// A.
    pub a: Matrix,
    /// G of the loss.
    pub g: Matrix,
    /// The gradient; empty where there is none.
    pub expected: Vec<f64>,
}

/// Every case of the logarithm in `degenerate.json`.
pub fn gram_log_cases() -> Vec<GramLogCase> {
    let file = read("degenerate.json");
    let logs = list(&file["cases"]).iter();
    let logs = logs.filter(|case| case["function"] == "log");
    let cases = logs.map(|case| {
        let (rows, columns) = (whole(&case["rows"]), whole(&case["columns"]));
        let matrix = |rows: usize, key: &str| Matrix {
            rows,
            columns,
            entries: numbers(&case[key]),
        };
        GramLogCase {
            name: text(&case["name"]),
            epsilon: case["epsilon"].as_f64().expect("epsilon"),
            f: matrix(rows, "F"),
            g: matrix(columns, "G"),
            f_bar: numbers(&case["F_bar"]),
        }
    });
    cases.collect()
}

/// Every case of a rule in `closed_gaps.json`.
pub fn closed_gap_cases(rule: &str) -> Vec<ClosedGapCase> {
    let file = read("closed_gaps.json");
    let of_rule = list(&file["cases"])
        .iter()
        .filter(|case| case["rule"] == rule);
    let cases: Vec<_> = of_rule.map(|case| closed_gap_case(&file, case)).collect();
    assert!(!cases.is_empty(), "no case of {rule}");
    cases
}

fn closed_gap_case(file: &Value, case: &Value) -> ClosedGapCase {
    let matrix = |key: &str| {
        let stored = &file["matrices"][text(&case[key])];
        Matrix {
            rows: whole(&stored["rows"]),
            columns: whole(&stored["columns"]),
            entries: numbers(&stored["entries"]),
        }
    };
    let g = matrix("G");
    let expected = match &case["expected"] {
        Value::Array(_) => numbers(&case["expected"]),
        // G itself, or nothing where there is no gradient.
        same => match same.as_str() {
            Some("G") => g.entries.clone(),
            _ => Vec::new(),
        },
    };
    ClosedGapCase {
        name: text(&case["name"]),
        rule: text(&case["rule"]),
        loss: case["loss"].as_str().unwrap_or_default().to_owned(),
        must: match case["must"].as_str() {
            Some("right") => Must::Right,
            Some("error") => Must::Error,
            Some("right or error") => Must::Either,
            Some("unknowable") => Must::Unknowable,
            other => panic!("expected a known `must`, found {other:?}"),
        },
        tolerance: case["tolerance"].as_f64().unwrap_or(0.0),
        k: case["k"].as_u64().unwrap_or_default() as usize,
        rank_tolerance: case["rank_tolerance"].as_f64(),
        a: matrix("A"),
        g,
        expected,
    }
}

/// ‖found − expected‖ / ‖expected‖ in the Frobenius norm; absolute where the reference is zero.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "numbers of a gradient");
    let norm = |squares: f64| squares.sqrt();
    let size = norm(expected.iter().map(|x| x * x).sum());
    let pairs = found.iter().zip(expected);
    let distance = norm(pairs.map(|(x, y)| (x - y) * (x - y)).sum());
    distance / if size > 0.0 { size } else { 1.0 }
}

fn read(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../matbackprop-core/tests/reference");
    let text = std::fs::read_to_string(folder.join(name)).expect("a reference file");
    serde_json::from_str(&text).expect("a reference file")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = list(value).iter().map(|x| x.as_f64().expect("a number"));
    numbers.collect()
}

fn whole(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_cases_are_found() {
        let logs = gram_log_cases();
        assert!(logs.len() > 60);
        assert!(
            logs.iter()
                .all(|case| case.f_bar.len() == case.f.entries.len())
        );
        for rule in ["SymEig", "ThinSvd", "Projector"] {
            let cases = closed_gap_cases(rule);
            let right = cases.iter().filter(|case| case.must == Must::Right);
            for case in right {
                let found = case.expected.len();
                assert!(found == case.a.entries.len() || found == 0, "{}", case.name);
            }
        }
    }

    #[test]
    fn errors_are_relative_to_the_reference() {
        assert_eq!(relative_error(&[3.0, 4.0], &[0.0, 0.0]), 5.0);
        assert_eq!(relative_error(&[3.0, 5.0], &[3.0, 4.0]), 0.2);
    }
}
