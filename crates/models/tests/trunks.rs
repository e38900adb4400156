//! The trunks against PyTorch, on a synthetic image: `reference/trunks.py` made the numbers.

use std::path::{Path, PathBuf};

use image::RgbImage;
use models::{AlexnetLayout, CutArchitecture, DeepNcuts, Error, TapLayer, TrunkKind, TrunkWeights};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use test_support::{data_folder, needs, refused};

fn photograph() -> RgbImage {
    RgbImage::from_fn(101, 75, |x, y| {
        let planes = [x * 7 + y * 3, x * y, x * x / 5 + 11 * y];
        image::Rgb(planes.map(|value| (value % 256) as u8))
    })
}

fn architecture(trunk: TrunkKind, layer: &str) -> CutArchitecture {
    let tap = TapLayer {
        layer: layer.into(),
        scale: 1.0,
    };
    CutArchitecture {
        taps: vec![tap],
        ..CutArchitecture::new(trunk, None)
    }
}

/// Features of one layer against the stored ones; `tolerance` is a fraction of their RMS.
fn compare(trunk: TrunkKind, weights: &Path, tolerance: f64) {
    let text = include_str!("reference/trunks.json");
    let reference: serde_json::Value = serde_json::from_str(text).unwrap();
    let layers = reference[trunk.name()].as_object().unwrap();
    for (layer, expected) in layers {
        let network =
            DeepNcuts::new(architecture(trunk, layer), &TrunkWeights::File(weights), 1).unwrap();
        let maps = network.trunk_features(&photograph()).unwrap();
        let shape = [maps.channels(), maps.height(), maps.width()];
        assert_eq!(serde_json::json!(shape), expected["shape"], "{layer}");
        let rms = expected["rms"].as_f64().unwrap();
        let values = expected["values"].as_array().unwrap();
        for (place, value) in expected["places"].as_array().unwrap().iter().zip(values) {
            let found = f64::from(maps.values()[place.as_u64().unwrap() as usize]);
            let value = value.as_f64().unwrap();
            let close = (found - value).abs() <= tolerance * rms;
            assert!(
                close,
                "{} {layer}[{place}]: {found}, PyTorch {value}",
                trunk.name()
            );
        }
    }
}

#[needs("weights")]
#[test]
fn vgg16_agrees_with_pytorch() {
    // Thirteen layers of f32 sums in another order.
    compare(
        TrunkKind::Vgg16,
        &data_folder("weights").join("vgg16_features_f16.safetensors"),
        1e-4,
    );
}

#[needs("weights")]
#[test]
fn lite0_with_its_normalisations_folded_agrees_with_pytorch() {
    compare(
        TrunkKind::Lite0,
        &data_folder("weights").join("efficientnet_lite0_f16.safetensors"),
        1e-4,
    );
}

/// torchvision's names and shapes, numbers from the script's formula.
fn alexnet_file(layout: AlexnetLayout, folder: &Path) -> PathBuf {
    let original = layout == AlexnetLayout::Original;
    let shapes = if original {
        [
            [96, 3, 11, 11],
            [256, 48, 5, 5],
            [384, 256, 3, 3],
            [384, 192, 3, 3],
            [256, 192, 3, 3],
        ]
    } else {
        [
            [64, 3, 11, 11],
            [192, 64, 5, 5],
            [384, 192, 3, 3],
            [256, 384, 3, 3],
            [256, 256, 3, 3],
        ]
    };
    let mut tensors = Vec::new();
    for (index, (module, shape)) in [0, 3, 6, 8, 10].into_iter().zip(shapes).enumerate() {
        let fan = (shape[1] * shape[2] * shape[3]) as f64 / 27.0;
        let value = |i: usize| (12.9898 * i as f64 + index as f64).sin() / fan.sqrt();
        let weight = (0..shape.iter().product())
            .map(|i| value(i) as f32)
            .collect::<Vec<_>>();
        tensors.push((format!("features.{module}.weight"), shape.to_vec(), weight));
        tensors.push((
            format!("features.{module}.bias"),
            vec![shape[0]],
            vec![0.01; shape[0]],
        ));
    }
    let path = folder.join("alexnet.safetensors");
    write(&path, &tensors);
    path
}

fn write(path: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (
            name.clone(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn both_alexnets_agree_with_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    for layout in [AlexnetLayout::Torchvision, AlexnetLayout::Original] {
        let path = alexnet_file(layout, folder.path());
        compare(TrunkKind::Alexnet(layout), &path, 1e-4);
    }
}

#[test]
fn errors_of_a_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = alexnet_file(AlexnetLayout::Original, folder.path());
    let load = |path: &Path| {
        let architecture = architecture(TrunkKind::Alexnet(AlexnetLayout::Torchvision), "relu5");
        DeepNcuts::new(architecture, &TrunkWeights::File(path), 1).map(|_| ())
    };
    let message = load(&path).unwrap_err().to_string();
    let expected =
        "tensor `features.0.weight`: expected shape [64, 3, 11, 11], found [96, 3, 11, 11]";
    assert!(
        message.contains("alexnet.safetensors") && message.contains(expected),
        "{message}"
    );

    write(
        &path,
        &[(
            "features.0.weight".into(),
            vec![64, 3, 11, 11],
            vec![0.0; 64 * 363],
        )],
    );
    let broken = folder.path().join("broken");
    std::fs::write(&broken, b"not weights").unwrap();
    refused! {
        load(&path) => Error::MissingTensor { name, .. } if name == "features.0.bias",
        load(&broken) => Error::NotSafetensors { .. },
        load(&folder.path().join("absent")) => Error::File { .. },
    }
}

#[test]
fn an_unknown_layer_is_named_beside_the_known_ones() {
    let unknown = DeepNcuts::new(
        architecture(TrunkKind::Vgg16, "relu6_1"),
        &TrunkWeights::Random,
        1,
    );
    let message = unknown.map(|_| ()).unwrap_err().to_string();
    assert!(
        message.contains("relu5_3") && message.contains("found `relu6_1`"),
        "{message}"
    );
}

#[test]
fn every_size_of_image_that_fits_is_taken() {
    let trunks = [
        (TrunkKind::Lite0, 1),
        (TrunkKind::Vgg16, 16),
        (TrunkKind::Alexnet(AlexnetLayout::Torchvision), 31),
    ];
    for (trunk, smallest) in trunks {
        let network =
            DeepNcuts::new(CutArchitecture::new(trunk, None), &TrunkWeights::Random, 1).unwrap();
        for (width, height) in [(smallest, smallest), (smallest + 1, 37), (64, smallest + 6)] {
            let maps = network
                .trunk_features(&RgbImage::new(width, height))
                .unwrap();
            assert!(maps.height() > 0 && maps.values().iter().all(|value| value.is_finite()));
        }
        if smallest > 1 {
            let small = network.trunk_features(&RgbImage::new(smallest - 1, 64));
            assert!(
                matches!(small, Err(Error::ImageTooSmall { .. })),
                "{trunk:?}"
            );
        }
    }
}
