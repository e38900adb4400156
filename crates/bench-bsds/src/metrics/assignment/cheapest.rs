//! A partner for every row, at the least cost together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{Edge, Graph, NONE};

/// The column of each row, where all rows can have one, so that costs add up to the least.
///
/// ```text
/// price pⱼ ≥ 0 of a column, 0 while it is free
/// row i is content   cᵢⱼ + pⱼ = minₖ cᵢₖ + pₖ     for its column j
/// ```
///
/// When every row is content the sum is least. Rows first bid against each other for the columns they like best; those
/// left over then take the shortest augmenting path by reduced costs, one after the other.
///
/// # Cost
/// Bids: O(edges). Then for each row left over a search that ends at the nearest free column.
///
/// # Source
/// Jonker and Volgenant, Computing 38, 1987, on a sparse graph, with fewer rows than columns.
///
/// # Panics
/// When a row finds no partner.
pub(super) fn cheapest(graph: &Graph) -> Vec<u32> {
    let mut market = Market {
        graph,
        of_row: vec![NONE; graph.rows()],
        of_column: vec![NONE; graph.columns()],
        prices: vec![0; graph.columns()],
    };
    let left_over = market.bid();
    let mut paths = Paths {
        distances: vec![u64::MAX; graph.columns()],
        from_rows: vec![NONE; graph.columns()],
        reached: Vec::new(),
        heap: BinaryHeap::new(),
    };
    for row in left_over {
        paths.augment(&mut market, row);
    }
    market.of_row
}

struct Market<'a> {
    graph: &'a Graph,
    of_row: Vec<u32>,
    of_column: Vec<u32>,
    prices: Vec<u64>,
}

/// How often all rows left over may bid once more.
const ROUNDS: usize = 4;

/// The bid of a row with a single column, above its price: more than any detour costs.
const ANYTHING: u64 = 1 << 20;

impl Market<'_> {
    fn price_to(&self, edge: Edge) -> u64 {
        u64::from(edge.cost) + self.prices[edge.column as usize]
    }

    /// The least that row pays.
    fn least(&self, row: u32) -> u64 {
        let edges = self.graph.edges(row).iter();
        edges.map(|edge| self.price_to(*edge)).min().unwrap_or(0)
    }

    /// Lets rows bid, and returns those left over.
    fn bid(&mut self) -> Vec<u32> {
        let mut waiting: Vec<u32> = (0..self.graph.rows() as u32).collect();
        for _ in 0..ROUNDS {
            let mut outbid = Vec::new();
            // One round's bids in all, so that no war of prices lasts.
            let mut bids = 2 * waiting.len();
            for row in waiting {
                let mut bidder = row;
                while bidder != NONE {
                    if bids == 0 {
                        outbid.push(bidder);
                        break;
                    }
                    bids -= 1;
                    let (loser, again) = self.bid_once(bidder);
                    if !again && loser != NONE {
                        outbid.push(loser);
                        break;
                    }
                    bidder = loser;
                }
            }
            waiting = outbid;
        }
        waiting
    }

    /// Gives a row its cheapest column, and raises the column's price by the row's margin (auction step). Returns the
    /// row that had the column, and whether the price rose.
    fn bid_once(&mut self, row: u32) -> (u32, bool) {
        let (mut best, mut least) = (NONE, u64::MAX);
        let (mut second, mut second_least) = (NONE, u64::MAX);
        for edge in self.graph.edges(row) {
            let price = self.price_to(*edge);
            if price < least {
                (second, second_least) = (best, least);
                (best, least) = (edge.column, price);
            } else if price < second_least {
                (second, second_least) = (edge.column, price);
            }
        }
        assert!(best != NONE, "a row without edges has no partner");
        let rise = if second == NONE {
            ANYTHING
        } else {
            second_least - least
        };
        // A price rises only where a row takes the column.
        self.prices[best as usize] += rise;
        if rise == 0 && self.of_column[best as usize] != NONE {
            best = second;
        }
        let loser = self.of_column[best as usize];
        if loser != NONE {
            self.of_row[loser as usize] = NONE;
        }
        self.of_row[row as usize] = best;
        self.of_column[best as usize] = row;
        (loser, rise > 0)
    }
}

/// Scratch of the searches for shortest paths.
struct Paths {
    /// From the root, by reduced costs; the largest number between searches.
    distances: Vec<u64>,
    from_rows: Vec<u32>,
    reached: Vec<u32>,
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Paths {
    /// Gives `root` a partner along the shortest path to a free column, and moves prices so that all stay content.
    fn augment(&mut self, market: &mut Market<'_>, root: u32) {
        self.heap.clear();
        let (mut nearest_free, mut shortest) = (NONE, u64::MAX);
        let mut row = root;
        let mut so_far = 0;
        loop {
            let least = market.least(row);
            for edge in market.graph.edges(row) {
                let column = edge.column as usize;
                let distance = so_far + market.price_to(*edge) - least;
                if distance >= shortest || distance >= self.distances[column] {
                    continue;
                }
                if self.distances[column] == u64::MAX {
                    self.reached.push(edge.column);
                }
                self.distances[column] = distance;
                self.from_rows[column] = row;
                if market.of_column[column] == NONE {
                    (nearest_free, shortest) = (edge.column, distance);
                } else {
                    self.heap.push(Reverse((distance, edge.column)));
                }
            }
            let next = loop {
                match self.heap.pop() {
                    // A column reached again on a shorter way leaves its older entry behind.
                    Some(Reverse((distance, column)))
                        if distance > self.distances[column as usize] => {}
                    other => break other,
                }
            };
            match next {
                Some(Reverse((distance, column))) if distance < shortest => {
                    so_far = distance;
                    row = market.of_column[column as usize];
                }
                _ => break,
            }
        }
        assert!(
            nearest_free != NONE,
            "every row has a partner in this part of the graph"
        );
        for column in self.reached.drain(..) {
            let distance = std::mem::replace(&mut self.distances[column as usize], u64::MAX);
            market.prices[column as usize] += shortest.saturating_sub(distance);
        }
        let mut column = nearest_free;
        loop {
            let row = self.from_rows[column as usize];
            market.of_column[column as usize] = row;
            let before = std::mem::replace(&mut market.of_row[row as usize], column);
            if row == root {
                break;
            }
            column = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(columns: usize, rows: &[&[(u32, u32)]]) -> Graph {
        let mut graph = Graph::new(columns);
        for row in rows {
            graph.push(row.iter().map(|(column, cost)| Edge {
                column: *column,
                cost: *cost,
            }));
        }
        graph
    }

    #[test]
    fn the_sum_is_least_not_the_first_choice() {
        // Both like column 0; the second loses less by going to column 1.
        assert_eq!(
            cheapest(&graph(2, &[&[(0, 1), (1, 9)], &[(0, 0), (1, 2)]])),
            [0, 1]
        );
    }

    #[test]
    fn a_row_with_one_column_keeps_it() {
        assert_eq!(
            cheapest(&graph(
                3,
                &[&[(0, 0), (1, 4)], &[(0, 9)], &[(1, 0), (2, 3)]]
            )),
            [1, 0, 2]
        );
    }

    #[test]
    fn nothing_is_asked_of_no_rows() {
        assert!(cheapest(&graph(3, &[])).is_empty());
    }
}
