//! Truths of BSDS300: lines of numbers.

#![no_main]

use std::path::Path;

use bench_bsds::decode_seg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_seg(Path::new("fuzz.seg"), bytes);
});
