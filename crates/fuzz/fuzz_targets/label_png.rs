//! Label maps in PNG files.

#![no_main]

use std::io::Cursor;
use std::path::Path;

use bench_bsds::decode_label_png;
use libfuzzer_sys::fuzz_target;

/// Pixels that the target's bounds on memory allow; the reader's own budget is larger.
const MOST_PIXELS: u64 = 4 << 20;

fuzz_target!(|bytes: &[u8]| {
    if let Some([a, b, c, d, e, f, g, h]) = bytes.get(16..).and_then(|rest| rest.first_chunk()) {
        let (width, height) = (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]));
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return;
        }
    }
    if let Ok(map) = decode_label_png(Path::new("fuzz.png"), Cursor::new(bytes)) {
        assert_eq!(map.ids().len(), map.width() * map.height());
    }
});
