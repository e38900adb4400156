//! The rows of the comparison, one recipe each.

/// Name and text of every recipe in `recipes/`, by name: what is cut, and how it is trained.
pub const RECIPES: [(&str, &str); 19] = [
    (
        "alexnet-eigenvectors",
        include_str!("../recipes/alexnet-eigenvectors.toml"),
    ),
    (
        "alexnet-ncuts",
        include_str!("../recipes/alexnet-ncuts.toml"),
    ),
    (
        "alexnet-ncuts-tuned",
        include_str!("../recipes/alexnet-ncuts-tuned.toml"),
    ),
    (
        "alexnet-untrained",
        include_str!("../recipes/alexnet-untrained.toml"),
    ),
    (
        "alexnet-untrained-relu4",
        include_str!("../recipes/alexnet-untrained-relu4.toml"),
    ),
    (
        "alexnet-untrained-relu5",
        include_str!("../recipes/alexnet-untrained-relu5.toml"),
    ),
    (
        "intervening-contour",
        include_str!("../recipes/intervening-contour.toml"),
    ),
    (
        "lite0-eigenvectors",
        include_str!("../recipes/lite0-eigenvectors.toml"),
    ),
    ("lite0-ncuts", include_str!("../recipes/lite0-ncuts.toml")),
    (
        "lite0-ncuts-tuned",
        include_str!("../recipes/lite0-ncuts-tuned.toml"),
    ),
    (
        "lite0-untrained",
        include_str!("../recipes/lite0-untrained.toml"),
    ),
    (
        "lite0-untrained-stride16",
        include_str!("../recipes/lite0-untrained-stride16.toml"),
    ),
    (
        "lite0-untrained-stride8",
        include_str!("../recipes/lite0-untrained-stride8.toml"),
    ),
    (
        "vgg16-eigenvectors",
        include_str!("../recipes/vgg16-eigenvectors.toml"),
    ),
    ("vgg16-ncuts", include_str!("../recipes/vgg16-ncuts.toml")),
    (
        "vgg16-ncuts-tuned",
        include_str!("../recipes/vgg16-ncuts-tuned.toml"),
    ),
    (
        "vgg16-untrained",
        include_str!("../recipes/vgg16-untrained.toml"),
    ),
    (
        "vgg16-untrained-relu4_3",
        include_str!("../recipes/vgg16-untrained-relu4_3.toml"),
    ),
    (
        "vgg16-untrained-relu5_3",
        include_str!("../recipes/vgg16-untrained-relu5_3.toml"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_texts_begin_with_a_description() {
        assert!(RECIPES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(RECIPES.iter().all(|(_, text)| text.starts_with("# ")));
    }
}
