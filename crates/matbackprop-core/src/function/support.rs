//! The rows and columns of a matrix that are not zero throughout.

use faer::{Mat, MatRef};

/// The rows and columns that are not zero; `None` where all are.
#[derive(Clone, Debug)]
pub(super) struct Support {
    rows: Option<Vec<usize>>,
    columns: Option<Vec<usize>>,
    shape: (usize, usize),
}

impl Support {
    /// Follows rows and columns up to their first entry that is not zero.
    pub(super) fn of(a: MatRef<'_, f64>) -> Self {
        let (m, n) = a.shape();
        let columns: Vec<usize> = (0..n)
            .filter(|&j| a.col(j).iter().any(|&x| x != 0.0))
            .collect();
        let mut dead_rows: Vec<usize> = (0..m).collect();
        for &j in &columns {
            if dead_rows.is_empty() {
                break;
            }
            dead_rows.retain(|&i| a[(i, j)] == 0.0);
        }
        let mut dead = dead_rows.iter().peekable();
        let rows: Vec<usize> = (0..m).filter(|i| dead.next_if_eq(&i).is_none()).collect();
        Self {
            rows: (rows.len() < m).then_some(rows),
            columns: (columns.len() < n).then_some(columns),
            shape: (m, n),
        }
    }

    /// Rows and columns of the matrix.
    pub(super) fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Is there no row and no column that is zero throughout?
    pub(super) fn is_everything(&self) -> bool {
        self.rows.is_none() && self.columns.is_none()
    }

    /// Columns that hold something.
    pub(super) fn alive_columns(&self) -> Vec<usize> {
        match &self.columns {
            None => (0..self.shape.1).collect(),
            Some(columns) => columns.clone(),
        }
    }

    /// Columns that are zero throughout.
    pub(super) fn dead_columns(&self) -> Vec<usize> {
        match &self.columns {
            None => Vec::new(),
            Some(columns) => {
                let mut alive = columns.iter().peekable();
                (0..self.shape.1)
                    .filter(|j| alive.next_if_eq(&j).is_none())
                    .collect()
            }
        }
    }

    /// Rows that are zero throughout.
    pub(super) fn dead_rows(&self) -> Vec<usize> {
        match &self.rows {
            None => Vec::new(),
            Some(rows) => {
                let mut alive = rows.iter().peekable();
                (0..self.shape.0)
                    .filter(|i| alive.next_if_eq(&i).is_none())
                    .collect()
            }
        }
    }

    /// Columns of two matrices, those that belong to supported columns and those that do not, in their places.
    pub(super) fn join_columns(&self, alive: &Mat<f64>, dead: &Mat<f64>) -> Mat<f64> {
        let mut joined = Mat::zeros(alive.nrows(), self.shape.1);
        for (from, places) in [(alive, self.alive_columns()), (dead, self.dead_columns())] {
            for (j, place) in places.into_iter().enumerate() {
                joined.col_mut(place).copy_from(from.col(j));
            }
        }
        joined
    }

    /// The supported part of a matrix of this shape; `None` where it is all of it.
    pub(super) fn compact(&self, a: MatRef<'_, f64>) -> Option<Mat<f64>> {
        if self.is_everything() {
            return None;
        }
        let rows = self.rows.as_ref().map_or(self.shape.0, Vec::len);
        let columns = self.columns.as_ref().map_or(self.shape.1, Vec::len);
        let row = |i: usize| self.rows.as_ref().map_or(i, |rows| rows[i]);
        let column = |j: usize| self.columns.as_ref().map_or(j, |columns| columns[j]);
        Some(Mat::from_fn(rows, columns, |i, j| a[(row(i), column(j))]))
    }

    /// Supported rows of a matrix with as many rows as this shape; itself where all are.
    pub(super) fn compact_rows(&self, a: MatRef<'_, f64>) -> Mat<f64> {
        match &self.rows {
            None => a.to_owned(),
            Some(rows) => Mat::from_fn(rows.len(), a.ncols(), |i, j| a[(rows[i], j)]),
        }
    }

    /// A matrix of the supported rows, put back among zero rows.
    pub(super) fn expand_rows(&self, a: Mat<f64>) -> Mat<f64> {
        match &self.rows {
            None => a,
            Some(rows) => spread(a.as_ref(), rows, self.shape.0),
        }
    }

    /// A matrix with a row for each supported column, put back among zero rows: one for each column.
    pub(super) fn expand_to_columns(&self, a: MatRef<'_, f64>) -> Mat<f64> {
        match &self.columns {
            None => a.to_owned(),
            Some(columns) => spread(a, columns, self.shape.1),
        }
    }
}

/// Row i of A becomes row `places[i]` of `height`; the others are zero.
fn spread(a: MatRef<'_, f64>, places: &[usize], height: usize) -> Mat<f64> {
    let mut expanded = Mat::zeros(height, a.ncols());
    for (i, &place) in places.iter().enumerate() {
        expanded.row_mut(place).copy_from(a.row(i));
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn supported_rows_and_columns_are_taken_and_put_back() {
        let a = mat![[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, -5e-324, 1.0]];
        let support = Support::of(a.as_ref());
        assert_eq!(support.alive_columns(), vec![1, 2]);
        assert_eq!(support.dead_columns(), vec![0]);
        assert_eq!(support.dead_rows(), vec![1]);
        let compact = support.compact(a.as_ref()).unwrap();
        assert_eq!(compact, mat![[0.0, 1.0], [-5e-324, 1.0]]);
        let rows = support.compact_rows(a.as_ref());
        assert_eq!(support.expand_rows(rows), a);
        let columns = support.expand_to_columns(compact.transpose());
        assert_eq!(columns, mat![[0.0, 0.0], [0.0, -5e-324], [1.0, 1.0]]);
        let joined = support.join_columns(&mat![[1.0, 2.0]], &mat![[3.0]]);
        assert_eq!(joined, mat![[3.0, 1.0, 2.0]]);
    }

    #[test]
    fn a_full_matrix_is_left_alone() {
        let a = mat![[0.0, 1.0], [1.0, 0.0]];
        let support = Support::of(a.as_ref());
        assert!(support.is_everything());
        assert!(support.dead_columns().is_empty() && support.compact(a.as_ref()).is_none());
        assert_eq!(support.expand_rows(a.clone()), a);
        assert_eq!(support.shape(), (2, 2));
    }
}
