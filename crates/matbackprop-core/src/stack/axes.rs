//! The axes of a framework's tensor.

use super::rule::Shape;

/// The axes of a framework's tensor: the last two are a matrix, the leading ones count matrices.
///
/// # Example
/// ```
/// use matbackprop_core::stack::Axes;
///
/// let axes = Axes::of(&[2, 3, 4, 5]).unwrap();
/// assert_eq!((axes.leading(), axes.matrix(), axes.count()), (&[2, 3][..], (4, 5), 6));
/// assert_eq!(axes.dims((4, 1)), [2, 3, 4, 1]);
/// // Of a tensor that lies transposed: entries that `StackRef::with_strides` reads where they lie.
/// assert_eq!(axes.strides(&[60, 20, 1, 4]), Some([20, 1, 4]));
/// // The leading axes exchanged: no single stride leads through them.
/// assert_eq!(axes.strides(&[20, 40, 5, 1]), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes {
    leading: Vec<usize>,
    matrix: Shape,
}

impl Axes {
    /// Of a tensor's lengths; none where there are fewer than two.
    pub fn of(dims: &[usize]) -> Option<Self> {
        match dims {
            [leading @ .., rows, columns] => Some(Self {
                leading: leading.to_vec(),
                matrix: (*rows, *columns),
            }),
            _ => None,
        }
    }

    /// The axes before the last two.
    pub fn leading(&self) -> &[usize] {
        &self.leading
    }

    /// The shape of the matrices.
    pub fn matrix(&self) -> Shape {
        self.matrix
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.leading.iter().product()
    }

    /// The lengths of a tensor of as many other matrices.
    pub fn dims(&self, (rows, columns): Shape) -> Vec<usize> {
        let mut dims = self.leading.clone();
        dims.extend([rows, columns]);
        dims
    }

    /// Numbers from one matrix, row and column to the next, of a tensor with one stride an axis; none where no single stride
    /// leads through the leading axes.
    pub fn strides(&self, of_axes: &[usize]) -> Option<[usize; 3]> {
        let [leading @ .., row, column] = of_axes else {
            return None;
        };
        if leading.len() != self.leading.len() {
            return None;
        }
        // From the last axis on, each stride has to span the axis behind it.
        let mut walked: Option<(usize, usize)> = None;
        for (&length, &stride) in self.leading.iter().zip(leading).rev() {
            if length == 1 {
                continue;
            }
            walked = match walked {
                None => Some((stride, stride * length)),
                Some((matrix, span)) if span == stride => Some((matrix, span * length)),
                Some(_) => return None,
            };
        }
        Some([walked.map_or(0, |(matrix, _)| matrix), *row, *column])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_no_matrix() {
        assert_eq!(Axes::of(&[3]), None);
        let axes = Axes::of(&[2, 3, 4, 5]).unwrap();
        assert_eq!(axes.strides(&[5, 1]), None);
    }

    #[test]
    fn one_stride_leads_through_leading_axes_or_none() {
        for (dims, strides, expected) in [
            ([2, 3, 4, 5], [60, 20, 5, 1], Some([20, 5, 1])),
            // Part of the last axes, and of the leading ones.
            ([2, 3, 2, 3], [60, 20, 5, 1], Some([20, 5, 1])),
            ([2, 1, 4, 5], [60, 20, 5, 1], Some([60, 5, 1])),
            ([2, 2, 4, 5], [60, 20, 5, 1], None),
            // Repeated: all of them, and within a batch alone.
            ([2, 3, 4, 5], [0, 0, 5, 1], Some([0, 5, 1])),
            ([2, 3, 4, 5], [20, 0, 5, 1], None),
            // One matrix.
            ([1, 1, 4, 5], [7, 9, 5, 1], Some([0, 5, 1])),
        ] {
            let axes = Axes::of(&dims).unwrap();
            assert_eq!(axes.strides(&strides), expected, "{dims:?} {strides:?}");
        }
    }
}
