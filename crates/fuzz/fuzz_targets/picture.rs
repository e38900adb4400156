//! Photographs in any kind of file, whole and damaged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pictures::{MemoryBudget, PictureFile, ReadOptions};

fuzz_target!(|bytes: &[u8]| {
    for lenient in [false, true] {
        let options = ReadOptions {
            memory: MemoryBudget::of_bytes(64 << 20),
            lenient,
            bytes_to_come: Some(18),
        };
        let Ok(file) = PictureFile::from_bytes_with("fuzz", bytes, options) else {
            return;
        };
        let size = file.size();
        if let Ok(photograph) = file.photograph() {
            assert_eq!(photograph.file_size, size);
        }
    }
});
