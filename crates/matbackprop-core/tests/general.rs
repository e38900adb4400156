//! Rules of general square matrices, held against references to more than 50 digits.
//!
//! `cargo test -p matbackprop-core --test general -- --nocapture` prints the errors. `reference/general.py` made the
//! references.

use faer::{Mat, MatRef};
use matbackprop_core::{
    Determinant, Lyapunov, MatrixExp, MatrixLog, MatrixSqrt, Result, Sylvester,
};
use serde_json::Value;

/// What a rule gives for a case: the value, cotangents of the inputs, the tangent of the value.
type Answer = (Mat<f64>, Vec<Mat<f64>>, Mat<f64>);

#[test]
fn values_and_both_derivatives_are_those_of_fifty_digits() {
    let file: Value = serde_json::from_str(include_str!("reference/general.json")).expect("JSON");
    let cases = file.as_array().expect("a list of cases");
    assert!(cases.len() > 30);
    let mut wrong = Vec::new();
    for case in cases {
        let name = format!("{}: {}", case["rule"], case["name"]);
        let limit = case["limit"].as_f64().expect("a number");
        let (value, bars, dot) = answer(case).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut errors = vec![
            error(case, &value, &matrix(&case["value"])),
            error(case, &dot, &matrix(&case["value_dot"])),
        ];
        for (i, (bar, expected)) in bars.iter().zip(matrices(&case["bars"])).enumerate() {
            let units = if i == 0 { &case["units"] } else { &Value::Null };
            let (bar, expected) = (in_units(bar, units), in_units(&expected, units));
            errors.push(error(case, &bar, &expected));
        }
        let worst = errors.iter().copied().fold(0.0, f64::max);
        println!("{name}: {worst:.1e} of {limit:.0e}");
        // Written so that NaN fails.
        if !errors.iter().all(|error| *error <= limit) {
            wrong.push(format!("{name}: {worst:e}, expected up to {limit:e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer(case: &Value) -> Result<Answer> {
    let (x, bar, dots) = (
        matrices(&case["inputs"]),
        matrix(&case["value_bar"]),
        matrices(&case["dots"]),
    );
    let (a, dot) = (x[0].as_ref(), |i: usize| dots[i].as_ref());
    Ok(match case["rule"].as_str().expect("a name") {
        "exp" => {
            let rule = MatrixExp::forward(a)?;
            let bars = vec![rule.vjp(bar.as_ref())?];
            (rule.value().to_owned(), bars, rule.jvp(dot(0))?)
        }
        "log" => {
            let rule = MatrixLog::forward(a)?;
            let bars = vec![rule.vjp(bar.as_ref())?];
            (rule.value().to_owned(), bars, rule.jvp(dot(0))?)
        }
        "sqrt" => {
            let rule = MatrixSqrt::forward(a)?;
            let bars = vec![rule.vjp(bar.as_ref())?];
            (rule.value().to_owned(), bars, rule.jvp(dot(0))?)
        }
        "sylvester" => {
            let rule = Sylvester::forward(a, x[1].as_ref(), x[2].as_ref())?;
            let bars = rule.vjp(bar.as_ref())?;
            let pushed = rule.jvp(Some(dot(0)), Some(dot(1)), Some(dot(2)))?;
            let bars = vec![bars.a, bars.b, bars.c];
            (rule.solution().to_owned(), bars, pushed)
        }
        "lyapunov" => {
            let rule = Lyapunov::forward(a, x[1].as_ref())?;
            let bars = rule.vjp(bar.as_ref())?;
            let pushed = rule.jvp(Some(dot(0)), Some(dot(1)))?;
            (rule.solution().to_owned(), vec![bars.a, bars.c], pushed)
        }
        "determinant" => {
            let rule = Determinant::forward(a)?;
            let bars = vec![rule.vjp(bar[(0, 0)])?];
            let number = |x: f64| Mat::full(1, 1, x);
            (number(rule.value()), bars, number(rule.jvp(dot(0))?))
        }
        other => panic!("a rule that is known, not {other}"),
    })
}

/// Relative in the Frobenius norm. A determinant is known relative to the terms of its expansion, and what is zero to a
/// product of norms.
fn error(case: &Value, found: &Mat<f64>, expected: &Mat<f64>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let size = if case["rule"] == "determinant" {
        let a = in_units(&matrix(&case["inputs"][0]), &Value::Null);
        let scale = if case["units"].is_null() {
            a.norm_l2().powi(a.nrows() as i32 - 1).max(1e-300)
        } else {
            0.0
        };
        let terms = absolute_product(&matrices(&case["bars"])[0], a.as_ref());
        expected.norm_l2().max(if found.shape() == (1, 1) {
            terms.max(1e-3 * scale * a.norm_l2())
        } else {
            1e-3 * scale
        })
    } else {
        expected.norm_l2()
    };
    (found - expected).norm_l2() / if size > 0.0 { size } else { 1.0 }
}

fn absolute_product(a: &Mat<f64>, b: MatRef<'_, f64>) -> f64 {
    let entries = (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| (i, j)));
    entries.map(|place| (a[place] * b[place]).abs()).sum()
}

fn in_units(a: &Mat<f64>, units: &Value) -> Mat<f64> {
    if units.is_null() {
        return a.clone();
    }
    let units = matrix(units);
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * units[(i, j)])
}

fn matrices(list: &Value) -> Vec<Mat<f64>> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(matrix)
        .collect()
}

fn matrix(rows: &Value) -> Mat<f64> {
    let rows = rows.as_array().expect("rows");
    let columns = rows[0].as_array().expect("a row").len();
    Mat::from_fn(rows.len(), columns, |i, j| {
        rows[i][j].as_f64().expect("a number")
    })
}
