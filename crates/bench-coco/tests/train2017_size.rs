//! A file as large as train2017's is read in a stream: the memory it takes, measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use bench_coco::CocoInstances;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const IMAGES: u64 = 118_287;
const ANNOTATIONS: u64 = 860_001;
/// Every hundredth is a crowd with run lengths as numbers, as in train2017.
const CROWD_EVERY: u64 = 100;

/// Polygons of 8 to 42 points in hundredths of a pixel: about 470 bytes an annotation, as in train2017.
fn write(path: &Path) -> std::io::Result<()> {
    let mut random = Pcg64Mcg::seed_from_u64(2017);
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, r#"{{"info": {{"year": 2017}}, "annotations": ["#)?;
    for id in 1..=ANNOTATIONS {
        let comma = if id == 1 { "" } else { ", " };
        write!(file, r#"{comma}{{"segmentation": "#)?;
        let crowd = id % CROWD_EVERY == 0;
        if crowd {
            let mut left = 640 * 480;
            write!(file, r#"{{"counts": ["#)?;
            for _ in 0..400 {
                let count = random.random_range(0..500);
                left -= count;
                write!(file, "{count}, ")?;
            }
            write!(file, r#"{left}], "size": [480, 640]}}"#)?;
        } else {
            let mut comma = "[[";
            for _ in 0..random.random_range(8..43) {
                let x = f64::from(random.random_range(0..64_000)) / 100.0;
                let y = f64::from(random.random_range(0..48_000)) / 100.0;
                write!(file, "{comma}{x}, {y}")?;
                comma = ", ";
            }
            write!(file, "]]")?;
        }
        write!(
            file,
            r#", "area": {}.25, "iscrowd": {}, "image_id": {}, "bbox": [73.14, 1.5, 100.25, 200.75], "category_id": {}, "id": {id}}}"#,
            id % 5000,
            u8::from(crowd),
            id % IMAGES,
            id % 80
        )?;
    }
    write!(file, r#"], "categories": ["#)?;
    for id in 0..80 {
        let comma = if id == 0 { "" } else { ", " };
        write!(
            file,
            r#"{comma}{{"supercategory": "thing", "id": {id}, "name": "class {id}"}}"#
        )?;
    }
    write!(file, r#"], "images": ["#)?;
    for id in 0..IMAGES {
        let comma = if id == 0 { "" } else { ", " };
        write!(
            file,
            r#"{comma}{{"license": 3, "file_name": "{id:012}.jpg", "coco_url": "http://images.cocodataset.org/train2017/{id:012}.jpg", "height": 480, "width": 640, "date_captured": "2013-11-14 11:18:45", "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg", "id": {id}}}"#
        )?;
    }
    write!(file, "]}}")?;
    file.flush()
}

/// The most memory this process ever held, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024.0 / 1e6
}

#[test]
#[ignore = "writes 450 MB: cargo test -p bench-coco --release --test train2017_size -- --ignored --nocapture"]
fn is_read_within_a_gigabyte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instances_train2017.json");
    write(&path).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len() as f64 / 1e6;
    let before = peak();
    let start = Instant::now();
    let instances = CocoInstances::read(&path).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(instances.annotations().len() as u64, ANNOTATIONS);
    assert_eq!(instances.images().len() as u64, IMAGES);
    eprintln!(
        "{bytes:.0} MB of JSON: {seconds:.1} s, peak {:.0} MB (before: {before:.0} MB)",
        peak()
    );
    assert!(peak() < 1000.0);
}
