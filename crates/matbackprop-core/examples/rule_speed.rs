//! Times of rules on the matrices of a folder, as a JSON line; `benches/compare_pytorch.py` makes the folder and calls
//! this in turn with PyTorch.
//!
//! `cargo run --release -p matbackprop-core --example rule_speed -- FOLDER 0.5`: half a second a measurement, three runs
//! at least. Without arguments: one small case of its own.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    GapPolicy, GramFunction, Leading, LeadingGeneralisedEig, Log, Ridge, SymEig, ThinSvd, batch,
    singular_values,
};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
/// The results of a case, by name, for comparison.
type Results = Vec<(&'static str, Mat<f64>)>;

const ANY_GAP: GapPolicy = GapPolicy::Error { floor: 0.0 };

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        let f = gaussian(30, 12, 1);
        let line = gram_log(&[f], gaussian(12, 12, 2).as_ref(), 1e-3, 0.0)?.0;
        println!("a Gaussian of 30 × 12, log(FᵀF + 0.001 I), milliseconds: {line}");
        return Ok(());
    };
    let seconds: f64 = arguments.next().map_or(Ok(0.5), |text| text.parse())?;
    let case: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("case.json"))?)?;
    let read = |name: &str| read(&folder, &case, name);
    let (line, results) = match case["kind"].as_str() {
        Some("gram_log") => {
            let stacked = read("F")?;
            let n = stacked.nrows() / case["count"].as_u64().ok_or("expected a count")? as usize;
            let inputs: Vec<Mat<f64>> = (0..stacked.nrows() / n)
                .map(|i| stacked.subrows(i * n, n).to_owned())
                .collect();
            let epsilon = case["epsilon"].as_f64().ok_or("expected an epsilon")?;
            gram_log(&inputs, read("G")?.as_ref(), epsilon, seconds)?
        }
        Some("sym_eig") => sym_eig(&read("A")?, &read("c")?, &read("x")?, seconds)?,
        Some("leading_generalised") => {
            leading_generalised(&read("A")?, &read("B")?, &read("c")?, &read("x")?, seconds)?
        }
        Some("thin_svd") => thin_svd(&read("A")?, &read("c")?, &read("x")?, &read("y")?, seconds)?,
        Some("singular_values") => values_alone(&read("A")?, seconds)?,
        other => return Err(format!("expected a kind of case we know, found {other:?}").into()),
    };
    for (name, result) in results {
        write(&folder.join(format!("ours_{name}.f64")), result.as_ref())?;
    }
    println!("{line}");
    Ok(())
}

/// ⟨G, log(FᵀF + εI)⟩ for one F or several; of several, the results stand below each other.
fn gram_log(
    inputs: &[Mat<f64>],
    g: MatRef<'_, f64>,
    epsilon: f64,
    seconds: f64,
) -> Outcome<(Value, Results)> {
    let forward = |f: &Mat<f64>| GramFunction::forward(f.as_ref(), Ridge::new(Log, epsilon)?);
    let both = |f: &Mat<f64>| {
        let c = forward(f)?;
        let f_bar = c.vjp(g)?;
        Ok::<_, matbackprop_core::Error>((c.into_value(), f_bar))
    };
    let mut line = measure(seconds, || batch(inputs, forward), || batch(inputs, both))?;
    let (n, d) = inputs[0].shape();
    line["products"] = json!(products(seconds, inputs.len(), &gram_products(n, d)));
    let (values, bars): (Vec<_>, Vec<_>) = batch(inputs, both)?.into_iter().unzip();
    Ok((
        line,
        vec![("value", stack(&values)), ("gradient", stack(&bars))],
    ))
}

/// Σ cᵢ (λᵢ + (xᵀvᵢ)²), which does not see the signs of the vectors.
fn sym_eig(a: &Mat<f64>, c: &Mat<f64>, x: &Mat<f64>, seconds: f64) -> Outcome<(Value, Results)> {
    let c = c.col_as_slice(0);
    let forward = || SymEig::forward(a.as_ref(), ANY_GAP);
    let both = || {
        let eigen = forward()?;
        let row = x.transpose() * eigen.vectors();
        let row = Mat::from_fn(1, c.len(), |_, j| 2.0 * c[j] * row[(0, j)]);
        let a_bar = eigen.vjp(Some(c), Some((x * row).as_ref()))?;
        Ok::<_, matbackprop_core::Error>((eigen, a_bar))
    };
    let line = measure(seconds, forward, both)?;
    let (eigen, a_bar) = both()?;
    Ok((
        line,
        vec![("value", column(eigen.values())), ("gradient", a_bar)],
    ))
}

/// Σ cᵢ (λᵢ + (xᵀvᵢ)²) over the smallest pairs of A v = λ B v, as many as c has entries; Ā above B̄, both n × n.
fn leading_generalised(
    a: &Mat<f64>,
    b: &Mat<f64>,
    c: &Mat<f64>,
    x: &Mat<f64>,
    seconds: f64,
) -> Outcome<(Value, Results)> {
    let c = c.col_as_slice(0);
    let smallest = Leading::Smallest;
    let forward =
        || LeadingGeneralisedEig::forward(a.as_ref(), b.as_ref(), c.len(), smallest, ANY_GAP);
    let both = || {
        let eigen = forward()?;
        let row = x.transpose() * eigen.vectors();
        let row = Mat::from_fn(1, c.len(), |_, j| 2.0 * c[j] * row[(0, j)]);
        let bar = eigen.vjp(Some(c), Some((x * row).as_ref()))?;
        Ok::<_, matbackprop_core::Error>((eigen, bar.a.to_dense()?, bar.b.to_dense()?))
    };
    let line = measure(seconds, forward, both)?;
    let (eigen, a_bar, b_bar) = both()?;
    Ok((
        line,
        vec![
            ("value", column(eigen.values())),
            ("gradient", stack(&[a_bar, b_bar])),
        ],
    ))
}

/// Σ cᵢ (σᵢ + (xᵀuᵢ)(vᵢᵀy)), which does not see the signs of the pairs.
fn thin_svd(
    a: &Mat<f64>,
    c: &Mat<f64>,
    x: &Mat<f64>,
    y: &Mat<f64>,
    seconds: f64,
) -> Outcome<(Value, Results)> {
    let c = c.col_as_slice(0);
    let forward = || ThinSvd::forward(a.as_ref(), ANY_GAP);
    let both = || {
        let svd = forward()?;
        let (left, right) = (x.transpose() * svd.u(), y.transpose() * svd.v());
        let times_c = |row: Mat<f64>| Mat::from_fn(1, c.len(), |_, j| c[j] * row[(0, j)]);
        let (u_bar, v_bar) = (x * times_c(right), y * times_c(left));
        let a_bar = svd.vjp(Some(u_bar.as_ref()), Some(c), Some(v_bar.as_ref()))?;
        Ok::<_, matbackprop_core::Error>((svd, a_bar))
    };
    let line = measure(seconds, forward, both)?;
    let (svd, a_bar) = both()?;
    Ok((
        line,
        vec![
            ("value", column(svd.singular_values())),
            ("gradient", a_bar),
        ],
    ))
}

/// Singular values without vectors. They have no way back: both is the same call, and both results are the values.
fn values_alone(a: &Mat<f64>, seconds: f64) -> Outcome<(Value, Results)> {
    let forward = || singular_values(a.as_ref());
    let line = measure(seconds, forward, forward)?;
    let values = column(&forward()?);
    Ok((line, vec![("value", values.clone()), ("gradient", values)]))
}

/// A product L R: rows of L, their length, columns of R, and whether the lower triangle is enough.
type Product = (usize, usize, usize, BlockStructure);

/// The products of f(FᵀF) and its gradient, F n × d, that no decomposition replaces, in the smaller of both forms.
fn gram_products(n: usize, d: usize) -> Vec<Product> {
    let (whole, half) = (BlockStructure::Rectangular, BlockStructure::TriangularLower);
    if n >= d {
        vec![
            (d, n, d, half),  // FᵀF
            (d, d, d, half),  // V f(Λ) Vᵀ
            (d, d, d, whole), // S V
            (d, d, d, half),  // Vᵀ S V
            (d, d, d, whole), // V (P ∘ VᵀSV)
            (d, d, d, half),  // the same times Vᵀ
            (n, d, d, whole), // F times that
        ]
    } else {
        vec![
            (n, d, n, half),  // F Fᵀ
            (d, n, n, whole), // W = Fᵀ U
            (d, n, d, half),  // W diag(q) Wᵀ
            (d, d, n, whole), // S W
            (n, d, n, half),  // Wᵀ S W
            (d, n, n, whole), // W (R ∘ WᵀSW)
            (n, n, d, whole), // U times its sum with S W diag(q)
        ]
    }
}

/// Milliseconds of products alone, `count` times each: what is left of a rule when all else costs nothing.
fn products(seconds: f64, count: usize, shapes: &[Product]) -> Vec<f64> {
    let mut cases: Vec<_> = shapes
        .iter()
        .map(|&(rows, inner, columns, part)| {
            let (left, right) = (gaussian(rows, inner, 1), gaussian(inner, columns, 2));
            (left, right, Mat::<f64>::zeros(rows, columns), part)
        })
        .collect();
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let begin = Instant::now();
        for _ in 0..count {
            for (left, right, result, part) in &mut cases {
                let (result, replace) = (result.as_mut(), Accum::Replace);
                let (left, right) = (left.as_ref(), right.as_ref());
                let whole = BlockStructure::Rectangular;
                if *part == whole {
                    matmul(result, replace, left, right, 1.0, Par::Seq);
                } else {
                    let part = *part;
                    triangular::matmul(
                        result,
                        part,
                        replace,
                        left,
                        whole,
                        right,
                        whole,
                        1.0,
                        Par::Seq,
                    );
                }
            }
            black_box(&cases);
        }
        times.push(1e3 * begin.elapsed().as_secs_f64());
    }
    times
}

/// Milliseconds of every run of both, and how often and how much one call of `both` allocates.
fn measure<A, B, E>(
    seconds: f64,
    forward: impl Fn() -> Result<A, E>,
    both: impl Fn() -> Result<B, E>,
) -> Result<Value, E> {
    both()?;
    let region = Region::new(ALLOCATIONS);
    let results = both()?;
    let change = region.change();
    drop(results);
    Ok(json!({
        "forward": times(seconds, &forward)?,
        "both": times(seconds, &both)?,
        "allocations": change.allocations + change.reallocations,
        "bytes": change.bytes_allocated,
    }))
}

fn times<T, E>(seconds: f64, work: impl Fn() -> Result<T, E>) -> Result<Vec<f64>, E> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let begin = Instant::now();
        black_box(work()?);
        times.push(1e3 * begin.elapsed().as_secs_f64());
    }
    Ok(times)
}

fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

fn stack(matrices: &[Mat<f64>]) -> Mat<f64> {
    let (rows, columns) = matrices[0].shape();
    Mat::from_fn(rows * matrices.len(), columns, |i, j| {
        matrices[i / rows][(i % rows, j)]
    })
}

/// Little-endian numbers, row after row, of the shape that the case names.
fn read(folder: &Path, case: &Value, name: &str) -> Outcome<Mat<f64>> {
    let side = |place: usize| {
        case["shapes"][name][place]
            .as_u64()
            .ok_or("expected a shape")
    };
    let (rows, columns) = (side(0)? as usize, side(1)? as usize);
    let bytes = std::fs::read(folder.join(format!("{name}.f64")))?;
    let (chunks, _) = bytes.as_chunks::<8>();
    if chunks.len() != rows * columns {
        return Err(format!(
            "{name}: expected {rows} × {columns}, found {} numbers",
            chunks.len()
        )
        .into());
    }
    Ok(Mat::from_fn(rows, columns, |i, j| {
        f64::from_le_bytes(chunks[i * columns + j])
    }))
}

fn write(path: &Path, a: MatRef<'_, f64>) -> std::io::Result<()> {
    let rows = (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)]));
    std::fs::write(path, rows.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
}
