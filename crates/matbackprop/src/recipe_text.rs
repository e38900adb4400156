//! The text of a recipe, by its name or its file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::failure::usage;

/// The recipe of a file, or one of those that come with this program, as a name and a text each; a name comes first.
pub fn recipe_text(name_or_file: &str, recipes: &[(&str, &str)]) -> Result<String> {
    let path = Path::new(name_or_file);
    match recipes.iter().find(|(name, _)| *name == name_or_file) {
        Some((_, text)) => Ok((*text).to_owned()),
        None if path.is_file() => {
            std::fs::read_to_string(path).with_context(|| format!("reading {name_or_file}"))
        }
        None => {
            let names: Vec<&str> = recipes.iter().map(|(name, _)| *name).collect();
            Err(usage(format!(
                "--model: expected a recipe's file, or one of {}, found {name_or_file}",
                names.join(", ")
            )))
        }
    }
}
