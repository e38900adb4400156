//! Singular values and vectors of a rectangular matrix.

use crate::decompose::thin_svd;
use crate::error::Result;
use crate::free_basis::turn_equal_pairs;
use crate::gap::{GapDivider, GapPolicy, column_norms, cotangent_difference, largest_magnitude};
use crate::guard::{ensure_length, ensure_matrix, ensure_shape, values_within_range, within_range};
use crate::products::temporary_product;
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::{skew, sym};
use faer::{Mat, MatRef};

const OP: &str = "thin SVD";

/// The rules that have a gradient at equal and at zero singular values.
const INSTEAD: &str = "polar factors (Polar), functions of a Gram matrix (GramFunction), inverses (PseudoInverse) and subspaces (Projector, LeadingProjector) have their gradients where singular values are equal or zero";

/// The divisor in K, for the values of a row and a column.
fn difference(row: f64, column: f64) -> f64 {
    column - row
}

/// The divisor in H.
fn sum(row: f64, column: f64) -> f64 {
    column + row
}

/// A = U Σ Vᵀ, tall, wide or square.
///
/// ```text
/// forward   A = U Σ Vᵀ
/// vjp       Ā = U ( diag(σ̄) + K ∘ (a + b) + H ∘ (a − b) ) Vᵀ + (I − UUᵀ) Ū Σ⁻¹ Vᵀ + U Σ⁻¹ V̄ᵀ (I − VVᵀ)
///           a = skew(UᵀŪ),  b = skew(VᵀV̄),  Kᵢⱼ = 1 / (σⱼ − σᵢ),  Hᵢⱼ = 1 / (σⱼ + σᵢ),  both 0 on the diagonal
/// jvp       σ̇ = diag(P),  U̇ = U (Ω₊ + Ω₋) + (I − UUᵀ) Ȧ V Σ⁻¹,  V̇ = V (Ω₊ − Ω₋) + (I − VVᵀ) Ȧᵀ U Σ⁻¹
///           P = UᵀȦV,  Ω₊ = K ∘ (P + Pᵀ)/2,  Ω₋ = H ∘ (P − Pᵀ)/2
/// ```
///
/// # Shapes
/// A, Ā: m × n; U: m × r, V: n × r, r = min(m, n); σ: r values.
///
/// # Conventions
/// Singular values nonincreasing, none negative. Signs of pairs (uᵢ, vᵢ), joint rotations where singular values are
/// equal, and rotations of each side where they are zero, are free; only losses that do not see them have a gradient
/// there. Vectors of equal values come in general position: of a zero matrix, U and V are not columns of the identity.
/// Σ⁻¹ occurs only for vectors of which there are more rows than columns. A cotangent of the values alone that
/// distinguishes equal ones, or asks for zero ones, brings their limiting subgradient, see [`GapPolicy`]: for the
/// nuclear norm U Vᵀ. σ̇ of a zero singular value has the sign of uᵀȦv, where σ itself has a kink.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) as the [`GapPolicy`] says (with i = j for a value too close to zero for Σ⁻¹),
/// never from a cotangent of the values alone.
///
/// # Cost
/// O(m n r) time; (m + n + 1) r numbers stored.
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Matrix Backpropagation for Deep Networks with Structured Layers", ICCV 2015,
/// proposition 1. We also take a cotangent of U where m ≠ n, treat tall and wide alike, and split 1/(σⱼ² − σᵢ²) into
/// 1/(σⱼ − σᵢ) on the joint rotations and 1/(σⱼ + σᵢ) on the opposed ones: σ² is never formed.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, ThinSvd};
///
/// let svd = ThinSvd::forward(mat![[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]].as_ref(), GapPolicy::default())?;
/// // The gradient of the nuclear norm is U Vᵀ.
/// let a_bar = svd.vjp(None, Some(&[1.0, 1.0]), None)?;
/// assert!((a_bar - mat![[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ThinSvd {
    u: Mat<f64>,
    singular_values: Vec<f64>,
    v: Mat<f64>,
    /// σ / σ₁.
    relative_values: Vec<f64>,
    largest: f64,
    gaps: GapPolicy,
}

/// The result of [`ThinSvd::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThinSvdTangent {
    /// U̇, m × r.
    pub u: Mat<f64>,
    /// σ̇.
    pub singular_values: Vec<f64>,
    /// V̇, n × r.
    pub v: Mat<f64>,
}

impl ThinSvd {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`ThinSvd`].
    pub fn forward(a: MatRef<'_, f64>, gaps: GapPolicy) -> Result<Self> {
        ensure_matrix(OP, a)?;
        gaps.validate(OP)?;
        let scale = power_of_two_scale(a);
        let (mut u, values, mut v) = thin_svd(OP, Scaled::new(a, scale).as_ref())?;
        let largest = if values[0] > 0.0 { values[0] } else { 1.0 };
        let relative_values: Vec<f64> = values.iter().map(|value| value / largest).collect();
        turn_equal_pairs(&relative_values, &mut u, &mut v);
        Ok(Self {
            u,
            relative_values,
            singular_values: values_within_range(
                OP,
                values.iter().map(|value| value * scale).collect(),
            )?,
            v,
            largest: largest * scale,
            gaps,
        })
    }

    /// The way back alone, from factors that `forward` gave.
    pub(crate) fn from_factors(
        u: Mat<f64>,
        singular_values: Vec<f64>,
        v: Mat<f64>,
        gaps: GapPolicy,
    ) -> Result<Self> {
        gaps.validate(OP)?;
        let largest = singular_values.first().copied().unwrap_or_default();
        let largest = if largest > 0.0 { largest } else { 1.0 };
        Ok(Self {
            relative_values: singular_values.iter().map(|x| x / largest).collect(),
            largest,
            u,
            singular_values,
            v,
            gaps,
        })
    }

    /// U, m × r, orthonormal columns.
    pub fn u(&self) -> MatRef<'_, f64> {
        self.u.as_ref()
    }

    /// Singular values, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// V, n × r, orthonormal columns.
    pub fn v(&self) -> MatRef<'_, f64> {
        self.v.as_ref()
    }

    /// Ā from Ū, σ̄ and V̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`ThinSvd`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        u_bar: Option<MatRef<'_, f64>>,
        singular_values_bar: Option<&[f64]>,
        v_bar: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (u, v) = (self.u(), self.v());
        let r = self.singular_values.len();
        if let Some(u_bar) = u_bar {
            ensure_shape(OP, u_bar, u.shape())?;
        }
        if let Some(v_bar) = v_bar {
            ensure_shape(OP, v_bar, v.shape())?;
        }
        if let Some(bar) = singular_values_bar {
            ensure_length(OP, bar, r)?;
        }
        let mut sizes = vec![0.0; r];
        for bar in [u_bar, v_bar].into_iter().flatten() {
            for (size, norm) in sizes.iter_mut().zip(column_norms(bar)) {
                *size += norm;
            }
        }
        let divider = self.divider(sizes, singular_values_bar);
        let alone = |i: usize| singular_values_bar.map_or(0.0, |bar| bar[i].abs());

        let mut core = Mat::zeros(r, r);
        if u_bar.is_some() || v_bar.is_some() {
            let rotation = |x: MatRef<'_, f64>, x_bar: Option<MatRef<'_, f64>>| match x_bar {
                Some(x_bar) => skew(temporary_product(x.transpose(), x_bar).as_ref()),
                None => Mat::zeros(r, r),
            };
            let (a, b) = (rotation(u, u_bar), rotation(v, v_bar));
            core = self.over_pairs(
                &divider,
                &a + &b,
                difference,
                cotangent_difference(singular_values_bar),
            )? + self.over_pairs(&divider, a - b, sum, |i, j| alone(i).max(alone(j)))?;
        }
        if let Some(bar) = singular_values_bar {
            for i in 0..r {
                core[(i, i)] = bar[i];
            }
        }
        let mut a_bar = temporary_product(u, core.as_ref()).as_ref() * v.transpose();
        if let Some(u_bar) = u_bar.filter(|_| u.nrows() > r) {
            let outside = u_bar - u * (u.transpose() * u_bar);
            a_bar += self.over_values(&divider, outside, alone)? * v.transpose();
        }
        if let Some(v_bar) = v_bar.filter(|_| v.nrows() > r) {
            let outside = v_bar - v * (v.transpose() * v_bar);
            a_bar += u * self.over_values(&divider, outside, alone)?.transpose();
        }
        within_range(OP, a_bar)
    }

    /// U̇, σ̇ and V̇ from Ȧ.
    ///
    /// # Errors
    /// See [`ThinSvd`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<ThinSvdTangent> {
        let (u, v) = (self.u(), self.v());
        let r = self.singular_values.len();
        ensure_shape(OP, a_dot, (u.nrows(), v.nrows()))?;
        let divider = self.divider(vec![a_dot.norm_l2(); r], None);
        let nothing = |_, _| 0.0;

        let (a_dot_v, a_dot_u) = (a_dot * v, a_dot.transpose() * u);
        let p = u.transpose() * &a_dot_v;
        let together = self.over_pairs(&divider, sym(p.as_ref()), difference, nothing)?;
        let opposed = self.over_pairs(&divider, skew(p.as_ref()), sum, nothing)?;
        let mut u_dot = u * (&together + &opposed);
        let mut v_dot = v * (together - opposed);
        if u.nrows() > r {
            let outside = &a_dot_v - u * (u.transpose() * &a_dot_v);
            u_dot += self.over_values(&divider, outside, |_| 0.0)?;
        }
        if v.nrows() > r {
            let outside = &a_dot_u - v * (v.transpose() * &a_dot_u);
            v_dot += self.over_values(&divider, outside, |_| 0.0)?;
        }
        let singular_values = (0..r).map(|i| p[(i, i)]).collect();
        Ok(ThinSvdTangent {
            u: within_range(OP, u_dot)?,
            singular_values: values_within_range(OP, singular_values)?,
            v: within_range(OP, v_dot)?,
        })
    }

    fn divider(&self, sizes: Vec<f64>, values_bar: Option<&[f64]>) -> GapDivider {
        let largest = largest_magnitude(Some(&sizes));
        GapDivider {
            op: OP,
            instead: INSTEAD,
            policy: self.gaps,
            sizes,
            values_size: largest / self.largest + largest_magnitude(values_bar),
        }
    }

    /// X over the gaps or the sums of each pair of values, with zeros on the diagonal: K ∘ X or H ∘ X. A sum σᵢ + σⱼ is the
    /// gap of the pair (−σᵢ, σⱼ) of the symmetric embedding of A.
    fn over_pairs(
        &self,
        divider: &GapDivider,
        mut x: Mat<f64>,
        gap: impl Fn(f64, f64) -> f64,
        asked: impl Fn(usize, usize) -> f64,
    ) -> Result<Mat<f64>> {
        divider.divide_pairs(&mut x, &self.relative_values, gap, self.largest, asked)?;
        Ok(x)
    }

    /// X Σ⁻¹: the gap between σⱼ and the zeros of the rows beyond r.
    fn over_values(
        &self,
        divider: &GapDivider,
        mut x: Mat<f64>,
        asked: impl Fn(usize) -> f64,
    ) -> Result<Mat<f64>> {
        for j in 0..x.ncols() {
            let (value, asked) = (self.relative_values[j], asked(j));
            for x in x.col_as_slice_mut(j) {
                *x = divider.divide(j, j, *x, value, asked)? / self.largest;
            }
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const STRICT: GapPolicy = GapPolicy::Error { floor: 1e-12 };
    const CASES: &[(usize, usize, &[f64])] = &[
        (1, 1, &[0.7]),
        (5, 1, &[2.0]),
        (1, 4, &[2.0]),
        (4, 4, &[3.0, 2.0, 1.0, 0.4]),
        (7, 3, &[3.0, 1.0, 0.5]),
        (3, 6, &[3.0, 1.0, 0.5]),
    ];

    fn times_ranks(x: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * (j + 1) as f64)
    }

    /// U N Vᵀ, N = diag(1, 2, …), sees every rotation and no free sign.
    fn weighted(svd: &ThinSvd) -> Mat<f64> {
        times_ranks(svd.u()) * svd.v().transpose()
    }

    fn weighted_vjp(svd: &ThinSvd, y_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let u_bar = times_ranks((y_bar * svd.v()).as_ref());
        let v_bar = times_ranks((y_bar.transpose() * svd.u()).as_ref());
        svd.vjp(Some(u_bar.as_ref()), None, Some(v_bar.as_ref()))
    }

    #[test]
    fn a_diagonal_matrix_by_hand() {
        let svd = ThinSvd::forward(mat![[3.0, 0.0], [0.0, 1.0]].as_ref(), STRICT).unwrap();
        assert_eq!(svd.singular_values(), &[3.0, 1.0]);
        let tangent = svd.jvp(mat![[5.0, 8.0], [0.0, 7.0]].as_ref()).unwrap();
        assert_eq!(tangent.singular_values, vec![5.0, 7.0]);
        // From 8 = Ωᵤ·1 − 3·Ωᵥ and 0 = −3·Ωᵤ + 1·Ωᵥ at (1, 2): Ωᵤ = −1, Ωᵥ = −3.
        let sign = svd.u()[(0, 0)] * svd.u()[(1, 1)];
        let rotation = svd.u().transpose() * &tangent.u;
        assert!((rotation - Scale(sign) * mat![[0.0, -1.0], [1.0, 0.0]]).norm_max() < 1e-14);
        let rotation = svd.v().transpose() * &tangent.v;
        assert!((rotation - Scale(sign) * mat![[0.0, -3.0], [3.0, 0.0]]).norm_max() < 1e-14);
    }

    #[test]
    fn reconstructs_its_input() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let svd = ThinSvd::forward(a.as_ref(), STRICT).unwrap();
            let us = Mat::from_fn(*m, spectrum.len(), |i, j| {
                svd.u()[(i, j)] * svd.singular_values()[j]
            });
            assert!(
                (us * svd.v().transpose() - a).norm_max() < 1e-14,
                "{m} × {n}"
            );
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let svd = ThinSvd::forward(a.as_ref(), STRICT).unwrap();
            let check = GradientCheck::default();
            let vectors = |a: MatRef<'_, f64>| Ok(weighted(&ThinSvd::forward(a, STRICT)?));
            check_vjp(
                vectors,
                |y_bar| weighted_vjp(&svd, y_bar),
                a.as_ref(),
                &check,
            )
            .unwrap();

            let values = |a: MatRef<'_, f64>| {
                let svd = ThinSvd::forward(a, STRICT)?;
                Ok::<_, Error>(Mat::from_fn(spectrum.len(), 1, |i, _| {
                    svd.singular_values()[i]
                }))
            };
            let values_vjp = |bar: MatRef<'_, f64>| {
                let bar: Vec<f64> = (0..spectrum.len()).map(|i| bar[(i, 0)]).collect();
                svd.vjp(None, Some(&bar), None)
            };
            check_vjp(values, values_vjp, a.as_ref(), &check).unwrap();

            let weighted_dot = |a_dot: MatRef<'_, f64>| {
                let tangent = svd.jvp(a_dot)?;
                Ok(times_ranks(tangent.u.as_ref()) * svd.v().transpose()
                    + times_ranks(svd.u()) * tangent.v.transpose())
            };
            if *m > 1 && *n > 1 {
                check_jvp(vectors, weighted_dot, a.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn each_cotangent_alone_agrees_with_finite_differences() {
        // U N Uᵀ asks for U alone, V N Vᵀ for V alone; neither sees a free sign.
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let svd = ThinSvd::forward(a.as_ref(), STRICT).unwrap();
            let weighted = |x: MatRef<'_, f64>| times_ranks(x) * x.transpose();
            let pulled = |x: MatRef<'_, f64>, y_bar: MatRef<'_, f64>| {
                times_ranks(((y_bar + y_bar.transpose()) * x).as_ref())
            };
            let left = |a: MatRef<'_, f64>| Ok(weighted(ThinSvd::forward(a, STRICT)?.u()));
            let left_vjp =
                |bar: MatRef<'_, f64>| svd.vjp(Some(pulled(svd.u(), bar).as_ref()), None, None);
            let right = |a: MatRef<'_, f64>| Ok(weighted(ThinSvd::forward(a, STRICT)?.v()));
            let right_vjp =
                |bar: MatRef<'_, f64>| svd.vjp(None, None, Some(pulled(svd.v(), bar).as_ref()));
            let check = GradientCheck::default();
            if *m > 1 {
                check_vjp(left, left_vjp, a.as_ref(), &check).unwrap();
            }
            if *n > 1 {
                check_vjp(right, right_vjp, a.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn cotangents_together_are_the_sum_of_each_alone() {
        for (m, n, spectrum) in CASES {
            let r = spectrum.len();
            let svd =
                ThinSvd::forward(with_spectrum(*m, *n, spectrum, 2).as_ref(), STRICT).unwrap();
            let (u_bar, v_bar) = (gaussian(*m, r, 1), gaussian(*n, r, 2));
            let values_bar: Vec<f64> = (0..r).map(|i| 0.5 + i as f64).collect();
            let pulled = |parts: usize| {
                svd.vjp(
                    (parts & 1 > 0).then(|| u_bar.as_ref()),
                    (parts & 2 > 0).then_some(&values_bar[..]),
                    (parts & 4 > 0).then(|| v_bar.as_ref()),
                )
                .unwrap()
            };
            for parts in 0..8 {
                let sum = (0..3)
                    .filter(|part| parts & (1 << part) > 0)
                    .fold(Mat::zeros(*m, *n), |sum, part| sum + pulled(1 << part));
                assert!(
                    (pulled(parts) - sum).norm_max() < 1e-12,
                    "{m} × {n}: {parts:#b}"
                );
            }
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (m, n, spectrum) in CASES {
            let r = spectrum.len();
            let svd =
                ThinSvd::forward(with_spectrum(*m, *n, spectrum, 2).as_ref(), STRICT).unwrap();
            let (u_bar, v_bar) = (gaussian(*m, r, 1), gaussian(*n, r, 2));
            let bar = vec![0.5; r];
            let a_dot = gaussian(*m, *n, 3);
            let tangent = svd.jvp(a_dot.as_ref()).unwrap();
            let forward = inner(u_bar.as_ref(), tangent.u.as_ref())
                + inner(v_bar.as_ref(), tangent.v.as_ref())
                + 0.5 * tangent.singular_values.iter().sum::<f64>();
            let a_bar = svd
                .vjp(Some(u_bar.as_ref()), Some(&bar), Some(v_bar.as_ref()))
                .unwrap();
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            assert!(
                (forward - back).abs() < 1e-13 * back.abs().max(10.0),
                "{m} × {n}: {forward} {back}"
            );
        }
    }

    #[test]
    fn a_closed_gap_is_what_the_policy_says() {
        let a = with_spectrum(5, 3, &[2.0, 2.0, 1.0], 6);
        let strict = ThinSvd::forward(a.as_ref(), STRICT).unwrap();
        // U Vᵀ, the polar factor, sees no joint rotation.
        let polar_vjp = |svd: &ThinSvd, bar: MatRef<'_, f64>| {
            svd.vjp(
                Some((bar * svd.v()).as_ref()),
                None,
                Some((bar.transpose() * svd.u()).as_ref()),
            )
        };
        let y_bar = gaussian(5, 3, 1);
        let polar = |a: MatRef<'_, f64>| {
            let svd = ThinSvd::forward(a, STRICT)?;
            Ok::<_, Error>(svd.u() * svd.v().transpose())
        };
        let vjp = |y_bar: MatRef<'_, f64>| polar_vjp(&strict, y_bar);
        check_vjp(polar, vjp, a.as_ref(), &GradientCheck::default()).unwrap();
        assert!(matches!(
            weighted_vjp(&strict, y_bar.as_ref()),
            Err(Error::GapClosed { .. })
        ));
        let broadened = ThinSvd::forward(a.as_ref(), GapPolicy::Broadened { width: 1e-2 }).unwrap();
        assert!(weighted_vjp(&broadened, y_bar.as_ref()).unwrap().norm_max() < 1e4);
    }

    #[test]
    fn a_zero_value_closes_the_gap_to_the_rest_of_the_space() {
        let svd = ThinSvd::forward(with_spectrum(5, 2, &[1.0], 6).as_ref(), STRICT).unwrap();
        let bar = gaussian(5, 2, 1);
        assert!(matches!(
            svd.vjp(Some(bar.as_ref()), None, None),
            Err(Error::GapClosed { i: 1, j: 1, .. })
        ));
        // Values alone are always fine, also of the zero matrix.
        assert!(svd.vjp(None, Some(&[1.0, 1.0]), None).unwrap().norm_max() <= 2.0);
        let zero = ThinSvd::forward(Mat::zeros(3, 2).as_ref(), STRICT).unwrap();
        assert!(zero.vjp(None, Some(&[1.0, 1.0]), None).unwrap().norm_max() <= 2.0);
        // ⟨G, UΣVᵀ⟩ has the gradient G, of which σ̄ shows that something is missing, wherever G has its entries.
        for (i, j) in [(0, 0), (0, 1), (2, 0)] {
            let mut g = Mat::zeros(3, 2);
            g[(i, j)] = 1.0;
            let core = zero.u().transpose() * g * zero.v();
            let (nothing_u, nothing_v) = (Mat::zeros(3, 2), Mat::zeros(2, 2));
            let found = zero.vjp(
                Some(nothing_u.as_ref()),
                Some(&[core[(0, 0)], core[(1, 1)]]),
                Some(nothing_v.as_ref()),
            );
            assert!(matches!(found, Err(Error::GapClosed { .. })), "{i} {j}");
        }
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        let a = with_spectrum(5, 3, &[3.0, 2.0, 1.0], 6);
        let y_bar = gaussian(5, 3, 1);
        let plain = weighted_vjp(
            &ThinSvd::forward(a.as_ref(), STRICT).unwrap(),
            y_bar.as_ref(),
        )
        .unwrap();
        for size in [2f64.powi(-500), 2f64.powi(500)] {
            let svd = ThinSvd::forward((Scale(size) * &a).as_ref(), STRICT).unwrap();
            let a_bar = Scale(size) * weighted_vjp(&svd, y_bar.as_ref()).unwrap();
            assert!(
                (a_bar - &plain).norm_max() < 1e-13 * plain.norm_max(),
                "{size:e}"
            );
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| ThinSvd::forward(a.as_ref(), STRICT);
        let svd = ThinSvd::forward(gaussian(4, 2, 1).as_ref(), STRICT).unwrap();
        let wrong = Mat::zeros(2, 4);
        let largest = Mat::full(2, 2, f64::MAX);
        refused! {
            forward(Mat::zeros(0, 3)) => Error::Empty { rows: 0, columns: 3, .. },
            forward(mat![[f64::NAN, 1.0]]) => Error::NotFinite { .. },
            svd.vjp(Some(wrong.as_ref()), None, None) => Error::ShapeMismatch { .. },
            svd.vjp(None, Some(&[1.0]), None) => Error::ShapeMismatch { .. },
            svd.vjp(None, None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            svd.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            svd.jvp(Mat::full(4, 2, f64::NAN).as_ref()) => Error::NotFinite { .. },
            forward(largest.clone()) => Error::Overflow { op: OP },
        }
        let svd = ThinSvd::forward(mat![[1e-150, 0.0], [0.0, 2e-150]].as_ref(), STRICT).unwrap();
        let turning = mat![[1e200, 2e200], [0.0, 0.0]];
        refused! {
            svd.vjp(Some(turning.as_ref()), None, None) => Error::Overflow { op: OP },
            svd.jvp(turning.as_ref()) => Error::Overflow { op: OP },
            svd.jvp(largest.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
