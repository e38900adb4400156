//! Spectra without their vectors.

use crate::error::{Error, Result};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{MatRef, Par};

/// Eigenvalues, nondecreasing, of a finite symmetric matrix; its lower triangle is read.
pub(crate) fn symmetric_values(op: &'static str, a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let n = a.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let scratch =
        self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::No, Par::Seq, Default::default());
    self_adjoint_evd(
        a,
        values.as_mut(),
        None,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence {
        op,
        rows: n,
        columns: n,
    })?;
    Ok(values.column_vector().iter().copied().collect())
}

/// Singular values, nonincreasing, of a finite matrix.
pub(crate) fn singular_values_only(op: &'static str, a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let (m, n) = a.shape();
    let mut values = Diag::<f64>::zeros(m.min(n));
    let none = ComputeSvdVectors::No;
    let scratch = svd_scratch::<f64>(m, n, none, none, Par::Seq, Default::default());
    svd(
        a,
        values.as_mut(),
        None,
        None,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence {
        op,
        rows: m,
        columns: n,
    })?;
    Ok(values.column_vector().iter().copied().collect())
}
