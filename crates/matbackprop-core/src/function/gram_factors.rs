//! F taken apart for a function of FᵀF, by the faster method that is accurate enough.

use super::gram_matrix::{Eigenpairs, GramMatrix, keeps_its_digits};
use super::scalar_function::ScalarFunction;
use crate::buffer_pool::Temporary;
use crate::decompose::{refined_by_parts, refined_svd, thin_svd};
use crate::error::Result;
use crate::products::{temporary_product, times_diagonal};
use crate::rank::Method;
use crate::scale::{Scaled, power_of_two_scale};
use faer::perm::swap_cols_idx;
use faer::{Mat, MatRef, Scale};

/// The singular values are refined where rounding in them, carried to the slopes of f, passes this times ε.
const SVD_ROUNDING: f64 = 64.0;

/// The same for more than [`FEW_VALUES`]: a gradient right to 10⁻¹² is not worth twice the time.
const SVD_ROUNDING_OF_MANY: f64 = 4096.0;

/// So many values are refined in a small part of a millisecond.
const FEW_VALUES: usize = 16;

/// F, n × d, taken apart.
#[derive(Clone, Debug)]
pub(super) enum Factors {
    /// n < d. F / scale = U Wᵀ with WᵀW diagonal.
    Thin {
        u: Temporary,
        w: Temporary,
        scale: f64,
    },
    /// n ≥ d. V, d × d, orthogonal, and F V or its factors.
    Complete { columns: Columns, v: Temporary },
}

impl Factors {
    /// Rows of F that are not zero throughout.
    pub(super) fn positions(&self) -> usize {
        match self {
            Self::Thin { u, .. } => u.as_ref().nrows(),
            Self::Complete { columns, .. } => columns.as_ref().nrows(),
        }
    }

    /// Left singular vectors of the `rank` leading values, positions × rank.
    pub(super) fn left_directions(&self, rank: usize) -> Mat<f64> {
        match self {
            Self::Thin { u, .. } => u.as_ref().subcols(0, rank).to_owned(),
            Self::Complete { columns, v } => match columns {
                Columns::Whole(f) => {
                    unit_columns((f.as_ref() * v.as_ref().subcols(0, rank)).as_ref())
                }
                Columns::Turned(turned) => unit_columns(turned.as_ref().subcols(0, rank)),
            },
        }
    }
}

/// Columns over their lengths, none of which is zero.
pub(super) fn unit_columns(x: MatRef<'_, f64>) -> Mat<f64> {
    let mut unit = x.to_owned();
    for j in 0..unit.ncols() {
        let length = unit.col(j).norm_l2();
        unit.col_as_slice_mut(j)
            .iter_mut()
            .for_each(|x| *x /= length);
    }
    unit
}

/// The columns that V turns into orthogonal ones.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    /// F itself.
    Whole(Temporary),
    /// F V = U Σ.
    Turned(Temporary),
}

impl Columns {
    fn as_ref(&self) -> MatRef<'_, f64> {
        match self {
            Self::Whole(columns) | Self::Turned(columns) => columns.as_ref(),
        }
    }
}

/// The spectrum λ of FᵀF, nonincreasing, min(n, d) values; the factors; and the method that gave them.
pub(super) struct Decomposed {
    pub(super) squares: Vec<f64>,
    pub(super) factors: Factors,
    pub(super) method: Method,
}

/// Decomposes a finite F by the method asked for, or by the faster one that is accurate enough for f.
///
/// Without its Gram matrix the Gram method is not taken; with eigenpairs of that matrix `given`, none are computed there.
pub(super) fn decompose(
    op: &'static str,
    f: MatRef<'_, f64>,
    gram: Option<GramMatrix>,
    given: Option<Eigenpairs>,
    function: &impl ScalarFunction,
    method: Option<Method>,
) -> Result<Decomposed> {
    let by_gram = match gram {
        None => None,
        Some(gram) => by_gram(op, f, gram, given, function, method.is_some())?,
    };
    let (method, (squares, factors)) = match by_gram {
        Some(found) => (Method::Gram, found),
        None => by_svd(op, f, function, method)?,
    };
    let mut decomposed = Decomposed {
        squares,
        factors,
        method,
    };
    if function.edge().is_some_and(|edge| edge >= 0.0) {
        decomposed.bring_onto_edge(f);
    }
    Ok(decomposed)
}

impl Decomposed {
    /// Singular values that are zero within the error of their method become zero, where f ends there.
    fn bring_onto_edge(&mut self, f: MatRef<'_, f64>) {
        let side = f.nrows().max(f.ncols()) as f64;
        // Of σ, relative to the largest.
        let known = match self.method {
            Method::Gram => (side * f64::EPSILON).sqrt(),
            Method::Svd => 8.0 * side * f64::EPSILON,
            // Twice the precision has 31 digits of the largest; 12 of them are to be left.
            Method::Refined => 1e-18,
        };
        let largest = self.squares.first().copied().unwrap_or(0.0);
        for (j, square) in self.squares.iter_mut().enumerate() {
            if square.sqrt() > known * largest.sqrt() {
                continue;
            }
            *square = 0.0;
            match &mut self.factors {
                Factors::Thin { w, .. } => w.column_mut(j).fill(0.0),
                Factors::Complete {
                    columns: Columns::Turned(turned),
                    ..
                } => turned.column_mut(j).fill(0.0),
                Factors::Complete {
                    columns: Columns::Whole(_),
                    ..
                } => {}
            }
        }
    }
}

/// From FᵀF, or FFᵀ for n < d; `None` where that would cost accuracy, unless it is `forced`.
fn by_gram(
    op: &'static str,
    f: MatRef<'_, f64>,
    gram: GramMatrix,
    given: Option<Eigenpairs>,
    function: &impl ScalarFunction,
    forced: bool,
) -> Result<Option<(Vec<f64>, Factors)>> {
    let eigenpairs = match given {
        Some(given) => Some((given.values, Temporary::copy_of(given.vectors.as_ref()))),
        None => gram.eigenpairs(op, function, forced)?,
    };
    let Some((values, mut vectors)) = eigenpairs else {
        return Ok(None);
    };
    let scale = gram.scale();
    // Nonincreasing; rounding may leave a square just below zero.
    let squares: Vec<f64> = values
        .iter()
        .rev()
        .map(|square| square.max(0.0) * scale * scale)
        .collect();
    if !forced && !keeps_its_digits(function, &squares, squares.len()) {
        return Ok(None);
    }
    for j in 0..squares.len() / 2 {
        let last = squares.len() - 1 - j;
        swap_cols_idx(vectors.as_mut(), j, last);
    }
    let factors = if f.nrows() >= f.ncols() {
        Factors::Complete {
            columns: Columns::Whole(Temporary::copy_of(f)),
            v: vectors,
        }
    } else {
        let scaled = Scaled::new(f, scale);
        Factors::Thin {
            w: temporary_product(scaled.as_ref().transpose(), vectors.as_ref()),
            u: vectors,
            scale,
        }
    };
    Ok(Some((squares, factors)))
}

/// Do singular values of a decomposition, nonincreasing, have the digits that f sees, so that none needs to be refined?
pub(crate) fn svd_keeps_digits(function: &impl ScalarFunction, values: &[f64]) -> bool {
    let sensitivity = Sensitivity::new(function, values, 1.0);
    let magnified = magnified_by(values.len());
    let largest = values.first().copied().unwrap_or(0.0);
    !values
        .iter()
        .any(|&value| sensitivity.is_seen(largest, value, magnified))
}

/// By how much rounding in so many singular values may be magnified.
fn magnified_by(values: usize) -> f64 {
    if values <= FEW_VALUES {
        SVD_ROUNDING
    } else {
        SVD_ROUNDING_OF_MANY
    }
}

/// From the singular value decomposition of F, refined where f sees its rounding or the caller asks for it.
fn by_svd(
    op: &'static str,
    f: MatRef<'_, f64>,
    function: &impl ScalarFunction,
    method: Option<Method>,
) -> Result<(Method, (Vec<f64>, Factors))> {
    let (n, d) = f.shape();
    if n.min(d) == 0 {
        let factors = Factors::Thin {
            u: Temporary::new(n, 0),
            w: Temporary::new(d, 0),
            scale: 1.0,
        };
        return Ok((Method::Svd, (Vec::new(), factors)));
    }
    let scale = power_of_two_scale(f);
    let scaled = Scaled::new(f, scale);
    // Tall: A = W Vᵀ with orthogonal columns of W.
    let a = if n >= d {
        scaled.as_ref()
    } else {
        scaled.as_ref().transpose()
    };
    let (u, values, v) = thin_svd(op, a)?;
    let few = values.len() <= FEW_VALUES;
    let magnified = match method {
        None => magnified_by(values.len()),
        Some(_) => SVD_ROUNDING,
    };
    let sensitivity = Sensitivity::new(function, &values, scale);
    let is_seen = |largest: f64, value: f64| sensitivity.is_seen(largest, value, magnified);
    let refine = match method {
        None => values.iter().any(|&value| is_seen(values[0], value)),
        forced => forced == Some(Method::Refined),
    };
    let (method, w, v) = if !refine {
        (Method::Svd, times_diagonal(u.as_ref(), &values), v)
    } else if few {
        let (w, v) = refined_svd(op, a, v.as_ref())?;
        (Method::Refined, w, v)
    } else {
        let (w, v) = refined_by_parts(op, a, (u, values.clone(), v), &is_seen)?;
        (Method::Refined, w, v)
    };
    let length = |j: usize| match method {
        Method::Refined => w.col(j).norm_l2() * scale,
        _ => values[j] * scale,
    };
    let squares = (0..values.len()).map(|j| length(j) * length(j)).collect();
    let v = Temporary::copy_of(v.as_ref());
    let factors = if n >= d {
        Factors::Complete {
            columns: Columns::Turned(Temporary::copy_of((Scale(scale) * w).as_ref())),
            v,
        }
    } else {
        Factors::Thin {
            w: Temporary::copy_of(w.as_ref()),
            u: v,
            scale,
        }
    };
    Ok((method, (squares, factors)))
}

/// How rounding in singular values is seen in σ f′(σ²), of which the gradient is made.
struct Sensitivity<'a, F> {
    function: &'a F,
    scale: f64,
    /// max σ f′(σ²) over the spectrum.
    largest: f64,
}

impl<'a, F: ScalarFunction> Sensitivity<'a, F> {
    /// Of values that were divided by `scale`.
    fn new(function: &'a F, values: &[f64], scale: f64) -> Self {
        let mut sensitivity = Self {
            function,
            scale,
            largest: 0.0,
        };
        // Below the rounding of a decomposition a value is any: for a power below ½ it would pass for the steepest.
        let rounding = 64.0 * f64::EPSILON * values.first().copied().unwrap_or(0.0);
        for &value in values.iter().filter(|&&value| value > rounding) {
            let steepness = value * scale * sensitivity.slope(value);
            if steepness.is_finite() {
                sensitivity.largest = sensitivity.largest.max(steepness);
            }
        }
        sensitivity
    }

    /// |f′(σ²)|.
    fn slope(&self, value: f64) -> f64 {
        let sigma = value * self.scale;
        self.function.slope(sigma * sigma).abs()
    }

    /// Is an error of ε `largest` in a value seen more than so many times magnified? An exact zero has no digits to lose.
    fn is_seen(&self, largest: f64, value: f64, magnified: f64) -> bool {
        value > 0.0 && largest * self.scale * self.slope(value) > magnified * self.largest
    }
}
