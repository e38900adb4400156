//! Label maps in PNG files.

#![no_main]

use std::io::Cursor;
use std::path::Path;

use bench_bsds::decode_label_png;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(map) = decode_label_png(Path::new("fuzz.png"), Cursor::new(bytes)) {
        assert_eq!(map.ids().len(), map.width() * map.height());
    }
});
