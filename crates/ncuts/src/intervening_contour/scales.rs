//! Grids of several scales, and the constraint that ties them: a coarse cell is the mean of its fine ones.

/// Cells of one scale are 3 × 3 of the scale below.
const REFINEMENT: usize = 3;

/// The constraint C X = 0 on vectors over the cells of all scales, one after another, finest first.
///
/// ```text
///     (C X)_J = X_J − (1/c_J) Σ_{i ∈ J} X_i         J: a cell of the second scale or a coarser one, i: its c_J ≤ 9 fine cells
///     Q = I − D^{−½} Cᵀ (C D^{−1} Cᵀ)^{−1} C D^{−½}  the projector onto D^{½} X with C X = 0
/// ```
///
/// Rows J and K of C meet where K is a cell of J, and nowhere else: C D⁻¹ Cᵀ is a forest, which elimination from the finest
/// row to the coarsest factorises as L diag(p) Lᵀ without fill-in. Q x costs O(n) time.
///
/// # Source
/// T. Cour, F. Bénézit, J. Shi, Spectral segmentation with multiscale graph decomposition, CVPR 2005, section 4. The
/// elimination in the order of the forest is ours.
#[derive(Clone, Debug)]
pub(super) struct Scales {
    /// Cells of each scale, finest first.
    sizes: Vec<(usize, usize)>,
    /// Of each cell: the cell of the next scale that holds it, by its place in the stacked vector; of the coarsest none.
    parents: Vec<usize>,
    /// Cells below each cell; 0 for the finest.
    children: Vec<f64>,
    /// D^{−½}.
    inverse_roots: Vec<f64>,
    /// p, of each row; the finest cells have none and hold 1.
    pivots: Vec<f64>,
    /// Entry of L: row's parent, row.
    lower: Vec<f64>,
}

/// Width and height of each scale.
pub(super) fn grid_sizes(width: usize, height: usize, scales: usize) -> Vec<(usize, usize)> {
    let coarser = |(w, h): &(usize, usize)| Some((w.div_ceil(REFINEMENT), h.div_ceil(REFINEMENT)));
    std::iter::successors(Some((width, height)), coarser)
        .take(scales)
        .collect()
}

/// Pixels of the finest grid in a side of a cell of each scale.
pub(super) fn cell_side(scale: usize) -> usize {
    REFINEMENT.pow(scale as u32)
}

impl Scales {
    /// Over grids of these sizes, with the degrees of all cells.
    pub(super) fn new(sizes: Vec<(usize, usize)>, degrees: &[f64]) -> Self {
        let (n, fine) = (degrees.len(), sizes[0].0 * sizes[0].1);
        let mut parents = Vec::with_capacity(n);
        for pair in sizes.windows(2) {
            let ((width, height), coarse) = (pair[0], pair[1].0);
            let first = parents.len() + width * height;
            for cell in 0..width * height {
                let (x, y) = (cell % width / REFINEMENT, cell / width / REFINEMENT);
                parents.push(first + y * coarse + x);
            }
        }
        let mut children = vec![0.0_f64; n];
        for parent in &parents {
            children[*parent] += 1.0;
        }
        // T = C D⁻¹ Cᵀ: T_JJ = 1/d_J + Σ_{i ∈ J} 1/(d_i c_J²), T_{JK} = −1/(c_J d_K) for a row K below J.
        let mut pivots = vec![1.0; n];
        for row in fine..n {
            pivots[row] = degrees[row].recip();
        }
        for (cell, parent) in parents.iter().enumerate() {
            pivots[*parent] += (degrees[cell] * children[*parent].powi(2)).recip();
        }
        let mut lower = vec![0.0; n];
        for row in fine..parents.len() {
            let parent = parents[row];
            let beside = -(children[parent] * degrees[row]).recip();
            lower[row] = beside / pivots[row];
            pivots[parent] -= lower[row] * beside;
        }
        Self {
            sizes,
            parents,
            children,
            inverse_roots: degrees.iter().map(|degree| degree.sqrt().recip()).collect(),
            pivots,
            lower,
        }
    }

    /// Cells of all scales.
    pub(super) fn cells(&self) -> usize {
        self.children.len()
    }

    /// Cells of the finest scale.
    pub(super) fn fine_cells(&self) -> usize {
        self.sizes[0].0 * self.sizes[0].1
    }

    /// D^{−½}.
    pub(super) fn inverse_roots(&self) -> &[f64] {
        &self.inverse_roots
    }

    /// C X, a number for each cell; 0 for the finest, which have no row.
    pub(super) fn constraint(&self, x: &[f64]) -> Vec<f64> {
        let mut rows = x.to_vec();
        rows[..self.fine_cells()].fill(0.0);
        for (cell, parent) in self.parents.iter().enumerate() {
            rows[*parent] -= x[cell] / self.children[*parent];
        }
        rows
    }

    /// x ← Q x.
    pub(super) fn project(&self, x: &mut [f64]) {
        let fine = self.fine_cells();
        let scaled: Vec<f64> = x
            .iter()
            .zip(&self.inverse_roots)
            .map(|(x, r)| x * r)
            .collect();
        let mut y = self.constraint(&scaled);
        for row in fine..self.parents.len() {
            let below = y[row];
            y[self.parents[row]] -= self.lower[row] * below;
        }
        for row in (fine..y.len()).rev() {
            y[row] /= self.pivots[row];
            if let Some(parent) = self.parents.get(row) {
                y[row] -= self.lower[row] * y[*parent];
            }
        }
        // Cᵀ y: a row's own cell, less its share in the row of the cell above.
        for (cell, x) in x.iter_mut().enumerate() {
            let own = y[cell];
            let above = self
                .parents
                .get(cell)
                .map_or(0.0, |parent| y[*parent] / self.children[*parent]);
            *x -= self.inverse_roots[cell] * (own - above);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three scales over 11 × 7 cells, with uneven degrees.
    fn scales() -> (Scales, usize) {
        let sizes = grid_sizes(11, 7, 3);
        assert_eq!(sizes, [(11, 7), (4, 3), (2, 1)]);
        let n = sizes.iter().map(|(w, h)| w * h).sum();
        let degrees: Vec<f64> = (0..n).map(|i| 1.5 + (i as f64 * 0.7).sin()).collect();
        (Scales::new(sizes, &degrees), n)
    }

    fn numbers(n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|i| (1.3 * i as f64 + shift).cos()).collect()
    }

    #[test]
    fn one_coarse_cell_over_two_by_hand() {
        // C = (−½, −½, 1), D = I: Q = I − CᵀC / 1.5.
        let scales = Scales::new(grid_sizes(2, 1, 2), &[1.0; 3]);
        let mut x = [1.0, 0.0, 0.0];
        scales.project(&mut x);
        for (found, expected) in x.iter().zip([5.0 / 6.0, -1.0 / 6.0, 1.0 / 3.0]) {
            assert!((found - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn projected_vectors_satisfy_the_constraint_and_stay() {
        let (scales, n) = scales();
        let mut x = numbers(n, 0.2);
        scales.project(&mut x);
        let shown: Vec<f64> = x
            .iter()
            .zip(&scales.inverse_roots)
            .map(|(x, r)| x * r)
            .collect();
        assert!(scales.constraint(&shown).iter().all(|c| c.abs() < 1e-14));
        assert!(x.iter().any(|x| x.abs() > 0.1));
        let again = {
            let mut again = x.clone();
            scales.project(&mut again);
            again
        };
        assert!(x.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-14));
    }

    #[test]
    fn the_projector_is_symmetric() {
        let (scales, n) = scales();
        let (x, y) = (numbers(n, 0.0), numbers(n, 1.0));
        let (mut qx, mut qy) = (x.clone(), y.clone());
        scales.project(&mut qx);
        scales.project(&mut qy);
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((inner(&qx, &y) - inner(&x, &qy)).abs() < 1e-13);
    }

    #[test]
    fn one_scale_is_free() {
        let scales = Scales::new(grid_sizes(3, 2, 1), &[2.0; 6]);
        let mut x = numbers(6, 0.0);
        scales.project(&mut x);
        assert_eq!(x, numbers(6, 0.0));
        assert_eq!((scales.cells(), scales.fine_cells()), (6, 6));
    }
}
