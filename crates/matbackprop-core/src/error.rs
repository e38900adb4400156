//! The errors of this crate.

/// An error of this crate.
///
/// `op` names the rule that refused; the other fields carry the numbers that brought it about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entry is NaN or infinite.
    #[error("{op}: expected finite entries, found one that is not")]
    NotFinite {
        /// The rule that refused.
        op: &'static str,
    },
    /// A matrix has no entries.
    #[error("{op}: expected at least one row and one column, found {rows} × {columns}")]
    Empty {
        /// The rule that refused.
        op: &'static str,
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// A matrix, or a list of values (one column), has another shape than its place asks for.
    #[error("{op}: expected {} × {}, found {} × {}", expected.0, expected.1, found.0, found.1)]
    ShapeMismatch {
        /// The rule that refused.
        op: &'static str,
        /// Rows and columns that fit.
        expected: (usize, usize),
        /// Rows and columns given.
        found: (usize, usize),
    },
    /// A matrix should be square.
    #[error("{op}: expected a square matrix, found {rows} × {columns}")]
    NotSquare {
        /// The rule that refused.
        op: &'static str,
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// A matrix should be symmetric, up to rounding.
    ///
    /// Choose the part that counts: [`symmetric_part`](crate::symmetric_part),
    /// [`symmetric_from_lower`](crate::symmetric_from_lower) or [`symmetric_from_upper`](crate::symmetric_from_upper).
    #[error(
        "{op}: expected a symmetric matrix, entries ({row}, {column}) and ({column}, {row}) within {tolerance:e} of each other, found {asymmetry:e} (relative to the largest entry); give it `symmetric_part(a)`, `symmetric_from_lower(a)` or `symmetric_from_upper(a)`"
    )]
    NotSymmetric {
        /// The rule that refused.
        op: &'static str,
        /// Row of the entry that differs most from its mirror image, from zero.
        row: usize,
        /// Its column.
        column: usize,
        /// Their difference, relative to the largest entry.
        asymmetry: f64,
        /// The largest difference that counts as rounding.
        tolerance: f64,
    },
    /// A number must lie above a floor.
    #[error("{op}: expected a number above {floor:e}, found {value:e}")]
    NotPositive {
        /// The rule that refused.
        op: &'static str,
        /// The number given.
        value: f64,
        /// The number it must exceed.
        floor: f64,
    },
    /// A number must lie in a half-open interval.
    #[error("{op}: expected a number in [{low:e}, {high:e}), found {value:e}")]
    OutOfRange {
        /// The rule that refused.
        op: &'static str,
        /// The number given.
        value: f64,
        /// Smallest accepted number.
        low: f64,
        /// Smallest number too large.
        high: f64,
    },
    /// A list of spectral values has a value below the one before it.
    #[error(
        "{op}: expected nondecreasing values, found {value:e} after {previous:e} at index {index}"
    )]
    NotSorted {
        /// The rule that refused.
        op: &'static str,
        /// Index of the first such value, from zero.
        index: usize,
        /// The value.
        value: f64,
        /// The one before it.
        previous: f64,
    },
    /// Two spectral values are too close for a cotangent that distinguishes their vectors, or the values.
    ///
    /// Gap and floor are relative to the largest spectral value.
    #[error(
        "{op}: expected a gap above {floor:e} between values {i} and {j}, which the loss tells apart, found {gap:e} (relative to the largest); {instead}"
    )]
    GapClosed {
        /// The rule that refused.
        op: &'static str,
        /// Index of one value.
        i: usize,
        /// Index of the other; equal to `i` when the value is too close to zero itself.
        j: usize,
        /// Their difference.
        gap: f64,
        /// The smallest accepted magnitude of a difference.
        floor: f64,
        /// The rules that have a gradient where these values are equal.
        instead: &'static str,
    },
    /// A function has no value at an eigenvalue.
    ///
    /// An eigenvalue is known to about n ε of the largest: one that close to the edge of the domain counts as on it.
    #[error(
        "{op}: expected eigenvalues inside the function's domain, by more than rounding, found {value:e}; a `Ridge` over the function moves its edge"
    )]
    OutsideDomain {
        /// The rule that refused.
        op: &'static str,
        /// The eigenvalue.
        value: f64,
    },
    /// A function has a value at an eigenvalue, and no finite slope or curvature there.
    #[error(
        "{op}: expected eigenvalues where the function has finite derivatives, or a cotangent that does not ask for them there, found {value:e}; a `Ridge` over the function moves it away"
    )]
    NotDifferentiable {
        /// The rule that refused.
        op: &'static str,
        /// The eigenvalue.
        value: f64,
    },
    /// Second order was asked of a function whose curvature is not known.
    #[error("{op}: expected a function with a known second derivative, found one without")]
    CurvatureUnknown {
        /// The rule that refused.
        op: &'static str,
    },
    /// A symmetric matrix is not positive definite, or not within rounding.
    #[error(
        "{op}: expected a positive definite matrix, pivot {index} above {floor:e}, found {pivot:e}"
    )]
    NotPositiveDefinite {
        /// The rule that refused.
        op: &'static str,
        /// Index of the pivot, from zero.
        index: usize,
        /// The diagonal entry after elimination.
        pivot: f64,
        /// The rounding error of that entry, which the pivot must exceed.
        floor: f64,
    },
    /// A square matrix is singular within rounding.
    #[error(
        "{op}: expected a reciprocal condition number above {floor:e}, found {reciprocal_condition:e}"
    )]
    Singular {
        /// The rule that refused.
        op: &'static str,
        /// Estimate of 1 / (‖A‖₁ ‖A⁻¹‖₁), rows and columns brought to order one; 0 for an exact zero pivot.
        reciprocal_condition: f64,
        /// The number it must exceed.
        floor: f64,
    },
    /// A direction is missing where the rule divides by its length.
    #[error("{op}: expected value {index} above {floor:e}, found {value:e} (relative)")]
    RankDeficient {
        /// The rule that refused.
        op: &'static str,
        /// Index of the value, from zero.
        index: usize,
        /// The value, relative to the size that the rule names.
        value: f64,
        /// The number it must exceed.
        floor: f64,
    },
    /// A result of finite numbers lies beyond the largest of them.
    #[error("{op}: expected a result in the range of f64, found one beyond it")]
    Overflow {
        /// The rule that refused.
        op: &'static str,
    },
    /// An iterative decomposition gave up.
    #[error(
        "{op}: expected the decomposition of a {rows} × {columns} matrix to converge, found that it did not"
    )]
    NoConvergence {
        /// The rule that refused.
        op: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// An iteration did not reach its tolerance.
    #[error(
        "{op}: expected a residual up to {tolerance:e}, found {residual:e} after {iterations} iterations"
    )]
    NotConverged {
        /// The rule that refused.
        op: &'static str,
        /// The residual reached.
        residual: f64,
        /// The largest accepted one.
        tolerance: f64,
        /// How many iterations were made.
        iterations: usize,
    },
    /// A rule failed at one matrix of a stack.
    #[error("matrix {index} of the stack: {source}")]
    InStack {
        /// The matrix, from zero.
        index: usize,
        /// What it failed with.
        source: Box<Error>,
    },
    /// A rule of another crate refused, for a reason that this one has no variant for.
    #[error("{message}")]
    OtherRule {
        /// The rule that refused.
        op: &'static str,
        /// What it said.
        message: String,
    },
    /// A list of numbers is too short for its shape and strides.
    #[error("{op}: expected at least {expected} numbers for its shape and strides, found {found}")]
    StackTooShort {
        /// The rule that refused.
        op: &'static str,
        /// Numbers up to the last entry.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// Two entries of a stack that is written would be one number, or matrices lie between each other's entries.
    #[error(
        "{op}: expected matrices of {} × {} that lie one behind the other, found strides of {strides:?} numbers from matrix, row and column to the next",
        shape.0, shape.1
    )]
    StackOverlaps {
        /// The rule that refused.
        op: &'static str,
        /// Strides given.
        strides: [usize; 3],
        /// Rows and columns of a matrix.
        shape: (usize, usize),
    },
    /// A stack has another number of matrices than the others.
    #[error("{op}: expected {expected} matrices in each stack, found one of {found}")]
    StackCount {
        /// The rule that refused.
        op: &'static str,
        /// Matrices of the first stack.
        expected: usize,
        /// Matrices of the other.
        found: usize,
    },
    /// A rule got another number of stacks than it has inputs or outputs.
    #[error("{op}: expected {expected} stacks of {what}, found {found}")]
    StackOperands {
        /// The rule that refused.
        op: &'static str,
        /// Inputs, outputs, or what is kept.
        what: &'static str,
        /// Stacks that fit.
        expected: usize,
        /// Stacks given.
        found: usize,
    },
    /// A derivative disagrees with finite differences.
    #[error(
        "{op}: expected a relative error up to {tolerance:e}, found {relative_error:e} along direction {direction}"
    )]
    GradientMismatch {
        /// The check that failed.
        op: &'static str,
        /// The number of the random direction.
        direction: usize,
        /// Error relative to the larger of the two numbers, see `gradcheck`.
        relative_error: f64,
        /// The largest accepted one.
        tolerance: f64,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_was_expected_and_what_was_found() {
        let shape = Error::ShapeMismatch {
            op: "thin SVD",
            expected: (2, 3),
            found: (3, 2),
        };
        assert_eq!(shape.to_string(), "thin SVD: expected 2 × 3, found 3 × 2");
        let gap = Error::GapClosed {
            op: "eigen",
            i: 0,
            j: 1,
            gap: 1e-17,
            floor: 1e-12,
            instead: "functions of a matrix have their gradients there",
        };
        assert_eq!(
            gap.to_string(),
            "eigen: expected a gap above 1e-12 between values 0 and 1, which the loss tells apart, found 1e-17 (relative to the largest); functions of a matrix have their gradients there"
        );
    }
}
