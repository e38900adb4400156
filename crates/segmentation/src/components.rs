//! Connected pieces of a label map, and the merging of small ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::label_map::LabelMap;

/// The pieces of `map`: connected pixels of the same id, and their number.
///
/// # Conventions
/// Four neighbours. New ids 0, 1, … in the order of first appearance, row by row.
///
/// # Cost
/// One pass over the pixels; near linear in the runs of equal ids.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// let map = segmentation::LabelMap::new(3, 2, vec![1, 2, 1, 1, 2, 2])?;
/// let (pieces, count) = segmentation::connected_components(&map);
/// assert_eq!((pieces.ids(), count), (&[0, 1, 2, 0, 1, 1][..], 3));
/// # Ok(())
/// # }
/// ```
pub fn connected_components(map: &LabelMap) -> (LabelMap, usize) {
    let runs = Runs::of(map);
    let mut pieces = DisjointSets::new(runs.len());
    runs.each_overlap(|above, below, _| {
        if runs.ids[above] == runs.ids[below] {
            pieces.join(above, below);
        }
    });
    runs.painted(map, |run| pieces.find(run))
}

/// The pieces of `map` after those of fewer than `min_area` pixels have joined a neighbour, and their number.
///
/// The smallest piece goes first, to the neighbour with which it shares the longest border; that neighbour grows, and may still be small. In the
/// end every piece has at least `min_area` pixels, or there is one piece.
///
/// # Conventions
/// Four neighbours; the length of a border is its number of pixel sides. Of pieces as small, and of borders as long, the piece that appears first,
/// row by row, is taken. New ids as of [`connected_components`].
///
/// # Cost
/// One pass over the pixels; near linear in the runs of equal ids.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// let map = segmentation::LabelMap::new(4, 2, vec![5, 5, 8, 9, 5, 5, 9, 9])?;
/// let (merged, count) = segmentation::merge_small_pieces(&map, 2);
/// assert_eq!((merged.ids(), count), (&[0, 0, 1, 1, 0, 0, 1, 1][..], 2));
/// # Ok(())
/// # }
/// ```
pub fn merge_small_pieces(map: &LabelMap, min_area: usize) -> (LabelMap, usize) {
    let runs = Runs::of(map);
    let mut pieces = DisjointSets::new(runs.len());
    runs.each_overlap(|above, below, _| {
        if runs.ids[above] == runs.ids[below] {
            pieces.join(above, below);
        }
    });

    // A piece is known by its first run: the root of its set.
    let mut areas = vec![0_usize; runs.len()];
    for run in 0..runs.len() {
        areas[pieces.find(run)] += runs.length(run);
    }
    let mut borders: Vec<Vec<(usize, usize)>> = vec![Vec::new(); runs.len()];
    let mut touch = |a: usize, b: usize, sides: usize| {
        let (a, b) = (pieces.find(a), pieces.find(b));
        if a != b {
            borders[a].push((b, sides));
            borders[b].push((a, sides));
        }
    };
    runs.each_overlap(&mut touch);
    runs.each_neighbour_in_a_row(|left, right| touch(left, right, 1));

    let mut small: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    small.extend(
        (0..runs.len())
            .filter(|run| areas[*run] > 0 && areas[*run] < min_area)
            .map(|run| Reverse((areas[run], run))),
    );
    while let Some(Reverse((area, piece))) = small.pop() {
        if pieces.find(piece) != piece || areas[piece] != area {
            continue; // it has grown or gone since
        }
        let mut border = std::mem::take(&mut borders[piece]);
        border
            .iter_mut()
            .for_each(|(neighbour, _)| *neighbour = pieces.find(*neighbour));
        border.retain(|(neighbour, _)| *neighbour != piece);
        let Some(target) = longest(&mut border) else {
            break; // the only piece left
        };
        let root = pieces.join(piece, target);
        let other = if root == piece { target } else { piece };
        // The short list goes to the end of the long one; a neighbour may then stand there twice, which `longest` adds up when it matters.
        let mut all = std::mem::take(&mut borders[target]);
        all.append(&mut border);
        borders[root] = all;
        areas[root] += areas[other];
        areas[other] = 0;
        if areas[root] < min_area {
            small.push(Reverse((areas[root], root)));
        }
    }
    runs.painted(map, |run| pieces.find(run))
}

/// The neighbour of the longest border, after entries of the same neighbour are added up; the lowest of several.
fn longest(border: &mut Vec<(usize, usize)>) -> Option<usize> {
    border.sort_unstable();
    border.dedup_by(|next, last| {
        let same = next.0 == last.0;
        if same {
            last.1 += next.1;
        }
        same
    });
    border
        .iter()
        .max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))
        .map(|(neighbour, _)| *neighbour)
}

/// Maximal stretches of one id in a row, in row-major order.
struct Runs {
    starts: Vec<usize>,
    ids: Vec<u32>,
    rows: Vec<usize>,
    pixels: usize,
    width: usize,
}

impl Runs {
    fn of(map: &LabelMap) -> Self {
        let (mut starts, mut ids, mut rows) = (Vec::new(), Vec::new(), vec![0]);
        for (y, row) in map.ids().chunks_exact(map.width()).enumerate() {
            let mut start = y * map.width();
            for run in row.chunk_by(|a, b| a == b) {
                starts.push(start);
                ids.push(run[0]);
                start += run.len();
            }
            rows.push(starts.len());
        }
        Self {
            starts,
            ids,
            rows,
            pixels: map.ids().len(),
            width: map.width(),
        }
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    fn end(&self, run: usize) -> usize {
        self.starts.get(run + 1).copied().unwrap_or(self.pixels)
    }

    fn length(&self, run: usize) -> usize {
        self.end(run) - self.starts[run]
    }

    /// Runs of neighbouring rows, one above the other, and how many pixel sides they share.
    fn each_overlap(&self, mut each: impl FnMut(usize, usize, usize)) {
        for y in 1..self.rows.len() - 1 {
            let (mut above, mut below) = (self.rows[y - 1], self.rows[y]);
            while above < self.rows[y] && below < self.rows[y + 1] {
                // Both in the columns of the upper row.
                let (upper, lower) = (self.end(above), self.end(below) - self.width);
                let start = self.starts[above].max(self.starts[below] - self.width);
                each(above, below, upper.min(lower) - start);
                above += usize::from(upper <= lower);
                below += usize::from(lower <= upper);
            }
        }
    }

    /// Neighbouring runs of one row.
    fn each_neighbour_in_a_row(&self, mut each: impl FnMut(usize, usize)) {
        for row in self.rows.windows(2) {
            (row[0] + 1..row[1]).for_each(|run| each(run - 1, run));
        }
    }

    /// The label map of the sets of runs, ids in the order of first appearance, and how many.
    fn painted(&self, map: &LabelMap, mut set: impl FnMut(usize) -> usize) -> (LabelMap, usize) {
        let mut names = vec![u32::MAX; self.len()];
        let mut count = 0;
        let mut ids = Vec::with_capacity(self.pixels);
        for run in 0..self.len() {
            let name = &mut names[set(run)];
            if *name == u32::MAX {
                *name = count;
                count += 1;
            }
            ids.resize(self.end(run), *name);
        }
        (map.with_ids(ids), count as usize)
    }
}

/// Union–find; the root of a set is its lowest member.
struct DisjointSets {
    parents: Vec<usize>,
}

impl DisjointSets {
    fn new(members: usize) -> Self {
        Self {
            parents: (0..members).collect(),
        }
    }

    fn find(&mut self, mut member: usize) -> usize {
        while self.parents[member] != member {
            self.parents[member] = self.parents[self.parents[member]];
            member = self.parents[member];
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.find(a), self.find(b));
        let root = a.min(b);
        self.parents[a.max(b)] = root;
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::Pcg32;
    use rand_pcg::rand_core::Rng;

    fn map(width: usize, ids: &[u32]) -> LabelMap {
        LabelMap::new(width, ids.len() / width, ids.to_vec()).unwrap()
    }

    fn random_map(width: usize, height: usize, labels: u32, seed: u64) -> LabelMap {
        let mut random = Pcg32::new(seed, 1);
        LabelMap::new(
            width,
            height,
            (0..width * height)
                .map(|_| random.next_u32() % labels)
                .collect(),
        )
        .unwrap()
    }

    /// Pieces by flooding, pixel by pixel.
    fn flooded(map: &LabelMap) -> Vec<u32> {
        let (width, height) = (map.width(), map.height());
        let mut ids = vec![u32::MAX; width * height];
        let mut next = 0;
        for seed in 0..ids.len() {
            if ids[seed] != u32::MAX {
                continue;
            }
            let mut stack = vec![seed];
            ids[seed] = next;
            while let Some(p) = stack.pop() {
                let (x, y) = (p % width, p / width);
                let mut around = Vec::new();
                if x > 0 {
                    around.push(p - 1)
                }
                if x + 1 < width {
                    around.push(p + 1)
                }
                if y > 0 {
                    around.push(p - width)
                }
                if y + 1 < height {
                    around.push(p + width)
                }
                for q in around {
                    if ids[q] == u32::MAX && map.ids()[q] == map.ids()[p] {
                        ids[q] = next;
                        stack.push(q);
                    }
                }
            }
            next += 1;
        }
        ids
    }

    #[test]
    fn a_ring_is_one_piece_and_its_hole_another() {
        let ring = map(4, &[7, 7, 7, 7, 7, 3, 3, 7, 7, 7, 7, 7, 3, 7, 3, 3]);
        let (pieces, count) = connected_components(&ring);
        assert_eq!(
            pieces.ids(),
            [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2, 0, 3, 3]
        );
        assert_eq!(count, 4);
    }

    #[test]
    fn pieces_equal_flooding_on_random_maps() {
        for (width, height, labels) in [
            (1, 1, 2),
            (17, 1, 2),
            (1, 17, 2),
            (13, 11, 2),
            (30, 20, 3),
            (9, 31, 4),
        ] {
            let random = random_map(width, height, labels, 5);
            let (pieces, count) = connected_components(&random);
            let expected = flooded(&random);
            assert_eq!(pieces.ids(), expected);
            assert_eq!(count, *expected.iter().max().unwrap() as usize + 1);
        }
    }

    #[test]
    fn a_small_piece_joins_the_neighbour_it_touches_most() {
        // The 2 touches 0 along one side and 1 along two.
        let before = map(3, &[0, 0, 1, 0, 2, 1, 0, 1, 1]);
        let (after, count) = merge_small_pieces(&before, 2);
        assert_eq!(
            (after.ids(), count),
            (&[0, 0, 1, 0, 0, 1, 0, 1, 1][..], 2),
            "a tie goes to the piece that appears first"
        );
        let before = map(4, &[0, 0, 1, 1, 0, 2, 1, 1, 1, 1, 1, 1]);
        let (after, _) = merge_small_pieces(&before, 2);
        assert_eq!(after.ids()[5], 0, "two sides each: the first again");
        let before = map(4, &[0, 1, 1, 1, 0, 2, 1, 1, 0, 1, 1, 1]);
        let (after, _) = merge_small_pieces(&before, 2);
        assert_eq!(after.ids()[5], 1);
    }

    #[test]
    fn the_smallest_goes_first_and_may_make_another_large_enough() {
        // Pieces of 1, 2 and 5 pixels in a row: the single pixel joins the pair, which is then kept.
        let (after, count) = merge_small_pieces(&map(8, &[0, 1, 1, 2, 2, 2, 2, 2]), 3);
        assert_eq!((after.ids(), count), (&[0, 0, 0, 1, 1, 1, 1, 1][..], 2));
    }

    #[test]
    fn an_area_beyond_the_image_leaves_one_piece() {
        let (after, count) = merge_small_pieces(&random_map(12, 9, 4, 3), 10_000);
        assert_eq!((after.ids().iter().max(), count), (Some(&0), 1));
        let (merged, count) = merge_small_pieces(&map(2, &[4, 4, 9, 9]), 0);
        assert_eq!((merged.ids(), count), (&[0, 0, 1, 1][..], 2));
    }

    #[test]
    fn after_merging_every_piece_is_connected_large_and_compact() {
        for seed in 0..20 {
            let random = random_map(25, 18, 2 + (seed % 4) as u32, seed);
            let min_area = 1 + 3 * seed as usize;
            let (after, count) = merge_small_pieces(&random, min_area);
            assert_eq!(
                after.ids(),
                flooded(&after),
                "connected, ids in order of appearance"
            );
            let mut areas = vec![0; count];
            after.ids().iter().for_each(|id| areas[*id as usize] += 1);
            assert!(count == 1 || areas.iter().all(|area| *area >= min_area));
        }
    }
}
