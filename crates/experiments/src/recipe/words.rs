//! Settings of a network and its training, in words.

use models::{AlexnetLayout, HeadLayer, HeadLayout, InputRecipe, TrunkKind};
use training::{Schedule, TrunkTraining};

/// A trunk by its name.
pub fn trunk_by_name(text: &str) -> Result<TrunkKind, String> {
    use AlexnetLayout::{Original, Torchvision};
    use TrunkKind::{Alexnet, Lite0, Vgg16};
    let known = [Vgg16, Lite0, Alexnet(Torchvision), Alexnet(Original)];
    known
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| {
            format!(
                "expected one of {}, found `{text}`",
                known.map(TrunkKind::name).join(", ")
            )
        })
}

/// Pairs of a head, `256x1,32x3`: channels × side of the kernel. Dropout stands elsewhere.
pub fn head_by_words(text: &str) -> Result<HeadLayout, String> {
    let layers = text.split(',').map(|word| {
        let refused = || format!("expected CHANNELSxKERNEL with an odd kernel, found `{word}`");
        let (channels, kernel) = word.split_once('x').ok_or_else(refused)?;
        let (Ok(channels), Ok(kernel)) = (channels.parse(), kernel.parse()) else {
            return Err(refused());
        };
        if channels == 0 || kernel % 2 == 0 {
            Err(refused())
        } else {
            Ok(HeadLayer { channels, kernel })
        }
    });
    Ok(HeadLayout {
        layers: layers.collect::<Result<_, _>>()?,
        dropout: 0.0,
    })
}

/// A head, in the words of [`head_by_words`].
pub(crate) fn head_in_words(layout: &HeadLayout) -> String {
    let words = layout
        .layers
        .iter()
        .map(|layer| format!("{}x{}", layer.channels, layer.kernel));
    words.collect::<Vec<_>>().join(",")
}

/// How a trunk wants its pixels, by name.
pub fn input_recipe_by_name(text: &str) -> Result<InputRecipe, String> {
    match text {
        "caffe" => Ok(InputRecipe::CAFFE),
        "torchvision" => Ok(InputRecipe::TORCHVISION),
        "lite" => Ok(InputRecipe::LITE),
        other => Err(format!(
            "expected caffe, torchvision or lite, found `{other}`"
        )),
    }
}

/// The same, in the words of [`input_recipe_by_name`].
pub(crate) fn input_recipe_in_words(recipe: &InputRecipe) -> String {
    let known = [
        (InputRecipe::CAFFE, "caffe"),
        (InputRecipe::TORCHVISION, "torchvision"),
        (InputRecipe::LITE, "lite"),
    ];
    match known.iter().find(|(known, _)| known == recipe) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{recipe:?}"),
    }
}

/// `constant`, `cosine` or `steps:EVERY:FACTOR`.
pub fn schedule_by_words(text: &str) -> Result<Schedule, String> {
    let refused = || format!("expected constant, cosine or steps:EVERY:FACTOR, found `{text}`");
    match text.split(':').collect::<Vec<_>>()[..] {
        ["constant"] => Ok(Schedule::Constant),
        ["cosine"] => Ok(Schedule::Cosine),
        ["steps", every, factor] => match (every.parse(), factor.parse()) {
            (Ok(every), Ok(factor)) => Ok(Schedule::Steps { every, factor }),
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}

/// `none`, `all` or `from:LAYER`.
pub fn trunk_training_by_words(text: &str) -> Result<TrunkTraining, String> {
    match (text, text.strip_prefix("from:")) {
        ("none", _) => Ok(TrunkTraining::Frozen),
        ("all", _) => Ok(TrunkTraining::Whole),
        (_, Some(layer)) if !layer.is_empty() => Ok(TrunkTraining::From(layer.to_owned())),
        _ => Err(format!("expected none, all or from:LAYER, found `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_back() {
        for name in ["vgg16", "lite0", "alexnet", "alexnet-original"] {
            assert_eq!(trunk_by_name(name).unwrap().name(), name);
        }
        for name in ["caffe", "torchvision", "lite"] {
            assert_eq!(
                input_recipe_in_words(&input_recipe_by_name(name).unwrap()),
                name
            );
        }
        assert_eq!(
            head_by_words("8x5,32x3").unwrap().layers[1],
            HeadLayer {
                channels: 32,
                kernel: 3
            }
        );
        assert_eq!(head_in_words(&head_by_words("8x5,4x1").unwrap()), "8x5,4x1");
        assert_eq!(schedule_by_words("cosine").unwrap(), Schedule::Cosine);
        assert_eq!(
            schedule_by_words("steps:4:0.5").unwrap(),
            Schedule::Steps {
                every: 4,
                factor: 0.5
            }
        );
        assert_eq!(
            trunk_training_by_words("none").unwrap(),
            TrunkTraining::Frozen
        );
        assert_eq!(
            trunk_training_by_words("from:conv5_1").unwrap(),
            TrunkTraining::From("conv5_1".into())
        );
    }

    #[test]
    fn other_words_are_refused() {
        let refused = [
            trunk_by_name("vgg").map(|_| ()),
            head_by_words("").map(|_| ()),
            head_by_words("8").map(|_| ()),
            head_by_words("8x2").map(|_| ()),
            head_by_words("0x1").map(|_| ()),
            head_by_words("8x1,").map(|_| ()),
            input_recipe_by_name("rgb").map(|_| ()),
            schedule_by_words("steps:4").map(|_| ()),
            schedule_by_words("steps:a:b").map(|_| ()),
            trunk_training_by_words("from:").map(|_| ()),
        ];
        for refused in refused {
            assert!(refused.unwrap_err().starts_with("expected"));
        }
    }
}
