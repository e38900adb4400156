//! A matching of the largest size.

use super::graph::{Graph, NONE};

/// A matching with as many pairs as possible, and the rows that compete for too few columns.
pub(super) struct Largest {
    of_row: Vec<u32>,
    of_column: Vec<u32>,
    /// Rows that a row without a partner reaches by alternating paths.
    crowded: Vec<bool>,
}

impl Largest {
    /// # Cost
    /// O(edges · √rows): shortest augmenting paths, many at a time.
    ///
    /// # Source
    /// Hopcroft and Karp, SIAM Journal on Computing 2(4), 1973.
    pub(super) fn new(graph: &Graph) -> Self {
        let mut search = Search {
            graph,
            of_row: vec![NONE; graph.rows()],
            of_column: vec![NONE; graph.columns()],
            depths: vec![NONE; graph.rows()],
            next_edges: vec![0; graph.rows()],
        };
        for row in 0..graph.rows() as u32 {
            let free = graph
                .edges(row)
                .iter()
                .find(|edge| search.of_column[edge.column as usize] == NONE);
            if let Some(edge) = free {
                search.pair(row, edge.column);
            }
        }
        while search.finds_layers() {
            search.next_edges.fill(0);
            for row in 0..graph.rows() as u32 {
                if search.of_row[row as usize] == NONE {
                    search.augments_from(row);
                }
            }
        }
        // The last layers reach all that can be reached, and no free column.
        Self {
            crowded: search.depths.iter().map(|depth| *depth != NONE).collect(),
            of_row: search.of_row,
            of_column: search.of_column,
        }
    }

    /// Whether a row is one of those of which not all can have a partner.
    ///
    /// ```text
    /// crowded rows        have edges to crowded columns alone; every crowded column has a crowded row for a partner
    /// the other rows      all have a partner, among the other columns
    /// ```
    ///
    /// in every largest matching, so that the two parts can be matched apart.
    ///
    /// # Source
    /// Dulmage and Mendelsohn, Canadian Journal of Mathematics 10, 1958.
    pub(super) fn is_crowded_row(&self, row: u32) -> bool {
        self.crowded[row as usize]
    }

    /// Whether a column is one of those that too many rows compete for.
    pub(super) fn is_crowded_column(&self, column: u32) -> bool {
        let row = self.of_column[column as usize];
        row != NONE && self.crowded[row as usize]
    }

    /// The number of pairs.
    pub(super) fn pairs(&self) -> usize {
        self.of_row.iter().filter(|column| **column != NONE).count()
    }
}

struct Search<'a> {
    graph: &'a Graph,
    of_row: Vec<u32>,
    of_column: Vec<u32>,
    /// Steps from a row without a partner.
    depths: Vec<u32>,
    next_edges: Vec<u32>,
}

impl Search<'_> {
    fn pair(&mut self, row: u32, column: u32) {
        self.of_row[row as usize] = column;
        self.of_column[column as usize] = row;
    }

    /// Whether a free row reaches a free column. Layers end where the first is reached.
    fn finds_layers(&mut self) -> bool {
        self.depths.fill(NONE);
        let mut layer: Vec<u32> = (0..self.graph.rows() as u32)
            .filter(|row| self.of_row[*row as usize] == NONE)
            .collect();
        for row in &layer {
            self.depths[*row as usize] = 0;
        }
        let mut found = false;
        let mut depth = 0;
        while !layer.is_empty() && !found {
            depth += 1;
            let mut next = Vec::new();
            for row in layer {
                for edge in self.graph.edges(row) {
                    let other = self.of_column[edge.column as usize];
                    if other == NONE {
                        found = true;
                    } else if self.depths[other as usize] == NONE {
                        self.depths[other as usize] = depth;
                        next.push(other);
                    }
                }
            }
            layer = next;
        }
        found
    }

    /// Gives `root` a partner along the layers, if there is a path.
    fn augments_from(&mut self, root: u32) {
        let graph = self.graph;
        let mut path = vec![root];
        while let Some(row) = path.last().copied() {
            let Some(edge) = graph.edges(row).get(self.next_edges[row as usize] as usize) else {
                path.pop();
                if let Some(before) = path.last() {
                    self.next_edges[*before as usize] += 1;
                }
                continue;
            };
            let other = self.of_column[edge.column as usize];
            if other == NONE {
                for row in path {
                    let edge = graph.edges(row)[self.next_edges[row as usize] as usize];
                    self.pair(row, edge.column);
                }
                return;
            }
            if self.depths[other as usize] == self.depths[row as usize] + 1 {
                path.push(other);
            } else {
                self.next_edges[row as usize] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Edge;
    use super::*;

    fn graph(columns: usize, rows: &[&[u32]]) -> Graph {
        let mut graph = Graph::new(columns);
        for row in rows {
            graph.push(row.iter().map(|column| Edge {
                column: *column,
                cost: 0,
            }));
        }
        graph
    }

    #[test]
    fn a_row_gives_way_to_one_with_less_choice() {
        let largest = Largest::new(&graph(3, &[&[0, 1], &[0], &[1, 2], &[1]]));
        assert_eq!(largest.pairs(), 3);
        // Rows 0, 1 and 3 compete for columns 0 and 1; row 2 has column 2 for itself.
        let rows: Vec<_> = (0..4).map(|row| largest.is_crowded_row(row)).collect();
        assert_eq!(rows, [true, true, false, true]);
        let columns: Vec<_> = (0..3)
            .map(|column| largest.is_crowded_column(column))
            .collect();
        assert_eq!(columns, [true, true, false]);
    }

    #[test]
    fn a_long_path_is_followed() {
        // Row i takes column i first; the last has column 0 alone, and all must move on by one.
        let count = 10_000u32;
        let mut graph = Graph::new(count as usize + 1);
        for row in 0..count {
            graph.push([row, row + 1].map(|column| Edge { column, cost: 0 }));
        }
        graph.push([Edge { column: 0, cost: 0 }]);
        let largest = Largest::new(&graph);
        assert_eq!(largest.pairs(), count as usize + 1);
        assert!(!largest.is_crowded_row(0));
    }

    #[test]
    fn no_edges_no_pairs() {
        let largest = Largest::new(&graph(2, &[&[], &[]]));
        assert_eq!(largest.pairs(), 0);
        assert!(largest.is_crowded_row(1) && !largest.is_crowded_column(0));
        assert_eq!(Largest::new(&graph(0, &[])).pairs(), 0);
    }
}
