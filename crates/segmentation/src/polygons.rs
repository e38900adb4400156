//! Segments as polygons along the sides of their pixels.

use std::collections::HashMap;

use crate::components::connected_components;
use crate::label_map::LabelMap;

/// A corner: columns from the left edge of the image, rows from its top edge.
pub type Corner = [u32; 2];

/// A connected part of a segment: its outer ring and the rings of its holes.
///
/// # Conventions
/// Corners lie where a ring turns, between pixels; the pixel at column x, row y spans x to x + 1 and y to y + 1. A ring
/// ends at its first corner, which is not given twice. Outer rings run clockwise on the screen and have a positive
/// [`ring_area`], holes the other way round. No ring passes a corner twice; two rings may touch at one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polygon {
    /// The ring around all of it.
    pub outer: Vec<Corner>,
    /// The rings of its holes.
    pub holes: Vec<Vec<Corner>>,
}

/// The polygons of each segment, in the order in which they appear.
///
/// # Conventions
/// Ids from 0 to `segments` − 1; pixels of other ids are of no segment. Four neighbours: parts that touch at a corner only
/// are two polygons, so that the polygons cover exactly the segment's pixels.
///
/// # Cost
/// Passes over the pixels, and a step for each pixel side of a border.
///
/// # Example
/// ```
/// # fn main() -> Result<(), segmentation::Error> {
/// // 0 1
/// // 0 0
/// let labels = segmentation::LabelMap::new(2, 2, vec![0, 1, 0, 0])?;
/// let found = segmentation::polygons(&labels, 2);
/// assert_eq!(found[0][0].outer, [[0, 0], [1, 0], [1, 1], [2, 1], [2, 2], [0, 2]]);
/// assert_eq!(found[1][0].outer, [[1, 0], [2, 0], [2, 1], [1, 1]]);
/// # Ok(())
/// # }
/// ```
pub fn polygons(labels: &LabelMap, segments: usize) -> Vec<Vec<Polygon>> {
    let (parts, count) = connected_components(labels);
    let mut tracer = Tracer::new(&parts);
    let mut owners = vec![0; count];
    let mut found = vec![Polygon::default(); count];
    for (pixel, id) in labels.ids().iter().enumerate() {
        let part = parts.ids()[pixel] as usize;
        owners[part] = *id as usize;
        if owners[part] >= segments || !tracer.begins_at(pixel) {
            continue;
        }
        for ring in simple_rings(tracer.trace(pixel)) {
            if ring_area(&ring) > 0.0 {
                found[part].outer = ring;
            } else {
                found[part].holes.push(ring);
            }
        }
    }
    let mut all = vec![Vec::new(); segments];
    for (polygon, owner) in found.into_iter().zip(owners) {
        if let Some(own) = all.get_mut(owner) {
            own.push(polygon);
        }
    }
    all
}

/// The area within a ring, in pixels: positive where it runs clockwise on the screen.
pub fn ring_area(ring: &[Corner]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    let product = |([x, y], [u, v]): (&Corner, &Corner)| {
        i64::from(*x) * i64::from(*v) - i64::from(*u) * i64::from(*y)
    };
    let twice: i64 = ring.iter().zip(next).map(product).sum();
    twice as f64 / 2.0
}

/// Of each heading, east, south, west, north, the pixel ahead at the right, from the corner that is reached.
const AHEAD: [[i64; 2]; 4] = [[0, 0], [-1, 0], [-1, -1], [0, -1]];
/// The step of each heading.
const STEP: [[i64; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// Walks along borders with the part at the right hand.
struct Tracer<'a> {
    parts: &'a LabelMap,
    /// Pixels whose upper side has been walked.
    walked: Vec<bool>,
}

impl<'a> Tracer<'a> {
    fn new(parts: &'a LabelMap) -> Self {
        Self {
            walked: vec![false; parts.ids().len()],
            parts,
        }
    }

    /// Whether the upper side of the pixel is a border that has not been walked.
    fn begins_at(&self, pixel: usize) -> bool {
        let (width, ids) = (self.parts.width(), self.parts.ids());
        !self.walked[pixel] && (pixel < width || ids[pixel - width] != ids[pixel])
    }

    /// The ring along the upper side of a pixel, eastwards. It turns right where it can: parts that touch at a corner stay
    /// apart.
    fn trace(&mut self, pixel: usize) -> Vec<Corner> {
        let (width, height) = (self.parts.width() as i64, self.parts.height() as i64);
        let ids = self.parts.ids();
        let part = ids[pixel];
        let begin = [pixel as i64 % width, pixel as i64 / width];
        let ([mut x, mut y], mut heading) = (begin, 0);
        let mut ring = vec![begin.map(|place| place as u32)];
        loop {
            if heading == 0 {
                self.walked[(y * width + x) as usize] = true;
            }
            x += STEP[heading][0];
            y += STEP[heading][1];
            let own = |[dx, dy]: [i64; 2]| {
                let (x, y) = (x + dx, y + dy);
                let inside = (0..width).contains(&x) && (0..height).contains(&y);
                inside && ids[(y * width + x) as usize] == part
            };
            let turned = if !own(AHEAD[heading]) {
                (heading + 1) % 4
            } else if own(AHEAD[(heading + 3) % 4]) {
                (heading + 3) % 4
            } else {
                heading
            };
            if [x, y] == begin && turned == 0 {
                return ring;
            }
            if turned != heading {
                ring.push([x as u32, y as u32]);
            }
            heading = turned;
        }
    }
}

/// A ring that passes corners twice, as rings that do not.
fn simple_rings(ring: Vec<Corner>) -> Vec<Vec<Corner>> {
    let mut rings = Vec::new();
    let mut path: Vec<Corner> = Vec::new();
    let mut places: HashMap<Corner, usize> = HashMap::new();
    for corner in ring {
        if let Some(first) = places.get(&corner).copied() {
            let mut inner = vec![corner];
            inner.extend(path.drain(first + 1..));
            for passed in &inner[1..] {
                places.remove(passed);
            }
            rings.push(inner);
        } else {
            places.insert(corner, path.len());
            path.push(corner);
        }
    }
    rings.push(path);
    rings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: usize, ids: &[u32]) -> LabelMap {
        LabelMap::new(width, ids.len() / width, ids.to_vec()).unwrap()
    }

    /// The label map that the polygons of all segments draw, by counting the sides at the left of each pixel.
    fn drawn(width: usize, height: usize, found: &[Vec<Polygon>], empty: u32) -> Vec<u32> {
        let mut ids = vec![empty; width * height];
        for (id, polygons) in found.iter().enumerate() {
            for polygon in polygons {
                let rings = std::iter::once(&polygon.outer).chain(&polygon.holes);
                let sides: Vec<[Corner; 2]> = rings
                    .flat_map(|ring| (0..ring.len()).map(|i| [ring[i], ring[(i + 1) % ring.len()]]))
                    .filter(|[from, to]| from[0] == to[0])
                    .collect();
                for place in 0..ids.len() {
                    let (x, y) = ((place % width) as u32, (place / width) as u32);
                    let crossed = sides.iter().filter(|[from, to]| {
                        from[0] <= x && (from[1].min(to[1])..from[1].max(to[1])).contains(&y)
                    });
                    if crossed.count() % 2 == 1 {
                        ids[place] = id as u32;
                    }
                }
            }
        }
        ids
    }

    #[test]
    fn four_by_three_by_hand() {
        let labels = map(4, &[0, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 1]);
        let found = polygons(&labels, 3);
        let ring = Polygon {
            outer: vec![[0, 0], [3, 0], [3, 3], [0, 3]],
            holes: vec![vec![[1, 2], [2, 2], [2, 1], [1, 1]]],
        };
        assert_eq!(found[0], [ring]);
        assert_eq!(found[1][0].outer, [[3, 0], [4, 0], [4, 3], [3, 3]]);
        assert_eq!(found[2][0].outer, [[1, 1], [2, 1], [2, 2], [1, 2]]);
        assert_eq!(ring_area(&found[0][0].outer), 9.0);
        assert_eq!(ring_area(&found[0][0].holes[0]), -1.0);
    }

    #[test]
    fn parts_that_touch_at_a_corner_are_two_polygons() {
        let found = polygons(&map(2, &[0, 1, 1, 0]), 2);
        assert_eq!((found[0].len(), found[1].len()), (2, 2));
        assert_eq!(found[0][0].outer, [[0, 0], [1, 0], [1, 1], [0, 1]]);
    }

    #[test]
    fn holes_that_touch_at_a_corner_are_two_rings() {
        let labels = map(4, &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        let found = polygons(&labels, 1);
        let areas: Vec<f64> = found[0][0]
            .holes
            .iter()
            .map(|ring| ring_area(ring))
            .collect();
        assert_eq!((found[0].len(), areas), (1, vec![-1.0, -1.0]));
        // A bay that is closed at a corner only is a hole.
        let labels = map(3, &[0, 0, 0, 0, 1, 0, 0, 0, 1]);
        let found = polygons(&labels, 1);
        assert_eq!(ring_area(&found[0][0].outer), 8.0);
        assert_eq!(found[0][0].holes.len(), 1);
    }

    #[test]
    fn pixels_of_no_segment_have_no_polygon() {
        let found = polygons(&map(2, &[0, 1, 1, 1]), 1);
        assert_eq!((found.len(), found[0].len()), (1, 1));
    }

    #[test]
    fn polygons_draw_their_label_map_again() {
        let (width, height) = (23, 17);
        let mut state = 7_u32;
        for segments in [1, 2, 3, 5, 9] {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 20) % segments
            };
            let ids: Vec<u32> = (0..width * height).map(|_| next()).collect();
            let labels = map(width, &ids);
            let found = polygons(&labels, segments as usize);
            assert_eq!(drawn(width, height, &found, 99), ids);
            for (id, polygons) in found.iter().enumerate() {
                let rings = polygons.iter().flat_map(|polygon| {
                    assert!(ring_area(&polygon.outer) > 0.0);
                    assert!(polygon.holes.iter().all(|hole| ring_area(hole) < 0.0));
                    std::iter::once(&polygon.outer).chain(&polygon.holes)
                });
                let area: f64 = rings.map(|ring| ring_area(ring)).sum();
                let pixels = ids.iter().filter(|own| **own == id as u32).count();
                assert_eq!(area, pixels as f64);
            }
        }
    }
}
