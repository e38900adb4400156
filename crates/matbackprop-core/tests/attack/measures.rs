//! The errors of a decomposition.

use crate::case::Task;
use matbackprop_core::faer::{Mat, MatRef, Scale};
use matbackprop_core::{
    Error, GapPolicy, SymEig, ThinSvd, eigenvalues, power_of_two_scale, singular_values,
};

/// Errors stay below so many √side, in their units: they add up like a random walk.
///
/// In forty thousand draws LAPACK reaches 15 √side and sound methods of ours 20 √side. A QR factorisation without pivots
/// before the SVD of a tall matrix whose rows fade left 60 to 1500 √side, values alone that were lost 10¹⁵.
const LIMIT: f64 = 40.0;

/// Errors in units of ε ‖A‖₂, those of orthogonality in units of ε.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// The longest column of A V − V Λ; of A V − U Σ and of AᵀU − V Σ.
    pub residual: f64,
    /// The longest column of VᵀV − I, and of UᵀU − I.
    pub orthogonality: f64,
    /// The largest difference between values found alone and values found with vectors.
    pub disagreement: f64,
}

impl Measures {
    /// The limits at this shape.
    pub fn limits((m, n): (usize, usize)) -> [f64; 3] {
        // Lengths of reflections are sums along the longer side, and orthogonality is as good as they are; the rest is
        // done along the shorter one.
        let (shorter, longer) = (m.min(n) as f64, m.max(n) as f64);
        [shorter, longer, shorter].map(|side| LIMIT * side.sqrt())
    }

    /// Errors over their limits.
    pub fn ratios(&self, shape: (usize, usize)) -> [f64; 3] {
        let (errors, limits) = (self.as_list(), Self::limits(shape));
        std::array::from_fn(|i| errors[i] / limits[i])
    }

    pub fn as_list(&self) -> [f64; 3] {
        [self.residual, self.orthogonality, self.disagreement]
    }
}

/// Why there are no measures.
pub enum Failure {
    /// A typed error where the values may lie beyond the range of f64.
    Refused,
    /// Anything else.
    Wrong(String),
}

/// Decomposes A in every way that the task knows.
pub fn measure(task: Task, a: MatRef<'_, f64>) -> Result<Measures, Failure> {
    let scaled = Judge::new(a);
    let refused = |error: Error| match error {
        Error::Overflow { .. } if scaled.may_overflow() => Failure::Refused,
        error => Failure::Wrong(format!("refused: {error}")),
    };
    match task {
        Task::Eigen => {
            let eigen = SymEig::forward(a, GapPolicy::default()).map_err(refused)?;
            let alone = eigenvalues(a).map_err(refused)?;
            let (values, v) = (eigen.values(), eigen.vectors());
            let (count, rising) = (a.ncols(), |low, high| low <= high);
            ensure_values("eigenvalues", &alone, count, f64::MIN, rising)?;
            ensure_values("values of SymEig", values, count, f64::MIN, rising)?;
            ensure_finite("V", v)?;
            Ok(Measures {
                residual: scaled.residual(scaled.a.as_ref(), v, v, values),
                orthogonality: turned(v),
                disagreement: scaled.disagreement(values, &alone),
            })
        }
        Task::Svd => {
            let svd = ThinSvd::forward(a, GapPolicy::default()).map_err(refused)?;
            let alone = singular_values(a).map_err(refused)?;
            let (u, values, v) = (svd.u(), svd.singular_values(), svd.v());
            let count = a.nrows().min(a.ncols());
            let falling = |high, low| high >= low;
            ensure_values("singular_values", &alone, count, 0.0, falling)?;
            ensure_values("values of ThinSvd", values, count, 0.0, falling)?;
            ensure_finite("U", u)?;
            ensure_finite("V", v)?;
            let right = scaled.residual(scaled.a.as_ref(), v, u, values);
            let left = scaled.residual(scaled.a.transpose(), u, v, values);
            Ok(Measures {
                residual: larger(right, left),
                orthogonality: larger(turned(u), turned(v)),
                disagreement: scaled.disagreement(values, &alone),
            })
        }
    }
}

/// A, brought to where squares are safe.
struct Judge {
    a: Mat<f64>,
    scale: f64,
    /// ‖A / scale‖₂, a little too small at worst.
    norm: f64,
    /// ε ‖A / scale‖₂, and the distance between subnormal numbers.
    unit: f64,
}

impl Judge {
    fn new(a: MatRef<'_, f64>) -> Self {
        let scale = power_of_two_scale(a);
        let a = Scale(scale.recip()) * a;
        let norm = norm(a.as_ref());
        let unit = f64::EPSILON * norm + f64::from_bits(1) / scale;
        Self {
            a,
            scale,
            norm,
            unit,
        }
    }

    /// Whether the norm is near enough to the largest number that an answer beyond it is no surprise.
    fn may_overflow(&self) -> bool {
        let side = self.a.nrows().max(self.a.ncols()) as f64;
        self.norm >= f64::MAX / side / self.scale
    }

    /// The longest column of A X − Y diag(values).
    fn residual(
        &self,
        a: MatRef<'_, f64>,
        x: MatRef<'_, f64>,
        y: MatRef<'_, f64>,
        values: &[f64],
    ) -> f64 {
        let mut off = product(a, x);
        for (j, value) in values.iter().enumerate() {
            let value = value / self.scale;
            for i in 0..off.nrows() {
                off[(i, j)] -= y[(i, j)] * value;
            }
        }
        longest_column(off.as_ref()) / self.unit
    }

    fn disagreement(&self, values: &[f64], alone: &[f64]) -> f64 {
        let off = values.iter().zip(alone);
        let off = off.map(|(x, y)| (x / self.scale - y / self.scale).abs());
        off.fold(0.0, larger) / self.unit
    }
}

/// The larger one; NaN wins.
fn larger(x: f64, y: f64) -> f64 {
    if x > y || x.is_nan() { x } else { y }
}

fn longest_column(a: MatRef<'_, f64>) -> f64 {
    let squares = a
        .col_iter()
        .map(|column| column.iter().map(|x| x * x).sum::<f64>());
    squares.fold(0.0, larger).sqrt()
}

/// A B, its sums taken by halves: those of equal terms, one after another, would round by more than the measure.
fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.ncols();
    if n <= 64 {
        return a * b;
    }
    let (left, right) = a.split_at_col(n / 2);
    let (top, bottom) = b.split_at_row(n / 2);
    product(left, top) + product(right, bottom)
}

/// The longest column of XᵀX − I, in units of ε.
fn turned(x: MatRef<'_, f64>) -> f64 {
    let mut gram = product(x.transpose(), x);
    for i in 0..gram.ncols() {
        gram[(i, i)] -= 1.0;
    }
    longest_column(gram.as_ref()) / f64::EPSILON
}

/// ‖A‖₂ from below, by a few steps of the power method from the longest column on: without the decomposition.
fn norm(a: MatRef<'_, f64>) -> f64 {
    let lengths = a.col_iter().map(|column| column.norm_l2());
    let (longest, mut norm) =
        lengths.enumerate().fold(
            (0, 0.0),
            |best, (j, length)| {
                if length > best.1 { (j, length) } else { best }
            },
        );
    let mut y = a.col(longest).to_owned();
    for _ in 0..6 {
        let x = a.transpose() * &y;
        let length = x.norm_l2();
        if length == 0.0 {
            break;
        }
        y = a * (Scale(length.recip()) * x);
        norm = f64::max(norm, y.norm_l2());
    }
    norm
}

fn ensure_finite(name: &str, x: MatRef<'_, f64>) -> Result<(), Failure> {
    if x.is_all_finite() {
        Ok(())
    } else {
        Err(Failure::Wrong(format!("{name} is not finite")))
    }
}

fn ensure_values(
    name: &str,
    values: &[f64],
    count: usize,
    least: f64,
    in_order: impl Fn(f64, f64) -> bool,
) -> Result<(), Failure> {
    let wrong = |text: String| Err(Failure::Wrong(text));
    let found = values.len();
    if found != count {
        return wrong(format!("{name}: expected {count}, found {found}"));
    }
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return wrong(format!("{name}: expected finite ones, found {value}"));
    }
    if let Some(value) = values.iter().find(|value| **value < least) {
        return wrong(format!(
            "{name}: expected none below {least}, found {value:e}"
        ));
    }
    for pair in values.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if !in_order(before, after) {
            return wrong(format!("{name}: {after:e} comes after {before:e}"));
        }
    }
    Ok(())
}
