//! Many independent matrices, spread over the cores.

/// Applies a rule to every input, in order; with the feature `rayon` on all cores, each input on one of them.
///
/// The results do not depend on the number of cores: a rule works on one thread, and its result stays in its place.
///
/// # Errors
/// That of the first input, in order, whose rule fails; the others' results are dropped.
///
/// # Cost
/// That of the rules. Inputs of different sizes are handed out one at a time, so that no core waits for long.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::gradcheck::gaussian;
/// use matbackprop_core::{GapPolicy, ThinSvd, batch};
///
/// let images: Vec<_> = (0..8).map(|seed| gaussian(30, 6, seed)).collect();
/// // A nuclear norm each, and its gradient.
/// let gradients = batch(&images, |image| {
///     ThinSvd::forward(image.as_ref(), GapPolicy::default())?.vjp(None, Some(&[1.0; 6]), None)
/// })?;
/// assert_eq!(gradients.len(), 8);
/// # Ok(())
/// # }
/// ```
pub fn batch<T, R, E>(inputs: &[T], rule: impl Fn(&T) -> Result<R, E> + Sync) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    #[cfg(feature = "rayon")]
    let results: Vec<Result<R, E>> = {
        use rayon::prelude::*;
        inputs.par_iter().with_max_len(1).map(&rule).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let results = inputs.iter().map(&rule);
    results.into_iter().collect()
}

/// As [`batch`], with inputs that the rule takes apart.
///
/// # Errors
/// As [`batch`].
///
/// # Cost
/// As [`batch`].
pub fn batch_owned<T, R, E>(
    inputs: Vec<T>,
    rule: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    T: Send,
    R: Send,
    E: Send,
{
    #[cfg(feature = "rayon")]
    let results: Vec<Result<R, E>> = {
        use rayon::prelude::*;
        inputs.into_par_iter().with_max_len(1).map(&rule).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let results = inputs.into_iter().map(&rule);
    results.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::gradcheck::gaussian;
    use crate::spectral::SymEig;
    use crate::{GapPolicy, Result};

    #[test]
    fn results_are_those_of_one_after_the_other() {
        let matrices: Vec<_> = (1..20)
            .map(|n| crate::symmetric::sym(gaussian(n, n, n as u64).as_ref()))
            .collect();
        let rule = |a: &faer::Mat<f64>| -> Result<Vec<f64>> {
            let eigen = SymEig::forward(a.as_ref(), GapPolicy::default())?;
            Ok(eigen.values().to_vec())
        };
        let expected: Vec<_> = matrices.iter().map(|a| rule(a).unwrap()).collect();
        assert_eq!(batch(&matrices, rule).unwrap(), expected);
        assert_eq!(batch_owned(matrices, |a| rule(&a)).unwrap(), expected);
        assert_eq!(batch(&[], rule).unwrap(), Vec::<Vec<f64>>::new());
    }

    #[test]
    fn the_first_error_in_order_is_returned() {
        let sizes: Vec<usize> = (0..50).collect();
        let rule = |&n: &usize| {
            if n < 7 {
                Ok(n)
            } else {
                Err(Error::Empty {
                    op: "test",
                    rows: n,
                    columns: 0,
                })
            }
        };
        for found in [batch(&sizes, rule), batch_owned(sizes, |n| rule(&n))] {
            assert!(
                matches!(found, Err(Error::Empty { rows: 7, .. })),
                "{found:?}"
            );
        }
    }
}
