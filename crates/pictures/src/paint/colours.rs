//! A colour for every segment, neighbours far apart.

use std::collections::HashSet;

use image::{Rgb, RgbImage};
use segmentation::LabelMap;

/// Colours looked at for a segment that has coloured neighbours.
const CANDIDATES: usize = 24;

/// Tries before two segments may share a colour: only maps of many thousands come so far.
const TRIES: usize = 64;

/// The segments of a label map as areas of one colour each.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let labels = segmentation::LabelMap::new(2, 1, vec![0, 1])?;
/// let picture = pictures::paint_segments(&labels);
/// assert_ne!(picture.get_pixel(0, 0), picture.get_pixel(1, 0));
/// # Ok(())
/// # }
/// ```
pub fn paint_segments(labels: &LabelMap) -> RgbImage {
    let (compacted, _) = labels.compacted();
    let colours = segment_colours(labels);
    let width = compacted.width();
    RgbImage::from_fn(width as u32, compacted.height() as u32, |x, y| {
        colours[compacted.ids()[y as usize * width + x as usize] as usize]
    })
}

/// Colours of the segments, in the order of their first appearance.
///
/// ```text
/// candidate j   hue and lightness from a sequence that fills the square evenly, in OKLCH
/// segment       from the largest down: among the next candidates, the one whose nearest neighbour's colour is farthest
/// ```
///
/// # Conventions
/// The same map has the same colours always; the colours depend on shapes, not on ids.
///
/// # Source
/// Ottosson, 2020 (OKLab); Roberts, 2018 (the R₂ sequence).
pub fn segment_colours(labels: &LabelMap) -> Vec<Rgb<u8>> {
    let (compacted, segments) = labels.compacted();
    let (areas, neighbours) = areas_and_neighbours(&compacted, segments);
    let mut order: Vec<usize> = (0..segments).collect();
    order.sort_by_key(|segment| std::cmp::Reverse(areas[*segment]));
    let mut waiting: Vec<Colour> = Vec::new();
    let mut next = 0;
    let mut used = HashSet::new();
    let mut colours: Vec<Option<Colour>> = vec![None; segments];
    for segment in order {
        while waiting.len() < CANDIDATES {
            let mut colour = Colour::candidate(next);
            for _ in 0..TRIES {
                next += 1;
                if used.insert(colour.rgb) {
                    break;
                }
                colour = Colour::candidate(next);
            }
            waiting.push(colour);
        }
        let beside: Vec<Colour> = neighbours[segment]
            .iter()
            .filter_map(|other| colours[*other as usize])
            .collect();
        let nearest = |colour: &Colour| {
            beside
                .iter()
                .map(|other| colour.distance(other))
                .fold(f32::INFINITY, f32::min)
        };
        let mut best = 0;
        for place in 1..waiting.len() {
            if nearest(&waiting[place]) > nearest(&waiting[best]) {
                best = place;
            }
        }
        colours[segment] = Some(waiting.remove(best));
    }
    colours
        .into_iter()
        .flatten()
        .map(|colour| Rgb(colour.rgb))
        .collect()
}

/// Pixels of every segment, and the segments that share an edge with it.
fn areas_and_neighbours(labels: &LabelMap, segments: usize) -> (Vec<usize>, Vec<Vec<u32>>) {
    let (width, ids) = (labels.width(), labels.ids());
    let mut areas = vec![0; segments];
    let mut pairs = HashSet::new();
    let mut last = (0, 0);
    for (place, id) in ids.iter().enumerate() {
        areas[*id as usize] += 1;
        let right = if (place + 1) % width == 0 {
            None
        } else {
            ids.get(place + 1)
        };
        for other in [right, ids.get(place + width)].into_iter().flatten() {
            let pair = (*id.min(other), *id.max(other));
            // The same two segments meet at many pixels in a row.
            if id != other && pair != last {
                pairs.insert(pair);
                last = pair;
            }
        }
    }
    let mut neighbours = vec![Vec::new(); segments];
    for (a, b) in pairs {
        neighbours[a as usize].push(b);
        neighbours[b as usize].push(a);
    }
    (areas, neighbours)
}

/// A colour, and where it lies in OKLab.
#[derive(Clone, Copy, Debug)]
struct Colour {
    lab: [f32; 3],
    rgb: [u8; 3],
}

impl Colour {
    /// Colour `j` of the sequence.
    fn candidate(j: usize) -> Self {
        let j = j as f64;
        let lightness = 0.48 + 0.40 * (0.5 + j * 0.754_877_666_246_693).fract();
        let hue = (0.07 + j * 0.569_840_290_998_053).fract() * std::f64::consts::TAU;
        // As much colour as the screen has at this lightness and hue, but not garish.
        let mut chroma = 0.15;
        loop {
            let lab = [lightness, chroma * hue.cos(), chroma * hue.sin()];
            let linear = linear_from_oklab(lab);
            if chroma <= 0.0 || linear.iter().all(|part| (0.0..=1.0).contains(part)) {
                return Self {
                    lab: lab.map(|part| part as f32),
                    rgb: linear.map(srgb_from_linear),
                };
            }
            chroma -= 0.005;
        }
    }

    fn distance(&self, other: &Self) -> f32 {
        self.lab
            .iter()
            .zip(other.lab)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f32>()
            .sqrt()
    }
}

/// Linear red, green and blue of an OKLab colour.
fn linear_from_oklab([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// A byte of sRGB.
fn srgb_from_linear(linear: f64) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let value = if linear <= 0.003_130_8 {
        12.92 * linear
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    };
    (255.0 * value).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// A board of `side × side` squares of 4 × 4 pixels, a segment each.
    fn board(side: usize) -> LabelMap {
        let width = 4 * side;
        let ids = (0..width * width)
            .map(|place| (place / width / 4 * side + place % width / 4) as u32)
            .collect();
        LabelMap::new(width, width, ids).unwrap()
    }

    #[test]
    fn white_black_and_red_by_hand() {
        assert_eq!(
            linear_from_oklab([1.0, 0.0, 0.0]).map(srgb_from_linear),
            [255; 3]
        );
        assert_eq!(
            linear_from_oklab([0.0, 0.0, 0.0]).map(srgb_from_linear),
            [0; 3]
        );
        // Pure red in OKLab.
        let red = linear_from_oklab([0.627_955, 0.224_863, 0.125_846]).map(srgb_from_linear);
        assert_eq!(red, [255, 0, 0]);
    }

    #[test]
    fn every_segment_has_its_own_colour_and_neighbours_are_far_apart() {
        let labels = board(12);
        let colours = segment_colours(&labels);
        assert_eq!(colours.iter().collect::<HashSet<_>>().len(), 144);
        let lab: HashMap<[u8; 3], Colour> = (0..2000)
            .map(Colour::candidate)
            .map(|colour| (colour.rgb, colour))
            .collect();
        let (_, neighbours) = areas_and_neighbours(&labels, 144);
        for (segment, beside) in neighbours.iter().enumerate() {
            for other in beside {
                let distance = lab[&colours[segment].0].distance(&lab[&colours[*other as usize].0]);
                assert!(distance > 0.1, "{segment} and {other}: {distance}");
            }
        }
    }

    #[test]
    fn colours_do_not_depend_on_ids() {
        let labels = board(5);
        let renamed = labels
            .ids()
            .iter()
            .map(|id| 1_000_003 * (id + 1) % 7919)
            .collect();
        let renamed = LabelMap::new(labels.width(), labels.height(), renamed).unwrap();
        assert_eq!(paint_segments(&labels), paint_segments(&renamed));
    }

    #[test]
    fn thousands_of_segments_end_in_thousands_of_colours() {
        let labels = LabelMap::new(70_000, 1, (0..70_000).collect()).unwrap();
        let colours = segment_colours(&labels);
        assert_eq!(colours.len(), 70_000);
        assert!(colours.iter().collect::<HashSet<_>>().len() > 20_000);
    }

    #[test]
    fn one_pixel_is_one_colour() {
        let labels = LabelMap::new(1, 1, vec![9]).unwrap();
        assert_eq!(paint_segments(&labels).dimensions(), (1, 1));
    }
}
