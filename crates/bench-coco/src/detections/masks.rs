//! Shapes as the evaluation compares them.

use hotcoco::{Rle, Segmentation, mask};

use crate::dataset::{Shape, check_walk, length_of_walk};
use crate::error::Size;

/// Numbers of the smallest polygon, a triangle.
const TRIANGLE: usize = 6;

/// The expected content of an entry, and the content found.
pub(super) type Fault = (String, String);

/// Checks that a shape can be compared on an image.
///
/// pycocotools looks at the first polygon alone, and takes four numbers for a box.
///
/// # Errors
/// A first polygon of less than a triangle, coordinates that are not finite, an outline without end; run lengths of another
/// size, of an invalid string, or that do not fill the image.
pub(super) fn check(shape: &Shape, image: Size) -> Result<(), Fault> {
    let Shape::Polygons { points, ends } = shape else {
        return shape.check(image);
    };
    let first = ends.first().map_or(0, |end| *end as usize);
    if first < TRIANGLE {
        let expected = format!("a polygon of at least {TRIANGLE} numbers");
        return Err((expected, first.to_string()));
    }
    let numbers = points.numbers(0, points.len());
    if let Some(odd) = numbers.iter().find(|number| !number.is_finite()) {
        return Err(("finite coordinates".to_owned(), odd.to_string()));
    }
    let mut start = 0;
    let mut steps = 0.0;
    for end in ends {
        steps += length_of_walk(&numbers[start..*end as usize], image);
        start = *end as usize;
    }
    check_walk(steps)
}

/// A shape that was checked, drawn.
pub(super) fn drawn(shape: &Shape, image: Size) -> Result<Rle, Fault> {
    check(shape, image)?;
    let runs = compared(shape).to_rle(image.height, image.width);
    runs.map_err(|reason| ("a shape that can be drawn".to_owned(), reason.to_string()))
}

/// The shape as `hotcoco` has it.
pub(super) fn compared(shape: &Shape) -> Segmentation {
    match shape {
        Shape::Polygons { points, ends } => {
            let mut start = 0;
            let pieces = ends.iter().map(|end| {
                let from = std::mem::replace(&mut start, *end as usize);
                points.numbers(from, *end as usize)
            });
            Segmentation::Polygon(pieces.collect())
        }
        Shape::Compressed { size, text } => Segmentation::CompressedRle {
            size: [size.height, size.width],
            counts: text.to_string(),
        },
        Shape::Runs { size, counts } => Segmentation::UncompressedRle {
            size: [size.height, size.width],
            counts: counts.to_vec(),
        },
    }
}

/// The runs in letters: of these alone `hotcoco` takes the area and the box of a result.
pub(super) fn in_letters(runs: &Rle) -> Segmentation {
    Segmentation::CompressedRle {
        size: [runs.h, runs.w],
        counts: mask::rle_to_string(runs),
    }
}
