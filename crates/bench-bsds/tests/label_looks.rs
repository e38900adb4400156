//! What maps of ids look like: those of the data set as label maps, its photographs and contour maps as pictures.
//!
//! Protects the notes on `--segs`: none where segments are measured, one where a picture is.

use bench_bsds::{BoundaryMap, BsdsDataset, LabelLook, Split};
use image::{GrayImage, Luma, RgbImage};
use segmentation::{LabelMap, merge_small_pieces, superpixels};
use test_support::{data_folder, needs};

fn looks(maps: &[LabelMap]) -> LabelLook {
    LabelLook::at_maps(maps, true)
}

fn none(maps: &[LabelMap]) -> LabelLook {
    LabelLook {
        maps: maps.len() as u64,
        ..LabelLook::default()
    }
}

fn of_colours(picture: &RgbImage) -> LabelMap {
    let ids = picture.pixels().map(|pixel| {
        let [red, green, blue] = pixel.0;
        u32::from_be_bytes([0, red, green, blue])
    });
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    LabelMap::new(width, height, ids.collect()).unwrap()
}

fn of_greys(picture: &GrayImage) -> LabelMap {
    let ids = picture.pixels().map(|pixel| u32::from(pixel.0[0]));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    LabelMap::new(width, height, ids.collect()).unwrap()
}

/// A colour a segment.
fn painted(map: &LabelMap) -> RgbImage {
    RgbImage::from_fn(map.width() as u32, map.height() as u32, |x, y| {
        let mixed = map.at(x as usize, y as usize).wrapping_mul(0x9e37_79b1);
        let [_, red, green, blue] = mixed.to_be_bytes();
        image::Rgb([red, green, blue])
    })
}

/// 1 between segments.
fn drawn(map: &LabelMap) -> LabelMap {
    let boundaries = BoundaryMap::between_segments(map);
    let ids = boundaries.pixels().iter().map(|set| u32::from(*set));
    LabelMap::new(map.width(), map.height(), ids.collect()).unwrap()
}

#[test]
#[needs("bsds500")]
fn segments_of_every_size_look_like_label_maps() {
    let dataset = BsdsDataset::open(data_folder("bsds500"), Split::Val).unwrap();
    for index in 0..dataset.len() {
        let id = &dataset.ids()[index];
        let truths = dataset.annotations(index).unwrap();
        assert_eq!(looks(&truths), none(&truths), "{id}");
        let one_and_the_rest = truths.iter().map(|map| {
            let ids = map.ids().iter().map(|id| u32::from(*id == 1));
            LabelMap::new(map.width(), map.height(), ids.collect()).unwrap()
        });
        let one_and_the_rest: Vec<_> = one_and_the_rest.collect();
        assert_eq!(looks(&one_and_the_rest), none(&one_and_the_rest), "{id}");
        if index % 10 > 0 {
            continue;
        }
        let photograph = dataset.image(index).unwrap();
        let (width, height) = (photograph.width() as usize, photograph.height() as usize);
        let many = [200, 2000, 8000].map(|count| {
            superpixels(photograph.as_raw(), width, height, count)
                .unwrap()
                .0
        });
        assert_eq!(looks(&many), none(&many), "{id}");
        let colours = painted(&many[1]);
        let colours = [of_colours(&colours)];
        assert_eq!(looks(&colours), none(&colours), "{id}");
        // Colours in few clusters that are not joined, and the pieces of them.
        let clusters = photograph.pixels().map(|pixel| {
            let [red, green, blue] = pixel.0.map(|level| u32::from(level) / 64);
            red * 16 + green * 4 + blue
        });
        let clusters = LabelMap::new(width, height, clusters.collect()).unwrap();
        let merged = merge_small_pieces(&clusters, 10).0;
        let both = [clusters, merged];
        assert_eq!(looks(&both), none(&both), "{id}");
    }
}

#[test]
#[needs("bsds500")]
fn photographs_and_drawings_do_not() {
    let dataset = BsdsDataset::open(data_folder("bsds500"), Split::Val).unwrap();
    for index in (0..dataset.len()).step_by(5) {
        let id = &dataset.ids()[index];
        let photograph = dataset.image(index).unwrap();
        let grey = image::DynamicImage::from(photograph.clone()).to_luma8();
        let truths = dataset.annotations(index).unwrap();
        // Smoothed, and made smaller.
        let colours = painted(&truths[0]);
        let smooth = image::imageops::blur(&colours, 1.5);
        let filter = image::imageops::FilterType::Triangle;
        let small = image::imageops::resize(&colours, 160, 160, filter);
        let pictures = [&photograph, &smooth, &small].map(of_colours);
        let mut maps = pictures.to_vec();
        maps.push(of_greys(&grey));
        maps.extend(truths.iter().map(drawn));
        let expected = LabelLook {
            colours: 3,
            greys: 1,
            boundaries: truths.len() as u64,
            ..none(&maps)
        };
        assert_eq!(looks(&maps), expected, "{id}");
    }
}

#[test]
#[needs("bsds-bench-fixture")]
fn soft_boundary_maps_do_not() {
    let folder = data_folder("bsds-bench-fixture").join("png");
    let (mut thin, mut dense, mut wide) = (Vec::new(), Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let soft = image::open(entry.unwrap().path()).unwrap().to_luma8();
        let blurred = image::imageops::blur(&soft, 2.0);
        let lines = GrayImage::from_fn(soft.width(), soft.height(), |x, y| {
            Luma([u8::from(blurred.get_pixel(x, y).0[0] > 20)])
        });
        thin.push(of_greys(&soft));
        dense.push(of_greys(&blurred));
        wide.push(of_greys(&lines));
    }
    assert_eq!(looks(&thin).boundaries, 5);
    assert_eq!(looks(&dense).greys, 5);
    // Where lines of one strength run together they are areas.
    assert_eq!(looks(&wide).boundaries, 4);
}
