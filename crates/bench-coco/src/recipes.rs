//! The rows of the comparison, one recipe each.

/// Name and text of every recipe in `recipes/`, by name: what network, how regions are seen, how it is trained.
pub const RECIPES: [(&str, &str); 24] = [
    (
        "alexnet-first",
        include_str!("../recipes/alexnet-first.toml"),
    ),
    (
        "alexnet-first-tuned",
        include_str!("../recipes/alexnet-first-tuned.toml"),
    ),
    ("alexnet-o2p", include_str!("../recipes/alexnet-o2p.toml")),
    (
        "alexnet-o2p-fc",
        include_str!("../recipes/alexnet-o2p-fc.toml"),
    ),
    (
        "alexnet-o2p-fc-tuned",
        include_str!("../recipes/alexnet-o2p-fc-tuned.toml"),
    ),
    (
        "alexnet-o2p-tuned",
        include_str!("../recipes/alexnet-o2p-tuned.toml"),
    ),
    ("alexnet-s", include_str!("../recipes/alexnet-s.toml")),
    (
        "deep-o2p-fc-s",
        include_str!("../recipes/deep-o2p-fc-s.toml"),
    ),
    ("deep-o2p-s", include_str!("../recipes/deep-o2p-s.toml")),
    ("lite0-first", include_str!("../recipes/lite0-first.toml")),
    (
        "lite0-first-tuned",
        include_str!("../recipes/lite0-first-tuned.toml"),
    ),
    ("lite0-o2p", include_str!("../recipes/lite0-o2p.toml")),
    ("lite0-o2p-fc", include_str!("../recipes/lite0-o2p-fc.toml")),
    (
        "lite0-o2p-fc-box",
        include_str!("../recipes/lite0-o2p-fc-box.toml"),
    ),
    (
        "lite0-o2p-fc-tuned",
        include_str!("../recipes/lite0-o2p-fc-tuned.toml"),
    ),
    (
        "lite0-o2p-tuned",
        include_str!("../recipes/lite0-o2p-tuned.toml"),
    ),
    ("sift-o2p", include_str!("../recipes/sift-o2p.toml")),
    ("vgg16-first", include_str!("../recipes/vgg16-first.toml")),
    (
        "vgg16-first-tuned",
        include_str!("../recipes/vgg16-first-tuned.toml"),
    ),
    ("vgg16-o2p", include_str!("../recipes/vgg16-o2p.toml")),
    ("vgg16-o2p-fc", include_str!("../recipes/vgg16-o2p-fc.toml")),
    (
        "vgg16-o2p-fc-box",
        include_str!("../recipes/vgg16-o2p-fc-box.toml"),
    ),
    (
        "vgg16-o2p-fc-tuned",
        include_str!("../recipes/vgg16-o2p-fc-tuned.toml"),
    ),
    (
        "vgg16-o2p-tuned",
        include_str!("../recipes/vgg16-o2p-tuned.toml"),
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
