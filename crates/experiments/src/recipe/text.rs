//! The text of a recipe, by its name or its file.

use std::path::Path;

use super::built_in::BuiltIn;
use crate::error::{Context as _, Error, Result};

/// The recipe of a file, or one of those that come with this crate; a name comes first.
pub fn recipe_text(name_or_file: &str, recipes: &BuiltIn) -> Result<String> {
    let path = Path::new(name_or_file);
    match recipes.text(name_or_file) {
        Some(text) => Ok(text.to_owned()),
        None if path.is_file() => std::fs::read_to_string(path)
            .map_err(Error::file(path))
            .context("reading the recipe"),
        None => Err(Error::setting(format!(
            "--recipe: expected a recipe's file, or one of {}, found {name_or_file}",
            recipes.names().join(", ")
        ))),
    }
}

/// The error of a recipe's text, as a wrong call. The parser shows the line; its beginning is enough.
pub fn not_a_recipe(origin: &str, error: &toml::de::Error) -> Error {
    const MOST: usize = 120;
    let message = error.to_string();
    let lines = message.trim_end().lines().map(|line| {
        let cut = line.char_indices().nth(MOST);
        cut.map_or(line.to_owned(), |(end, _)| format!("{}…", &line[..end]))
    });
    Error::setting(format!(
        "{origin}: {}",
        lines.collect::<Vec<_>>().join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut() {
        let text = format!("a = {}", "é".repeat(1_000));
        let error = toml::from_str::<toml::Table>(&text).unwrap_err();
        let message = not_a_recipe("r.toml", &error).to_string();
        assert!(
            message.starts_with("r.toml: TOML parse error at line 1"),
            "{message}"
        );
        assert!(
            message.contains("éé…\n") && message.len() < 600,
            "{message}"
        );
    }
}
