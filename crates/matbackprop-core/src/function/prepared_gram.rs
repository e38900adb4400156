//! A function of a Gram matrix, up to the eigenvalues and from there on.

use super::gram_factors::decompose;
use super::gram_function::{GramFunction, OP};
use super::gram_matrix::{Eigenpairs, GramMatrix};
use super::scalar_function::ScalarFunction;
use super::support::Support;
use crate::error::Result;
use crate::guard::{ensure_length, ensure_matrix, ensure_shape, ensure_sorted};
use faer::{Mat, MatRef};

/// C = f(FᵀF) before its eigenvalues are known: they can be found elsewhere, many matrices at a time.
///
/// ```text
/// prepare       F                      →   G = FᵀF / s²,  or FFᵀ / s² for n < d
/// elsewhere     G = V diag(λ) Vᵀ
/// finish_with   λ, V                   →   C = f(FᵀF),  as GramFunction::forward gives it
/// ```
///
/// s is the [`power_of_two_scale`](crate::power_of_two_scale) of F: 1, unless F is far from order one. The way back is
/// [`GramFunction`]'s.
///
/// # Shapes
/// F: n × d without its zero rows and columns; G and V: r × r, r = min(n, d); λ: r values.
///
/// # Conventions
/// Both triangles of G are there. λ is nondecreasing, a value just below zero counts as zero; signs and rotations of
/// the columns of V are free.
///
/// That V is orthogonal, and that λ and V are those of G, is the caller's promise, which nothing here looks into: C and
/// its gradients are as accurate as they are.
///
/// The [`Method`](crate::Method) is chosen by accuracy, as in [`GramFunction`]. Eigenpairs count in the method by the Gram
/// matrix alone: where the values show that it costs f its digits, they are left aside and F is decomposed here. Where
/// the entries of G show it already, by bounds on both ends of the spectrum, there is no [`matrix`](Self::matrix):
/// eigenvectors would be found for nothing. For the functions of this crate the eigenvalues would say the same; for an f
/// of your own that is flat at the ends and steep between them they might not, and [`finish`](Self::finish) still asks
/// them.
///
/// # Errors
/// Those of [`GramFunction`]: from `prepare` [`Empty`](crate::Error::Empty) and [`NotFinite`](crate::Error::NotFinite),
/// from `finish` and `finish_with` the others. From `finish_with` also [`ShapeMismatch`](crate::Error::ShapeMismatch)
/// unless there are r values and r × r entries, `NotFinite` and [`NotSorted`](crate::Error::NotSorted).
///
/// # Cost
/// `prepare` takes O(n d r), `matrix` O(r²), the others the rest of [`GramFunction`]'s time; F and r² numbers are
/// stored.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Eigenpairs, GapPolicy, GramFunction, Log, Ridge, SymEig};
///
/// let f = mat![[2.0, 1.0], [1.0, 1.0], [0.0, 1.0]];
/// let log = Ridge::new(Log, 1e-3)?;
/// let prepared = GramFunction::prepare(f.clone(), log)?;
/// let finished = match prepared.matrix() {
///     None => prepared.finish()?,
///     Some(g) => {
///         assert_eq!(g, mat![[5.0, 3.0], [3.0, 3.0]]);
///         // In place of a solver elsewhere.
///         let eigen = SymEig::forward(g, GapPolicy::default())?;
///         let (values, vectors) = (eigen.values().to_vec(), eigen.vectors().to_owned());
///         prepared.finish_with(Eigenpairs { values, vectors })?
///     }
/// };
/// let forward = GramFunction::forward(f.as_ref(), log)?;
/// assert!((finished.value() - forward.value()).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PreparedGram<F> {
    function: F,
    /// F without its zero rows and columns.
    f: Mat<f64>,
    support: Support,
    /// `None` where F has no entry left.
    gram: Option<GramMatrix>,
}

impl<F: ScalarFunction> GramFunction<F> {
    /// All that comes before the eigenvalues, so that they can be found elsewhere; F is moved, not copied.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite).
    pub fn prepare(f: Mat<f64>, function: F) -> Result<PreparedGram<F>> {
        ensure_matrix(OP, f.as_ref())?;
        let support = Support::of(f.as_ref());
        let f = support.compact(f.as_ref()).unwrap_or(f);
        Ok(PreparedGram {
            gram: GramMatrix::full(f.as_ref()),
            function,
            f,
            support,
        })
    }
}

impl<F: ScalarFunction> PreparedGram<F> {
    /// G, the matrix to decompose; `None` where nothing is to be decomposed, F being zero, and where its entries show
    /// that f would lose too many digits, or the curvature of f is not known.
    pub fn matrix(&self) -> Option<MatRef<'_, f64>> {
        let gram = self.gram.as_ref()?;
        gram.may_keep_digits(&self.function).then(|| gram.as_ref())
    }

    /// C from a decomposition of our own, to the bit as [`GramFunction::forward`] gives it.
    ///
    /// # Errors
    /// See [`PreparedGram`].
    pub fn finish(self) -> Result<GramFunction<F>> {
        self.finish_by(None)
    }

    /// C from eigenpairs of G.
    ///
    /// # Errors
    /// See [`PreparedGram`].
    pub fn finish_with(self, eigenpairs: Eigenpairs) -> Result<GramFunction<F>> {
        let r = self.f.nrows().min(self.f.ncols());
        ensure_length(OP, &eigenpairs.values, r)?;
        ensure_shape(OP, eigenpairs.vectors.as_ref(), (r, r))?;
        ensure_sorted(OP, &eigenpairs.values)?;
        self.finish_by(Some(eigenpairs))
    }

    fn finish_by(self, given: Option<Eigenpairs>) -> Result<GramFunction<F>> {
        let f = self.f.as_ref();
        let decomposed = decompose(OP, f, self.gram, given, &self.function, None)?;
        GramFunction::from_decomposed(self.function, self.support, decomposed)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::function::{Exp, Log, Power, Ridge, Sqrt, WithSlope};
    use crate::gradcheck::{gaussian, with_spectrum};
    use crate::rank::Method;
    use crate::spectral::SymEig;
    use crate::{GapPolicy, power_of_two_scale};
    use faer::{Scale, mat};

    fn ridge() -> Ridge<Log> {
        Ridge::new(Log, 1e-2).unwrap()
    }

    /// By the rule next door, which the solver elsewhere stands for.
    fn eigenpairs(g: MatRef<'_, f64>) -> Eigenpairs {
        let eigen = SymEig::forward(g, GapPolicy::default()).unwrap();
        Eigenpairs {
            values: eigen.values().to_vec(),
            vectors: eigen.vectors().to_owned(),
        }
    }

    /// Tall, wide, square, 1 × 1; repeated values; dead positions and channels; nothing; a spectrum too wide.
    fn cases() -> Vec<Mat<f64>> {
        let spread = [3.0, 1.0, 0.5, 0.2];
        let noise = gaussian(7, 5, 4);
        let dead = Mat::from_fn(
            7,
            5,
            |i, j| {
                if i == 3 || j == 1 { 0.0 } else { noise[(i, j)] }
            },
        );
        vec![
            with_spectrum(9, 4, &spread, 2),
            with_spectrum(4, 9, &spread, 2),
            with_spectrum(4, 4, &spread, 2),
            with_spectrum(9, 4, &[2.0, 2.0, 2.0, 1.0], 3),
            mat![[1.5]],
            dead.transpose().to_owned(),
            dead,
            Mat::zeros(3, 2),
            with_spectrum(30, 20, &[1.0, 1e-3, 1e-7], 5),
        ]
    }

    fn apart(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
        (a - b).norm_max() / b.norm_max().max(f64::MIN_POSITIVE)
    }

    #[test]
    fn finishing_is_forward_to_the_bit() {
        fn check<F: ScalarFunction + Copy>(f: &Mat<f64>, function: F) {
            let (n, d) = f.shape();
            let prepared = GramFunction::prepare(f.clone(), function).unwrap();
            let finished = prepared.finish().unwrap();
            let forward = GramFunction::forward(f.as_ref(), function).unwrap();
            assert_eq!(finished.method(), forward.method());
            assert_eq!(finished.squares(), forward.squares());
            assert_eq!(finished.value(), forward.value());
            let (bar, dot) = (gaussian(d, d, 1), gaussian(n, d, 2));
            assert_eq!(finished.vjp(bar.as_ref()), forward.vjp(bar.as_ref()));
            assert_eq!(finished.jvp(dot.as_ref()), forward.jvp(dot.as_ref()));
        }
        for f in cases() {
            for size in [1.0, 1e100, 1e-100] {
                let f = Scale(size) * &f;
                check(&f, ridge());
                check(&f, Sqrt);
                check(&f, Power { exponent: 1.0 });
            }
        }
    }

    #[test]
    fn eigenpairs_from_elsewhere_give_the_result_of_forward() {
        fn check<F: ScalarFunction + Copy>(f: &Mat<f64>, function: F) -> Method {
            let (n, d) = f.shape();
            let prepared = GramFunction::prepare(f.clone(), function).unwrap();
            let forward = GramFunction::forward(f.as_ref(), function).unwrap();
            let Some(g) = prepared.matrix() else {
                return forward.method();
            };
            let mut found = eigenpairs(g);
            // Signs are free.
            found.vectors = Scale(-1.0) * found.vectors;
            let finished = prepared.finish_with(found).unwrap();
            assert_eq!(finished.method(), forward.method());
            // Rounding of a few decompositions of sides up to 20.
            let tolerance = 1e-12;
            let largest = forward.squares()[0];
            for (found, expected) in finished.squares().iter().zip(forward.squares()) {
                assert!((found - expected).abs() <= tolerance * largest);
            }
            assert!(apart(finished.value(), forward.value()) < tolerance);
            let (bar, dot) = (gaussian(d, d, 1), gaussian(n, d, 2));
            let back = finished.vjp(bar.as_ref()).unwrap();
            let expected = forward.vjp(bar.as_ref()).unwrap();
            assert!(apart(back.as_ref(), expected.as_ref()) < tolerance);
            let along = finished.jvp(dot.as_ref()).unwrap();
            let expected = forward.jvp(dot.as_ref()).unwrap();
            assert!(apart(along.as_ref(), expected.as_ref()) < tolerance);
            Method::Gram
        }
        for f in cases() {
            check(&f, ridge());
            for size in [1.0, 1e100, 1e-100] {
                // Homogeneous functions answer at any size.
                let f = Scale(size) * &f;
                check(&f, Power { exponent: 1.0 });
                let least = Power { exponent: 0.5 };
                check(&f, Ridge::new(least, 1e-2 * size * size).unwrap());
            }
        }
        let f = with_spectrum(4, 9, &[1.0, 0.9, 0.8, 0.7], 1);
        assert_eq!(check(&f, Exp), Method::Gram);
    }

    #[test]
    fn the_matrix_is_the_gram_matrix_of_order_one() {
        for f in cases().into_iter().take(7) {
            let (n, d) = Support::of(f.as_ref())
                .compact(f.as_ref())
                .map_or(f.shape(), |compact| compact.shape());
            for size in [1.0, 1e100, 1e-100] {
                let f = Scale(size) * &f;
                let identity = Power { exponent: 1.0 };
                let prepared = GramFunction::prepare(f.clone(), identity).unwrap();
                let g = prepared.matrix().unwrap();
                assert_eq!(g.shape(), (n.min(d), n.min(d)));
                assert_eq!(g, g.transpose());
                let scaled = Scale(power_of_two_scale(f.as_ref()).recip()) * f;
                let trace: f64 = (0..n.min(d)).map(|i| g[(i, i)]).sum();
                let expected = scaled.squared_norm_l2();
                assert!((trace - expected).abs() < 1e-14 * expected, "{size:e}");
            }
        }
    }

    #[test]
    fn a_spectrum_too_wide_is_left_to_singular_values() {
        let mut uneven = gaussian(30, 20, 1);
        uneven
            .col_as_slice_mut(7)
            .iter_mut()
            .for_each(|x| *x *= 1e-6);
        // The entries show it.
        let prepared = GramFunction::prepare(uneven.clone(), Log).unwrap();
        assert!(prepared.matrix().is_none());
        let given = eigenpairs((uneven.transpose() * &uneven).as_ref());
        assert_eq!(
            prepared.finish_with(given).unwrap().method(),
            Method::Refined
        );
        let above = Ridge::new(Log, 1.0).unwrap();
        let prepared = GramFunction::prepare(uneven.clone(), above).unwrap();
        assert!(prepared.matrix().is_some());
        let unknown = WithSlope::new(f64::sin, f64::cos);
        let prepared = GramFunction::prepare(uneven, unknown).unwrap();
        assert!(prepared.matrix().is_none());
        // The eigenvalues show it, and the given pairs are left aside.
        let mut spectrum = vec![1.0; 20];
        spectrum[19] = 1e-6;
        let rotated = with_spectrum(30, 20, &spectrum, 1);
        let prepared = GramFunction::prepare(rotated.clone(), Log).unwrap();
        let given = eigenpairs(prepared.matrix().unwrap());
        let finished = prepared.finish_with(given).unwrap();
        let forward = GramFunction::forward(rotated.as_ref(), Log).unwrap();
        assert_eq!(finished.method(), Method::Refined);
        assert_eq!(finished.value(), forward.value());
    }

    #[test]
    fn nothing_to_decompose_needs_no_eigenpairs() {
        let prepared = GramFunction::prepare(Mat::zeros(2, 3), ridge()).unwrap();
        assert!(prepared.matrix().is_none());
        let none = Eigenpairs {
            values: Vec::new(),
            vectors: Mat::zeros(0, 0),
        };
        let finished = prepared.clone().finish_with(none).unwrap();
        assert_eq!(finished.value(), prepared.finish().unwrap().value());
    }

    #[test]
    fn refuses_what_is_no_list_of_eigenpairs() {
        let nan = mat![[f64::NAN, 1.0]];
        let f = gaussian(5, 3, 1);
        let prepared = GramFunction::prepare(f.clone(), ridge()).unwrap();
        let good = eigenpairs(prepared.matrix().unwrap());
        let finish = |change: fn(&mut Eigenpairs)| {
            let mut changed = good.clone();
            change(&mut changed);
            prepared.clone().finish_with(changed)
        };
        let (first, second) = (good.values[0], good.values[1]);
        refused! {
            GramFunction::prepare(nan, ridge()) => Error::NotFinite { .. },
            GramFunction::prepare(Mat::zeros(0, 2), ridge()) => Error::Empty { .. },
            finish(|given| given.values.truncate(2))
                => Error::ShapeMismatch { op: OP, expected: (3, 1), found: (2, 1) },
            finish(|given| given.vectors = Mat::zeros(3, 2))
                => Error::ShapeMismatch { op: OP, expected: (3, 3), found: (3, 2) },
            finish(|given| given.values[2] = f64::INFINITY) => Error::NotFinite { op: OP },
            finish(|given| given.vectors[(2, 0)] = f64::NAN) => Error::NotFinite { op: OP },
            finish(|given| given.values.swap(0, 1))
                => Error::NotSorted { op: OP, index: 1, value, previous }
                    if (value, previous) == (first, second),
        }
        // The refusals of f itself, with the eigenpairs of others as with our own.
        let wide = GramFunction::prepare(f.transpose().to_owned(), Log).unwrap();
        let given = eigenpairs(wide.matrix().unwrap());
        refused! { wide.finish_with(given) => Error::OutsideDomain { value: 0.0, .. } }
    }
}
