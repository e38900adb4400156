//! The outline of an object as the file gives it, stored small, and the checks before it becomes a bitmap.

use hotcoco::{Rle, mask};

use crate::error::Size;

/// No outline of a photograph goes farther from its corner: the rasteriser is exact within ±2²² pixels.
const FARTHEST: f64 = 1_048_576.0;
/// Points of the walk along all sides of one outline, five to a pixel: 16 MiB of them. The border of an image of COCO's
/// size is a two-hundredth of it.
const LONGEST_WALK: f64 = 2_097_152.0;

/// Coordinates x₀ y₀ x₁ y₁ … without loss.
///
/// COCO writes hundredths of a pixel, which four bytes hold exactly; single precision would round them, and a
/// rounded corner can move a pixel of the bitmap.
#[derive(Clone, Debug, PartialEq)]
pub enum Points {
    /// Each number times 100.
    Hundredths(Box<[i32]>),
    /// Where one of them is no hundredth.
    Exact(Box<[f64]>),
}

impl Points {
    /// The smaller form that gives back every bit.
    pub fn new(numbers: &[f64]) -> Self {
        let hundredth = |number: f64| {
            let scaled = (number * 100.0).round();
            let rounded = scaled as i32;
            // Also false for −0, NaN and numbers beyond an i32.
            ((f64::from(rounded) / 100.0).to_bits() == number.to_bits()).then_some(rounded)
        };
        match numbers.iter().map(|number| hundredth(*number)).collect() {
            Some(hundredths) => Self::Hundredths(hundredths),
            None => Self::Exact(numbers.into()),
        }
    }

    /// How many numbers there are, two a point.
    pub fn len(&self) -> usize {
        match self {
            Self::Hundredths(numbers) => numbers.len(),
            Self::Exact(numbers) => numbers.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers from `start` up to `end`.
    ///
    /// # Panics
    /// Outside the numbers.
    pub fn numbers(&self, start: usize, end: usize) -> Vec<f64> {
        match self {
            Self::Hundredths(numbers) => numbers[start..end]
                .iter()
                .map(|number| f64::from(*number) / 100.0)
                .collect(),
            Self::Exact(numbers) => numbers[start..end].to_vec(),
        }
    }
}

/// A free-form region: its outline, or its runs down the columns of the image.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One polygon for each visible piece; the region is their union.
    Polygons {
        /// The points of all, one polygon behind the other.
        points: Points,
        /// Where each polygon ends in `points`.
        ends: Box<[u32]>,
    },
    /// Run lengths in COCO's letters.
    Compressed {
        /// The bitmap's size.
        size: Size,
        /// Five bits a letter.
        text: Box<str>,
    },
    /// Run lengths as numbers, outside first.
    Runs {
        /// The bitmap's size.
        size: Size,
        /// How many pixels each run has.
        counts: Box<[u32]>,
    },
}

/// The fault of a shape: expected, found.
pub(crate) type Refusal = (String, String);

impl Shape {
    /// The runs of the shape on an image of `size`, or its fault.
    ///
    /// Nothing is taken from memory before it is known to be in proportion to the image or the file.
    pub(super) fn runs(&self, size: Size) -> Result<Rle, Refusal> {
        self.check(size)?;
        let (w, h) = (size.width, size.height);
        let runs = match self {
            Self::Polygons { points, ends } => {
                let polygons: Vec<_> = polygons(points, ends).collect();
                mask::fr_polys(&polygons, h, w)
            }
            Self::Compressed { text, .. } => mask::rle_from_string(text, h, w),
            Self::Runs { counts, .. } => Ok(Rle {
                h,
                w,
                counts: counts.to_vec(),
            }),
        };
        runs.map_err(|reason| ("a shape that can be drawn".into(), reason.to_string()))
    }

    /// Whether the shape can be drawn on an image of `size`.
    pub(crate) fn check(&self, size: Size) -> Result<(), Refusal> {
        match self {
            Self::Polygons { points, ends } => {
                let mut walk = 0.0;
                for polygon in polygons(points, ends) {
                    check_polygon(&polygon)?;
                    walk += length_of_walk(&polygon, size);
                }
                check_walk(walk)
            }
            Self::Compressed { size: own, text } => {
                check_size(*own, size)?;
                let runs = mask::rle_from_string(text, size.height, size.width)
                    .map_err(|reason| (total_of(size), reason.to_string()))?;
                check_total(&runs.counts, size)
            }
            Self::Runs { size: own, counts } => {
                check_size(*own, size)?;
                check_total(counts, size)
            }
        }
    }
}

/// Each polygon's numbers.
fn polygons<'a>(points: &'a Points, ends: &'a [u32]) -> impl Iterator<Item = Vec<f64>> + 'a {
    ends.iter().scan(0, |start, end| {
        let from = std::mem::replace(start, *end as usize);
        Some(points.numbers(from, *end as usize))
    })
}

/// Whether a walk along all sides of one outline is short enough.
pub(crate) fn check_walk(steps: f64) -> Result<(), Refusal> {
    if steps <= LONGEST_WALK {
        return Ok(());
    }
    Err((
        format!("an outline of at most {LONGEST_WALK} steps of a fifth of a pixel"),
        format!("{steps}"),
    ))
}

fn check_polygon(polygon: &[f64]) -> Result<(), Refusal> {
    let count = polygon.len();
    if count < 6 || count % 2 == 1 {
        return Err((
            "polygons of at least 3 points, two numbers each".into(),
            format!("{count} numbers"),
        ));
    }
    if let Some(far) = polygon
        .iter()
        .find(|number| !number.is_finite() || number.abs() > FARTHEST)
    {
        return Err((
            format!("coordinates within ±{FARTHEST}"),
            format!("{far:e}"),
        ));
    }
    Ok(())
}

/// The steps of the walk along a polygon's sides, at least as many as the rasteriser will keep.
pub(crate) fn length_of_walk(polygon: &[f64], size: Size) -> f64 {
    let count = polygon.len() / 2 * 2;
    let across_the_image = 5.0 * (f64::from(size.width) + f64::from(size.height)) + 20.0;
    (0..count)
        .step_by(2)
        .map(|at| {
            let next = (at + 2) % count;
            let dx = (polygon[next] - polygon[at]).abs();
            let dy = (polygon[next + 1] - polygon[at + 1]).abs();
            (5.0 * dx.max(dy) + 2.0).min(across_the_image)
        })
        .sum()
}

fn check_size(own: Size, image: Size) -> Result<(), Refusal> {
    if own == image {
        return Ok(());
    }
    Err((
        format!("run lengths of the image's size {image}"),
        own.to_string(),
    ))
}

fn check_total(counts: &[u32], size: Size) -> Result<(), Refusal> {
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    if total == u64::from(size.width) * u64::from(size.height) {
        return Ok(());
    }
    Err((total_of(size), total.to_string()))
}

fn total_of(size: Size) -> String {
    let pixels = u64::from(size.width) * u64::from(size.height);
    format!("run lengths over {pixels} pixels")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Size = Size {
        width: 4,
        height: 3,
    };

    fn outline(pieces: &[&[f64]]) -> Shape {
        let ends = pieces.iter().scan(0, |end, piece| {
            *end += piece.len() as u32;
            Some(*end)
        });
        Shape::Polygons {
            ends: ends.collect(),
            points: Points::new(&pieces.concat()),
        }
    }

    fn runs(counts: &[u32]) -> Shape {
        Shape::Runs {
            size: IMAGE,
            counts: counts.into(),
        }
    }

    fn letters(text: &str) -> Shape {
        Shape::Compressed {
            size: IMAGE,
            text: text.into(),
        }
    }

    #[test]
    fn hundredths_come_back_bit_by_bit() {
        for k in (0..70_000).step_by(7) {
            let numbers = [f64::from(k) / 100.0, f64::from(-k) / 100.0];
            let points = Points::new(&numbers);
            assert!(matches!(points, Points::Hundredths(_)), "{k}");
            assert_eq!(points.numbers(0, 2), numbers);
        }
        for number in [0.001, 239.97000000000003, 1e12, f64::INFINITY] {
            let points = Points::new(&[1.0, number]);
            assert!(matches!(points, Points::Exact(_)), "{number}");
            assert_eq!((points.numbers(1, 2), points.len()), (vec![number], 2));
        }
        assert!(Points::new(&[]).is_empty());
    }

    #[test]
    fn a_rectangle_by_hand() {
        // Columns 1 and 2, rows 0 and 1: down the columns 3 outside, 2 in, 1 out, 2 in, 4 out.
        let rectangle: &[f64] = &[1.0, 0.0, 3.0, 0.0, 3.0, 2.0, 1.0, 2.0];
        let drawn = outline(&[rectangle]).runs(IMAGE).unwrap();
        assert_eq!(drawn.counts, [3, 2, 1, 2, 4]);
        assert_eq!(
            runs(&[3, 2, 1, 2, 4]).runs(IMAGE).unwrap().counts,
            drawn.counts
        );
        let text = mask::rle_to_string(&drawn);
        assert_eq!(letters(&text).runs(IMAGE).unwrap(), drawn);
        // Two pieces are joined, not counted twice.
        let twice = outline(&[rectangle, rectangle]).runs(IMAGE).unwrap();
        assert_eq!(mask::area(&twice), 4);
        // No piece, no pixel.
        assert_eq!(mask::area(&outline(&[]).runs(IMAGE).unwrap()), 0);
    }

    #[test]
    fn refuses_what_cannot_be_drawn() {
        let refused = |shape: Shape| {
            assert_eq!(shape.check(IMAGE), shape.runs(IMAGE).map(|_| ()));
            let (expected, found) = shape.check(IMAGE).unwrap_err();
            format!("expected {expected}, found {found}")
        };
        let points = "expected polygons of at least 3 points, two numbers each, found";
        assert_eq!(
            refused(outline(&[&[0.0; 4]])),
            format!("{points} 4 numbers")
        );
        assert_eq!(
            refused(outline(&[&[0.0; 7]])),
            format!("{points} 7 numbers")
        );
        for far in [f64::NAN, f64::INFINITY, -2e6] {
            let text = refused(outline(&[&[far, 0.0, 1.0, 0.0, 1.0, 1.0]]));
            assert!(
                text.starts_with("expected coordinates within ±1048576"),
                "{text}"
            );
        }
        let total = "expected run lengths over 12 pixels, found";
        assert_eq!(refused(runs(&[12, 1])), format!("{total} 13"));
        assert_eq!(refused(runs(&[])), format!("{total} 0"));
        assert!(refused(letters("!")).starts_with(total));
        assert!(refused(letters("o".repeat(40).as_str())).starts_with(total));
        assert_eq!(refused(letters("1")), format!("{total} 1"));
        let other = Size {
            width: 3,
            height: 4,
        };
        let turned = Shape::Runs {
            size: other,
            counts: [12].into(),
        };
        assert_eq!(
            refused(turned),
            "expected run lengths of the image's size 4 × 3, found 3 × 4"
        );
    }

    #[test]
    fn a_zigzag_over_a_huge_image_takes_no_memory() {
        let huge = Size {
            width: 16_384,
            height: 16_384,
        };
        let zigzag: Vec<f64> = (0..4000)
            .flat_map(|k| [f64::from(k), f64::from(k % 2) * 16_384.0])
            .collect();
        let (expected, _) = outline(&[&zigzag]).runs(huge).unwrap_err();
        assert!(
            expected.starts_with("an outline of at most 2097152 steps"),
            "{expected}"
        );
    }

    #[test]
    fn corners_anywhere_draw_without_a_panic() {
        let places = [-1_048_576.0, -3.7, 0.0, 0.1, 2.5, 4.0, 1_048_576.0];
        for x in places {
            for y in places {
                let shape = outline(&[&[x, y, y, 1.0, 2.0, x, 0.3, 0.2]]);
                let drawn = shape.runs(IMAGE).unwrap();
                check_total(&drawn.counts, IMAGE).unwrap();
            }
        }
    }
}
