//! A journal, column by column.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Context as _, Error, Result};

/// The numbers of every step of a journal.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    steps: Vec<f64>,
    columns: BTreeMap<String, Vec<f64>>,
}

impl Curves {
    /// Reads a journal, which a training may still be writing.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(Error::file(path))
            .context("expected a training's journal")?;
        let curves = Self::parse(&text).with_context(|| path.display().to_string())?;
        if curves.steps.is_empty() {
            return Err(Error::unexpected(format!(
                "{}: expected a step at least, found none",
                path.display()
            )));
        }
        Ok(curves)
    }

    /// As [`Curves::read`]; `None` where there is no file, or nothing in it yet.
    pub fn read_if_any(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let naming = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let curves = Self::parse(&text).with_context(naming)?;
        Ok((!curves.steps.is_empty()).then_some(curves))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut curves = Self::default();
        let whole = text.ends_with('\n');
        let count = text.lines().count();
        for (index, line) in text.lines().enumerate() {
            match serde_json::from_str::<Map<String, Value>>(line) {
                Ok(record) => curves.add(&record),
                // A step that is being written.
                Err(_) if index + 1 == count && !whole => {}
                Err(error) => {
                    return Err(Error::unexpected(format!(
                        "line {}: expected a step, found {error}",
                        index + 1
                    )));
                }
            }
        }
        Ok(curves)
    }

    /// Numbers under their names, those of an object under `object.name`; of a list its length; NaN where a step lacks
    /// a number that others have.
    fn add(&mut self, record: &Map<String, Value>) {
        let before = self.steps.len();
        let step = record.get("step").and_then(Value::as_f64);
        self.steps.push(step.unwrap_or(before as f64 + 1.0));
        for (name, value) in record {
            match value {
                Value::Object(parts) => {
                    for (part, value) in parts {
                        self.put(&format!("{name}.{part}"), value);
                    }
                }
                _ => self.put(name, value),
            }
        }
        for column in self.columns.values_mut() {
            column.resize(before + 1, f64::NAN);
        }
    }

    fn put(&mut self, name: &str, value: &Value) {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
            Value::Array(list) => Some(list.len() as f64),
            _ => None,
        };
        if let Some(number) = number {
            let place = self.steps.len() - 1;
            let column = self.columns.entry(name.to_owned()).or_default();
            column.resize(place, f64::NAN);
            column.push(number);
        }
    }

    /// The number of each step.
    pub fn steps(&self) -> &[f64] {
        &self.steps
    }

    /// A column.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.get(name).map(Vec::as_slice)
    }

    /// The sum of a column's numbers.
    pub fn sum(&self, name: &str) -> f64 {
        let numbers = self.column(name).unwrap_or_default().iter();
        numbers.filter(|number| number.is_finite()).sum()
    }

    /// The last number of a column.
    pub fn last(&self, name: &str) -> Option<f64> {
        let last = self.column(name)?.last().copied();
        last.filter(|number| number.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "{\"step\":3,\"loss\":2.0,\"images\":[\"a\",\"b\"],\"clipped\":true,\"parts\":{\"head\":0.5}}\n\
                       {\"step\":4,\"loss\":1.0,\"images\":[\"c\"],\"clipped\":false,\"condition\":7.0}\n";

    #[test]
    fn columns_are_as_long_as_the_journal() {
        let curves = Curves::parse(TWO).unwrap();
        assert_eq!(curves.steps(), [3.0, 4.0]);
        assert_eq!(curves.column("loss").unwrap(), [2.0, 1.0]);
        assert_eq!((curves.sum("images"), curves.sum("clipped")), (3.0, 1.0));
        assert_eq!(
            (curves.sum("parts.head"), curves.last("parts.head")),
            (0.5, None)
        );
        let condition = curves.column("condition").unwrap();
        assert!(condition[0].is_nan() && condition[1] == 7.0);
    }

    #[test]
    fn a_step_being_written_is_left_out_and_a_broken_one_is_named() {
        let written = format!("{TWO}{{\"step\":5,\"lo");
        assert_eq!(Curves::parse(&written).unwrap().steps().len(), 2);
        let broken = format!("nothing\n{TWO}");
        let error = Curves::parse(&broken).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
