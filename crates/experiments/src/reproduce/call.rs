//! One call of a program.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// A program, its arguments, and where its results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The file for its standard output, if not the log.
    pub results: Option<PathBuf>,
}

impl Call {
    /// Of a program, its output to the log.
    pub(super) fn new(program: &Path, words: &[&str]) -> Self {
        Self {
            program: program.to_path_buf(),
            arguments: words.iter().map(OsString::from).collect(),
            results: None,
        }
    }

    /// With more arguments.
    pub(super) fn and<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With an option and its value.
    pub(super) fn with(self, option: &str, value: impl Into<OsString>) -> Self {
        self.and([OsString::from(option), value.into()])
    }

    /// With its standard output in a file of its own.
    pub(super) fn into_file(self, path: PathBuf) -> Self {
        Self {
            results: Some(path),
            ..self
        }
    }
}

/// As a shell reads it.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program.to_string_lossy()))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(&argument.to_string_lossy()))?;
        }
        match &self.results {
            Some(path) => write!(f, " > {}", quoted(&path.to_string_lossy())),
            None => Ok(()),
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_can_read_it() {
        let call = Call::new(Path::new("m p"), &["eval", "bsds"]).with("--data", "it's");
        let call = call.into_file("a/b.txt".into());
        assert_eq!(
            call.to_string(),
            r"'m p' eval bsds --data 'it'\''s' > a/b.txt"
        );
    }
}
