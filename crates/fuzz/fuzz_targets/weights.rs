//! The loader of weights: any description of a network, over tensors that are there.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use models::{DeepNcuts, RegionClassifier};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// The network that is embedded in the binary: its trunk's tensors are there for any description.
const EMBEDDED: &[u8] = include_bytes!("../../matbackprop/weights/ncuts_lite0_f16.safetensors");

fuzz_target!(|description: &str| {
    let small = small(description);
    let _ = RegionClassifier::from_bytes("fuzz", small.clone());
    let loaded = DeepNcuts::from_bytes("fuzz", small);
    let loaded = loaded.map(drop).map_err(|error| error.to_string());
    // The description of a network, on a trunk that the small file lacks.
    if loaded.is_err_and(|error| error.contains("expected a tensor")) {
        static WHOLE: OnceLock<SafeTensors<'_>> = OnceLock::new();
        let whole = WHOLE.get_or_init(|| SafeTensors::deserialize(EMBEDDED).unwrap());
        let bytes = file(whole.tensors(), description);
        let _ = RegionClassifier::from_bytes("fuzz", bytes.clone());
        let _ = DeepNcuts::from_bytes("fuzz", bytes);
    }
});

/// The classifier of a network without a trunk: two descriptors' numbers, two classes.
fn small(description: &str) -> Vec<u8> {
    let zeros = [0; 64];
    let names = [
        ("classifier.0.weight", vec![2, 3, 1, 1]),
        ("classifier.0.bias", vec![2]),
        ("standard.centre", vec![3]),
        ("standard.spread", vec![1]),
    ];
    let tensors = names.map(|(name, shape)| {
        let bytes = 4 * shape.iter().product::<usize>();
        let view = TensorView::new(Dtype::F32, shape, &zeros[..bytes]).unwrap();
        (name.to_owned(), view)
    });
    file(tensors.into(), description)
}

fn file(tensors: Vec<(String, TensorView<'_>)>, description: &str) -> Vec<u8> {
    let metadata = [("matbackprop".to_owned(), description.to_owned())];
    safetensors::serialize(tensors, Some(metadata.into())).unwrap()
}
