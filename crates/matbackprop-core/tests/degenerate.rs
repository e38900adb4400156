//! f(FᵀF) on spectra where gradients go wrong, held against references to more than 50 digits.
//!
//! `cargo test -p matbackprop-core --test degenerate -- --nocapture` prints our errors beside those of other libraries
//! on the same matrices. `reference/degenerate.py` made the references, `benches/compare_gradients.py` measured the others.

use std::collections::BTreeMap;

use faer::{Mat, MatRef};
use matbackprop_core::{
    GramFunction, InverseSqrt, Log, MatrixFunction, Result, Ridge, ScalarFunction, Sqrt,
};
use serde_json::Value;

/// The bound on the error of value and gradient, on every spectrum: every reference is rounded to f64, and every rule
/// does a few hundred roundings. LAPACK's singular values with divided differences, the soundest of the others, leave
/// up to 1.3e-5 on these matrices.
const LIMIT: f64 = 5e-14;

/// The same for the formed matrix where its condition is small.
const ROUNDING: f64 = 1e-12;

#[derive(Clone, Copy, Debug)]
enum Function {
    Log,
    Sqrt,
    InverseSqrt,
}

/// f(FᵀF) for f(x) = `function`(x + ε), and the expected pullback of a cotangent G of it.
struct Case {
    row: String,
    seed: u64,
    function: Function,
    epsilon: f64,
    f: Mat<f64>,
    g: Mat<f64>,
    c: Mat<f64>,
    f_bar: Mat<f64>,
}

/// A rule's result for a case.
struct Answer {
    c: Mat<f64>,
    f_bar: Mat<f64>,
    method: String,
}

#[test]
fn gradients_of_gram_functions_are_finite_and_right_on_every_spectrum() {
    let file = read(include_str!("reference/degenerate.json"));
    let peers = read(include_str!("reference/peers.json"));
    let mut worst: BTreeMap<String, (f64, String)> = BTreeMap::new();
    let mut refused = Vec::new();
    for case in cases(&file) {
        let answer = ours(&case);
        let (value, gradient) = errors(&case, &answer);
        let entry = worst
            .entry(case.row.clone())
            .or_insert((0.0, answer.method.clone()));
        entry.0 = entry.0.max(gradient);
        // Nothing at all where the reference is zero.
        let limit = if case.f_bar.norm_max() == 0.0 {
            0.0
        } else {
            LIMIT
        };
        // Written so that NaN fails.
        if !(gradient <= limit && value <= limit) {
            refused.push(format!(
                "{}, seed {}: gradient {gradient:.1e}, value {value:.1e}, expected up to {limit:.1e}",
                case.row, case.seed
            ));
        }
    }
    print_table(&file, &peers, &worst);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The other method, f of FᵀF + εI itself: as accurate as the rounding of FᵀF lets it be, which f sees magnified by
/// ‖F‖² / ε.
#[test]
fn functions_of_the_formed_matrix_agree_where_the_condition_is_moderate() {
    let file = read(include_str!("reference/degenerate.json"));
    let mut checked = 0;
    for case in cases(&file) {
        let condition = case.f.squared_norm_l2() / case.epsilon + 1.0;
        if condition > 1e6 {
            continue;
        }
        let answer = match case.function {
            Function::Log => by_formed_matrix(&case, Log),
            Function::Sqrt => by_formed_matrix(&case, Sqrt),
            Function::InverseSqrt => by_formed_matrix(&case, InverseSqrt),
        };
        let (value, gradient) = errors(&case, &answer);
        let limit = ROUNDING.max(condition * f64::EPSILON);
        assert!(
            gradient <= limit && value <= limit,
            "{}, seed {}: gradient {gradient:.1e}, value {value:.1e}, expected up to {limit:.1e}",
            case.row,
            case.seed
        );
        checked += 1;
    }
    assert!(checked > 50, "only {checked} cases are moderate");
}

/// Relative errors of value and gradient in the Frobenius norm; absolute where the reference is zero.
fn errors(case: &Case, answer: &Answer) -> (f64, f64) {
    let relative = |found: &Mat<f64>, expected: &Mat<f64>| {
        assert_eq!(found.shape(), expected.shape(), "{}", case.row);
        let size = expected.norm_l2();
        (found - expected).norm_l2() / if size > 0.0 { size } else { 1.0 }
    };
    (
        relative(&answer.c, &case.c),
        relative(&answer.f_bar, &case.f_bar),
    )
}

fn ours(case: &Case) -> Answer {
    let epsilon = case.epsilon;
    match case.function {
        Function::Log => by_rule(case, Ridge::new(Log, epsilon)),
        Function::Sqrt => by_rule(case, Ridge::new(Sqrt, epsilon)),
        Function::InverseSqrt => by_rule(case, Ridge::new(InverseSqrt, epsilon)),
    }
}

fn by_rule<F: ScalarFunction>(case: &Case, function: Result<Ridge<F>>) -> Answer {
    let function = function.expect("a ridge that is not negative");
    let rule = GramFunction::forward(case.f.as_ref(), function).expect("finite features");
    Answer {
        c: rule.value().to_owned(),
        f_bar: rule.vjp(case.g.as_ref()).expect("a finite cotangent"),
        method: format!("{:?}", rule.method()),
    }
}

fn by_formed_matrix(case: &Case, function: impl ScalarFunction) -> Answer {
    let f = case.f.as_ref();
    let ridge = faer::Scale(case.epsilon) * Mat::<f64>::identity(f.ncols(), f.ncols());
    let rule = MatrixFunction::forward((f.transpose() * f + ridge).as_ref(), function)
        .expect("a positive definite matrix");
    let a_bar = rule.vjp(case.g.as_ref()).expect("a finite cotangent");
    Answer {
        c: rule.value().to_owned(),
        f_bar: faer::Scale(2.0) * f * a_bar,
        method: "formed".to_owned(),
    }
}

/// A line a row of the file, in its order: our worst error over the seeds, then the others'.
fn print_table(file: &Value, peers: &Value, worst: &BTreeMap<String, (f64, String)>) {
    let rows = &peers["worst_relative_error"];
    let names: Vec<&str> = peers["columns"]
        .as_array()
        .expect("a list of columns")
        .iter()
        .map(|name| name.as_str().expect("a name"))
        .collect();
    println!("| case | method | ours | {} |", names.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(names.len()));
    let mut printed: Option<&str> = None;
    for case in file["cases"].as_array().expect("a list of cases") {
        let row = case["name"].as_str().expect("a name");
        if printed.replace(row) == Some(row) {
            continue;
        }
        let (error, method) = &worst[row];
        let theirs: Vec<String> = names
            .iter()
            .map(|name| match rows[row].get(name).map(Value::as_f64) {
                Some(Some(error)) => format!("{error:.1e}"),
                Some(None) => "NaN".to_owned(),
                None => "–".to_owned(),
            })
            .collect();
        println!(
            "| {row} | {method} | {error:.1e} | {} |",
            theirs.join(" | ")
        );
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("a reference file")
}

fn cases(file: &Value) -> impl Iterator<Item = Case> {
    let cases = file["cases"].as_array().expect("a list of cases");
    cases.iter().map(|case| {
        let whole = |key: &str| case[key].as_u64().expect(key);
        let text = |key: &str| case[key].as_str().expect(key);
        let numbers = |key: &str| -> Vec<f64> {
            let list = case[key].as_array().expect(key);
            list.iter().map(|x| x.as_f64().expect(key)).collect()
        };
        let (n, d) = (whole("rows") as usize, whole("columns") as usize);
        let matrix = |rows: usize, key: &str| {
            MatRef::from_row_major_slice(&numbers(key), rows, d).to_owned()
        };
        let lower = numbers("C_lower");
        Case {
            row: text("name").to_owned(),
            seed: whole("seed"),
            function: match text("function") {
                "log" => Function::Log,
                "sqrt" => Function::Sqrt,
                "inverse_sqrt" => Function::InverseSqrt,
                other => panic!("expected a function we know, found {other}"),
            },
            epsilon: case["epsilon"].as_f64().expect("epsilon"),
            f: matrix(n, "F"),
            g: matrix(d, "G"),
            c: Mat::from_fn(d, d, |i, j| {
                let (i, j) = (i.max(j), i.min(j));
                lower[i * (i + 1) / 2 + j]
            }),
            f_bar: matrix(n, "F_bar"),
        }
    })
}
