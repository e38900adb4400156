//! Regions that merge, the cheapest pair of neighbours first: the one loop under both region trees.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A cost that is ordered by [`f64::total_cmp`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost(pub(crate) f64);

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cost {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cost {}

/// Regions of which neighbours can merge. Numbers 0, 1, … are the leaves; each union takes the next number.
pub(crate) trait Regions {
    /// The order of the merges: the least first.
    type Key: Ord + Copy;

    /// The key of two regions that touch, neither of which has merged.
    fn key(&self, a: usize, b: usize) -> Self::Key;

    /// Makes one region of two; returns the regions that touch it.
    fn join(&mut self, a: usize, b: usize) -> Vec<usize>;
}

/// Two regions that became one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Merge<K> {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) key: K,
}

/// Two touching regions in the queue. Of equal keys the pair that was formed first comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Pair<K> {
    key: K,
    /// The later and the earlier of the two: when the pair was formed.
    formed: (usize, usize),
    a: usize,
    b: usize,
}

impl<K: Ord + Copy> Pair<K> {
    fn new(key: K, a: usize, b: usize) -> Self {
        let formed = (a.max(b), a.min(b));
        Self { key, formed, a, b }
    }
}

/// All merges of `leaves` regions, down to one region for each connected part.
///
/// # Conventions
/// Of equal keys the pair that was formed first merges. Merge s makes region `leaves + s`.
///
/// # Cost
/// O(log) a pair of neighbours ever formed, and the cost of `regions`. A pair of which one region has merged since
/// stays in the queue and is skipped when it is met: cheaper than to find it.
pub(crate) fn merge_all<R: Regions>(
    regions: &mut R,
    leaves: usize,
    touching: impl IntoIterator<Item = (usize, usize)>,
) -> Vec<Merge<R::Key>> {
    let initial = touching.into_iter();
    let mut queue: BinaryHeap<Reverse<Pair<R::Key>>> = initial
        .map(|(a, b)| Reverse(Pair::new(regions.key(a, b), a, b)))
        .collect();
    let mut merged = vec![false; leaves];
    let mut merges = Vec::with_capacity(leaves.saturating_sub(1));
    while let Some(Reverse(Pair { key, a, b, .. })) = queue.pop() {
        if merged[a] || merged[b] {
            continue;
        }
        let union = merged.len();
        let neighbours = regions.join(a, b);
        (merged[a], merged[b]) = (true, true);
        merged.push(false);
        let pairs = neighbours.into_iter();
        queue
            .extend(pairs.map(|other| Reverse(Pair::new(regions.key(other, union), other, union))));
        merges.push(Merge { a, b, key });
    }
    merges
}

/// The region of each leaf after some first merges, numbered in the order of first appearance.
pub(crate) fn regions_after<K>(leaves: usize, merges: &[Merge<K>]) -> Vec<u32> {
    let mut roots: Vec<usize> = (0..leaves + merges.len()).collect();
    // Downwards: a region's parent is settled before the region.
    for (step, merge) in merges.iter().enumerate().rev() {
        let root = roots[leaves + step];
        roots[merge.a] = root;
        roots[merge.b] = root;
    }
    let mut names = vec![u32::MAX; roots.len()];
    let mut next = 0;
    roots[..leaves]
        .iter()
        .map(|root| {
            let name = &mut names[*root];
            if *name == u32::MAX {
                *name = next;
                next += 1;
            }
            *name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in a row; a union has the number of its first, and costs their difference.
    struct Row {
        numbers: Vec<f64>,
        neighbours: Vec<Vec<usize>>,
    }

    impl Regions for Row {
        type Key = Cost;

        fn key(&self, a: usize, b: usize) -> Cost {
            Cost((self.numbers[a] - self.numbers[b]).abs())
        }

        fn join(&mut self, a: usize, b: usize) -> Vec<usize> {
            let union = self.numbers.len();
            self.numbers.push(self.numbers[a]);
            let both = [self.neighbours[a].clone(), self.neighbours[b].clone()].concat();
            let mut around: Vec<usize> = both.into_iter().filter(|i| *i != a && *i != b).collect();
            around.dedup();
            for other in &around {
                self.neighbours[*other].retain(|i| *i != a && *i != b);
                self.neighbours[*other].push(union);
            }
            self.neighbours.push(around.clone());
            around
        }
    }

    #[test]
    fn the_nearest_merge_first_and_of_equal_ones_the_first_formed() {
        let mut row = Row {
            numbers: vec![0.0, 1.0, 2.0, 2.5],
            neighbours: vec![vec![1], vec![0, 2], vec![1, 3], vec![2]],
        };
        let merges = merge_all(&mut row, 4, [(0, 1), (1, 2), (2, 3)]);
        let pairs: Vec<_> = merges.iter().map(|merge| (merge.a, merge.b)).collect();
        // 2 and 2.5; then 0 and 1, formed before 1 and {2, 2.5} of the same cost.
        assert_eq!(pairs, [(2, 3), (0, 1), (4, 5)]);
        assert_eq!(regions_after(4, &merges[..0]), [0, 1, 2, 3]);
        assert_eq!(regions_after(4, &merges[..2]), [0, 0, 1, 1]);
        assert_eq!(regions_after(4, &merges), [0; 4]);
    }

    #[test]
    fn parts_that_do_not_touch_stay_apart() {
        let mut row = Row {
            numbers: vec![0.0, 0.0, 0.0],
            neighbours: vec![vec![1], vec![0], vec![]],
        };
        let merges = merge_all(&mut row, 3, [(0, 1)]);
        assert_eq!(regions_after(3, &merges), [0, 0, 1]);
    }
}
