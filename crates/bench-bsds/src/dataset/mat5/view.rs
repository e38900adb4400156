//! An array with its file and name: read as cells, fields, label maps or real matrices, or refused by that name.

use std::path::Path;

use super::array::{Array, Content};
use super::numbers::{Class, Numbers};
use crate::error::{Error, Result, Size};

/// The most numbers of a matrix of strengths: 256 MiB of `f64`.
pub(crate) const MOST_REALS: usize = 1 << 25;

/// A variable, or a part of one.
pub(crate) struct View<'a> {
    path: &'a Path,
    name: String,
    array: &'a Array,
    /// The one element that is meant of a struct array.
    element: Option<usize>,
}

/// A matrix of whole numbers, turned to rows.
pub(crate) struct IdMatrix {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) ids: Vec<u32>,
}

impl<'a> View<'a> {
    pub(super) fn new(path: &'a Path, name: String, array: &'a Array) -> Self {
        Self {
            path,
            name,
            array,
            element: None,
        }
    }

    fn part(&self, name: String, array: &'a Array) -> Self {
        Self::new(self.path, name, array)
    }

    /// Whether this is a struct, or an array of them.
    pub(crate) fn is_struct(&self) -> bool {
        matches!(self.array.content, Content::Structs { .. })
    }

    /// Whether this is an array of numbers.
    pub(crate) fn is_numbers(&self) -> bool {
        matches!(self.array.content, Content::Numbers(_))
    }

    /// The elements of a struct array, in order; of one struct, itself.
    pub(crate) fn elements(&self) -> Result<Vec<View<'a>>> {
        let Content::Structs { fields, values } = &self.array.content else {
            return Err(self.refuse("a struct", self.array.content.kind()));
        };
        let count = values.len().checked_div(fields.len()).unwrap_or(0);
        let named = |index: usize| match count {
            1 => self.name.clone(),
            _ => format!("{}({})", self.name, index + 1),
        };
        let element = |index| Self {
            element: Some(index),
            ..self.part(named(index), self.array)
        };
        Ok((0..count).map(element).collect())
    }

    /// The error that names this variable.
    pub(crate) fn refuse(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::MatVariable {
            path: self.path.to_owned(),
            variable: self.name.clone(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The cells of a cell array, in order.
    pub(crate) fn cells(&self) -> Result<Vec<View<'a>>> {
        let Content::Cells(items) = &self.array.content else {
            return Err(self.refuse("a cell array", self.array.content.kind()));
        };
        let views = items.iter().enumerate();
        Ok(views
            .map(|(i, array)| self.part(format!("{}{{{}}}", self.name, i + 1), array))
            .collect())
    }

    /// A field of a struct, if the struct has it; a name in other letters of case where none is written so.
    pub(crate) fn find_field(&self, field: &str) -> Result<Option<View<'a>>> {
        let Content::Structs { fields, values } = &self.array.content else {
            return Err(self.refuse("a struct", self.array.content.kind()));
        };
        if self.element.is_none() && values.len() != fields.len() {
            return Err(self.refuse(
                "a struct of one element",
                format!("one of {:?}", self.array.dimensions),
            ));
        }
        let exact = fields.iter().position(|other| other == field);
        let alike = || {
            fields
                .iter()
                .position(|other| other.eq_ignore_ascii_case(field))
        };
        let Some(place) = exact.or_else(alike) else {
            return Ok(None);
        };
        let value = &values[self.element.unwrap_or(0) * fields.len() + place];
        Ok(Some(self.part(format!("{}.{field}", self.name), value)))
    }

    /// The names of a struct's fields, for messages.
    pub(crate) fn field_names(&self) -> String {
        match &self.array.content {
            Content::Structs { fields, .. } if !fields.is_empty() => {
                let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
                names.join(", ")
            }
            _ => "none".to_owned(),
        }
    }

    /// A field that a struct must have.
    pub(crate) fn field(&self, field: &str) -> Result<View<'a>> {
        self.find_field(field)?
            .ok_or_else(|| self.refuse(format!("a field `{field}`"), "none"))
    }

    /// A matrix of ids.
    pub(crate) fn ids(&self) -> Result<IdMatrix> {
        let (numbers, size) = self.numbers()?;
        let columns = self.whole_numbers(numbers)?;
        Ok(IdMatrix {
            width: size.width,
            height: size.height,
            ids: rows_from_columns(&columns, size),
        })
    }

    /// The matrices of ids of height × width × N, in order; of height × width, one.
    pub(crate) fn stacked_ids(&self) -> Result<Vec<IdMatrix>> {
        let (height, width) = match self.array.dimensions[..] {
            [height, width] | [height, width, _] if height > 0 && width > 0 => (height, width),
            _ => {
                return Err(self.refuse(
                    "a cell array of label maps, or a matrix of height × width or height × width × N",
                    format!("dimensions {:?}", self.array.dimensions),
                ));
            }
        };
        let columns = self.whole_numbers(self.content()?)?;
        let maps = columns.chunks_exact(height * width);
        Ok(maps
            .map(|map| IdMatrix {
                width,
                height,
                ids: rows_from_columns(map, Size { width, height }),
            })
            .collect())
    }

    fn whole_numbers(&self, numbers: &Numbers) -> Result<Vec<u32>> {
        numbers
            .ids()
            .map_err(|real| self.refuse("whole numbers from 0 to 4294967295", real.to_string()))
    }

    /// A matrix of reals, row by row.
    pub(crate) fn reals(&self) -> Result<(Size, Vec<f64>)> {
        let (numbers, size) = self.numbers()?;
        Ok((size, rows_from_columns(&numbers.reals(), size)))
    }

    /// A matrix of reals, row by row, and their class; sides of 1 around it are passed over, as in 1 × height × width.
    pub(crate) fn picture(&self) -> Result<(Size, Vec<f64>, Class)> {
        let numbers = self.content()?;
        let mut sides = self.array.dimensions.clone();
        while let Some(place) = sides.iter().position(|side| *side == 1)
            && sides.len() > 2
        {
            sides.remove(place);
        }
        match sides[..] {
            [height, width] if height > 0 && width > 0 => {
                let size = Size { width, height };
                // Two sides of at most 2³¹: their product is a size, and its bytes are there.
                if width * height > MOST_REALS {
                    return Err(
                        self.refuse(format!("at most {MOST_REALS} numbers"), size.to_string())
                    );
                }
                let reals = rows_from_columns(&numbers.reals(), size);
                Ok((size, reals, numbers.class()))
            }
            _ => Err(self.refuse(
                "a matrix with rows and columns",
                format!("dimensions {:?}", self.array.dimensions),
            )),
        }
    }

    /// Whether each number of a matrix is another than 0, row by row.
    pub(crate) fn nonzero(&self) -> Result<(Size, Vec<bool>)> {
        let (numbers, size) = self.numbers()?;
        Ok((size, rows_from_columns(&numbers.nonzero(), size)))
    }

    /// How many numbers of a matrix lie between 0 and the largest one.
    pub(crate) fn between(&self) -> Result<u64> {
        let (_, numbers, _) = self.picture()?;
        let largest = numbers.iter().copied().fold(0.0, f64::max);
        let between = numbers
            .iter()
            .filter(|number| **number > 0.0 && **number < largest);
        Ok(between.count() as u64)
    }

    fn content(&self) -> Result<&'a Numbers> {
        match &self.array.content {
            Content::Numbers(numbers) => Ok(numbers),
            other => Err(self.refuse("a matrix of numbers", other.kind_with_way_out())),
        }
    }

    fn numbers(&self) -> Result<(&'a Numbers, Size)> {
        let numbers = self.content()?;
        match self.array.dimensions[..] {
            [height, width] if height > 0 && width > 0 => Ok((numbers, Size { width, height })),
            _ => Err(self.refuse(
                "a matrix with rows and columns",
                format!("dimensions {:?}", self.array.dimensions),
            )),
        }
    }
}

/// MATLAB stores a matrix column by column; pictures here lie row by row.
fn rows_from_columns<T: Copy>(columns: &[T], size: Size) -> Vec<T> {
    let mut rows = Vec::with_capacity(columns.len());
    for y in 0..size.height {
        rows.extend((0..size.width).map(|x| columns[x * size.height + y]));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::MatFile;
    use super::super::written::{Writer, cells, double, file, structs, uint16};
    use super::*;

    fn with_variable(element: Vec<u8>, check: impl FnOnce(View<'_>)) {
        let parsed = MatFile::parse(Path::new("x.mat"), &file(Writer::Little, &[element])).unwrap();
        check(parsed.find("x").unwrap());
    }

    #[test]
    fn turns_columns_into_rows() {
        with_variable(
            double(Writer::Little, "x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
            |x| {
                let (size, reals) = x.reals().unwrap();
                assert_eq!(
                    (size.width, size.height, &reals[..]),
                    (2, 2, &[1.0, 3.0, 2.0, 4.0][..])
                );
            },
        );
    }

    #[test]
    fn names_what_it_refuses() {
        let writer = Writer::Little;
        let inner = structs(
            writer,
            "",
            &[("Segmentation", double(writer, "", &[1, 1], &[0.5]))],
        );
        with_variable(cells(writer, "x", &[inner]), |x| {
            let cell = &x.cells().unwrap()[0];
            assert_eq!(
                cell.field("Segmentation")
                    .unwrap()
                    .ids()
                    .err()
                    .unwrap()
                    .to_string(),
                "x.mat: variable `x{1}.Segmentation`: expected whole numbers from 0 to 4294967295, found 0.5"
            );
            assert_eq!(
                cell.field("Boundaries").err().unwrap().to_string(),
                "x.mat: variable `x{1}`: expected a field `Boundaries`, found none"
            );
            assert!(
                x.ids()
                    .err()
                    .unwrap()
                    .to_string()
                    .ends_with("expected a matrix of numbers, found a cell array")
            );
            assert!(
                x.field("y")
                    .err()
                    .unwrap()
                    .to_string()
                    .ends_with("expected a struct, found a cell array")
            );
        });
        with_variable(uint16(writer, "x", &[0, 3], &[]), |x| {
            assert!(
                x.ids()
                    .err()
                    .unwrap()
                    .to_string()
                    .ends_with("rows and columns, found dimensions [0, 3]")
            );
            assert!(
                x.cells()
                    .err()
                    .unwrap()
                    .to_string()
                    .ends_with("expected a cell array, found numbers")
            );
        });
        with_variable(uint16(writer, "x", &[1, 2, 2], &[1, 1, 1, 1]), |x| {
            assert!(x.reals().is_err())
        });
    }
}
