//! The text of a recipe, by its name or its file.

use std::path::Path;

use anyhow::{Context, Error, Result};

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

/// What is wrong with a recipe's text, as a wrong call; the parser shows the line, of which so much is enough.
pub fn not_a_recipe(origin: &str, error: &toml::de::Error) -> Error {
    const MOST: usize = 120;
    let told = error.to_string();
    let lines = told.trim_end().lines().map(|line| {
        let cut = line.char_indices().nth(MOST);
        cut.map_or(line.to_owned(), |(end, _)| format!("{}…", &line[..end]))
    });
    usage(format!(
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
        let told = not_a_recipe("r.toml", &error).to_string();
        assert!(
            told.starts_with("r.toml: TOML parse error at line 1"),
            "{told}"
        );
        assert!(told.contains("éé…\n") && told.len() < 600, "{told}");
    }
}
