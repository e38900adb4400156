//! Gram matrices and singular value decompositions, always on one thread, so that results repeat to the bit.

use crate::error::{Error, Result};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatRef, Par};

/// G = Aᵀ A, both triangles; half the products of a general multiplication.
pub(crate) fn gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.ncols();
    let mut g = Mat::zeros(n, n);
    triangular::matmul(
        g.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a.transpose(),
        BlockStructure::Rectangular,
        a,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for j in 0..n {
        for i in 0..j {
            g[(i, j)] = g[(j, i)];
        }
    }
    g
}

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
    use super::super::symmetric_eigen;
    use super::*;
    use crate::gradcheck::gaussian;

    #[test]
    fn gram_equals_the_general_product() {
        for (m, n) in [(1, 1), (40, 7), (5, 33)] {
            let a = gaussian(m, n, 3);
            let error = (gram(a.as_ref()) - a.transpose() * &a).norm_max();
            // m products a sum, entries of a few units.
            assert!(
                error < 100.0 * f64::EPSILON * m as f64,
                "{m} × {n}: {error:e}"
            );
        }
    }

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
