//! An ultrametric contour map, and the segmentations that lie in it.

use segmentation::LabelMap;

use super::level::Level;
use super::pool::Pool;
use super::soft_map::SoftLook;
use crate::error::{Error, Result, Size};
use crate::metrics::SoftBoundaryMap;

/// Increasing values to cut a contour map at.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds(Vec<f64>);

impl Thresholds {
    /// These thresholds.
    ///
    /// # Errors
    /// [`Error::NoThresholds`]; [`Error::Thresholds`] when they do not increase, or one is not a number.
    pub fn new(thresholds: Vec<f64>) -> Result<Self> {
        if thresholds.is_empty() {
            return Err(Error::NoThresholds);
        }
        let mut previous = f64::NEG_INFINITY;
        for next in &thresholds {
            if next.partial_cmp(&previous) != Some(std::cmp::Ordering::Greater) {
                return Err(Error::Thresholds {
                    previous,
                    next: *next,
                });
            }
            previous = *next;
        }
        Ok(Self(thresholds))
    }

    /// The official thresholds: `count` of them, evenly from 1/(count + 1) to 1 − 1/(count + 1). The benchmark's
    /// usual count is 99.
    ///
    /// # Errors
    /// [`Error::NoThresholds`] when `count` is 0.
    pub fn official(count: usize) -> Result<Self> {
        let first = 1.0 / (count as f64 + 1.0);
        let last = 1.0 - first;
        let steps = count.saturating_sub(1);
        let mut thresholds: Vec<_> = (0..steps)
            .map(|i| first + i as f64 * (last - first) / steps as f64)
            .collect();
        if count > 0 {
            thresholds.push(last);
        }
        Self::new(thresholds)
    }

    /// The thresholds, increasing.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// An ultrametric contour map at double size (`ucm2`), as the official grouping code writes it.
///
/// Cells lie on a grid of (2 height + 1) × (2 width + 1): a pixel at every odd row and column (from 0), and between
/// pixels the strength of the contour there. At a threshold t,
///
/// ```text
/// labels        the 8-connected components of { cells of strength ≤ t }, 0 on all others
/// segmentation  labels at the pixels
/// ```
///
/// As t grows segments only merge, so all thresholds are cut in one sweep.
///
/// ```
/// # fn main() -> bench_bsds::Result<()> {
/// // Two pixels, and between them a contour of strength 0.4.
/// let strengths = vec![
///     0.0, 0.0, 0.4, 0.0, 0.0, //
///     0.0, 0.0, 0.4, 0.0, 0.0, //
///     0.0, 0.0, 0.4, 0.0, 0.0,
/// ];
/// let ucm = bench_bsds::Ucm::new(5, 3, strengths)?;
/// let pool = ucm.pool(&bench_bsds::Thresholds::new(vec![0.3, 0.5])?)?;
/// assert_eq!(pool.label_map(0)?.ids(), [1, 2]);
/// assert_eq!(pool.label_map(1)?.ids(), [1, 1]);
/// # Ok(())
/// # }
/// ```
///
/// # Cost
/// O(cells) for the components, and O(pieces at the smallest threshold) more for every threshold.
///
/// # Source
/// Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, §4, and the benchmark published with it.
#[derive(Clone, Debug)]
pub struct Ucm {
    size: Size,
    strengths: Vec<f64>,
}

/// The threshold at which a cell joins: its place, or beyond all.
type Step = u32;

impl Ucm {
    /// The contour map of `width × height` cells, row by row.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when a side is less than 2 cells (no pixel), or the number of strengths is another.
    pub fn new(width: usize, height: usize, strengths: Vec<f64>) -> Result<Self> {
        let size = Size { width, height };
        if width < 2 || height < 2 || strengths.len() != width * height {
            return Err(Error::SizeMismatch {
                name: "contour map at double size, at least 2 × 2".to_owned(),
                expected: size,
                found: Size {
                    width: strengths.len() / height.max(1),
                    height,
                },
            });
        }
        Ok(Self { size, strengths })
    }

    /// The size of the segmentations: half of the contour map's.
    pub fn pixels(&self) -> Size {
        Size {
            width: self.size.width / 2,
            height: self.size.height / 2,
        }
    }

    /// The strengths at image size, as the benchmark takes them to measure boundaries: those of every second row and
    /// column from the third on, so between four pixels, and at the right and lower side of the last.
    ///
    /// # Errors
    /// None today; boundary maps are made by a fallible constructor.
    pub fn boundaries(&self) -> Result<SoftBoundaryMap> {
        let (size, strengths) = self.between_pixels();
        SoftBoundaryMap::new(size.width, size.height, strengths)
    }

    /// The strengths of [`Ucm::boundaries`], as they are stored.
    pub(super) fn between_pixels(&self) -> (Size, Vec<f64>) {
        let between = |cells: usize| (2..cells).step_by(2);
        let (columns, rows) = (between(self.size.width), between(self.size.height));
        let strengths = rows
            .clone()
            .flat_map(|y| columns.clone().map(move |x| y * self.size.width + x))
            .map(|cell| self.strengths[cell]);
        let size = Size {
            width: columns.len(),
            height: rows.len(),
        };
        (size, strengths.collect())
    }

    /// The segmentations at every threshold. Segments are numbered from 1; 0 marks pixels above the threshold.
    ///
    /// # Errors
    /// None today; label maps are made by a fallible constructor.
    pub fn pool(&self, thresholds: &Thresholds) -> Result<Pool> {
        let values = thresholds.values();
        let steps: Vec<Step> = self
            .strengths
            .iter()
            .map(|strength| match strength {
                // Cells that are not a number never join.
                strength if strength.is_nan() => values.len() as Step,
                strength if *strength <= values[0] => 0,
                strength => values.partition_point(|threshold| threshold < strength) as Step,
            })
            .collect();
        let mut by_step = vec![Vec::new(); values.len()];
        for (cell, step) in steps.iter().enumerate() {
            if let Some(cells) = by_step.get_mut(*step as usize) {
                cells.push(cell as u32);
            }
        }
        let mut forest = Forest::new(steps.len());
        self.join(&mut forest, &steps, 0, &by_step[0]);
        let (pieces, cell_of_piece) = self.pieces(&mut forest, &steps)?;
        let mut numbering = Numbering::new(steps.len());
        let mut levels = Vec::with_capacity(values.len());
        for (step, threshold) in values.iter().enumerate() {
            if step > 0 {
                self.join(&mut forest, &steps, step as Step, &by_step[step]);
            }
            numbering.restart();
            let segments = cell_of_piece
                .iter()
                .map(|cell| {
                    let open = steps[*cell as usize] as usize <= step;
                    if open {
                        numbering.number(forest.root(*cell))
                    } else {
                        0
                    }
                })
                .collect();
            levels.push((Level::Threshold(*threshold), segments));
        }
        let look = SoftLook::at(1.0, self.strengths.iter().copied());
        let pool = Pool::merged(pieces, levels).with_zero_unlabelled();
        Ok(pool.of_contours(look, self.size))
    }

    /// Joins each of `cells`, which open at `step`, to its open neighbours.
    fn join(&self, forest: &mut Forest, steps: &[Step], step: Step, cells: &[u32]) {
        let Size { width, height } = self.size;
        for cell in cells {
            let (x, y) = (*cell as usize % width, *cell as usize / width);
            for row in y.saturating_sub(1)..(y + 2).min(height) {
                for column in x.saturating_sub(1)..(x + 2).min(width) {
                    let neighbour = row * width + column;
                    // A pair that opens together is met from both sides; once is enough.
                    if steps[neighbour] < step
                        || (steps[neighbour] == step && neighbour < *cell as usize)
                    {
                        forest.join(*cell, neighbour as u32);
                    }
                }
            }
        }
    }

    /// The components at the smallest threshold, seen at the pixels, and a cell of each. A pixel that opens later is
    /// a piece of its own.
    fn pieces(&self, forest: &mut Forest, steps: &[Step]) -> Result<(LabelMap, Vec<u32>)> {
        let pixels = self.pixels();
        let mut numbering = Numbering::new(steps.len());
        numbering.restart();
        let mut cell_of_piece = Vec::new();
        let mut ids = Vec::with_capacity(pixels.width * pixels.height);
        for y in 0..pixels.height {
            for x in 0..pixels.width {
                let cell = ((2 * y + 1) * self.size.width + 2 * x + 1) as u32;
                let piece = numbering.number(forest.root(cell)) - 1;
                if piece as usize == cell_of_piece.len() {
                    cell_of_piece.push(cell);
                }
                ids.push(piece);
            }
        }
        Ok((
            LabelMap::new(pixels.width, pixels.height, ids)?,
            cell_of_piece,
        ))
    }
}

/// Disjoint sets of cells.
struct Forest {
    parents: Vec<u32>,
}

impl Forest {
    fn new(cells: usize) -> Self {
        Self {
            parents: (0..cells as u32).collect(),
        }
    }

    fn root(&mut self, mut cell: u32) -> u32 {
        loop {
            let parent = self.parents[cell as usize];
            if parent == cell {
                return cell;
            }
            let above = self.parents[parent as usize];
            self.parents[cell as usize] = above;
            cell = above;
        }
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        // The lower cell is the root: trees stay flat because cells are joined row by row.
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        self.parents[high as usize] = low;
    }
}

/// Numbers 1, 2, … for cells in the order they are asked for.
struct Numbering {
    round: u32,
    numbers: Vec<(u32, u32)>,
    count: u32,
}

impl Numbering {
    fn new(cells: usize) -> Self {
        Self {
            round: 0,
            numbers: vec![(0, 0); cells],
            count: 0,
        }
    }

    fn restart(&mut self) {
        self.round += 1;
        self.count = 0;
    }

    fn number(&mut self, cell: u32) -> u32 {
        let (round, number) = &mut self.numbers[cell as usize];
        if *round != self.round {
            self.count += 1;
            (*round, *number) = (self.round, self.count);
        }
        *number
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rand::{RngExt, SeedableRng};
    use test_support::refused;

    use super::*;

    /// The definition, one threshold at a time: components by flooding.
    fn flooded(ucm: &Ucm, threshold: f64) -> LabelMap {
        let Size { width, height } = ucm.size;
        let mut labels = vec![0u32; width * height];
        let mut count = 0;
        for start in 0..labels.len() {
            let open = ucm.strengths[start] <= threshold;
            if labels[start] != 0 || !open {
                continue;
            }
            count += 1;
            labels[start] = count;
            let mut queue = VecDeque::from([start]);
            while let Some(cell) = queue.pop_front() {
                let (x, y) = (cell % width, cell / width);
                for row in y.saturating_sub(1)..(y + 2).min(height) {
                    for column in x.saturating_sub(1)..(x + 2).min(width) {
                        let next = row * width + column;
                        if labels[next] == 0 && ucm.strengths[next] <= threshold {
                            labels[next] = count;
                            queue.push_back(next);
                        }
                    }
                }
            }
        }
        let pixels = ucm.pixels();
        let ids = (0..pixels.height)
            .flat_map(|y| (0..pixels.width).map(move |x| (2 * y + 1) * width + 2 * x + 1))
            .map(|cell| labels[cell])
            .collect();
        LabelMap::new(pixels.width, pixels.height, ids).unwrap()
    }

    #[test]
    fn one_sweep_is_the_definition_at_every_threshold() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        for (width, height) in [(21, 15), (2, 2), (7, 30), (10, 8)] {
            let strengths: Vec<f64> = (0..width * height)
                .map(|cell| {
                    let pixel = cell % width % 2 == 1 && cell / width % 2 == 1;
                    // Mostly open pixels; some above every threshold, some not a number.
                    match random.random_range(0..20) {
                        0 => f64::NAN,
                        1..=12 if pixel => 0.0,
                        _ => f64::from(random.random_range(0..12)) / 10.0,
                    }
                })
                .collect();
            let ucm = Ucm::new(width, height, strengths).unwrap();
            let thresholds = Thresholds::official(9).unwrap();
            let pool = ucm.pool(&thresholds).unwrap();
            for (i, threshold) in thresholds.values().iter().enumerate() {
                let (swept, direct) = (pool.label_map(i).unwrap(), flooded(&ucm, *threshold));
                assert_eq!(
                    swept.compacted(),
                    direct.compacted(),
                    "{width} × {height} at {threshold}"
                );
                let zeros =
                    |map: &LabelMap| map.ids().iter().map(|id| *id == 0).collect::<Vec<_>>();
                assert_eq!(zeros(&swept), zeros(&direct));
            }
        }
    }

    #[test]
    fn boundaries_lie_below_and_right_of_their_pixels() {
        let strengths = (0..35).map(f64::from).collect();
        let soft = Ucm::new(7, 5, strengths).unwrap().boundaries().unwrap();
        let size = Size {
            width: 3,
            height: 2,
        };
        assert_eq!(soft.size(), size);
        // Rows 2 and 4, columns 2, 4 and 6.
        assert_eq!(soft.strengths(), [16.0, 18.0, 20.0, 30.0, 32.0, 34.0]);
    }

    #[test]
    fn thresholds_are_evenly_spaced() {
        let close = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            assert!(
                found
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 1e-15),
                "{found:?}"
            );
        };
        close(
            Thresholds::official(3).unwrap().values(),
            &[0.25, 0.5, 0.75],
        );
        close(Thresholds::official(1).unwrap().values(), &[0.5]);
        assert_eq!(Thresholds::official(99).unwrap().values()[98], 0.99);
    }

    #[test]
    fn refuses_thresholds_that_do_not_increase() {
        refused! {
            Thresholds::official(0) => Error::NoThresholds,
            Thresholds::new(vec![0.2, 0.2]) => Error::Thresholds { previous: 0.2, next: 0.2 },
            Thresholds::new(vec![f64::NAN]) => Error::Thresholds { .. },
        }
    }

    #[test]
    fn refuses_a_wrong_number_of_cells() {
        refused! {
            Ucm::new(3, 3, vec![0.0; 8]) => Error::SizeMismatch { .. },
            Ucm::new(1, 3, vec![0.0; 3]) => Error::SizeMismatch { .. },
            Ucm::new(0, 0, vec![]) => Error::SizeMismatch { .. },
        }
    }
}
