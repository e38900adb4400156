//! F taken apart for a function of FᵀF, on the faster road that is accurate enough.

use super::gram_matrix::{Eigenpairs, GramMatrix, keeps_its_digits};
use super::scalar_function::ScalarFunction;
use crate::decompose::{Temporary, refined_svd, temporary_product, thin_svd, times_diagonal};
use crate::error::Result;
use crate::rank::Road;
use crate::scale::{Scaled, power_of_two_scale};
use faer::perm::swap_cols_idx;
use faer::{MatRef, Scale};

/// The singular values are refined where rounding in them, carried to the slopes of f, passes this times ε.
const SVD_ROUNDING: f64 = 64.0;

/// And where there are at most so many of them: it takes five to ten times as long as the decomposition, more for more.
const REFINED_VALUES: usize = 16;

/// F, n × d, taken apart.
#[derive(Clone, Debug)]
pub(super) enum Factors {
    /// n < d. F / scale = U Wᵀ with WᵀW diagonal.
    Thin {
        u: Temporary,
        w: Temporary,
        scale: f64,
    },
    /// n ≥ d. V, d × d, orthogonal, and F V or what gives it.
    Complete { columns: Columns, v: Temporary },
}

/// The columns that V turns into orthogonal ones.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    /// F itself.
    Whole(Temporary),
    /// F V = U Σ.
    Turned(Temporary),
}

/// The spectrum λ of FᵀF, nonincreasing, min(n, d) values; the factors; and the road that gave them.
pub(super) struct Decomposed {
    pub(super) squares: Vec<f64>,
    pub(super) factors: Factors,
    pub(super) road: Road,
}

/// Decomposes a finite F on the road asked for, or on the faster one that is accurate enough for f.
///
/// Without its Gram matrix the Gram road is closed; with eigenpairs of that matrix `given`, none are computed there.
pub(super) fn decompose(
    op: &'static str,
    f: MatRef<'_, f64>,
    gram: Option<GramMatrix>,
    given: Option<Eigenpairs>,
    function: &impl ScalarFunction,
    road: Option<Road>,
) -> Result<Decomposed> {
    let by_gram = match gram {
        None => None,
        Some(gram) => by_gram(op, f, gram, given, function, road.is_some())?,
    };
    let (road, (squares, factors)) = match by_gram {
        Some(found) => (Road::Gram, found),
        None => {
            let (squares, factors) = by_svd(op, f)?;
            let refine = match road {
                None => squares.len() <= REFINED_VALUES && is_steep_below(function, &squares),
                forced => forced == Some(Road::Refined),
            };
            if refine && !squares.is_empty() {
                (Road::Refined, by_refinement(op, f, &factors)?)
            } else {
                (Road::Svd, (squares, factors))
            }
        }
    };
    Ok(Decomposed {
        squares,
        factors,
        road,
    })
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

/// Is rounding in the singular values, ε σ₁ in each, seen magnified in σ f′(σ²), of which the gradient is made?
fn is_steep_below(function: &impl ScalarFunction, squares: &[f64]) -> bool {
    let mut steepest: f64 = 0.0;
    let mut largest: f64 = 0.0;
    for &square in squares {
        let slope = function.slope(square).abs();
        steepest = steepest.max(slope);
        largest = largest.max(square.sqrt() * slope);
    }
    let first = squares.first().map_or(0.0, |square| square.sqrt());
    first * steepest > SVD_ROUNDING * largest && steepest < f64::INFINITY
}

/// From the singular value decomposition of F.
fn by_svd(op: &'static str, f: MatRef<'_, f64>) -> Result<(Vec<f64>, Factors)> {
    let (n, d) = f.shape();
    if n.min(d) == 0 {
        return Ok((
            Vec::new(),
            Factors::Thin {
                u: Temporary::new(n, 0),
                w: Temporary::new(d, 0),
                scale: 1.0,
            },
        ));
    }
    let scale = power_of_two_scale(f);
    let (u, values, v) = thin_svd(op, Scaled::new(f, scale).as_ref())?;
    let squares = values.iter().map(|x| (x * scale) * (x * scale)).collect();
    let factors = if n >= d {
        let turned = times_diagonal(u.as_ref(), &values);
        Factors::Complete {
            columns: Columns::Turned(Temporary::copy_of((Scale(scale) * turned).as_ref())),
            v: Temporary::copy_of(v.as_ref()),
        }
    } else {
        Factors::Thin {
            w: Temporary::copy_of(times_diagonal(v.as_ref(), &values).as_ref()),
            u: Temporary::copy_of(u.as_ref()),
            scale,
        }
    };
    Ok((squares, factors))
}

/// From rotations in twice the precision, which begin where the singular value decomposition ended.
fn by_refinement(
    op: &'static str,
    f: MatRef<'_, f64>,
    begin: &Factors,
) -> Result<(Vec<f64>, Factors)> {
    let scale = power_of_two_scale(f);
    let scaled = Scaled::new(f, scale);
    let a = scaled.as_ref();
    let (w, v) = match begin {
        Factors::Complete { v, .. } => refined_svd(op, a, v.as_ref())?,
        Factors::Thin { u, .. } => refined_svd(op, a.transpose(), u.as_ref())?,
    };
    let length = |j: usize| w.col(j).norm_l2() * scale;
    let squares = (0..w.ncols()).map(|j| length(j) * length(j)).collect();
    let v = Temporary::copy_of(v.as_ref());
    let factors = match begin {
        Factors::Complete { .. } => Factors::Complete {
            columns: Columns::Turned(Temporary::copy_of((Scale(scale) * w).as_ref())),
            v,
        },
        Factors::Thin { .. } => Factors::Thin {
            w: Temporary::copy_of(w.as_ref()),
            u: v,
            scale,
        },
    };
    Ok((squares, factors))
}
