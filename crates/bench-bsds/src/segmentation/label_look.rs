//! Whether label maps are label maps, or pictures that were given in their place.

use segmentation::{LabelMap, connected_components};
use serde::{Deserialize, Serialize};

use super::pool::Pool;

/// Maps of ids by what they look like, for a judgement of whether they can be meant.
///
/// Any picture is a map of ids: a photograph, or a soft boundary map, is measured without an error, and its numbers
/// mean nothing. Each of these has a sign that segments do not have:
///
/// ```text
/// colours, greys   more than 64 ids; 4 of 5 pieces have at most 4 pixels; few ids have one piece that is most of it
/// boundaries       all but the most frequent id is thin, and as long as the picture
/// lines            of three and more ids, one that is thin lies between all others
/// ```
///
/// Thin is what holds almost no square of about a 70th of the longer side. Maps of fewer than 400 pixels look like
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelLook {
    /// Maps.
    pub maps: u64,
    /// Those that look like pictures in colour.
    pub colours: u64,
    /// Those that look like grey photographs, or soft boundary maps.
    pub greys: u64,
    /// Those that look like boundary maps: lines on one id.
    pub boundaries: u64,
    /// Label maps with lines between the segments, whose id is a segment of its own.
    pub lines: u64,
}

/// Fewer pixels than this show nothing.
const LEAST_PIXELS: usize = 400;
/// Programs that give pixels to a few clusters, and do not join them, make many small pieces too.
const FEW_IDS: usize = 64;
/// The most pixels of a tiny piece.
const TINY: u32 = 4;
/// The pixels of a piece that may be a segment.
const A_SEGMENT: u32 = 16;

impl LabelLook {
    /// At the label maps of a pool; `None` for cuts of a contour map.
    pub fn at(pool: &Pool) -> Option<Self> {
        if pool.pieces().is_some() {
            return None;
        }
        // Id 0 is no segment there: lines between the others are as they should be.
        let zero_is_a_segment = !pool.zero_is_unlabelled();
        Some(Self::at_maps(pool.maps(), zero_is_a_segment))
    }

    /// At these maps; `zero_is_a_segment` where lines of id 0 between the segments count.
    pub fn at_maps<'a>(
        maps: impl IntoIterator<Item = &'a LabelMap>,
        zero_is_a_segment: bool,
    ) -> Self {
        let mut look = Self::default();
        for map in maps {
            look.maps += 1;
            match Likeness::of(map) {
                Some(Likeness::Colours) => look.colours += 1,
                Some(Likeness::Greys) => look.greys += 1,
                Some(Likeness::Boundaries) => look.boundaries += 1,
                Some(Likeness::Lines(id)) if id > 0 || zero_is_a_segment => look.lines += 1,
                _ => {}
            }
        }
        look
    }

    /// Adds another look.
    pub fn add(&mut self, other: &Self) {
        self.maps += other.maps;
        self.colours += other.colours;
        self.greys += other.greys;
        self.boundaries += other.boundaries;
        self.lines += other.lines;
    }
}

/// What a map looks like that is no label map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Colours,
    Greys,
    Boundaries,
    /// Lines of this id between segments.
    Lines(u32),
}

impl Likeness {
    /// `None` for a map as it should be.
    fn of(map: &LabelMap) -> Option<Self> {
        if map.ids().len() < LEAST_PIXELS {
            return None;
        }
        let (compacted, count) = map.compacted();
        let ids = compacted.ids();
        let mut pixels = vec![0_usize; count];
        ids.iter().for_each(|id| pixels[*id as usize] += 1);
        let most = (0..count).max_by_key(|id| pixels[*id])?;
        let on_it: Vec<bool> = ids.iter().map(|id| *id as usize != most).collect();
        if is_thin(&on_it, map.width(), map.height()) {
            return Some(Self::Boundaries);
        }
        if count > FEW_IDS && is_picture(&compacted, &pixels) {
            return Some(match map.ids().iter().all(|id| is_grey(*id)) {
                true => Self::Greys,
                false => Self::Colours,
            });
        }
        let between = between(&compacted, count).filter(|_| count > 2)?;
        let on_it: Vec<bool> = ids.iter().map(|id| *id == between).collect();
        let place = on_it.iter().position(|on_it| *on_it)?;
        is_thin(&on_it, map.width(), map.height()).then(|| Self::Lines(map.ids()[place]))
    }
}

/// Whether an id is a grey level of 8 or 16 bits, or three or four bytes of a grey colour.
fn is_grey(id: u32) -> bool {
    let [high, red, green, blue] = id.to_be_bytes();
    id < 1 << 16 || (red == green && green == blue) || (high == red && red == green && blue == 255)
}

/// Whether most pieces are tiny, and ids are spread over many of them; ids count from 0, each of so many `pixels`.
fn is_picture(map: &LabelMap, pixels: &[usize]) -> bool {
    let (pieces, count) = connected_components(map);
    let mut sizes = vec![0_u32; count];
    let mut id_of_piece = vec![0_u32; count];
    for (piece, id) in pieces.ids().iter().zip(map.ids()) {
        sizes[*piece as usize] += 1;
        id_of_piece[*piece as usize] = *id;
    }
    let tiny = sizes.iter().filter(|size| **size <= TINY).count();
    let whole = sizes
        .iter()
        .zip(&id_of_piece)
        .filter(|(size, id)| **size >= A_SEGMENT && 2 * **size as usize >= pixels[**id as usize]);
    100 * count >= pieces.ids().len() && 5 * tiny >= 4 * count && 2 * whole.count() <= pixels.len()
}

/// The id that is met at nine of ten places where two ids meet.
fn between(map: &LabelMap, count: usize) -> Option<u32> {
    let (width, ids) = (map.width(), map.ids());
    let mut met = vec![0_usize; count];
    let mut all = 0;
    let mut meet = |one: u32, other: u32| {
        if one != other {
            all += 1;
            met[one as usize] += 1;
            met[other as usize] += 1;
        }
    };
    for (place, id) in ids.iter().enumerate() {
        if (place + 1) % width != 0 {
            meet(*id, ids[place + 1]);
        }
        if let Some(below) = ids.get(place + width) {
            meet(*id, *below);
        }
    }
    let most = (0..count).max_by_key(|id| met[*id])?;
    (all > 0 && 10 * met[most] >= 9 * all).then_some(most as u32)
}

/// Whether the pixels that are set are lines: together at least as long as the picture, with almost no square of them.
fn is_thin(set: &[bool], width: usize, height: usize) -> bool {
    let longest = width.max(height);
    let count = set.iter().filter(|set| **set).count();
    if count < longest {
        return false;
    }
    let side = 2 * (longest / 150).max(2) + 1;
    50 * squares(set, width, side) <= count
}

/// How many squares of `side` pixels lie in those that are set.
fn squares(set: &[bool], width: usize, side: usize) -> usize {
    // Rows, up to this one, whose run of pixels that ends in a column is long enough.
    let mut rows = vec![0; width];
    let mut count = 0;
    for row in set.chunks_exact(width) {
        let mut run = 0;
        for (set, rows) in row.iter().zip(&mut rows) {
            run = if *set { run + 1 } else { 0 };
            *rows = if run >= side { *rows + 1 } else { 0 };
            count += usize::from(*rows >= side);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::Level;

    const WIDTH: usize = 90;
    const HEIGHT: usize = 60;

    fn map(id: impl Fn(usize, usize) -> u32) -> LabelMap {
        let ids = (0..WIDTH * HEIGHT).map(|place| id(place % WIDTH, place / WIDTH));
        LabelMap::new(WIDTH, HEIGHT, ids.collect()).unwrap()
    }

    /// Noise from 0 to 255 that is the same each time.
    fn noise(x: usize, y: usize) -> u32 {
        let mixed = (x as u32).wrapping_mul(1_103_515_245) ^ (y as u32).wrapping_mul(747_796_405);
        (mixed ^ mixed >> 13).wrapping_mul(2_654_435_761) >> 24
    }

    #[test]
    fn pictures_and_boundary_maps_are_known_by_their_signs() {
        use Likeness::{Boundaries, Colours, Greys, Lines};
        let line = |x: usize, y: usize| y == 20 || x == 30 || x == y;
        let grey = |x, y| (x as u32 + noise(x, y) / 4).min(255);
        for (name, map, likeness) in [
            ("a grey photograph", map(grey), Greys),
            (
                "grey as three bytes",
                map(|x, y| grey(x, y) * 0x01_01_01),
                Greys,
            ),
            (
                "grey and opaque",
                map(|x, y| grey(x, y) * 0x01_01_01_00 + 255),
                Greys,
            ),
            (
                "a photograph",
                map(|x, y| grey(x, y) << 16 | noise(y, x) << 8 | 7),
                Colours,
            ),
            (
                "boundaries",
                map(|x, y| 255 * u32::from(line(x, y))),
                Boundaries,
            ),
            (
                "the same on white",
                map(|x, y| 255 * u32::from(!line(x, y))),
                Boundaries,
            ),
            (
                "soft ones",
                map(|x, y| u32::from(line(x, y)) * noise(x, y)),
                Boundaries,
            ),
            (
                "wide ones",
                map(|x, y| u32::from((20..24).contains(&y) || x / 4 == 9)),
                Boundaries,
            ),
            (
                "a watershed",
                map(|x, y| {
                    if x % 15 == 7 || y % 15 == 7 {
                        0
                    } else {
                        ((x + 7) / 15 + (y + 7) / 15 * 7) as u32 + 1
                    }
                }),
                Lines(0),
            ),
            (
                "a void rim",
                map(|x, y| {
                    if line(x, y) {
                        255
                    } else {
                        u32::from(x > 30) + u32::from(y > 20)
                    }
                }),
                Lines(255),
            ),
        ] {
            assert_eq!(Likeness::of(&map), Some(likeness), "{name}");
        }
    }

    #[test]
    fn label_maps_are_label_maps() {
        for (name, map) in [
            ("one segment", map(|_, _| 7)),
            (
                "figure and ground",
                map(|x, y| u32::from(x.abs_diff(40).pow(2) + y.abs_diff(30).pow(2) < 200)),
            ),
            (
                "a small figure",
                map(|x, y| u32::from(x / 4 == 9 && y / 4 == 9)),
            ),
            ("halves", map(|x, _| u32::from(x < 45))),
            ("stripes of 6", map(|_, y| (y / 6) as u32)),
            ("superpixels", map(|x, y| (x / 6 + y / 6 * 15) as u32)),
            (
                "ragged ones",
                map(|x, y| match noise(x, y) {
                    0..40 => noise(y, x),
                    _ => (x / 6 + y / 6 * 15) as u32,
                }),
            ),
            ("a few clusters", map(|x, y| noise(x, y) / 8)),
            (
                "panoptic colours",
                map(|x, y| (x as u32 / 18 * 77_003 + y as u32 / 15 * 1_300_021) % (1 << 24)),
            ),
            (
                "figure on a thin rest",
                map(|x, y| u32::from(x > 3) + u32::from(x > 50 && y > 9)),
            ),
        ] {
            assert_eq!(Likeness::of(&map), None, "{name}");
        }
        let tiny = LabelMap::new(19, 21, (0..399).collect()).unwrap();
        assert_eq!(Likeness::of(&tiny), None);
    }

    #[test]
    fn lines_of_id_0_are_as_they_should_be_where_0_is_no_segment() {
        let cell = |x: usize, y: usize| ((x + 7) / 15 + (y + 7) / 15 * 7) as u32 + 1;
        let line = |x, y| x % 15 == 7 || y % 15 == 7;
        let watershed = map(|x, y| if line(x, y) { 0 } else { cell(x, y) });
        let lines = map(|x, y| u32::from(x == 30 || y == 9));
        let pool = Pool::from(vec![(Level::Place(1), watershed), (Level::Place(2), lines)]);
        let mut look = LabelLook::at(&pool).unwrap();
        assert_eq!((look.maps, look.lines, look.boundaries), (2, 1, 1));
        let unlabelled = LabelLook::at(&pool.with_zero_unlabelled()).unwrap();
        assert_eq!((unlabelled.lines, unlabelled.boundaries), (0, 1));
        look.add(&unlabelled);
        assert_eq!((look.maps, look.lines, look.boundaries), (4, 1, 2));
    }

    #[test]
    fn squares_by_hand() {
        let set = [
            false, true, true, true, //
            true, true, true, true, //
            true, true, true, true,
        ];
        assert_eq!(
            [1, 2, 3, 4].map(|side| squares(&set, 4, side)),
            [11, 5, 1, 0]
        );
    }
}
