//! Coordinates that can hardly be meant: shares of an image where pixels belong, corners where width and height belong.

use crate::dataset::Shape;
use crate::error::Size;
use crate::findings::{FindingKind, Findings};

/// Boxes and outlines of one file, looked at together: one of them alone may be what it seems.
#[derive(Default)]
pub struct Plausible {
    records: usize,
    /// All numbers from 0 to 1.
    shares: usize,
    /// Boxes on images of a known size.
    sized: usize,
    /// Those that reach beyond it.
    beyond: usize,
    first: Option<String>,
    first_beyond: Option<String>,
}

/// So few may be odd by themselves.
const FEW: usize = 2;
/// More than one of so many boxes beyond its image is no chance.
const ONE_OF: usize = 4;

impl Plausible {
    /// Looks at a record; `name` is asked for where it is the first of a kind.
    pub fn add(
        &mut self,
        bbox: Option<[f64; 4]>,
        shape: Option<&Shape>,
        size: Option<Size>,
        name: impl Fn() -> String,
    ) {
        let outline = match shape {
            Some(Shape::Polygons { points, .. }) if !points.is_empty() => {
                Some(points.numbers(0, points.len()))
            }
            _ => None,
        };
        let share = |number: &f64| (0.0..=1.0).contains(number);
        // What is drawn counts, where there is both.
        let shares = match (&outline, &bbox, shape) {
            (Some(numbers), ..) => Some(numbers.iter().all(share)),
            (None, Some(numbers), None | Some(Shape::Polygons { .. })) => {
                Some(numbers.iter().all(share))
            }
            // Run lengths are of pixels.
            _ => None,
        };
        if let Some(shares) = shares {
            self.records += 1;
            self.shares += usize::from(shares);
            self.first.get_or_insert_with(&name);
        }
        if let (Some([x, y, width, height]), Some(size)) = (bbox, size) {
            let reaches = |end: f64, side: u32| end > 1.01 * f64::from(side) + 2.0;
            let beyond = reaches(x + width, size.width) || reaches(y + height, size.height);
            self.sized += 1;
            self.beyond += usize::from(beyond);
            if beyond {
                self.first_beyond.get_or_insert_with(&name);
            }
        }
    }

    /// Adds what was found.
    pub fn report(self, findings: &mut Findings<'_>) {
        if self.records >= FEW && self.shares == self.records {
            let first = self.first.unwrap_or_default();
            findings.add_many(FindingKind::SharesOfImage, self.shares, first);
        }
        if self.beyond > FEW && ONE_OF * self.beyond > self.sized {
            let first = self.first_beyond.unwrap_or_default();
            findings.add_many(FindingKind::BeyondImage, self.beyond, first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dataset::Points;

    const SIZE: Option<Size> = Some(Size {
        width: 40,
        height: 30,
    });

    fn found(boxes: &[[f64; 4]], outline: Option<&[f64]>) -> Vec<(FindingKind, usize)> {
        let shape = outline.map(|numbers| Shape::Polygons {
            points: Points::new(numbers),
            ends: [numbers.len() as u32].into(),
        });
        let mut plausible = Plausible::default();
        for bbox in boxes {
            plausible.add(Some(*bbox), shape.as_ref(), SIZE, || "one".to_owned());
        }
        let mut findings = Findings::of(Path::new("a.json"));
        plausible.report(&mut findings);
        let all = findings.all();
        all.iter().map(|one| (one.kind, one.count)).collect()
    }

    #[test]
    fn numbers_from_zero_to_one_alone_are_shares() {
        let share = [0.25, 0.5, 0.1, 0.2];
        let shares = [(FindingKind::SharesOfImage, 3)];
        assert_eq!(found(&[share; 3], None), shares);
        assert_eq!(found(&[share, share, [3.0, 2.0, 5.0, 5.0]], None), []);
        assert_eq!(found(&[share], None), []);
        let outline = [0.1, 0.1, 0.9, 0.1, 0.5, 0.9];
        assert_eq!(found(&[[4.0, 3.0, 9.0, 9.0]; 3], Some(&outline)), shares);
        let pixels = [1.0, 1.0, 9.0, 1.0, 5.0, 9.0];
        assert_eq!(found(&[[0.0, 0.0, 1.0, 1.0]; 3], Some(&pixels)), []);
    }

    #[test]
    fn boxes_of_corners_reach_beyond_their_images() {
        let corners = [[20.0, 10.0, 35.0, 25.0]; 3];
        assert_eq!(found(&corners, None), [(FindingKind::BeyondImage, 3)]);
        let inside = [[20.0, 10.0, 20.0, 20.0]; 9];
        assert_eq!(found(&[&corners[..], &inside].concat(), None), []);
        // A pixel or two are rounding.
        assert_eq!(found(&[[20.0, 10.0, 22.0, 21.0]; 4], None), []);
    }
}
