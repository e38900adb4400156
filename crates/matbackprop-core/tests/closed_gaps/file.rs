//! The stored cases.

use crate::report::Must;
use faer::{Mat, MatRef, Scale};
use serde_json::Value;

pub struct File(Value);

/// A line of the file.
pub struct Case<'a> {
    file: &'a File,
    pub fields: &'a Value,
    pub name: &'a str,
    pub must: Must,
    pub tolerance: f64,
}

impl File {
    pub fn read() -> Self {
        let text = include_str!("../reference/closed_gaps.json");
        Self(serde_json::from_str(text).expect("a reference file"))
    }

    pub fn cases(&self, rule: &str) -> Vec<Case<'_>> {
        let all = self.0["cases"].as_array().expect("a list of cases");
        let of_rule = all.iter().filter(|fields| fields["rule"] == rule);
        let cases: Vec<_> = of_rule
            .map(|fields| Case {
                file: self,
                fields,
                name: fields["name"].as_str().expect("a name"),
                must: match fields["must"].as_str() {
                    Some("right") => Must::Right,
                    Some("error") => Must::Error,
                    Some("right or error") => Must::Either,
                    Some("unknowable") => Must::Unknowable,
                    other => panic!("expected a known `must` of a rule, found {other:?}"),
                },
                tolerance: fields["tolerance"].as_f64().expect("a tolerance"),
            })
            .collect();
        assert!(!cases.is_empty(), "no case of {rule}");
        cases
    }

    pub fn matrix(&self, name: &str) -> Mat<f64> {
        let stored = &self.0["matrices"][name];
        let side = |key: &str| stored[key].as_u64().expect("a side") as usize;
        let entries = numbers(&stored["entries"]);
        MatRef::from_row_major_slice(&entries, side("rows"), side("columns")).to_owned()
    }
}

impl Case<'_> {
    pub fn text(&self, key: &str) -> &str {
        self.fields[key].as_str().expect("a text")
    }

    pub fn whole(&self, key: &str) -> usize {
        self.fields[key].as_u64().expect("a whole number") as usize
    }

    pub fn number(&self, key: &str) -> f64 {
        self.fields[key].as_f64().expect("a number")
    }

    pub fn a(&self) -> Mat<f64> {
        self.file.matrix(self.text("A"))
    }

    pub fn g(&self) -> Mat<f64> {
        self.file.matrix(self.text("G"))
    }

    /// The error of a gradient, relative, in the Frobenius norm; absolute where the reference is zero.
    pub fn error_of(&self, found: MatRef<'_, f64>) -> f64 {
        let expected = &self.fields["expected"];
        if expected == "G" {
            return relative_error(found, self.g().as_ref());
        }
        let entries = numbers(expected);
        assert_eq!(
            entries.len(),
            found.nrows() * found.ncols(),
            "{}",
            self.name
        );
        relative_error(
            found,
            MatRef::from_row_major_slice(&entries, found.nrows(), found.ncols()),
        )
    }
}

pub fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().expect("a list of numbers");
    list.iter().map(|x| x.as_f64().expect("a number")).collect()
}

pub fn relative_error(found: MatRef<'_, f64>, expected: MatRef<'_, f64>) -> f64 {
    let size = expected.norm_l2();
    (found - expected).norm_l2() / if size > 0.0 { size } else { 1.0 }
}

pub fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    (a.transpose() * b).diagonal().column_vector().iter().sum()
}

/// Columns times numbers; more numbers than columns are not asked for.
pub fn weighted(x: MatRef<'_, f64>, weights: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * weights[j])
}

pub fn symmetric(x: MatRef<'_, f64>) -> Mat<f64> {
    Scale(0.5) * (x + x.transpose())
}

// A. Eigenvalues and eigenvectors.
