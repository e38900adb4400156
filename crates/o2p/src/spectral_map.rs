//! A function of a region's second moment.

use crate::error::{Error, Result};
use faer::{Mat, MatRef};
use matbackprop_core::{
    Eigenpairs, GramFunction, Log, Method, Power, PreparedGram, Ridge, ScalarFunction, Sqrt,
};

/// f in C = f(MᵀM); ε is added to the eigenvalues.
///
/// # Conventions
/// 0 ≤ ε < ∞. At ε = 0 a logarithm, or a negative power, needs eigenvalues above 0, and a root has no slope at 0: where
/// a region has fewer positions than channels these are typed errors.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum SpectralMap {
    /// log(x + ε): the paper's.
    Log {
        /// ε.
        epsilon: f64,
    },
    /// √(x + ε).
    SquareRoot {
        /// ε.
        epsilon: f64,
    },
    /// (x + ε)ᵖ.
    Power {
        /// p.
        exponent: f64,
        /// ε.
        epsilon: f64,
    },
    /// x: the second moment itself.
    Identity,
}

impl Default for SpectralMap {
    /// log(x + 10⁻³).
    fn default() -> Self {
        Self::Log { epsilon: 1e-3 }
    }
}

impl SpectralMap {
    /// The ridge, ε; 0 for the identity.
    pub fn epsilon(self) -> f64 {
        match self {
            Self::Log { epsilon } | Self::SquareRoot { epsilon } | Self::Power { epsilon, .. } => {
                epsilon
            }
            Self::Identity => 0.0,
        }
    }

    fn function(self) -> Result<Function> {
        Ok(match self {
            Self::Log { epsilon } => Function::Log(Ridge::new(Log, epsilon)?),
            Self::SquareRoot { epsilon } => Function::SquareRoot(Ridge::new(Sqrt, epsilon)?),
            Self::Power { exponent, epsilon } if exponent.is_finite() => {
                Function::Power(Ridge::new(Power { exponent }, epsilon)?)
            }
            Self::Power { exponent, .. } => return Err(Error::Exponent { found: exponent }),
            Self::Identity => Function::Identity(Power { exponent: 1.0 }),
        })
    }
}

/// The report of a map for one region.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpectralReport {
    /// The positions that took part, m.
    pub positions: usize,
    /// m < d: the second moment is singular, and d − m of its eigenvalues, all zero, were not computed.
    pub fewer_than_channels: bool,
    /// The largest eigenvalue of MᵀM + εI.
    pub largest: f64,
    /// The smallest of those that M keeps: without those that m < d and channels that are zero throughout bring.
    pub smallest: f64,
    /// The smallest of all over the largest, from 0 (singular) to 1.
    pub reciprocal_condition: f64,
    /// How the spectrum was found.
    pub method: Method,
}

/// C = f(MᵀM), by [`GramFunction`].
///
/// ```text
/// forward   C = V f(Σ²) Vᵀ                            M = U Σ Vᵀ
/// vjp       M̄ = 2 M V (P ∘ VᵀSV) Vᵀ                   S = sym(C̄),  Pᵢⱼ = f[σᵢ², σⱼ²]; in thin factors for m < d
/// jvp       Ċ = V (P ∘ (VᵀĠV)) Vᵀ                     Ġ = MᵀṀ + ṀᵀM
/// ```
///
/// # Shapes
/// M: m × d; C: d × d, symmetric.
///
/// # Errors
/// [`Error::Exponent`]; [`Error::Rule`] as of [`GramFunction`], and `OutOfRange` for an ε below 0 or not finite.
///
/// # Cost
/// That of [`GramFunction`].
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use faer::mat;
/// use o2p::{MappedMoment, SpectralMap};
///
/// let m = mat![[3.0, 0.0], [0.0, 2.0]];
/// let mapped = MappedMoment::forward(m.as_ref(), SpectralMap::SquareRoot { epsilon: 0.0 })?;
/// assert!((mapped.value() - &m).norm_max() < 1e-15);
/// assert!((mapped.report().reciprocal_condition - 4.0 / 9.0).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MappedMoment {
    gram: GramFunction<Function>,
    report: SpectralReport,
}

impl MappedMoment {
    /// Computes C.
    ///
    /// # Errors
    /// See [`MappedMoment`].
    pub fn forward(m: MatRef<'_, f64>, map: SpectralMap) -> Result<Self> {
        let gram = GramFunction::forward(m, map.function()?)?;
        Ok(Self::reported(gram, m.shape(), map.epsilon()))
    }

    /// All that comes before the eigenvalues, so that they can be found elsewhere; M is moved, not copied.
    ///
    /// # Errors
    /// See [`PreparedMoment`].
    pub fn prepare(m: Mat<f64>, map: SpectralMap) -> Result<PreparedMoment> {
        Ok(PreparedMoment {
            shape: m.shape(),
            epsilon: map.epsilon(),
            gram: GramFunction::prepare(m, map.function()?)?,
        })
    }

    fn reported(gram: GramFunction<Function>, shape: (usize, usize), epsilon: f64) -> Self {
        Self {
            report: report(&gram, shape, epsilon),
            gram,
        }
    }

    /// The mapped moment C, d × d.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.gram.value()
    }

    /// The report of the map.
    pub fn report(&self) -> SpectralReport {
        self.report
    }

    /// M̄ from C̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`MappedMoment`].
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(self.gram.vjp(value_bar)?)
    }

    /// Ċ from Ṁ.
    ///
    /// # Errors
    /// See [`MappedMoment`].
    pub fn jvp(&self, m_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(self.gram.jvp(m_dot)?)
    }
}

/// C = f(MᵀM) before its eigenvalues are known, by [`PreparedGram`].
///
/// # Errors
/// Those of [`MappedMoment`] and [`PreparedGram`].
#[derive(Clone, Debug)]
pub struct PreparedMoment {
    gram: PreparedGram<Function>,
    /// The shape of M.
    shape: (usize, usize),
    epsilon: f64,
}

impl PreparedMoment {
    /// The matrix to decompose, MᵀM or MMᵀ, where there is one: see [`PreparedGram::matrix`].
    pub fn matrix(&self) -> Option<MatRef<'_, f64>> {
        self.gram.matrix()
    }

    /// C from a decomposition of our own, to the bit as [`MappedMoment::forward`] gives it.
    ///
    /// # Errors
    /// See [`PreparedMoment`].
    pub fn finish(self) -> Result<MappedMoment> {
        let gram = self.gram.finish()?;
        Ok(MappedMoment::reported(gram, self.shape, self.epsilon))
    }

    /// C from eigenpairs of the matrix.
    ///
    /// # Errors
    /// See [`PreparedMoment`].
    pub fn finish_with(self, eigenpairs: Eigenpairs) -> Result<MappedMoment> {
        let gram = self.gram.finish_with(eigenpairs)?;
        Ok(MappedMoment::reported(gram, self.shape, self.epsilon))
    }
}

fn report(
    gram: &GramFunction<Function>,
    (positions, channels): (usize, usize),
    epsilon: f64,
) -> SpectralReport {
    let squares = gram.squares();
    // No square is stored of a zero matrix.
    let ridged = |square: Option<&f64>| (square.copied().unwrap_or(0.0) + epsilon).min(f64::MAX);
    let (largest, smallest) = (ridged(squares.first()), ridged(squares.last()));
    let smallest_of_all = if squares.len() < channels {
        epsilon
    } else {
        smallest
    };
    SpectralReport {
        positions,
        fewer_than_channels: positions < channels,
        largest,
        smallest,
        reciprocal_condition: if largest > 0.0 {
            smallest_of_all / largest
        } else {
            0.0
        },
        method: gram.method(),
    }
}

/// The functions behind the maps: a choice at run time, made once a call and not once a pair of eigenvalues.
#[derive(Clone, Copy, Debug)]
enum Function {
    Log(Ridge<Log>),
    SquareRoot(Ridge<Sqrt>),
    Power(Ridge<Power>),
    Identity(Power),
}

impl Function {
    fn chosen(&self) -> &dyn ScalarFunction {
        match self {
            Self::Log(f) => f,
            Self::SquareRoot(f) => f,
            Self::Power(f) => f,
            Self::Identity(f) => f,
        }
    }
}

impl ScalarFunction for Function {
    fn value(&self, x: f64) -> f64 {
        self.chosen().value(x)
    }

    fn slope(&self, x: f64) -> f64 {
        self.chosen().slope(x)
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        self.chosen().curvature(x)
    }

    fn edge(&self) -> Option<f64> {
        self.chosen().edge()
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        self.chosen().divided_difference(a, b)
    }

    fn divided_differences(&self, x: &[f64]) -> Mat<f64> {
        self.chosen().divided_differences(x)
    }

    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        self.chosen().second_divided_difference(a, b, c)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use matbackprop_core::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum,
    };
    use matbackprop_core::{Error as Rule, GapPolicy, SymEig};

    const MAPS: [SpectralMap; 5] = [
        SpectralMap::Log { epsilon: 1e-2 },
        SpectralMap::SquareRoot { epsilon: 1e-2 },
        SpectralMap::Power {
            exponent: 0.3,
            epsilon: 1e-2,
        },
        SpectralMap::Power {
            exponent: -0.5,
            epsilon: 0.1,
        },
        SpectralMap::Identity,
    ];

    #[test]
    fn values_by_hand() {
        // MᵀM = diag(4, 1).
        let m = faer::mat![[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
        let expected = [
            [4.01f64.ln(), 1.01f64.ln()],
            [4.01f64.sqrt(), 1.01f64.sqrt()],
            [4.01f64.powf(0.3), 1.01f64.powf(0.3)],
            [4.1f64.powf(-0.5), 1.1f64.powf(-0.5)],
            [4.0, 1.0],
        ];
        for (map, [a, b]) in MAPS.into_iter().zip(expected) {
            let mapped = MappedMoment::forward(m.as_ref(), map).unwrap();
            let c = mapped.value();
            assert!(
                (c[(0, 0)] - a).abs() < 1e-14 && (c[(1, 1)] - b).abs() < 1e-14,
                "{map:?}"
            );
            let report = mapped.report();
            assert_eq!((report.positions, report.fewer_than_channels), (3, false));
            assert!((report.smallest - 1.0 - map.epsilon()).abs() < 1e-15);
            assert!((report.largest - 4.0 - map.epsilon()).abs() < 1e-15);
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        let spread = [2.0, 1.0, 1.0, 0.3];
        let cases = [
            with_spectrum(7, 4, &spread, 1),
            with_spectrum(4, 7, &spread, 2),
            with_spectrum(4, 4, &spread, 3),
            with_spectrum(6, 4, &spread[..2], 4),
            gaussian(1, 3, 5),
            faer::mat![[0.7]],
        ];
        for m in &cases {
            for map in MAPS {
                let mapped = MappedMoment::forward(m.as_ref(), map).unwrap();
                let of_m = |m: MatRef<'_, f64>| {
                    Ok::<_, Error>(MappedMoment::forward(m, map)?.value().to_owned())
                };
                let check = GradientCheck {
                    tolerance: 1e-7,
                    ..GradientCheck::default()
                };
                check_vjp(of_m, |bar| mapped.vjp(bar), m.as_ref(), &check)
                    .unwrap_or_else(|error| panic!("{map:?} {:?}: {error}", m.shape()));
                check_jvp(of_m, |dot| mapped.jvp(dot), m.as_ref(), &check)
                    .unwrap_or_else(|error| panic!("{map:?} {:?}: {error}", m.shape()));
            }
        }
    }

    #[test]
    fn eigenpairs_may_come_from_elsewhere() {
        for (n, d) in [(7, 4), (4, 7)] {
            let m = with_spectrum(n, d, &[2.0, 1.0, 1.0, 0.3], 1);
            for map in MAPS {
                let forward = MappedMoment::forward(m.as_ref(), map).unwrap();
                let prepared = MappedMoment::prepare(m.clone(), map).unwrap();
                let eigen =
                    SymEig::forward(prepared.matrix().unwrap(), GapPolicy::default()).unwrap();
                let finished = prepared.clone().finish().unwrap();
                assert_eq!(finished.value(), forward.value());
                assert_eq!(finished.report(), forward.report());
                let finished = prepared
                    .finish_with(Eigenpairs {
                        values: eigen.values().to_vec(),
                        vectors: eigen.vectors().to_owned(),
                    })
                    .unwrap();
                assert_eq!(finished.report().method, Method::Gram);
                // Entries of a few units, slopes up to 1 / ε.
                assert!((finished.value() - forward.value()).norm_max() < 1e-12);
                let bar = gaussian(d, d, 2);
                let (found, expected) = (finished.vjp(bar.as_ref()), forward.vjp(bar.as_ref()));
                assert!((found.unwrap() - expected.unwrap()).norm_max() < 1e-11);
            }
        }
    }

    #[test]
    fn reports_what_a_small_region_is() {
        let report = |m: &Mat<f64>, map| MappedMoment::forward(m.as_ref(), map).unwrap().report();
        let map = SpectralMap::default();
        let small = report(&faer::mat![[3.0, 4.0, 0.0]], map);
        assert!(small.fewer_than_channels && small.positions == 1);
        assert!((small.smallest - 25.001).abs() < 1e-12);
        assert!((small.reciprocal_condition - 1e-3 / 25.001).abs() < 1e-18);
        let nothing = report(&Mat::zeros(2, 2), map);
        assert_eq!((nothing.largest, nothing.smallest), (1e-3, 1e-3));
        assert_eq!(nothing.reciprocal_condition, 1.0);
        let singular = report(&Mat::zeros(2, 2), SpectralMap::Identity);
        assert_eq!(singular.reciprocal_condition, 0.0);
    }

    #[test]
    fn refuses_what_has_no_value_or_slope() {
        let wide = gaussian(2, 3, 1);
        let forward = |map| MappedMoment::forward(wide.as_ref(), map);
        for epsilon in [-1.0, f64::NAN, f64::INFINITY] {
            refused! { forward(SpectralMap::Log { epsilon }) => Error::Rule(Rule::OutOfRange { .. }) }
        }
        let map = SpectralMap::Log { epsilon: -1.0 };
        let prepared = MappedMoment::prepare(wide.clone(), SpectralMap::default()).unwrap();
        let none = Eigenpairs {
            values: Vec::new(),
            vectors: Mat::zeros(0, 0),
        };
        let nothing = Mat::zeros(3, 3);
        let root = SpectralMap::SquareRoot { epsilon: 0.0 };
        let mapped = MappedMoment::forward(with_spectrum(3, 3, &[1.0], 1).as_ref(), root).unwrap();
        refused! {
            MappedMoment::prepare(wide.clone(), map) => Error::Rule(Rule::OutOfRange { .. }),
            prepared.finish_with(none) => Error::Rule(Rule::ShapeMismatch { .. }),
            forward(SpectralMap::Log { epsilon: 0.0 })
                => Error::Rule(Rule::OutsideDomain { value: 0.0, .. }),
            forward(SpectralMap::Power { exponent: f64::INFINITY, epsilon: 1.0 })
                => Error::Exponent { .. },
        }
        assert!(mapped.vjp(Mat::zeros(2, 2).as_ref()).is_err());
        assert_eq!(
            MappedMoment::forward(nothing.as_ref(), root)
                .unwrap()
                .value(),
            nothing
        );
    }
}
