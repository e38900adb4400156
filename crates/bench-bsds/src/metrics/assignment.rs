//! The cheapest among the largest matchings of a sparse graph.

mod cheapest;
mod graph;
mod largest;

use cheapest::cheapest;
pub(crate) use graph::{Edge, Graph};
use largest::Largest;

/// Pairs of a row and a column, each in one pair at most: as many pairs as possible, and among such choices one with
/// the least sum of costs.
///
/// ```text
/// maximise |M|,  then minimise Σ₍ᵢ,ⱼ₎∈M cᵢⱼ           M: a set of edges that share no row and no column
/// ```
///
/// A largest matching shows where rows compete for too few columns. There every column is given its cheapest row,
/// elsewhere every row its cheapest column. In both problems all of one side find a partner, and no search is in vain.
///
/// # Cost
/// O(edges · √rows) for the first, about as much in practice for the second.
///
/// # Source
/// The rooms it calls: Hopcroft and Karp 1973, Dulmage and Mendelsohn 1958, Jonker and Volgenant 1987.
pub(crate) fn assign(graph: &Graph) -> Vec<(u32, u32)> {
    let largest = Largest::new(graph);
    let (roomy, rows) = graph.with_rows(
        |row| !largest.is_crowded_row(row),
        |column| !largest.is_crowded_column(column),
    );
    let mut pairs: Vec<_> = rows.into_iter().zip(cheapest(&roomy)).collect();
    let (crowded, columns) = graph.transposed().with_rows(
        |column| largest.is_crowded_column(column),
        |row| largest.is_crowded_row(row),
    );
    pairs.extend(cheapest(&crowded).into_iter().zip(columns));
    assert_eq!(
        pairs.len(),
        largest.pairs(),
        "both parts together are a largest matching"
    );
    pairs
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// The most pairs and their least cost, by trying everything.
    fn by_trying(graph: &Graph, row: usize, taken: u64) -> (usize, u32) {
        if row == graph.rows() {
            return (0, 0);
        }
        let better = |a: (usize, u32), b: (usize, u32)| {
            if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) {
                b
            } else {
                a
            }
        };
        let mut best = by_trying(graph, row + 1, taken);
        for edge in graph.edges(row as u32) {
            if taken >> edge.column & 1 == 0 {
                let (pairs, cost) = by_trying(graph, row + 1, taken | 1 << edge.column);
                best = better(best, (pairs + 1, cost + edge.cost));
            }
        }
        best
    }

    fn pairs_and_cost(graph: &Graph) -> (usize, u32) {
        let pairs = assign(graph);
        let mut columns: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
        let mut rows: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
        for side in [&mut rows, &mut columns] {
            side.sort_unstable();
            side.dedup();
            assert_eq!(side.len(), pairs.len());
        }
        let cost = |(row, column): &(u32, u32)| {
            let edges = graph.edges(*row).iter();
            edges
                .filter(|edge| edge.column == *column)
                .map(|edge| edge.cost)
                .min()
                .unwrap()
        };
        (pairs.len(), pairs.iter().map(cost).sum())
    }

    #[test]
    fn is_what_trying_everything_finds() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(6);
        for round in 0..3000 {
            let (rows, columns) = (random.random_range(0..8), random.random_range(1..8));
            let mut graph = Graph::new(columns);
            let (dense, highest) = (random.random_range(1..6), [3, 40, 500][round % 3]);
            for _ in 0..rows {
                let edges: Vec<_> = (0..columns as u32)
                    .filter(|_| random.random_range(0..8) < dense)
                    .collect();
                graph.push(edges.into_iter().map(|column| Edge {
                    column,
                    cost: random.random_range(0..highest),
                }));
            }
            assert_eq!(
                pairs_and_cost(&graph),
                by_trying(&graph, 0, 0),
                "round {round}: {graph:?}"
            );
            assert_eq!(pairs_and_cost(&graph), pairs_and_cost(&graph.transposed()));
        }
    }
}
