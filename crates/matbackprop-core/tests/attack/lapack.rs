//! LAPACK's residuals on the same matrices, by numpy where there is one.

use crate::case::{Case, Task};
use crate::measures::Measures;
use matbackprop_core::faer::Mat;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Matrices handed to numpy, and numbers in them, at most.
const MATRICES: usize = 400;
const ENTRIES: usize = 40_000_000;

/// Whether `python3` with numpy runs here.
pub fn there() -> bool {
    let output = Command::new("python3")
        .args(["-c", "import numpy"])
        .output();
    output.is_ok_and(|output| output.status.success())
}

/// LAPACK's result for a matrix.
pub enum Found {
    Measures(Measures),
    /// No convergence, or numbers that are not finite.
    GaveUp,
    /// Not asked: there were enough others.
    LeftOut,
}

/// For each of the cases, in their order.
pub fn residuals(cases: impl Iterator<Item = Case>) -> Result<Vec<Found>, String> {
    let folder = std::env::temp_dir().join(format!("matbackprop-attack-{}", std::process::id()));
    let result = in_folder(&folder, cases);
    // Files that cannot be removed lie in a temporary folder.
    std::fs::remove_dir_all(&folder).ok();
    result
}

fn in_folder(folder: &Path, cases: impl Iterator<Item = Case>) -> Result<Vec<Found>, String> {
    let text = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(text)?;
    let (mut index, mut places, mut entries) = (Vec::new(), Vec::new(), 0);
    for case in cases {
        let want = case.want;
        let numbers = want.m * want.n;
        if index.len() == MATRICES || entries + numbers > ENTRIES {
            places.push(None);
            continue;
        }
        entries += numbers;
        let file = format!("{}.f64", index.len());
        write(&folder.join(&file), &case.matrix()).map_err(text)?;
        places.push(Some(index.len()));
        index.push(json!({
            "file": file,
            "rows": want.m,
            "columns": want.n,
            "symmetric": want.task == Task::Eigen,
        }));
    }
    let list = Value::from(index).to_string();
    std::fs::write(folder.join("index.json"), list).map_err(text)?;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/lapack_residuals.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(folder)
        .output()
        .map_err(text)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let found = std::fs::read_to_string(folder.join("residuals.json")).map_err(text)?;
    let found: Value = serde_json::from_str(&found).map_err(|error| error.to_string())?;
    Ok(places
        .into_iter()
        .map(|place| match place {
            None => Found::LeftOut,
            Some(place) => read(&found[place]).map_or(Found::GaveUp, Found::Measures),
        })
        .collect())
}

fn read(found: &Value) -> Option<Measures> {
    Some(Measures {
        residual: found[0].as_f64()?,
        orthogonality: found[1].as_f64()?,
        disagreement: found[2].as_f64()?,
    })
}

/// Little-endian numbers, row after row.
fn write(path: &Path, a: &Mat<f64>) -> std::io::Result<()> {
    let rows = (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)]));
    std::fs::write(path, rows.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
}
