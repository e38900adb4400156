//! Singular values and vectors of a matrix.

use crate::error::{Error, Result};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, MatRef, Par};

/// U (m × r), singular values, nonincreasing, and V (n × r) of a finite matrix, r = min(m, n).
pub(crate) fn thin_svd(
    op: &'static str,
    a: MatRef<'_, f64>,
) -> Result<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    let r = m.min(n);
    let mut values = Diag::<f64>::zeros(r);
    let (mut u, mut v) = (Mat::zeros(m, r), Mat::zeros(n, r));
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd_scratch::<f64>(m, n, thin, thin, Par::Seq, Default::default());
    svd(
        a,
        values.as_mut(),
        Some(u.as_mut()),
        Some(v.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence {
        op,
        rows: m,
        columns: n,
    })?;
    Ok((u, values.column_vector().iter().copied().collect(), v))
}

#[cfg(test)]
mod tests {
    use super::super::products::gram;
    use super::super::symmetric_eigen::symmetric_eigen;
    use super::*;
    use crate::gradcheck::gaussian;

    #[test]
    fn decompositions_reconstruct_with_orthonormal_vectors() {
        for (m, n) in [(1, 1), (30, 8), (8, 30), (60, 60)] {
            let a = gaussian(m, n, 5);
            let (u, s, v) = thin_svd("test", a.as_ref()).unwrap();
            let r = m.min(n);
            let us = Mat::from_fn(m, r, |i, j| u[(i, j)] * s[j]);
            // Backward error of Householder methods: a few n ε ‖A‖.
            let tolerance = 10.0 * f64::EPSILON * (m + n) as f64 * s[0];
            assert!(
                (us * v.transpose() - &a).norm_max() < tolerance,
                "{m} × {n}"
            );
            assert!((gram(u.as_ref()) - Mat::<f64>::identity(r, r)).norm_max() < tolerance);
            assert!(s.windows(2).all(|pair| pair[0] >= pair[1]));

            let g = gram(a.as_ref());
            let (values, vectors) = symmetric_eigen("test", g.as_ref()).unwrap();
            let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
            assert!(
                (scaled * vectors.transpose() - &g).norm_max() < tolerance * s[0],
                "{m} × {n}"
            );
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
