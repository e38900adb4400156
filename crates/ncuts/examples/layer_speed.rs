//! Times of the layer on the features of a folder, as a JSON line; `compare_pytorch.py` among the benches of
//! matbackprop-core makes the folder and calls this in turn with PyTorch.
//!
//! `cargo run --release -p ncuts --example layer_speed -- FOLDER 0.5`: half a second a measurement, three runs at least.
//! Without arguments: one small case of its own.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use matbackprop_core::RankTolerance;
use matbackprop_core::gradcheck::gaussian;
use ncuts::{Criterion, Indicator, NcutsLayer};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        let noise = gaussian(60, 8, 1);
        let features = Mat::from_fn(60, 8, |i, j| (noise[(i, j)] + 0.5).max(0.0));
        let (line, loss, _) = measure(&features, 3, Criterion::default(), 0.0)?;
        println!("60 positions, 8 features, J = {loss:.6}, milliseconds: {line}");
        return Ok(());
    };
    let seconds: f64 = arguments.next().map_or(Ok(0.5), |text| text.parse())?;
    let case: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("case.json"))?)?;
    let criterion = match case["kind"].as_str() {
        Some("ncuts_hard") => Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        },
        Some("ncuts_regularised") => Criterion::Regularised {
            epsilon: case["epsilon"].as_f64().ok_or("expected an epsilon")?,
        },
        other => return Err(format!("expected a kind of case we know, found {other:?}").into()),
    };
    let segments = case["segments"].as_u64().ok_or("expected segments")? as usize;
    let (line, loss, features_bar) =
        measure(&read(&folder, &case, "F")?, segments, criterion, seconds)?;
    write(
        &folder.join("ours_value.f64"),
        &Mat::from_fn(1, 1, |_, _| loss),
    )?;
    write(&folder.join("ours_gradient.f64"), &features_bar)?;
    println!("{line}");
    Ok(())
}

/// Segments of one size, one after the other; J and F̄ beside the times.
fn measure(
    features: &Mat<f64>,
    k: usize,
    criterion: Criterion,
    seconds: f64,
) -> Outcome<(Value, f64, Mat<f64>)> {
    let n = features.nrows();
    let assignment = (0..n).map(|i| (i * k / n) as u32).collect();
    let indicators = [Indicator::from_assignment(assignment, k)?];
    let layer = NcutsLayer::new(criterion);
    let forward = || layer.forward(features.as_ref(), None, &indicators);
    let both = || {
        let cut = forward()?;
        Ok::<_, ncuts::Error>((cut.loss(), cut.vjp(1.0)?.features))
    };
    both()?;
    let region = Region::new(ALLOCATIONS);
    let (loss, features_bar) = both()?;
    let change = region.change();
    let line = json!({
        "forward": times(seconds, forward)?,
        "both": times(seconds, both)?,
        "products": products(seconds, features.shape(), k, criterion)?,
        "allocations": change.allocations + change.reallocations,
        "bytes": change.bytes_allocated,
    });
    Ok((line, loss, features_bar))
}

/// Milliseconds of the products alone that a criterion does not avoid: what is left when all else costs nothing.
fn products(
    seconds: f64,
    (n, d): (usize, usize),
    k: usize,
    criterion: Criterion,
) -> Outcome<Vec<f64>> {
    let regularised = matches!(criterion, Criterion::Regularised { .. });
    let (z, q) = (gaussian(n, d, 1), gaussian(n, k, 2));
    let (mut gram, core) = (Mat::zeros(d, d), gaussian(d, d, 3));
    let (mut inside, mut beside, mut bar) = (Mat::zeros(d, k), q.clone(), Mat::zeros(n, d));
    times(seconds, || {
        // ZᵀZ
        let whole = BlockStructure::Rectangular;
        let (part, replace) = (BlockStructure::TriangularLower, Accum::Replace);
        let (g, turned) = (gram.as_mut(), z.transpose());
        triangular::matmul(g, part, replace, turned, whole, &z, whole, 1.0, Par::Seq);
        // C = ZᵀQ, without its solve with ZᵀZ + εI; R = Q − Z C
        matmul(&mut inside, replace, turned, &q, 1.0, Par::Seq);
        matmul(&mut beside, Accum::Add, &z, &inside, -1e-9, Par::Seq);
        // Z̄ = R Cᵀ, and + Z S for the norm of a regularised projector
        matmul(
            &mut bar,
            replace,
            &beside,
            inside.transpose(),
            1.0,
            Par::Seq,
        );
        if regularised {
            matmul(&mut bar, Accum::Add, &z, &core, 1.0, Par::Seq);
        }
        black_box((&gram, &bar));
        Ok(())
    })
}

fn times<T, E>(seconds: f64, mut work: impl FnMut() -> Result<T, E>) -> Result<Vec<f64>, E> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let begin = Instant::now();
        black_box(work()?);
        times.push(1e3 * begin.elapsed().as_secs_f64());
    }
    Ok(times)
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

fn write(path: &Path, a: &Mat<f64>) -> std::io::Result<()> {
    let rows = (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)]));
    std::fs::write(path, rows.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
}
