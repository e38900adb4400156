//! Outlines and run lengths, drawn on images of every size.

#![no_main]

use bench_coco::{Annotation, ImageRecord, Points, Shape, Size};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Drawn {
    Outline(Vec<Vec<f64>>),
    SmallOutline(Vec<Vec<i16>>),
    Letters(String),
    Runs(Vec<u32>),
}

#[derive(Arbitrary, Debug)]
struct Input {
    /// The image's size; small ones are drawn on, any other must be refused or be bounded by the shape.
    width: u32,
    height: u32,
    small: bool,
    /// The bitmap's own size, where it is not the image's.
    other: Option<(u32, u32)>,
    drawn: Drawn,
}

fuzz_target!(|input: Input| {
    let mut size = Size {
        width: input.width,
        height: input.height,
    };
    if input.small {
        size = Size {
            width: size.width % 64,
            height: size.height % 64,
        };
    }
    let own = input
        .other
        .map_or(size, |(width, height)| Size { width, height });
    let outline = |pieces: Vec<Vec<f64>>| {
        let ends = pieces.iter().scan(0, |end, piece| {
            *end += piece.len() as u32;
            Some(*end)
        });
        Shape::Polygons {
            ends: ends.collect(),
            points: Points::new(&pieces.concat()),
        }
    };
    let shape = match input.drawn {
        Drawn::Outline(pieces) => outline(pieces),
        Drawn::SmallOutline(pieces) => {
            let piece = |piece: Vec<i16>| piece.iter().map(|at| f64::from(*at) / 100.0).collect();
            outline(pieces.into_iter().map(piece).collect())
        }
        Drawn::Letters(text) => Shape::Compressed {
            size: own,
            text: text.into(),
        },
        Drawn::Runs(counts) => Shape::Runs {
            size: own,
            counts: counts.into(),
        },
    };
    let image = ImageRecord {
        id: 1.into(),
        file_name: "1.jpg".into(),
        size,
    };
    let annotation = Annotation {
        id: 1.into(),
        image: 0,
        category: 0,
        area: 1.0,
        bbox: [0.0; 4],
        crowd: false,
        shape,
    };
    let Ok(area) = annotation.mask_area(&image) else {
        return;
    };
    // A bitmap takes a byte a pixel, as it says.
    if u64::from(size.width) * u64::from(size.height) < 1 << 20 {
        let mask = annotation.mask(&image).expect("runs that were counted");
        assert_eq!(mask.area() as u64, area);
    }
});
