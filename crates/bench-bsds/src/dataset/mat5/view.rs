//! An array with its file and name: read as cells, fields, label maps or real matrices, or refused by that name.

use std::path::Path;

use super::array::{Array, Content};
use super::numbers::Numbers;
use crate::error::{Error, Result, Size};

/// A variable, or a part of one.
pub(crate) struct View<'a> {
    path: &'a Path,
    name: String,
    array: &'a Array,
}

/// A matrix of whole numbers, turned to rows.
pub(crate) struct IdMatrix {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) ids: Vec<u32>,
}

impl<'a> View<'a> {
    pub(super) fn new(path: &'a Path, name: String, array: &'a Array) -> Self {
        Self { path, name, array }
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
            .map(|(i, array)| Self {
                path: self.path,
                name: format!("{}{{{}}}", self.name, i + 1),
                array,
            })
            .collect())
    }

    /// A field of a struct, if the struct has it.
    pub(crate) fn find_field(&self, field: &str) -> Result<Option<View<'a>>> {
        let Content::Structs { fields, values } = &self.array.content else {
            return Err(self.refuse("a struct", self.array.content.kind()));
        };
        if values.len() != fields.len() {
            return Err(self.refuse(
                "a struct of one element",
                format!("one of {:?}", self.array.dimensions),
            ));
        }
        let found = fields.iter().position(|other| other == field);
        Ok(found.map(|i| Self {
            path: self.path,
            name: format!("{}.{field}", self.name),
            array: &values[i],
        }))
    }

    /// A field that a struct must have.
    pub(crate) fn field(&self, field: &str) -> Result<View<'a>> {
        self.find_field(field)?
            .ok_or_else(|| self.refuse(format!("a field `{field}`"), "none"))
    }

    /// A matrix of ids.
    pub(crate) fn ids(&self) -> Result<IdMatrix> {
        let (numbers, size) = self.numbers()?;
        let columns = numbers
            .ids()
            .map_err(|real| self.refuse("whole numbers from 0 to 4294967295", real.to_string()))?;
        Ok(IdMatrix {
            width: size.width,
            height: size.height,
            ids: rows_from_columns(&columns, size),
        })
    }

    /// A matrix of reals, row by row.
    pub(crate) fn reals(&self) -> Result<(Size, Vec<f64>)> {
        let (numbers, size) = self.numbers()?;
        Ok((size, rows_from_columns(&numbers.reals(), size)))
    }

    fn numbers(&self) -> Result<(&'a Numbers, Size)> {
        let Content::Numbers(numbers) = &self.array.content else {
            return Err(self.refuse("a matrix of numbers", self.array.content.kind()));
        };
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
