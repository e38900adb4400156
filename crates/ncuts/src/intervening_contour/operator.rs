//! Q D^{−½} W D^{−½} Q over all scales, and its leading eigenvectors.

use faer::Mat;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

use super::graph::ContourGraph;
use super::krylov;
use super::scales::Scales;
use crate::error::Result;
use crate::symmetric_spectrum::largest_eigenpairs;

/// Up to this many cells the full decomposition is the safer method.
const FULL_SIDE: usize = 400;

/// A = Q (I + D^{−½} W D^{−½}) Q, W block diagonal over the scales.
///
/// With the identity all eigenvalues lie in [0, 2]. Vectors that break the constraint lie at 0, below all wanted ones.
#[derive(Debug)]
pub(super) struct MultiscaleCut {
    graphs: Vec<ContourGraph>,
    scales: Scales,
}

impl MultiscaleCut {
    /// Graphs, finest first, tied by the constraint.
    pub(super) fn new(graphs: Vec<ContourGraph>) -> Self {
        let sizes = graphs.iter().map(|g| (g.width, g.height)).collect();
        let degrees: Vec<f64> = graphs.iter().flat_map(|g| g.degrees()).copied().collect();
        let scales = Scales::new(sizes, &degrees);
        Self { graphs, scales }
    }

    /// The constraint and its degrees.
    pub(super) fn scales(&self) -> &Scales {
        &self.scales
    }

    /// out = A x.
    fn times(&self, x: &[f64], out: &mut [f64]) {
        let roots = self.scales.inverse_roots();
        let mut x = x.to_vec();
        self.scales.project(&mut x);
        let scaled: Vec<f64> = x.iter().zip(roots).map(|(x, root)| x * root).collect();
        out.fill(0.0);
        let mut first = 0;
        for graph in &self.graphs {
            let cells = first..first + graph.degrees().len();
            first = cells.end;
            graph.add_product(&scaled[cells.clone()], &mut out[cells]);
        }
        for ((out, root), x) in out.iter_mut().zip(roots).zip(&x) {
            *out = *out * root + x;
        }
        self.scales.project(out);
    }

    /// The `count` largest eigenvalues of Q D^{−½} W D^{−½} Q with their orthonormal eigenvectors, nonincreasing; fewer
    /// where the finest scale has fewer cells.
    ///
    /// # Errors
    /// [`EigenNotConverged`](crate::Error::EigenNotConverged).
    pub(super) fn leading_eigen(&self, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
        let (n, count) = (self.scales.cells(), count.min(self.scales.fine_cells()));
        let (values, vectors) = if n <= FULL_SIDE {
            self.dense_eigen(count)?
        } else {
            self.krylov_eigen(count)?
        };
        Ok((values.iter().map(|value| value - 1.0).collect(), vectors))
    }

    /// From the n × n matrix: eigenvalues of A, not yet less the identity.
    pub(super) fn dense_eigen(&self, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
        let n = self.scales.cells();
        let mut dense = Mat::zeros(n, n);
        for j in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| f64::from(i == j)).collect();
            self.times(&unit, dense.col_as_slice_mut(j));
        }
        largest_eigenpairs(dense.as_ref(), count)
    }

    fn krylov_eigen(&self, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
        let mut random = Pcg64Mcg::new(0x636f_6e74_6f75);
        let mut start: Vec<f64> = (0..self.scales.cells())
            .map(|_| f64::from(random.next_u32() as i32) / 2_147_483_648.0)
            .collect();
        self.scales.project(&mut start);
        krylov::leading_eigen(|x, out| self.times(x, out), &start, count)
    }
}
