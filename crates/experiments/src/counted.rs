//! Numbers of things, in words.

/// So many of them: `1 image`, `2 images`, `0 classes`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_none_is_not() {
        let found = [0, 1, 2].map(|count| counted(count, "image"));
        assert_eq!(found, ["0 images", "1 image", "2 images"]);
        assert_eq!(counted(1, "class"), "1 class");
        assert_eq!(counted(3, "class"), "3 classes");
    }
}
