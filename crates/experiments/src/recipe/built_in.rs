//! The recipes of this crate's folders `recipes/bsds`, `recipes/boundaries` and `recipes/coco`, found when it is built.

use include_dir::{Dir, include_dir};

/// The rows on BSDS500.
pub static BSDS_RECIPES: BuiltIn = BuiltIn(include_dir!("$CARGO_MANIFEST_DIR/recipes/bsds"));

/// The networks that draw boundaries.
pub static BOUNDARY_RECIPES: BuiltIn =
    BuiltIn(include_dir!("$CARGO_MANIFEST_DIR/recipes/boundaries"));

/// The rows on MS-COCO.
pub static COCO_RECIPES: BuiltIn = BuiltIn(include_dir!("$CARGO_MANIFEST_DIR/recipes/coco"));

/// A folder of recipes, `NAME.toml` each.
///
/// # Example
/// ```
/// let text = experiments::recipe::BSDS_RECIPES.text("lite0-ncuts").unwrap();
/// assert!(text.contains("trunk = \"lite0\""));
/// ```
#[derive(Debug)]
pub struct BuiltIn(Dir<'static>);

impl BuiltIn {
    /// The names of all recipes, in order.
    pub fn names(&self) -> Vec<&str> {
        let names = self.0.files().filter_map(|file| {
            let name = file.path().to_str()?;
            name.strip_suffix(".toml")
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// The text of a recipe.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get_file(format!("{name}.toml"))?.contents_utf8()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_begins_with_a_description() {
        for (recipes, count) in [
            (&BSDS_RECIPES, 19),
            (&BOUNDARY_RECIPES, 1),
            (&COCO_RECIPES, 24),
        ] {
            let names = recipes.names();
            assert_eq!(names.len(), count);
            for name in names {
                assert!(recipes.text(name).unwrap().starts_with("# "), "{name}");
            }
            assert!(recipes.text("no-such-recipe").is_none());
        }
    }
}
