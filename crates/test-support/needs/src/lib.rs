//! The attribute `needs` of `test-support`, which says how to use it.

use proc_macro::{TokenStream, TokenTree};

/// The data sets that the build script looked for, and those it found.
const FOUND: &str = env!("FOUND");
const KNOWN: &str = env!("KNOWN");

/// `#[needs("bsds500")]`: the test is ignored, with the reason, where the data set is absent.
#[proc_macro_attribute]
pub fn needs(names: TokenStream, test: TokenStream) -> TokenStream {
    let names = match read_names(names) {
        Ok(names) => names,
        Err(message) => return tokens(&format!("compile_error!({message:?});")),
    };
    let is_there = |name: &String| FOUND.split(',').any(|found| found == name);
    let absent: Vec<String> = names.into_iter().filter(|name| !is_there(name)).collect();
    if absent.is_empty() {
        return test;
    }
    let remedy = match absent.iter().any(|name| name == "mpirun") {
        true => "install it",
        false => "set MATBACKPROP_DATA",
    };
    let reason = format!("needs {}: {remedy}", absent.join(" and "));
    let mut ignored = tokens(&format!("#[ignore = {reason:?}]"));
    ignored.extend(test);
    ignored
}

/// The names of `"a", "b"`; `Err` with a message where they are invalid.
fn read_names(names: TokenStream) -> Result<Vec<String>, String> {
    let mut read = Vec::new();
    for token in names {
        match token {
            TokenTree::Literal(literal) => {
                let name = literal.to_string().trim_matches('"').to_owned();
                if !KNOWN.split(',').any(|known| known == name) {
                    return Err(format!("nothing called {name}, expected one of {KNOWN}"));
                }
                read.push(name);
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => (),
            other => return Err(format!("found {other}, expected a name in quotes")),
        }
    }
    if read.is_empty() {
        return Err(format!("no name, expected one of {KNOWN}"));
    }
    Ok(read)
}

/// Rust text of our own as tokens.
fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
