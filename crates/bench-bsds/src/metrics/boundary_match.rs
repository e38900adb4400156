//! The matching of boundary pixels of two maps.

use super::assignment::{Edge, Graph, assign};
use super::boundary_map::BoundaryMap;
use crate::error::{Error, Result, Size};

/// How far apart two pixels may lie and still be one boundary, as a share of the image's diagonal.
const REACH: f64 = 0.0075;

/// The benchmark's unit of distance is a hundredth of a pixel: it rounds to whole ones.
const UNITS_IN_A_PIXEL: f64 = 100.0;

/// The boundary pixels of two maps, matched one to one.
///
/// ```text
/// reach   r = 0.0075 √(width² + height²)
/// pairs   (p, q): p in one map, q in the other, |p − q| ≤ r, each in one pair at most
///         as many as possible, and among such choices the least Σ |p − q|
/// ```
///
/// # Units
/// Pixels; distances are rounded to hundredths before they are added.
///
/// # Conventions
/// Where several choices are equally short one of them is taken, always the same for the same maps. The number of
/// pairs is the same whichever map comes first.
///
/// # Errors
/// [`Error::SizeMismatch`] for maps of two sizes.
///
/// # Cost
/// O(n r²) for n pixels on boundaries, to find the pixels within reach; the matching takes about as long.
///
/// # Source
/// Martin, Fowlkes, Malik, TPAMI 26(5), 2004, and the benchmark published with Arbeláez, Maire, Fowlkes,
/// Malik, TPAMI 33(5), 2011. There a pixel without partner costs 100 r and may meet only some of the others drawn at
/// random, so that its counts differ from run to run by a few pixels; here it costs more than all distances together.
///
/// ```
/// use bench_bsds::{BoundaryMap, BoundaryMatch};
///
/// # fn main() -> bench_bsds::Result<()> {
/// // 200 pixels wide: a reach of one and a half.
/// let line_at = |at: &[usize]| BoundaryMap::new(200, 1, (0..200).map(|x| at.contains(&x)).collect());
/// let matched = BoundaryMatch::new(&line_at(&[10, 50, 90])?, &line_at(&[11, 52, 90])?)?;
/// assert_eq!(matched.pairs(), [(10, 11), (90, 90)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryMatch {
    pairs: Vec<(usize, usize)>,
}

impl BoundaryMatch {
    /// Matches two maps of one size.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`].
    pub fn new(found: &BoundaryMap, drawn: &BoundaryMap) -> Result<Self> {
        let targets = Targets::new(drawn);
        if found.size() != drawn.size() {
            return Err(Error::SizeMismatch {
                name: "boundary map".to_owned(),
                expected: drawn.size(),
                found: found.size(),
            });
        }
        Ok(targets.matched(&set_pixels(found)))
    }

    /// The pixels of each pair, in the first map and in the second, in the order of the first.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }
}

/// The pixels on a boundary, in order.
pub(super) fn set_pixels(map: &BoundaryMap) -> Vec<usize> {
    let pixels = map.pixels().iter().enumerate();
    pixels
        .filter(|(_, set)| **set)
        .map(|(pixel, _)| pixel)
        .collect()
}

/// A drawn map, ready to be matched with many others.
pub(super) struct Targets {
    size: Size,
    pixels: Vec<usize>,
    /// The place in `pixels` of every pixel of the map in its frame.
    places: Vec<u32>,
    /// Pixels around the map, so that all within reach of a pixel lies in the frame.
    frame: usize,
    disc: Vec<Offset>,
}

/// A step within reach.
struct Offset {
    /// The difference of two positions in the frame.
    step: isize,
    cost: u32,
}

const NOTHING: u32 = u32::MAX;

impl Targets {
    pub(super) fn new(drawn: &BoundaryMap) -> Self {
        let size = drawn.size();
        let reach = REACH * (size.width as f64).hypot(size.height as f64);
        let frame = reach.ceil() as usize;
        let line = size.width + 2 * frame;
        let mut targets = Self {
            size,
            pixels: set_pixels(drawn),
            places: vec![NOTHING; line * (size.height + 2 * frame)],
            frame,
            disc: disc(reach, frame, line),
        };
        for (place, pixel) in targets.pixels.iter().enumerate() {
            let framed = targets.framed(*pixel);
            targets.places[framed] = place as u32;
        }
        targets
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// The number of pixels drawn.
    pub(super) fn count(&self) -> usize {
        self.pixels.len()
    }

    fn framed(&self, pixel: usize) -> usize {
        let Size { width, .. } = self.size;
        let line = width + 2 * self.frame;
        (pixel / width + self.frame) * line + pixel % width + self.frame
    }

    /// Matches the pixels `found` of a map of the same size.
    pub(super) fn matched(&self, found: &[usize]) -> BoundaryMatch {
        let mut graph = Graph::new(self.pixels.len());
        let mut rows = Vec::new();
        let mut edges = Vec::new();
        for pixel in found {
            let framed = self.framed(*pixel);
            edges.clear();
            for offset in &self.disc {
                let column = self.places[framed.wrapping_add_signed(offset.step)];
                if column != NOTHING {
                    edges.push(Edge {
                        column,
                        cost: offset.cost,
                    });
                }
            }
            if !edges.is_empty() {
                graph.push(edges.iter().copied());
                rows.push(*pixel);
            }
        }
        let mut pairs: Vec<_> = assign(&graph)
            .into_iter()
            .map(|(row, column)| (rows[row as usize], self.pixels[column as usize]))
            .collect();
        pairs.sort_unstable();
        BoundaryMatch { pairs }
    }
}

/// All steps of at most `reach` pixels, the shortest first.
fn disc(reach: f64, frame: usize, line: usize) -> Vec<Offset> {
    let (frame, line) = (frame as isize, line as isize);
    let mut disc: Vec<_> = (-frame..=frame)
        .flat_map(|down| (-frame..=frame).map(move |right| (down, right)))
        .filter_map(|(down, right)| {
            let squared = (down * down + right * right) as f64;
            (squared <= reach * reach).then(|| Offset {
                step: down * line + right,
                cost: (UNITS_IN_A_PIXEL * squared.sqrt()).round_ties_even() as u32,
            })
        })
        .collect();
    disc.sort_by_key(|offset| offset.cost);
    disc
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use test_support::refused;

    use super::*;

    const WIDTH: usize = 300;
    const HEIGHT: usize = 120;

    fn map(set: impl IntoIterator<Item = (usize, usize)>) -> BoundaryMap {
        let mut pixels = vec![false; WIDTH * HEIGHT];
        for (x, y) in set {
            pixels[y * WIDTH + x] = true;
        }
        BoundaryMap::new(WIDTH, HEIGHT, pixels).unwrap()
    }

    /// How many pairs, and the sum of their squared distances.
    fn measured(found: &BoundaryMap, drawn: &BoundaryMap) -> (usize, f64) {
        let matched = BoundaryMatch::new(found, drawn).unwrap();
        let distance = |(a, b): &(usize, usize)| {
            let across = (a % WIDTH).abs_diff(b % WIDTH) as f64;
            across.hypot((a / WIDTH).abs_diff(b / WIDTH) as f64)
        };
        let distances = matched.pairs().iter().map(distance);
        (matched.pairs().len(), distances.sum())
    }

    #[test]
    fn pixels_match_within_reach_only() {
        // √(300² + 120²) · 0.0075 = 2.42: (2, 1) is within reach, (2, 2) and (3, 0) are not.
        let origin = map([(5, 5)]);
        assert_eq!(measured(&map([(7, 6)]), &origin), (1, 5.0_f64.sqrt()));
        assert_eq!(measured(&map([(7, 7)]), &origin), (0, 0.0));
        assert_eq!(measured(&map([(8, 5)]), &origin), (0, 0.0));
        // Not across the sides of the picture.
        assert_eq!(measured(&map([(WIDTH - 1, 5)]), &map([(0, 6)])), (0, 0.0));
    }

    #[test]
    fn one_pixel_matches_one_and_a_pair_more_is_worth_any_way() {
        assert_eq!(
            measured(&map([(5, 5), (6, 5), (7, 5)]), &map([(6, 5)])),
            (1, 0.0)
        );
        // 7 could stay where it is, but then 9 and 5 had no partner.
        let (found, drawn) = (map([(7, 5), (9, 5)]), map([(7, 5), (5, 5)]));
        assert_eq!(measured(&found, &drawn), (2, 4.0));
    }

    #[test]
    fn empty_maps_match_nothing() {
        let (empty, line) = (map([]), map((3..90).map(|x| (x, 8))));
        for (a, b) in [(&empty, &line), (&line, &empty), (&empty, &empty)] {
            assert_eq!(measured(a, b), (0, 0.0));
        }
        assert_eq!(measured(&line, &line), (87, 0.0));
        let nothing = BoundaryMap::new(0, 0, vec![]).unwrap();
        assert_eq!(BoundaryMatch::new(&nothing, &nothing).unwrap().pairs(), []);
    }

    #[test]
    fn refuses_two_sizes() {
        let small = BoundaryMap::new(1, 1, vec![true]).unwrap();
        refused! { BoundaryMatch::new(&small, &map([])) => Error::SizeMismatch { .. } }
    }

    #[test]
    fn is_the_same_from_both_sides() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(7);
        for dense in [1, 10, 40] {
            let mut drawn = || {
                let set = (0..WIDTH * HEIGHT).filter(|_| random.random_range(0..100) < dense);
                map(set.map(|at| (at % WIDTH, at / WIDTH)))
            };
            let (a, b) = (drawn(), drawn());
            let ((pairs, distance), (back_pairs, back_distance)) =
                (measured(&a, &b), measured(&b, &a));
            assert_eq!(pairs, back_pairs);
            // Least by hundredths of a pixel: half a hundredth for each pair.
            assert!((distance - back_distance).abs() <= 0.01 * pairs as f64);
        }
    }
}
