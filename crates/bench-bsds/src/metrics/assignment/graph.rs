//! A graph between rows and columns with few edges.

/// No row, or no column.
pub(super) const NONE: u32 = u32::MAX;

/// Edges from rows to columns, each with a cost, laid row by row.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    starts: Vec<u32>,
    edges: Vec<Edge>,
    columns: usize,
}

/// One edge of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) column: u32,
    pub(crate) cost: u32,
}

impl Graph {
    /// A graph without rows.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            starts: vec![0],
            edges: Vec::new(),
            columns,
        }
    }

    /// One more row.
    pub(crate) fn push(&mut self, edges: impl IntoIterator<Item = Edge>) {
        self.edges.extend(edges);
        self.starts.push(self.edges.len() as u32);
    }

    pub(crate) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn edges(&self, row: u32) -> &[Edge] {
        let row = row as usize;
        &self.edges[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// The graph of the rows for which `keeps` holds with all their edges to `columns`, and which row each of its rows
    /// was.
    pub(super) fn with_rows(
        &self,
        keeps: impl Fn(u32) -> bool,
        columns: impl Fn(u32) -> bool,
    ) -> (Self, Vec<u32>) {
        let mut part = Self::new(self.columns);
        let mut rows = Vec::new();
        for row in (0..self.rows() as u32).filter(|row| keeps(*row)) {
            let edges = self.edges(row).iter().copied();
            part.push(edges.filter(|edge| columns(edge.column)));
            rows.push(row);
        }
        (part, rows)
    }

    /// Columns as rows.
    pub(super) fn transposed(&self) -> Self {
        let mut starts = vec![0u32; self.columns + 2];
        for edge in &self.edges {
            starts[edge.column as usize + 2] += 1;
        }
        for column in 2..starts.len() {
            starts[column] += starts[column - 1];
        }
        let mut edges = vec![Edge { column: 0, cost: 0 }; self.edges.len()];
        for row in 0..self.rows() as u32 {
            for edge in self.edges(row) {
                // While edges are laid, entry j + 1 is where the next of column j goes.
                let place = &mut starts[edge.column as usize + 1];
                edges[*place as usize] = Edge {
                    column: row,
                    cost: edge.cost,
                };
                *place += 1;
            }
        }
        starts.pop();
        Self {
            starts,
            edges,
            columns: self.rows(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(column: u32, cost: u32) -> Edge {
        Edge { column, cost }
    }

    fn graph() -> Graph {
        let mut graph = Graph::new(3);
        graph.push([edge(0, 5), edge(2, 7)]);
        graph.push([]);
        graph.push([edge(2, 1)]);
        graph
    }

    #[test]
    fn columns_become_rows() {
        let turned = graph().transposed();
        assert_eq!((turned.rows(), turned.columns()), (3, 3));
        assert_eq!(turned.edges(0), [edge(0, 5)]);
        assert_eq!(turned.edges(1), []);
        assert_eq!(turned.edges(2), [edge(0, 7), edge(2, 1)]);
        assert_eq!(turned.transposed().edges(0), graph().edges(0));
    }

    #[test]
    fn keeps_some_rows_and_edges() {
        let (part, rows) = graph().with_rows(|row| row != 1, |column| column == 2);
        assert_eq!(rows, [0, 2]);
        assert_eq!(
            (part.edges(0), part.edges(1)),
            (&[edge(2, 7)][..], &[edge(2, 1)][..])
        );
    }
}
