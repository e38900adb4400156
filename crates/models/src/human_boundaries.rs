//! Where people drew boundaries, and which share of them did so near each position of a grid.

use segmentation::{GridAxis, LabelMap};

use crate::error::{Error, Result};

/// The boundaries that each of several people drew on one photograph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HumanBoundaries {
    width: usize,
    height: usize,
    maps: Vec<Vec<bool>>,
}

impl HumanBoundaries {
    /// Maps of `width × height` pixels, row by row, a map a person.
    ///
    /// # Errors
    /// [`Error::Setting`] for no map, an empty one, or one of another size.
    pub fn new(width: usize, height: usize, maps: Vec<Vec<bool>>) -> Result<Self> {
        let pixels = width.checked_mul(height).unwrap_or(0);
        let other = maps
            .iter()
            .find(|map| map.len() != pixels || map.is_empty());
        if maps.is_empty() || other.is_some() {
            return Err(Error::Setting {
                name: "human boundaries",
                expected: "at least one map, each of the photograph's size",
                found: match other {
                    Some(map) => format!("{} pixels for {width} x {height}", map.len()),
                    None => "none".to_owned(),
                },
            });
        }
        Ok(Self {
            width,
            height,
            maps,
        })
    }

    /// The boundaries between the segments of human segmentations: pixels that are not of one segment with those right
    /// of them, below them, and both.
    ///
    /// # Errors
    /// As [`HumanBoundaries::new`].
    pub fn between_segments(segmentations: &[LabelMap]) -> Result<Self> {
        let first = segmentations.first();
        let (width, height) = first.map_or((0, 0), |map| (map.width(), map.height()));
        let maps = segmentations.iter().map(|map| {
            let (width, height) = (map.width(), map.height());
            let places = (0..width * height).map(|place| (place % width, place / width));
            let differs = |(x, y): (usize, usize)| {
                let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
                let others = [(right, y), (x, below), (right, below)];
                others.iter().any(|(a, b)| map.at(*a, *b) != map.at(x, y))
            };
            places.map(differs).collect()
        });
        Self::new(width, height, maps.collect())
    }

    /// Columns of the photograph.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of the photograph.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The same, mirrored left to right.
    pub fn flipped(&self) -> Self {
        let flipped = |map: &Vec<bool>| {
            let rows = map.chunks_exact(self.width);
            rows.flat_map(|row| row.iter().rev().copied()).collect()
        };
        Self {
            maps: self.maps.iter().map(flipped).collect(),
            ..*self
        }
    }

    /// The share of people with a boundary on one of the nine pixels around each position of a grid, row by row.
    ///
    /// ```text
    /// y(i, j) = mean over people of max { B(r, c) : |r − r_i| ≤ 1, |c − c_j| ≤ 1 }
    /// ```
    ///
    /// # Conventions
    /// `axes` are the grid's columns and rows; a position lies on the pixel nearest to it. Pixels outside the photograph
    /// have no boundary.
    pub fn on_grid(&self, [columns, rows]: [GridAxis; 2]) -> Vec<f32> {
        let pixel = |axis: GridAxis, place: usize, most: usize| {
            let at = axis.offset + axis.stride * place as f64;
            at.round().clamp(0.0, (most - 1) as f64) as usize
        };
        let near = |pixel: usize, most: usize| pixel.saturating_sub(1)..(pixel + 2).min(most);
        let share = 1.0 / self.maps.len() as f32;
        let mut targets = Vec::with_capacity(rows.positions * columns.positions);
        for i in 0..rows.positions {
            let around = near(pixel(rows, i, self.height), self.height);
            for j in 0..columns.positions {
                let beside = near(pixel(columns, j, self.width), self.width);
                let drawn = |map: &&Vec<bool>| {
                    around.clone().any(|row| {
                        let row = &map[row * self.width..][..self.width];
                        row[beside.clone()].contains(&true)
                    })
                };
                targets.push(self.maps.iter().filter(drawn).count() as f32 * share);
            }
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    fn map(width: usize, height: usize, drawn: &[usize]) -> Vec<bool> {
        (0..width * height).map(|p| drawn.contains(&p)).collect()
    }

    fn every_second(positions: usize) -> GridAxis {
        GridAxis {
            positions,
            stride: 2.0,
            offset: 0.0,
        }
    }

    #[test]
    fn shares_by_hand() {
        // 5 × 3 pixels: one person drew (0, 0), the other (3, 2).
        let maps = vec![map(5, 3, &[0]), map(5, 3, &[13])];
        let human = HumanBoundaries::new(5, 3, maps).unwrap();
        let axes = [every_second(3), every_second(2)];
        assert_eq!(human.on_grid(axes), [0.5, 0.0, 0.0, 0.0, 0.5, 0.5]);
        assert_eq!(
            human.flipped().on_grid(axes),
            [0.0, 0.0, 0.5, 0.5, 0.5, 0.0]
        );
        assert_eq!(human.flipped().flipped(), human);
    }

    #[test]
    fn boundaries_lie_above_and_left_of_where_segments_change() {
        let labels = LabelMap::new(3, 2, vec![0, 0, 1, 0, 0, 1]).unwrap();
        let human = HumanBoundaries::between_segments(&[labels]).unwrap();
        assert_eq!(human.maps, [map(3, 2, &[1, 4])]);
    }

    #[test]
    fn maps_that_do_not_fit_are_refused() {
        refused! {
            HumanBoundaries::new(2, 1, vec![]) => Error::Setting { found, .. } if found == "none",
            HumanBoundaries::new(2, 1, vec![vec![true]]) => Error::Setting { .. },
            HumanBoundaries::new(0, 1, vec![vec![]]) => Error::Setting { .. },
            HumanBoundaries::between_segments(&[]) => Error::Setting { .. },
        }
    }
}
