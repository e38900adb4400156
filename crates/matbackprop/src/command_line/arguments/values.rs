//! Values that have names, so that the help, the completions and the errors list them.

use bench_bsds::Split;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use experiments::recipe::{input_recipe_by_name, trunk_by_name};
use experiments::segment::Export;
use models::{InputRecipe, TrunkKind};

/// A trunk by its name.
pub fn trunk() -> impl TypedValueParser<Value = TrunkKind> {
    let names = [
        ("vgg16", "VGG-16"),
        ("lite0", "EfficientNet-Lite0, the smallest"),
        ("alexnet", "AlexNet, as torchvision has it"),
        ("alexnet-original", "AlexNet, as published in 2012"),
    ];
    named(names).try_map(|name| trunk_by_name(&name))
}

/// How a trunk wants its pixels.
pub fn input_recipe() -> impl TypedValueParser<Value = InputRecipe> {
    let names = [
        ("caffe", "BGR minus ImageNet's mean pixel"),
        (
            "torchvision",
            "RGB from 0 to 1, ImageNet's mean and deviation",
        ),
        ("lite", "RGB, (p - 127) / 128"),
    ];
    named(names).try_map(|name| input_recipe_by_name(&name))
}

/// A part of BSDS500.
pub fn bsds_split() -> impl TypedValueParser<Value = Split> {
    let names = [
        ("train", "200 images to learn from"),
        ("val", "100 images to choose settings by"),
        ("test", "200 images for the final measure"),
    ];
    named(names).try_map(|name| name.parse::<Split>())
}

/// A file that `segment` writes for other programs.
pub fn export() -> impl TypedValueParser<Value = Export> {
    let names = Export::ALL.map(|export| {
        let help = match export {
            Export::Coco => "COCO JSON with run lengths: NAME.coco.json",
            Export::CocoPolygons => {
                "COCO JSON with polygons: NAME.coco-polygons.json; run lengths for segments with holes"
            }
            Export::Geojson => "Outlines as GeoJSON, in pixels, y downwards: NAME.geojson",
            Export::Svg => "Outlines as SVG: NAME.svg",
            Export::Npy => "Segment numbers as a NumPy array, height × width: NAME.npy",
            Export::Masks => "A black-and-white PNG for each segment: NAME.masks/0000.png",
            Export::Adjacency => {
                "Neighbours, their borders' lengths and strengths: NAME.adjacency.csv"
            }
        };
        (export.name(), help)
    });
    let by_name = |name: String| Export::ALL.into_iter().find(|export| export.name() == name);
    named(names).try_map(move |name| by_name(name).ok_or("expected a kind of file"))
}

fn named<const N: usize>(names: [(&'static str, &'static str); N]) -> PossibleValuesParser {
    names
        .map(|(name, help)| PossibleValue::new(name).help(help))
        .into()
}

#[cfg(test)]
mod tests {
    use clap::builder::TypedValueParser;

    use super::*;

    /// Every name that is listed is a value.
    fn read<V: Clone + Send + Sync + 'static>(parser: &impl TypedValueParser<Value = V>) -> usize {
        let (command, names) = (clap::Command::new("x"), parser.possible_values().unwrap());
        let values = names.map(|name| parser.parse_ref(&command, None, name.get_name().as_ref()));
        values.map(Result::unwrap).collect::<Vec<V>>().len()
    }

    #[test]
    fn listed_names_are_values() {
        assert_eq!(
            (read(&trunk()), read(&input_recipe()), read(&bsds_split())),
            (4, 3, 3)
        );
        assert_eq!(read(&export()), Export::ALL.len());
    }
}
