//! Gradients of rules on the matrices of a folder; `benches/compare_gradients.py` makes the folder and holds the result,
//! and that of other libraries, against references in many digits.
//!
//! `cargo run --release -p matbackprop-core --example rule_gradients -- FOLDER` writes `ours_gradient.f64`, or prints the
//! rule's error as a JSON line. Without arguments: one small case of its own.

use std::path::{Path, PathBuf};

use faer::{Mat, MatRef, Scale, mat};
use matbackprop_core::{
    GapPolicy, GramFunction, InverseSqrt, LeadingProjector, Log, MatrixFunction, Polar, Projector,
    PseudoInverse, RankTolerance, Result, Ridge, ScalarFunction, Sqrt, SymEig, ThinSvd,
    symmetric_part,
};
use serde_json::{Value, json};

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A case's matrices and numbers.
struct Case {
    folder: PathBuf,
    numbers: Value,
}

fn main() -> Outcome<()> {
    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else {
        let (f, g) = (mat![[2.0, 0.0], [0.0, 2.0]], mat![[0.0, 1.0], [1.0, 0.0]]);
        let gradient = gram(f.as_ref(), g.as_ref(), Log, 1e-3)?;
        println!("⟨G, log(FᵀF + 0.001 I)⟩ at F = 2 I, equal values: {gradient:?}");
        return Ok(());
    };
    let case = Case {
        numbers: serde_json::from_str(&std::fs::read_to_string(folder.join("case.json"))?)?,
        folder,
    };
    match gradient(&case)? {
        Ok(gradient) => {
            write(&case.folder.join("ours_gradient.f64"), gradient.as_ref())?;
            println!("{}", json!({}));
        }
        Err(error) => println!("{}", json!({ "refused": error.to_string() })),
    }
    Ok(())
}

/// The outer error is that of the case, the inner one the rule's answer.
fn gradient(case: &Case) -> Outcome<Result<Mat<f64>>> {
    let (kind, name) = (case.text("kind")?, case.text("function"));
    if ["gram", "symmetric", "second_order"].contains(&kind) {
        return match name? {
            "log" => of_function(case, kind, Log),
            "sqrt" => of_function(case, kind, Sqrt),
            "inverse_sqrt" => of_function(case, kind, InverseSqrt),
            other => Err(format!("expected log, sqrt or inverse_sqrt, found {other}").into()),
        };
    }
    let (a, g) = (case.read("A")?, case.read("G")?);
    let (a, g) = (a.as_ref(), g.as_ref());
    let tolerance = RankTolerance::default();
    Ok(match kind {
        "svd_polar" => svd_function(a, g, |_| 1.0, |_| 0.0),
        "svd_log" => svd_function(a, g, f64::ln_1p, |x| 1.0 / (1.0 + x)),
        "svd_subspace" => svd_subspace(a, g, case.count()?),
        "leading_vector" => leading_vector(a, g),
        "polar" => Polar::forward(a).and_then(|polar| polar.vjp(Some(g), None)),
        "leading_projector" => leading_projector(a, g, case.count()?),
        "projector" => Projector::forward(a, tolerance).and_then(|p| p.vjp(g)),
        "pseudo_inverse" => PseudoInverse::forward(a, tolerance).and_then(|p| p.vjp(g)),
        other => return Err(format!("expected a kind of case we know, found {other}").into()),
    })
}

fn of_function(
    case: &Case,
    kind: &str,
    function: impl ScalarFunction,
) -> Outcome<Result<Mat<f64>>> {
    let g = case.read("G")?;
    if kind == "gram" {
        let epsilon = case.numbers["epsilon"]
            .as_f64()
            .ok_or("expected an epsilon")?;
        return Ok(gram(
            case.read("F")?.as_ref(),
            g.as_ref(),
            function,
            epsilon,
        ));
    }
    let rule = MatrixFunction::forward(case.read("A")?.as_ref(), function);
    if kind == "symmetric" {
        return Ok(rule.and_then(|rule| rule.vjp(g.as_ref())));
    }
    let w = case.read("W")?;
    Ok(rule.and_then(|rule| hessian_product(&rule, g.as_ref(), w.as_ref())))
}

/// The Hessian of ½ ‖f(A) − G‖² times W: back through Ā = vjp(C̄), C̄ = C − G, to A and, by C̄, to A again.
fn hessian_product<F: ScalarFunction>(
    rule: &MatrixFunction<F>,
    g: MatRef<'_, f64>,
    w: MatRef<'_, f64>,
) -> Result<Mat<f64>> {
    let second = rule.vjp_of_vjp((rule.value() - g).as_ref(), w)?;
    Ok(second.a_bar + rule.vjp(second.c_bar_bar.as_ref())?)
}

/// F̄ of ⟨G, f(FᵀF + εI)⟩.
fn gram(
    f: MatRef<'_, f64>,
    g: MatRef<'_, f64>,
    function: impl ScalarFunction,
    epsilon: f64,
) -> Result<Mat<f64>> {
    GramFunction::forward(f, Ridge::new(function, epsilon)?)?.vjp(g)
}

/// Ā of ⟨G, U f(Σ) Vᵀ⟩ through the cotangents of U, Σ and V.
fn svd_function(
    a: MatRef<'_, f64>,
    g: MatRef<'_, f64>,
    f: impl Fn(f64) -> f64,
    slope: impl Fn(f64) -> f64,
) -> Result<Mat<f64>> {
    let svd = ThinSvd::forward(a, GapPolicy::default())?;
    let values = svd.singular_values();
    let times_f = |m: Mat<f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] * f(values[j]));
    let core = svd.u().transpose() * g * svd.v();
    let values_bar: Vec<f64> = (0..values.len())
        .map(|i| core[(i, i)] * slope(values[i]))
        .collect();
    let (u_bar, v_bar) = (times_f(g * svd.v()), times_f(g.transpose() * svd.u()));
    svd.vjp(
        Some(u_bar.as_ref()),
        Some(&values_bar),
        Some(v_bar.as_ref()),
    )
}

/// Ā of ⟨G, U₁U₁ᵀ⟩, U₁ the leading singular vectors, through the cotangent of U.
fn svd_subspace(a: MatRef<'_, f64>, g: MatRef<'_, f64>, count: usize) -> Result<Mat<f64>> {
    let svd = ThinSvd::forward(a, GapPolicy::default())?;
    let full = Scale(2.0) * symmetric_part(g)? * svd.u();
    let u_bar = Mat::from_fn(full.nrows(), full.ncols(), |i, j| {
        if j < count { full[(i, j)] } else { 0.0 }
    });
    svd.vjp(Some(u_bar.as_ref()), None, None)
}

fn leading_projector(a: MatRef<'_, f64>, g: MatRef<'_, f64>, count: usize) -> Result<Mat<f64>> {
    let one = Mat::<f64>::identity(g.nrows(), g.nrows());
    LeadingProjector::forward(a, count, GapPolicy::default())?.vjp_factored(g, one.as_ref())
}

/// Ā of vᵀ G v, v the eigenvector of the largest eigenvalue.
fn leading_vector(a: MatRef<'_, f64>, g: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let eigen = SymEig::forward(a, GapPolicy::default())?;
    let (n, full) = (a.nrows(), Scale(2.0) * symmetric_part(g)? * eigen.vectors());
    let v_bar = Mat::from_fn(n, n, |i, j| if j + 1 == n { full[(i, j)] } else { 0.0 });
    eigen.vjp(None, Some(v_bar.as_ref()))
}

impl Case {
    fn text(&self, key: &str) -> Outcome<&str> {
        let text = self.numbers[key].as_str();
        text.ok_or_else(|| format!("expected {key} in case.json").into())
    }

    fn count(&self) -> Outcome<usize> {
        Ok(self.numbers["count"].as_u64().ok_or("expected a count")? as usize)
    }

    /// Little-endian numbers, row after row, of the shape that the case names.
    fn read(&self, name: &str) -> Outcome<Mat<f64>> {
        let side = |place: usize| {
            let side = self.numbers["shapes"][name][place].as_u64();
            side.ok_or_else(|| format!("expected the shape of {name}"))
        };
        let (rows, columns) = (side(0)? as usize, side(1)? as usize);
        let bytes = std::fs::read(self.folder.join(format!("{name}.f64")))?;
        let (chunks, _) = bytes.as_chunks::<8>();
        if chunks.len() != rows * columns {
            let found = chunks.len();
            return Err(
                format!("{name}: expected {rows} × {columns}, found {found} numbers").into(),
            );
        }
        Ok(Mat::from_fn(rows, columns, |i, j| {
            f64::from_le_bytes(chunks[i * columns + j])
        }))
    }
}

fn write(path: &Path, a: MatRef<'_, f64>) -> std::io::Result<()> {
    let rows = (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)]));
    std::fs::write(path, rows.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
}
