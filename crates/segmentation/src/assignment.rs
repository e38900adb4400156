//! From the grid to the image: every pixel takes the centre nearest to its interpolated row.

use crate::grid_axis::GridAxis;

/// The centres that a pixel may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// All centres.
    All,
    /// The centres of the four grid positions around it.
    Surrounding,
}

/// Scores of every centre at every grid position, and the centre each position has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GridScores<'a> {
    /// Where its columns lie.
    pub(crate) column: GridAxis,
    /// Where its rows lie.
    pub(crate) row: GridAxis,
    /// Positions × centres, row-major: y·c − ½‖c‖².
    pub(crate) scores: &'a [f32],
    /// The centre of each position: of the largest score where all are candidates.
    pub(crate) labels: &'a [u32],
    /// The centres that a pixel may take.
    pub(crate) candidates: Candidates,
}

/// The centre of each of `width × height` pixels, row-major.
///
/// ```text
///     label(p) = argmaxⱼ  e(p) · cⱼ − ½ ‖cⱼ‖² = argminⱼ ‖e(p) − cⱼ‖²,   e(p) = Σ_q β_q(p) y_q
/// ```
///
/// The weights β of bilinear interpolation sum to one, so the score of the interpolated row is the interpolated score: k numbers a pixel instead of
/// the whole row, and the result is that of upsampling the embedding itself (rows are normalised on the grid, not again after interpolation).
/// Where a centre wins at all four corners of a grid cell it wins throughout, by the same linearity, and the cell is filled without arithmetic.
///
/// # Conventions
/// A pixel lies on the grid where its [`GridAxis`] says, held between the first and the last position. Of equal scores the lower centre wins.
///
/// # Cost
/// O(width · height) to write, O(k) a pixel only in cells with several winners.
pub(crate) fn assign_pixels(grid: &GridScores<'_>, width: usize, height: usize) -> Vec<u32> {
    let centres = grid.scores.len() / grid.labels.len();
    let columns = Spans::new(grid.column, width);
    let rows = Spans::new(grid.row, height);
    let grid_width = grid.column.positions;
    let mut pixels = vec![0; width * height];
    let mut candidates = Vec::with_capacity(centres);
    let mut ends = vec![(0.0, 0.0); centres];
    for (y0, y1, ys) in rows.cells() {
        for (x0, x1, xs) in columns.cells() {
            let corners = [
                y0 * grid_width + x0,
                y0 * grid_width + x1,
                y1 * grid_width + x0,
                y1 * grid_width + x1,
            ];
            let owners = corners.map(|corner| grid.labels[corner]);
            if owners.iter().all(|owner| *owner == owners[0]) {
                for y in ys.clone() {
                    pixels[y * width + xs.start..y * width + xs.end].fill(owners[0]);
                }
                continue;
            }
            candidates.clear();
            match grid.candidates {
                Candidates::All => candidates.extend(0..centres as u32),
                Candidates::Surrounding => {
                    candidates.extend(owners);
                    candidates.sort_unstable();
                    candidates.dedup();
                }
            }
            let [a, b, c, d] = corners.map(|corner| &grid.scores[corner * centres..][..centres]);
            for y in ys.clone() {
                let v = rows.fractions[y];
                for (end, candidate) in ends.iter_mut().zip(&candidates) {
                    let j = *candidate as usize;
                    *end = (a[j] + v * (c[j] - a[j]), b[j] + v * (d[j] - b[j]));
                }
                for x in xs.clone() {
                    let u = columns.fractions[x];
                    let mut best = f32::NEG_INFINITY;
                    for ((left, right), candidate) in ends.iter().zip(&candidates) {
                        let score = left + u * (right - left);
                        if score > best {
                            best = score;
                            pixels[y * width + x] = *candidate;
                        }
                    }
                }
            }
        }
    }
    pixels
}

/// Pixels of one side, by the grid cell they fall in.
struct Spans {
    grid: usize,
    origins: Vec<usize>,
    fractions: Vec<f32>,
}

impl Spans {
    fn new(axis: GridAxis, pixels: usize) -> Self {
        let sources = (0..pixels).map(|pixel| axis.coordinate(pixel));
        let (origins, fractions) = sources
            .map(|source| (source as usize, source.fract() as f32))
            .unzip();
        Self {
            grid: axis.positions,
            origins,
            fractions,
        }
    }

    /// Each cell's two grid positions and its pixels.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
        let mut start = 0;
        self.origins.chunk_by(|a, b| a == b).map(move |cell| {
            let pixels = start..start + cell.len();
            start = pixels.end;
            (cell[0], (cell[0] + 1).min(self.grid - 1), pixels)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every score of every pixel, without shortcuts.
    fn exhaustive(grid: &GridScores<'_>, width: usize, height: usize) -> Vec<u32> {
        let k = grid.scores.len() / grid.labels.len();
        let mut labels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (sx, sy) = (grid.column.coordinate(x), grid.row.coordinate(y));
                let score = |j: usize| {
                    let mut sum = 0.0;
                    for gy in 0..grid.row.positions {
                        for gx in 0..grid.column.positions {
                            let weight = (1.0 - (sx - gx as f64).abs()).max(0.0)
                                * (1.0 - (sy - gy as f64).abs()).max(0.0);
                            sum += weight
                                * f64::from(grid.scores[(gy * grid.column.positions + gx) * k + j]);
                        }
                    }
                    sum
                };
                labels.push((0..k).fold(0, |best, j| {
                    if score(j) > score(best) + 1e-6 {
                        j
                    } else {
                        best
                    }
                }) as u32);
            }
        }
        labels
    }

    fn winners(scores: &[f32], k: usize) -> Vec<u32> {
        scores
            .chunks_exact(k)
            .map(|s| (0..k).fold(0, |best, j| if s[j] > s[best] { j } else { best }) as u32)
            .collect()
    }

    #[test]
    fn the_border_lies_where_scores_cross() {
        // Two positions, two centres, scores crossing midway: the image is cut in halves.
        let scores = [1.0, 0.0, 0.0, 1.0];
        let grid = GridScores {
            column: GridAxis::spread(2, 6),
            row: GridAxis::spread(1, 2),
            scores: &scores,
            labels: &[0, 1],
            candidates: Candidates::All,
        };
        assert_eq!(
            assign_pixels(&grid, 6, 2),
            [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]
        );
    }

    #[test]
    fn equals_the_exhaustive_way_enlarging_and_reducing() {
        let (grid_width, grid_height, k) = (5, 4, 3);
        let scores: Vec<f32> = (0..grid_width * grid_height * k)
            .map(|i| (i as f32 * 1.7).sin())
            .collect();
        let labels = winners(&scores, k);
        for (width, height) in [(37, 29), (5, 4), (3, 2), (1, 1), (40, 1)] {
            let grid = GridScores {
                column: GridAxis::spread(grid_width, width),
                row: GridAxis::spread(grid_height, height),
                scores: &scores,
                labels: &labels,
                candidates: Candidates::All,
            };
            assert_eq!(
                assign_pixels(&grid, width, height),
                exhaustive(&grid, width, height),
                "{width} × {height}"
            );
        }
    }

    #[test]
    fn surrounding_candidates_keep_far_centres_out() {
        // Centre 2 would win between the positions, but neither has it.
        let scores = [1.0, 0.0, 0.9, 0.0, 1.0, 0.9];
        let all = GridScores {
            column: GridAxis::spread(2, 8),
            row: GridAxis::spread(1, 1),
            scores: &scores,
            labels: &[0, 1],
            candidates: Candidates::All,
        };
        let near = GridScores {
            candidates: Candidates::Surrounding,
            ..all
        };
        assert!(assign_pixels(&all, 8, 1).contains(&2));
        assert_eq!(assign_pixels(&near, 8, 1), [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn a_single_position_fills_the_image() {
        let grid = GridScores {
            column: GridAxis::spread(1, 3),
            row: GridAxis::spread(1, 2),
            scores: &[0.1, 0.7],
            labels: &[1],
            candidates: Candidates::All,
        };
        assert_eq!(assign_pixels(&grid, 3, 2), [1; 6]);
    }
}
