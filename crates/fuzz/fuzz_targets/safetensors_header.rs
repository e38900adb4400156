//! Headers of safetensors files: as they are, and under a length that is right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use models::{DeepNcuts, RegionClassifier};

fuzz_target!(|bytes: &[u8]| {
    read(bytes.to_vec());
    // Header and data, apart at the first zero byte.
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    read([&(length as u64).to_le_bytes(), bytes].concat());
});

fn read(bytes: Vec<u8>) {
    let _ = DeepNcuts::from_bytes("fuzz", bytes.clone());
    let _ = RegionClassifier::from_bytes("fuzz", bytes);
}
