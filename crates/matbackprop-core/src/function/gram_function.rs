//! A function of a Gram matrix, from thin factors.

use super::domain;
use super::gram_factors::{Columns, Decomposed, Factors, decompose, unit_columns};
use super::gram_matrix::GramMatrix;
use super::scalar_function::ScalarFunction;
use super::support::Support;
use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use crate::guard::{ensure_matrix, ensure_shape, within_range};
use crate::products::{
    add_product, congruence, scaled_product, spectral_product, temporary_product,
    temporary_symmetric_product, times_diagonal,
};
use crate::rank::Method;
use crate::symmetric::{sym, temporary_sym};
use faer::{Mat, MatRef, Scale};

pub(super) const OP: &str = "function of a Gram matrix";

/// Squares of singular values beyond 2⁴⁰⁰ times those of order one.
const HUGE: f64 = 1e120;

/// C = f(FᵀF), differentiated without a difference of eigenvalues in a denominator.
///
/// ```text
/// forward   F = U Wᵀ,  W = V Σ,  λ = σ²          C = W diag(f[λᵢ, 0]) Wᵀ + f(0) I
/// vjp       F̄ = 2 U ( (R ∘ WᵀSW) Wᵀ + diag(f[λᵢ, 0]) WᵀS )       S = sym(C̄),  Rᵢⱼ = f[λᵢ, λⱼ, 0]
/// jvp       Ċ = 2 sym( W ( ½ R ∘ (Y + Yᵀ) Wᵀ + diag(f[λᵢ, 0]) Z ) )   Z = UᵀḞ,  Y = Z W
/// ```
///
/// for n < d, with n columns in U and V. For n ≥ d the columns of V span everything, and f(0) is not asked for:
///
/// ```text
/// forward   C = V diag(f(λ)) Vᵀ
/// vjp       F̄ = 2 U Σ (P ∘ VᵀSV) Vᵀ = 2 F V (P ∘ VᵀSV) Vᵀ        Pᵢⱼ = f[λᵢ, λⱼ]
/// jvp       Ċ = V (P ∘ (VᵀĠV)) Vᵀ,  Ġ = FᵀḞ + ḞᵀF
/// ```
///
/// To second order, a cotangent Z of F̄ goes to C̄ as `jvp` of Z, and to F, in each form, as
///
/// ```text
/// n < d     U ( 2 diag(q) Zᵤ S + 2 (R ∘ M) Zᵤ + 4 (R ∘ Y) WᵀS + 4 (R ∘ N + H) Wᵀ )      qᵢ = f[λᵢ, 0],  Zᵤ = UᵀZ
///           M = WᵀSW,  Y = sym(Zᵤ W),  N = sym(Zᵤ S W),  Hᵢⱼ = Σₖ f[λᵢ, λₖ, λⱼ, 0] (Mᵢₖ Yₖⱼ + Yᵢₖ Mₖⱼ)
/// n ≥ d     ( 2 Z V (P ∘ X) + 2 U Σ H ) Vᵀ      X = VᵀSV,  Y = 2 sym(Σ UᵀZ V)
///           Hᵢⱼ = Σₖ f[λᵢ, λₖ, λⱼ] (Xᵢₖ Yₖⱼ + Yᵢₖ Xₖⱼ)
/// ```
///
/// With f(x) = log(x + ε), [`Ridge`](crate::Ridge) of [`Log`](crate::Log), this is the log map of second-order pooling.
///
/// # Shapes
/// F, F̄, Ḟ: n × d, positions × channels; C, C̄: d × d, symmetric; λ: min(n, d) values.
///
/// # Conventions
/// Rows and columns of F that are zero throughout (positions outside a mask, dead channels) are left out of the
/// decomposition, and n and d above count the others. A dead channel a has C_aa = f(0), and its gradient
/// F̄_a = 2 U Σ diag(f[λᵢ, 0]) Vᵀ S_a: it can come back to life. The [`Method`] is chosen by accuracy: from FᵀF, or FFᵀ where
/// that is smaller, while ε λ₁ max|f″| / max|f′| over the spectrum stays below 16 r ε, ε = 2⁻⁵²; else, and for an f
/// whose curvature is not known, from the singular value decomposition of F. That knows each σ to ε σ₁; where the gradient
/// would see this magnified, σ₁ max|f′| > 64 max σ|f′|, or 4096 for more than 16 values, those that it sees are refined in
/// twice the precision. The gradient has then an error of about 64 ε, or 10⁻¹², at any side.
///
/// Where f ends at zero, as root and log without a ridge, a singular value counts as zero within the error of its
/// method: 8 max(n, d) ε of the largest, or 10⁻¹⁸ where it was refined. If f has a value and no slope there, C has a
/// kink where F can grow between null vectors of both sides: a cotangent that asks for it is an error, any other has
/// its gradient.
///
/// # Errors
/// [`Empty`](Error::Empty), [`NotFinite`](Error::NotFinite), [`NoConvergence`](Error::NoConvergence);
/// [`OutsideDomain`](Error::OutsideDomain) with the eigenvalue at which f is not finite: zero where n < d or a channel
/// is dead and f has no value there; [`NotDifferentiable`](Error::NotDifferentiable), from `vjp` and `jvp` alone, where
/// they ask for a slope that f does not have; [`Overflow`](Error::Overflow);
/// [`CurvatureUnknown`](Error::CurvatureUnknown) from second order.
///
/// # Cost
/// O(n d min(n, d) + d² min(n, d)) time, to second order too, and there O(d³) where channels are dead and n ≥ d; n r + d r + d² numbers stored. The Gram method is about three times as fast as the SVD's;
/// refinement takes five to ten times that for up to 16 values, and for more about as many products of n d s numbers as
/// thirty a part, s the values that are refined. Where eigenpairs of many Gram matrices are found faster together, see
/// [`prepare`](Self::prepare).
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Matrix Backpropagation for Deep Networks with Structured Layers", ICCV 2015,
/// section on O2P. There the derivative goes through that of the singular vectors; ours is Daleckii's and Krein's, in
/// thin factors, and keeps its digits where singular values meet or vanish. The second is ours, by the same differences.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GramFunction, Log, Ridge};
///
/// // Two equal singular values and a dead channel: FᵀF = diag(4, 4, 0).
/// let f = mat![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
/// let log = GramFunction::forward(f.as_ref(), Ridge::new(Log, 1.0)?)?;
/// assert!((log.value()[(0, 0)] - 5f64.ln()).abs() < 1e-15 && log.value()[(2, 2)] == 0.0);
/// // The trace of log(FᵀF + I) has the gradient 2 F (FᵀF + I)⁻¹.
/// let f_bar = log.vjp(faer::Mat::<f64>::identity(3, 3).as_ref())?;
/// assert!((f_bar - faer::Scale(0.4) * f).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GramFunction<F> {
    pub(super) function: F,
    value: Mat<f64>,
    /// λ, one for each column of the factors.
    pub(super) squares: Vec<f64>,
    pub(super) factors: Factors,
    pub(super) support: Support,
    method: Method,
}

impl<F: ScalarFunction> GramFunction<F> {
    /// Computes C.
    ///
    /// # Errors
    /// See [`GramFunction`].
    pub fn forward(f: MatRef<'_, f64>, function: F) -> Result<Self> {
        Self::forward_by(None, f, function)
    }

    /// Computes C by a method of the caller's: to compare, or where the accuracy needed is known.
    ///
    /// # Errors
    /// See [`GramFunction`].
    pub fn forward_with(method: Method, f: MatRef<'_, f64>, function: F) -> Result<Self> {
        Self::forward_by(Some(method), f, function)
    }

    fn forward_by(method: Option<Method>, f: MatRef<'_, f64>, function: F) -> Result<Self> {
        ensure_matrix(OP, f)?;
        let support = Support::of(f);
        let compact = support.compact(f);
        let a = compact.as_ref().map_or(f, |compact| compact.as_ref());
        let gram = match method {
            Some(Method::Svd | Method::Refined) => None,
            _ => GramMatrix::lower(a),
        };
        let decomposed = decompose(OP, a, gram, None, &function, method)?;
        Self::from_decomposed(function, support, decomposed)
    }

    /// C from the decomposition of the supported part of F.
    pub(super) fn from_decomposed(
        function: F,
        support: Support,
        decomposed: Decomposed,
    ) -> Result<Self> {
        let Decomposed {
            squares,
            mut factors,
            method,
        } = decomposed;
        if let (Factors::Thin { w, .. }, false) = (&mut factors, support.is_everything()) {
            *w = Temporary::copy_of(support.expand_to_columns(w.as_ref()).as_ref());
        }
        let value = within_range(OP, value(&function, &squares, &factors, &support)?)?;
        Ok(Self {
            function,
            value,
            squares,
            factors,
            support,
            method,
        })
    }

    /// The function of the Gram matrix, C, d × d.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// The function of the Gram matrix, C, d × d, without a copy.
    pub fn into_value(self) -> Mat<f64> {
        self.value
    }

    /// λ, nonincreasing, and V, where they are those of the whole FᵀF, and none needed to be refined.
    pub(crate) fn gram_eigenpairs(&self) -> Option<(&[f64], MatRef<'_, f64>)> {
        match &self.factors {
            Factors::Complete { v, .. }
                if self.support.is_everything() && self.method != Method::Refined =>
            {
                Some((&self.squares, v.as_ref()))
            }
            _ => None,
        }
    }

    /// λ, nonincreasing: the eigenvalues of FᵀF without those that zero rows, zero columns and n < d bring.
    pub fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// How the spectrum was found.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The function of a number, f.
    pub fn function(&self) -> &F {
        &self.function
    }

    /// F̄ from C̄, whose symmetric part counts.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch) unless C̄ is d × d; [`NotFinite`](Error::NotFinite);
    /// [`NotDifferentiable`](Error::NotDifferentiable).
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let d = self.support.shape().1;
        ensure_shape(OP, value_bar, (d, d))?;
        let s = temporary_sym(value_bar);
        self.ensure_smooth(s.as_ref(), false)?;
        let f_bar = match &self.factors {
            Factors::Thin { u, w, scale } => {
                let (q, r) = self.second_differences(*scale)?;
                let mut sw = temporary_product(s.as_ref(), w.as_ref());
                let mut core = temporary_symmetric_product(w.as_ref().transpose(), sw.as_ref());
                times_entries(&mut core, &r);
                // ( (R ∘ WᵀSW) Wᵀ + diag(q) WᵀS )ᵀ
                for (j, q) in q.iter().enumerate() {
                    sw.column_mut(j).iter_mut().for_each(|x| *x *= q);
                }
                let (w, core) = (w.as_ref(), core.as_ref());
                add_product(sw.as_mut(), 1.0, w, core);
                scaled_product(2.0 / scale, u.as_ref(), sw.as_ref().transpose())
            }
            Factors::Complete { columns, v } => {
                self.complete_vjp(columns, v.as_ref(), s.as_ref())?
            }
        };
        within_range(OP, self.support.expand_rows(f_bar))
    }

    /// Ċ from Ḟ.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch) unless Ḟ is n × d; [`NotFinite`](Error::NotFinite);
    /// [`NotDifferentiable`](Error::NotDifferentiable).
    pub fn jvp(&self, f_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, f_dot, self.support.shape())?;
        let f_dot = self.support.compact_rows(f_dot);
        self.ensure_smooth(f_dot.as_ref(), true)?;
        let value_dot = match &self.factors {
            Factors::Thin { u, w, scale } => {
                let (q, r) = self.second_differences(*scale)?;
                let z = u.as_ref().transpose() * f_dot;
                let mut core = temporary_sym(temporary_product(z.as_ref(), w.as_ref()).as_ref());
                times_entries(&mut core, &r);
                let inner = core.as_ref() * w.as_ref().transpose()
                    + times_diagonal(z.transpose(), &q).transpose();
                sym(scaled_product(2.0 / scale, w.as_ref(), inner.as_ref()).as_ref())
            }
            Factors::Complete { columns, v } => self.complete_jvp(columns, v.as_ref(), &f_dot)?,
        };
        within_range(OP, value_dot)
    }

    /// F̄ without its zero rows, where n ≥ d.
    fn complete_vjp(
        &self,
        columns: &Columns,
        v: MatRef<'_, f64>,
        s: MatRef<'_, f64>,
    ) -> Result<Mat<f64>> {
        let (alive, dead) = (self.support.alive_columns(), self.support.dead_columns());
        let block;
        let s_alive = if dead.is_empty() {
            s
        } else {
            block = Mat::from_fn(alive.len(), alive.len(), |i, j| s[(alive[i], alive[j])]);
            block.as_ref()
        };
        let sv = temporary_product(s_alive, v);
        let mut core = temporary_symmetric_product(v.transpose(), sv.as_ref());
        times_entries(&mut core, &self.first_differences()?);
        let f_bar = match columns {
            Columns::Whole(f) => {
                let turned = temporary_product(v, core.as_ref());
                let gram_bar = temporary_symmetric_product(turned.as_ref(), v.transpose());
                scaled_product(2.0, f.as_ref(), gram_bar.as_ref())
            }
            Columns::Turned(turned) => {
                let right = temporary_product(core.as_ref(), v.transpose());
                scaled_product(2.0, turned.as_ref(), right.as_ref())
            }
        };
        if dead.is_empty() {
            return Ok(f_bar);
        }
        let s_dead = Mat::from_fn(alive.len(), dead.len(), |i, j| s[(alive[i], dead[j])]);
        let q = self.differences_from_zero()?;
        let pulled = times_diagonal((s_dead.transpose() * v).as_ref(), &q);
        let f_bar_dead = scaled_product(2.0, turned(columns, v).as_ref(), pulled.transpose());
        Ok(self.support.join_columns(&f_bar, &f_bar_dead))
    }

    /// Ċ where n ≥ d.
    fn complete_jvp(
        &self,
        columns: &Columns,
        v: MatRef<'_, f64>,
        f_dot: &Mat<f64>,
    ) -> Result<Mat<f64>> {
        let (alive, dead) = (self.support.alive_columns(), self.support.dead_columns());
        let select = |places: &[usize]| {
            Mat::from_fn(f_dot.nrows(), places.len(), |i, j| f_dot[(i, places[j])])
        };
        let turned = turned(columns, v);
        let turned = turned.as_ref();
        let moved = turned.transpose() * select(&alive) * v;
        let mut core = temporary_sym((Scale(2.0) * moved).as_ref());
        times_entries(&mut core, &self.first_differences()?);
        let value_dot = congruence(v, core.as_ref());
        if dead.is_empty() {
            return Ok(value_dot);
        }
        let q = self.differences_from_zero()?;
        let value_dot_dead = times_diagonal(v, &q) * (turned.transpose() * select(&dead));
        let rows = self.support.join_columns(&value_dot, &value_dot_dead);
        let mut full = self.support.expand_to_columns(rows.as_ref());
        for &j in &dead {
            for &i in &alive {
                full[(j, i)] = full[(i, j)];
            }
        }
        Ok(full)
    }

    /// P, with zeros between zero singular values where f has no slope: [`ensure_smooth`](Self::ensure_smooth) comes
    /// first, and the columns of F V that meet them are zero.
    fn first_differences(&self) -> Result<Mat<f64>> {
        let p = domain::differences_where_asked(OP, &self.function, &self.squares, |_, _| false)?;
        // Of very large features a difference may underflow where its product with F would not.
        let lost = |j: usize| {
            let square = self.squares[j];
            p[(j, j)].abs() < f64::MIN_POSITIVE
                && square > HUGE
                && self.function.value(square) != self.function.value(0.25 * square)
        };
        if (0..self.squares.len()).any(lost) {
            return Err(Error::Overflow { op: OP });
        }
        Ok(p)
    }

    /// f[λᵢ, 0], with zeros as in P.
    fn differences_from_zero(&self) -> Result<Vec<f64>> {
        let mut q = differences_from_zero(&self.function, &self.squares);
        for (q, &square) in q.iter_mut().zip(&self.squares) {
            if q.is_finite() {
                continue;
            }
            if square > 0.0 {
                return Err(if self.function.value(0.0).is_finite() {
                    Error::Overflow { op: OP }
                } else {
                    Error::NotDifferentiable { op: OP, value: 0.0 }
                });
            }
            *q = 0.0;
        }
        Ok(q)
    }

    /// Is C a smooth function of F in the directions of X, where singular values are zero and f has no slope there?
    ///
    /// F can grow there by U₀ Y V₀ᵀ, with the null vectors of both sides, and C by f of the singular values of Y: with
    /// a kink, unless f(σ²) is flat at σ = 0. So X must vanish between the null vectors, on the left those of channels or,
    /// for a tangent of F, of positions. Positions that are zero throughout are no part of F here.
    fn ensure_smooth(&self, x: MatRef<'_, f64>, of_positions: bool) -> Result<()> {
        let rank = self.squares.iter().filter(|&&square| square > 0.0).count();
        let (live, d) = (self.factors.positions(), self.support.shape().1);
        if rank == live || rank == d || is_flat_at_zero(&self.function) {
            return Ok(());
        }
        let v = self.directions(rank);
        let beside = x - (x * &v) * v.transpose();
        let between = if of_positions {
            let u = self.factors.left_directions(rank);
            &beside - &u * (u.transpose() * &beside)
        } else {
            &beside - &v * (v.transpose() * &beside)
        };
        if between.norm_max() <= domain::nothing(live.max(d), x.norm_l2()) {
            Ok(())
        } else {
            Err(Error::NotDifferentiable { op: OP, value: 0.0 })
        }
    }

    /// Right singular vectors of the `rank` leading values, d × rank.
    fn directions(&self, rank: usize) -> Mat<f64> {
        match &self.factors {
            Factors::Thin { w, .. } => unit_columns(w.as_ref().subcols(0, rank)),
            Factors::Complete { v, .. } => {
                let alive = v.as_ref().subcols(0, rank);
                self.support.expand_to_columns(alive)
            }
        }
    }

    /// f[λᵢ, 0] and R for W / scale: times scale² and scale⁴, so that sizes far from one cancel.
    pub(super) fn second_differences(&self, scale: f64) -> Result<(Vec<f64>, Mat<f64>)> {
        let squares = &self.squares;
        let q = self.differences_from_zero()?;
        let mut r = self.first_differences()?;
        for j in 0..squares.len() {
            for (i, entry) in r.col_as_slice_mut(j).iter_mut().enumerate() {
                // f[a, b, 0] = (f[a, b] − f[a, 0]) / b, with the larger as b: that quotient keeps more digits. Where
                // both vanish, so do the columns of W that it multiplies.
                let (smaller, larger) = if squares[i] < squares[j] {
                    (i, j)
                } else {
                    (j, i)
                };
                *entry = if squares[larger] > 0.0 {
                    ((*entry - q[smaller]) * scale * scale) / (squares[larger] / scale / scale)
                } else {
                    0.0
                };
            }
        }
        Ok((q.iter().map(|q| q * scale * scale).collect(), r))
    }
}

/// Does f(σ²) have the slope zero at σ = 0? By 2σ f′(σ²) at two small numbers.
fn is_flat_at_zero(f: &impl ScalarFunction) -> bool {
    if f.slope(0.0).is_finite() {
        return true;
    }
    let slope = |sigma: f64| (sigma * f.slope(sigma * sigma)).abs();
    slope(1e-150) < 0.5 * slope(1e-75)
}

/// F V = U Σ.
pub(super) fn turned(columns: &Columns, v: MatRef<'_, f64>) -> Temporary {
    match columns {
        Columns::Whole(f) => temporary_product(f.as_ref(), v),
        Columns::Turned(turned) => turned.clone(),
    }
}

/// f[λᵢ, 0].
fn differences_from_zero(function: &impl ScalarFunction, squares: &[f64]) -> Vec<f64> {
    squares
        .iter()
        .map(|&square| function.divided_difference(square, 0.0))
        .collect()
}

/// X ← R ∘ X.
fn times_entries(x: &mut Temporary, r: &Mat<f64>) {
    for j in 0..r.ncols() {
        for (x, r) in x.column_mut(j).iter_mut().zip(r.col_as_slice(j)) {
            *x *= r;
        }
    }
}

/// C from the factors.
fn value(
    function: &impl ScalarFunction,
    squares: &[f64],
    factors: &Factors,
    support: &Support,
) -> Result<Mat<f64>> {
    let values = domain::values(OP, function, squares)?;
    let at_zero = || domain::values(OP, function, &[0.0]).map(|values| values[0]);
    match factors {
        Factors::Complete { v, .. } => {
            let value = spectral_product(v.as_ref(), &values);
            let dead = support.dead_columns();
            if dead.is_empty() {
                return Ok(value);
            }
            let at_zero = at_zero()?;
            let rows = support.join_columns(&value, &Mat::zeros(value.nrows(), dead.len()));
            let mut value = support.expand_to_columns(rows.as_ref());
            for j in dead {
                value[(j, j)] = at_zero;
            }
            Ok(value)
        }
        Factors::Thin { w, scale, .. } => {
            let at_zero = at_zero()?;
            // Where f[λ, 0] is not finite, as that of √x at zero, the column of W is zero.
            let q: Vec<f64> = differences_from_zero(function, squares)
                .into_iter()
                .map(|q| {
                    if q.is_finite() {
                        q * scale * scale
                    } else {
                        0.0
                    }
                })
                .collect();
            let mut value = spectral_product(w.as_ref(), &q);
            for i in 0..value.nrows() {
                value[(i, i)] += at_zero;
            }
            Ok(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::{InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    fn ridge() -> Ridge<Log> {
        Ridge::new(Log, 1e-2).unwrap()
    }

    /// Tall, wide, square, one row, one column, 1 × 1; dead channels, dead positions, both; repeated values.
    fn cases() -> Vec<Mat<f64>> {
        let spread = [3.0, 1.0, 0.5, 0.2];
        let mut dead = gaussian(7, 5, 4);
        for i in 0..7 {
            dead[(i, 1)] = 0.0;
            dead[(i, 4)] = 0.0;
        }
        let mut masked = gaussian(8, 3, 5);
        for j in 0..3 {
            masked[(2, j)] = 0.0;
            masked[(7, j)] = 0.0;
        }
        let mut both = gaussian(5, 6, 6);
        for k in 0..6 {
            both[(k.min(4), 2)] = 0.0;
            both[(3, k)] = 0.0;
        }
        vec![
            with_spectrum(9, 4, &spread, 2),
            with_spectrum(4, 9, &spread, 2),
            with_spectrum(4, 4, &spread, 2),
            with_spectrum(9, 4, &[2.0, 2.0, 2.0, 1.0], 3),
            with_spectrum(4, 9, &[2.0, 2.0, 2.0, 1.0], 3),
            mat![[1.5]],
            mat![[1.0, -2.0, 0.5]],
            mat![[1.0], [-2.0], [0.5]],
            dead,
            masked,
            both,
        ]
    }

    fn methods(f: &Mat<f64>) -> [GramFunction<Ridge<Log>>; 2] {
        [Method::Gram, Method::Svd]
            .map(|method| GramFunction::forward_with(method, f.as_ref(), ridge()).unwrap())
    }

    #[test]
    fn agrees_with_finite_differences_by_each_method() {
        for (case, f) in cases().iter().enumerate() {
            for (of_f, method) in methods(f).iter().zip([Method::Gram, Method::Svd]) {
                assert_eq!(of_f.method(), method, "case {case}");
                let value = |f: MatRef<'_, f64>| {
                    Ok::<_, Error>(GramFunction::forward_with(method, f, ridge())?.into_value())
                };
                let check = GradientCheck {
                    step: 1e-5,
                    tolerance: 1e-7,
                    ..GradientCheck::default()
                };
                check_vjp(value, |bar| of_f.vjp(bar), f.as_ref(), &check).unwrap();
                check_jvp(value, |dot| of_f.jvp(dot), f.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn methods_agree_and_jvp_is_the_transpose_of_vjp() {
        for (case, f) in cases().iter().enumerate() {
            let (n, d) = f.shape();
            let (bar, dot) = (gaussian(d, d, 11), gaussian(n, d, 12));
            let [gram, svd] = methods(f);
            let pulled = gram.vjp(bar.as_ref()).unwrap();
            let apart = |a: MatRef<'_, f64>, b: MatRef<'_, f64>| (a - b).norm_max() / b.norm_max();
            assert!(apart(gram.value(), svd.value()) < 1e-13, "case {case}");
            let other = svd.vjp(bar.as_ref()).unwrap();
            assert!(
                apart(pulled.as_ref(), other.as_ref()) < 1e-12,
                "case {case}"
            );
            for of_f in [gram, svd] {
                let back = inner(of_f.vjp(bar.as_ref()).unwrap().as_ref(), dot.as_ref());
                let forward = inner(bar.as_ref(), of_f.jvp(dot.as_ref()).unwrap().as_ref());
                assert!(
                    (back - forward).abs() < 1e-12 * back.abs().max(1.0),
                    "case {case}"
                );
            }
        }
    }

    #[test]
    fn the_value_is_the_function_of_the_gram_matrix() {
        // exp(log(FᵀF + ε)) by way of the square root: (FᵀF)^½ squared is FᵀF, for any shape and rank.
        for f in cases() {
            let root = GramFunction::forward(f.as_ref(), Sqrt).unwrap();
            let squared = root.value() * root.value();
            let error = (squared - f.transpose() * &f).norm_max();
            assert!(error < 1e-13, "{:?}: {error:e}", f.shape());
        }
    }

    #[test]
    fn dead_channels_take_no_accuracy_and_get_their_gradient() {
        let alive = gaussian(40, 6, 1);
        let f = Mat::from_fn(40, 8, |i, j| if j < 6 { alive[(i, j)] } else { 0.0 });
        let of_f = GramFunction::forward(f.as_ref(), Ridge::new(Log, 1e-9).unwrap()).unwrap();
        assert_eq!((of_f.method(), of_f.squares().len()), (Method::Gram, 6));
        let f_bar = of_f.vjp(gaussian(8, 8, 2).as_ref()).unwrap();
        // f[λ, 0] ≈ ln(λ / ε) / λ: about 25 / 40.
        assert!(f_bar.subcols(6, 2).norm_max() > 0.1 && f_bar.norm_max() < 1e2);
    }

    #[test]
    fn the_method_is_chosen_by_accuracy() {
        let method = |values: &[f64], epsilon| {
            let f = with_spectrum(30, 10, values, 1);
            GramFunction::forward(f.as_ref(), Ridge::new(Log, epsilon).unwrap())
                .unwrap()
                .method()
        };
        let near = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
        assert_eq!(method(&near, 0.0), Method::Gram);
        let far = [1.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6];
        assert_eq!(method(&far, 0.0), Method::Refined);
        let between = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.02];
        assert_eq!(method(&between, 0.0), Method::Svd);
        let many = with_spectrum(30, 20, &far, 1);
        let of_many = |epsilon| {
            let log = Ridge::new(Log, epsilon).unwrap();
            GramFunction::forward(many.as_ref(), log).unwrap().method()
        };
        assert_eq!(of_many(1e-12), Method::Refined);
        assert_eq!(of_many(1e-5), Method::Svd);
        assert_eq!(method(&far, 1e-2), Method::Gram);
        let unknown = WithSlope::new(f64::sin, f64::cos);
        let f = with_spectrum(30, 10, &near, 1);
        let of_f = GramFunction::forward(f.as_ref(), unknown).unwrap();
        assert_eq!(of_f.method(), Method::Svd);
    }

    #[test]
    fn sizes_far_from_one_scale_as_they_should() {
        // (FᵀF)^½ is homogeneous of degree one, (FᵀF)^-½ of degree minus one.
        for f in [gaussian(9, 4, 1), gaussian(4, 9, 1)] {
            let bar = gaussian(f.ncols(), f.ncols(), 2);
            let root = GramFunction::forward(f.as_ref(), Sqrt).unwrap();
            let f_bar = root.vjp(bar.as_ref()).unwrap();
            for size in [
                2f64.powi(-500),
                2f64.powi(-210),
                2f64.powi(210),
                2f64.powi(500),
            ] {
                let scaled = Scale(size) * &f;
                let of_f = GramFunction::forward(scaled.as_ref(), Sqrt).unwrap();
                let error = (of_f.vjp(bar.as_ref()).unwrap() - &f_bar).norm_max();
                assert!(error < 1e-13 * f_bar.norm_max(), "{size:e}: {error:e}");
                let value = Scale(size.recip()) * of_f.value();
                assert!((value - root.value()).norm_max() < 1e-13, "{size:e}");
            }
        }
        let f = gaussian(9, 4, 1);
        let of_f = GramFunction::forward((Scale(1e-8) * &f).as_ref(), InverseSqrt).unwrap();
        let huge = Scale(1e307) * gaussian(4, 4, 3);
        assert!(matches!(
            of_f.vjp(huge.as_ref()),
            Err(Error::Overflow { .. })
        ));
        let plain = GramFunction::forward(f.as_ref(), InverseSqrt).unwrap();
        let scaled = Scale(2f64.powi(500)) * &f;
        let of_f = GramFunction::forward(scaled.as_ref(), InverseSqrt).unwrap();
        let value = Scale(2f64.powi(500)) * of_f.value();
        assert!((value - plain.value()).norm_max() < 1e-13);
    }

    #[test]
    fn the_zero_matrix_has_a_value_and_a_zero_gradient() {
        for (n, d) in [(1, 1), (5, 3), (3, 5)] {
            let of_f = GramFunction::forward(Mat::zeros(n, d).as_ref(), ridge()).unwrap();
            let expected = Scale(1e-2f64.ln()) * Mat::<f64>::identity(d, d);
            assert_eq!(of_f.value(), expected.as_ref());
            assert_eq!(
                of_f.vjp(gaussian(d, d, 1).as_ref()).unwrap(),
                Mat::<f64>::zeros(n, d)
            );
            assert_eq!(
                of_f.jvp(gaussian(n, d, 1).as_ref()).unwrap(),
                Mat::<f64>::zeros(d, d)
            );
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let wide = gaussian(2, 3, 1);
        let dead = mat![[1.0, 0.0], [2.0, 0.0]];
        let error = GramFunction::forward(wide.as_ref(), Log).unwrap_err();
        assert!(matches!(error, Error::OutsideDomain { value: 0.0, .. }));
        // √(FᵀF) has a value where F loses rank, and no derivative.
        let root = GramFunction::forward(dead.as_ref(), Sqrt).unwrap();
        let error = GramFunction::forward(dead.as_ref(), InverseSqrt).unwrap_err();
        assert!(matches!(error, Error::OutsideDomain { value: 0.0, .. }));
        assert!((root.value()[(0, 0)] - 5f64.sqrt()).abs() < 1e-15);
        assert!(root.vjp(mat![[1.0, 0.0], [0.0, 0.0]].as_ref()).is_ok());
        let square = Power { exponent: 0.25 };
        let singular = with_spectrum(3, 3, &[1.0], 1);
        assert!(GramFunction::forward(singular.as_ref(), square).is_ok());

        let nan = mat![[f64::NAN, 1.0]];
        let of_f = GramFunction::forward(wide.as_ref(), ridge()).unwrap();
        refused! {
            GramFunction::forward(nan.as_ref(), ridge()) => Error::NotFinite { .. },
            GramFunction::forward(Mat::zeros(0, 2).as_ref(), ridge()) => Error::Empty { .. },
            of_f.vjp(wide.as_ref()) => Error::ShapeMismatch { .. },
            of_f.jvp(wide.transpose()) => Error::ShapeMismatch { .. },
            of_f.jvp((Scale(f64::NAN) * &wide).as_ref()) => Error::NotFinite { .. },
        }
    }

    #[test]
    fn powers_below_a_half_of_low_rank_are_right_at_any_side() {
        // σ f′(σ²) grows without bound at zero: rounding there must not pass for the spectrum.
        for (n, d) in [(17, 17), (100, 64), (20, 17), (64, 100)] {
            for exponent in [0.1, 0.25, 1.0 / 3.0, 0.45] {
                let f = Mat::<f64>::ones(n, d);
                let c = GramFunction::forward(f.as_ref(), Power { exponent }).unwrap();
                // One singular value, √(n d), and its vector.
                let expected = ((n * d) as f64).powf(exponent) / d as f64;
                let error = (c.value() - Scale(expected) * Mat::<f64>::ones(d, d)).norm_max();
                assert!(error < 1e-13 * expected, "{n} {d} {exponent}: {error:e}");
            }
        }
        // Columns three times each; C squared twice is FᵀF.
        let seven = gaussian(30, 7, 3);
        let f = Mat::from_fn(30, 21, |i, j| seven[(i, j % 7)]);
        let c = GramFunction::forward(f.as_ref(), Power { exponent: 0.25 }).unwrap();
        let square = c.value() * c.value();
        let gram = f.transpose() * &f;
        assert!((&square * &square - &gram).norm_max() < 1e-12 * gram.norm_max());
    }

    #[test]
    fn very_large_features_keep_their_digits_or_say_so() {
        let plain = with_spectrum(5, 3, &[1.0, 1e-3, 1e-9], 1);
        let log = |size: f64| {
            let f = Scale(size) * &plain;
            let ridge = Ridge::new(Log, 1e-20 * size * size).unwrap();
            let c = GramFunction::forward(f.as_ref(), ridge).unwrap();
            c.value() - Scale(2.0 * size.ln()) * Mat::<f64>::identity(3, 3)
        };
        for size in [2f64.powi(340), 2f64.powi(400)] {
            assert!((log(size) - log(1.0)).norm_max() < 1e-12, "{size:e}");
        }
        // λ^−³ᐟ² of 10¹²⁰ squared underflows, its product with F does not.
        let f = mat![[1e120, 0.0], [0.0, 1e111], [0.0, 0.0]];
        let c = GramFunction::forward(f.as_ref(), InverseSqrt).unwrap();
        let bar = c.vjp(Mat::<f64>::identity(2, 2).as_ref());
        assert_eq!(bar, Err(Error::Overflow { op: OP }));
    }
}
