//! A head in a file of its own, on a trunk from another file.

use models::{CutArchitecture, DeepNcuts, Error, HeadLayout, Precision, TrunkKind, TrunkWeights};

#[test]
fn a_head_comes_back_on_its_trunk() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, head] = ["whole", "head"].map(|name| folder.path().join(name));
    let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(HeadLayout::default()));
    let network = DeepNcuts::new(architecture, &TrunkWeights::Random, 5).unwrap();
    network.save(&whole, Precision::Single).unwrap();
    network.save_head(&head, Precision::Single).unwrap();
    let bytes = std::fs::read(&head).unwrap();
    let (_, numbers) = network.parameter_count();
    assert!((4 * numbers..4 * numbers + 2000).contains(&bytes.len()));

    let read = |trunk: &TrunkWeights<'_>| DeepNcuts::from_head_bytes("head", bytes.clone(), trunk);
    let joined = read(&TrunkWeights::File(&whole)).unwrap();
    let image = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let [expected, found] = [&network, &joined].map(|network| network.grid_features(&image));
    assert_eq!(expected.unwrap().features, found.unwrap().features);

    // Each file answers for its own part.
    let refused = read(&TrunkWeights::File(&head)).unwrap_err();
    assert!(matches!(refused, Error::MissingTensor { .. }), "{refused}");
    assert!(DeepNcuts::load(&head).is_err());
    let other = folder.path().join("other");
    network.save(&other, Precision::Half).unwrap();
    let bytes = std::fs::read(&other).unwrap();
    let none = DeepNcuts::from_head_bytes("nobody's", bytes[..100].to_vec(), &TrunkWeights::Random);
    assert!(none.unwrap_err().to_string().contains("nobody's"));
}
