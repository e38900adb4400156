//! Random matrices with a spectrum we choose.

use crate::decompose::thin_svd;
use crate::gaussian::gaussian;
use faer::{Mat, MatRef};

/// A rows × columns matrix with these singular values and random singular vectors.
///
/// Missing values count as zero.
///
/// # Panics
/// When more than min(rows, columns) values are given.
pub fn with_spectrum(rows: usize, columns: usize, singular_values: &[f64], seed: u64) -> Mat<f64> {
    let r = singular_values.len();
    assert!(
        r <= rows.min(columns),
        "a {rows} × {columns} matrix has fewer than {r} singular values"
    );
    let u = orthonormal(rows, r, seed);
    let v = orthonormal(columns, r, seed ^ 0x9e37_79b9_7f4a_7c15);
    columns_times(u.as_ref(), singular_values) * v.transpose()
}

/// A symmetric matrix with these eigenvalues and random eigenvectors.
pub fn symmetric_with_spectrum(eigenvalues: &[f64], seed: u64) -> Mat<f64> {
    let n = eigenvalues.len();
    let v = orthonormal(n, n, seed);
    let a = columns_times(v.as_ref(), eigenvalues) * v.transpose();
    crate::symmetric::sym(a.as_ref())
}

/// Random orthonormal columns: the left vectors of a Gaussian matrix.
fn orthonormal(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    if columns == 0 {
        return Mat::zeros(rows, 0);
    }
    let (u, _, _) = thin_svd(
        "orthonormal columns",
        gaussian(rows, columns, seed).as_ref(),
    )
    .unwrap_or_else(|error| unreachable!("a finite Gaussian matrix decomposes: {error}"));
    u
}

fn columns_times(a: MatRef<'_, f64>, factors: &[f64]) -> Mat<f64> {
    Mat::from_fn(a.nrows(), factors.len(), |i, j| a[(i, j)] * factors[j])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decompose::symmetric_eigen;

    #[test]
    fn spectra_are_the_chosen_ones() {
        let chosen = [3.0, 2.0, 2.0, 0.5];
        for (m, n) in [(9, 4), (4, 9), (12, 6)] {
            let (_, s, _) = thin_svd("test", with_spectrum(m, n, &chosen, 4).as_ref()).unwrap();
            for (i, s) in s.iter().enumerate() {
                let expected = chosen.get(i).copied().unwrap_or(0.0);
                assert!(
                    (s - expected).abs() < 1e-14 * 3.0,
                    "{m} × {n}: {s} for {expected}"
                );
            }
        }
        let (values, _) = symmetric_eigen(
            "test",
            symmetric_with_spectrum(&[2.0, -1.0, 0.0], 4).as_ref(),
        )
        .unwrap();
        for (value, expected) in values.iter().zip([-1.0, 0.0, 2.0]) {
            assert!((value - expected).abs() < 1e-14, "{value} for {expected}");
        }
    }
}
