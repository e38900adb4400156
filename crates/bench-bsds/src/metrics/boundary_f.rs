//! How many boundary pixels are found, and how many of those found are real.

use std::iter::Sum;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::boundary_map::BoundaryMap;
use super::boundary_match::{Targets, set_pixels};
use crate::error::{Error, Result};

/// Boundary pixels, counted against all annotators of an image.
///
/// ```text
/// drawn          Σₐ |Bₐ|                        over annotators a
/// drawn_matched  Σₐ |{ q ∈ Bₐ matched }|
/// found          |F|
/// found_matched  |{ p ∈ F matched in the match with at least one annotator }|
/// ```
///
/// Counts of several images add up.
///
/// # Source
/// Arbeláez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011, and the benchmark published with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundaryCounts {
    /// Pixels that annotators drew and that are found, each annotator's for itself.
    pub drawn_matched: u64,
    /// Pixels that annotators drew.
    pub drawn: u64,
    /// Pixels found that some annotator drew.
    pub found_matched: u64,
    /// Pixels found.
    pub found: u64,
}

impl BoundaryCounts {
    /// Counts for one map; thin it first where it may be thick.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] where a drawn map has another size.
    pub fn new(found: &BoundaryMap, drawn: &[BoundaryMap]) -> Result<Self> {
        let counts = count_all(std::slice::from_ref(found), drawn)?;
        Ok(counts.into_iter().sum())
    }

    /// Recall, precision and their harmonic mean.
    pub fn score(&self) -> BoundaryScore {
        // A share of nothing counts as zero.
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        BoundaryScore::new(
            share(self.drawn_matched, self.drawn),
            share(self.found_matched, self.found),
        )
    }
}

impl Sum for BoundaryCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| Self {
            drawn_matched: sum.drawn_matched + one.drawn_matched,
            drawn: sum.drawn + one.drawn,
            found_matched: sum.found_matched + one.found_matched,
            found: sum.found + one.found,
        })
    }
}

/// Recall, precision and F.
///
/// ```text
/// R = drawn_matched / drawn      P = found_matched / found      F = 2 P R / (P + R)       0 where a divisor is 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoundaryScore {
    /// The share of the drawn pixels that is found.
    pub recall: f64,
    /// The share of the found pixels that is drawn.
    pub precision: f64,
    /// Their harmonic mean.
    pub f: f64,
}

impl BoundaryScore {
    pub(crate) fn new(recall: f64, precision: f64) -> Self {
        let sum = precision + recall;
        let f = if sum == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / sum
        };
        Self {
            recall,
            precision,
            f,
        }
    }
}

/// The counts of each of several maps of one image, maps side by side in parallel.
pub(crate) fn count_all(
    found: &[BoundaryMap],
    drawn: &[BoundaryMap],
) -> Result<Vec<BoundaryCounts>> {
    let targets: Vec<_> = drawn.iter().map(Targets::new).collect();
    if let Some(first) = found.first() {
        let sizes = found.iter().map(BoundaryMap::size);
        let other = sizes
            .chain(targets.iter().map(Targets::size))
            .find(|size| *size != first.size());
        if let Some(other) = other {
            return Err(Error::SizeMismatch {
                name: "boundary map".to_owned(),
                expected: first.size(),
                found: other,
            });
        }
    }
    Ok(found.par_iter().map(|map| count(map, &targets)).collect())
}

fn count(found: &BoundaryMap, targets: &[Targets]) -> BoundaryCounts {
    let pixels = set_pixels(found);
    let mut matched = vec![false; found.pixels().len()];
    let mut drawn_matched = 0;
    for target in targets {
        let pairs = target.matched(&pixels);
        drawn_matched += pairs.pairs().len();
        for (pixel, _) in pairs.pairs() {
            matched[*pixel] = true;
        }
    }
    BoundaryCounts {
        drawn_matched: drawn_matched as u64,
        drawn: targets.iter().map(|target| target.count() as u64).sum(),
        found_matched: matched.iter().filter(|matched| **matched).count() as u64,
        found: pixels.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    /// One row of 200 pixels: a reach of 1.5.
    fn row(at: &[usize]) -> BoundaryMap {
        BoundaryMap::new(200, 1, (0..200).map(|x| at.contains(&x)).collect()).unwrap()
    }

    #[test]
    fn counts_by_hand() {
        // The first annotator's 10 and 50 are found, the second's 10; no annotator drew 90.
        let counts =
            BoundaryCounts::new(&row(&[10, 51, 90]), &[row(&[10, 50, 120]), row(&[11])]).unwrap();
        let expected = BoundaryCounts {
            drawn_matched: 3,
            drawn: 4,
            found_matched: 2,
            found: 3,
        };
        assert_eq!(counts, expected);
        let score = counts.score();
        assert_eq!((score.recall, score.precision), (0.75, 2.0 / 3.0));
        assert!((score.f - 12.0 / 17.0).abs() < 1e-15);
        assert_eq!(
            [counts, counts].into_iter().sum::<BoundaryCounts>().found,
            6
        );
    }

    #[test]
    fn nothing_found_or_drawn_scores_zero() {
        let zero = BoundaryScore {
            recall: 0.0,
            precision: 0.0,
            f: 0.0,
        };
        for (found, drawn) in [
            (row(&[]), row(&[3])),
            (row(&[3]), row(&[])),
            (row(&[]), row(&[])),
        ] {
            assert_eq!(BoundaryCounts::new(&found, &[drawn]).unwrap().score(), zero);
        }
    }

    #[test]
    fn refuses_two_sizes() {
        let small = BoundaryMap::new(1, 1, vec![true]).unwrap();
        refused! { BoundaryCounts::new(&small, &[row(&[])]) => Error::SizeMismatch { .. } }
    }
}
