//! Exponentials, logarithms and roots of many matrices.

use super::matrix_function::square;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, zeros_like};
use crate::error::Result;
use crate::function::{Iterations, MatrixExp, MatrixLog, MatrixSqrt, NewtonSchulz, Normalisation};
use faer::{Mat, MatRef};

const EXP: &str = "matrix exponential";
const LOG: &str = "matrix logarithm";
const SQRT: &str = "matrix square root";
const NEWTON_SCHULZ: &str = "Newton–Schulz iteration";

/// A rule from n × n to n × n that keeps nothing: its way back computes again.
macro_rules! keeps_nothing {
    ($rule:ident, $single:ident, $op:ident) => {
        impl StackRule for $rule {
            fn op(&self) -> &'static str {
                $op
            }

            fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
                let n = square($op, inputs[0])?;
                Ok(Shapes {
                    outputs: vec![(n, n)],
                    kept: Vec::new(),
                })
            }

            fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
                let single = $single::forward(inputs[0])?;
                Ok(Forward {
                    outputs: vec![single.value().to_owned()],
                    kept: Vec::new(),
                })
            }

            fn vjp(
                &self,
                saved: Saved<'_>,
                bars: &[Option<MatRef<'_, f64>>],
            ) -> Result<Vec<Mat<f64>>> {
                let a = saved.inputs[0];
                image(bars[0], a.shape(), |bar| $single::forward(a)?.vjp(bar))
            }

            fn jvp(
                &self,
                saved: Saved<'_>,
                dots: &[Option<MatRef<'_, f64>>],
            ) -> Result<Vec<Mat<f64>>> {
                let a = saved.inputs[0];
                image(dots[0], a.shape(), |dot| $single::forward(a)?.jvp(dot))
            }
        }
    };
}

/// [`MatrixExp`] of every matrix of a stack: exp A of a general A.
///
/// # Shapes
/// Input and output n × n. Nothing is kept: the powers that the way back needs are as many as the size of A asks for, and
/// it computes them again.
///
/// # Errors
/// Those of [`MatrixExp`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MatrixExpRule;

keeps_nothing!(MatrixExpRule, MatrixExp, EXP);

/// [`MatrixLog`] of every matrix of a stack: the principal log A of a general A.
///
/// # Shapes
/// Input and output n × n. Nothing is kept: the way back goes through roots that are as many as the size of A − I asks for,
/// and computes them again.
///
/// # Errors
/// Those of [`MatrixLog`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MatrixLogRule;

keeps_nothing!(MatrixLogRule, MatrixLog, LOG);

/// [`MatrixSqrt`] of every matrix of a stack: the principal A^½ of a general A.
///
/// # Shapes
/// Input and output n × n. Kept: U and R, n × n, of the Schur factors A / s = U R² Uᵀ, with s the even power of two next to
/// [`power_of_two_scale`](crate::power_of_two_scale)`(A)`.
///
/// # Errors
/// Those of [`MatrixSqrt`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MatrixSqrtRule;

impl MatrixSqrtRule {
    fn restored(saved: Saved<'_>) -> Result<MatrixSqrt> {
        let a = saved.inputs[0];
        if !saved.has_factors() {
            return MatrixSqrt::forward(a);
        }
        Ok(MatrixSqrt::from_factors(a, [0, 1].map(|k| saved.factor(k))))
    }
}

impl StackRule for MatrixSqrtRule {
    fn op(&self) -> &'static str {
        SQRT
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(SQRT, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, n), (n, n)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let root = MatrixSqrt::forward(inputs[0])?;
        Ok(Forward {
            outputs: vec![root.value().to_owned()],
            kept: root.factors().map(|x| x.to_owned()).into(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            Self::restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(dots[0], saved.inputs[0].shape(), |dot| {
            Self::restored(saved)?.jvp(dot)
        })
    }
}

/// [`NewtonSchulz`] of every matrix of a stack: A^½ and A^−½ by products alone.
///
/// # Shapes
/// Input n × n; outputs A^½ and A^−½, n × n. Nothing is kept: the way back goes through every step, and makes them again.
///
/// # Errors
/// Those of [`NewtonSchulz`].
#[derive(Clone, Copy, Debug)]
pub struct NewtonSchulzRule {
    /// What A is divided by.
    pub normalisation: Normalisation,
    /// How many steps.
    pub iterations: Iterations,
}

impl NewtonSchulzRule {
    fn of(&self, a: MatRef<'_, f64>) -> Result<NewtonSchulz> {
        NewtonSchulz::forward(a, self.normalisation, self.iterations)
    }
}

impl StackRule for NewtonSchulzRule {
    fn op(&self) -> &'static str {
        NEWTON_SCHULZ
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(NEWTON_SCHULZ, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, n), (n, n)],
            kept: Vec::new(),
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let roots = self.of(inputs[0])?;
        Ok(Forward {
            outputs: vec![roots.root().to_owned(), roots.inverse_root().to_owned()],
            kept: Vec::new(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        if bars[0].is_none() && bars[1].is_none() {
            return Ok(zeros_like(saved.inputs));
        }
        Ok(vec![self.of(saved.inputs[0])?.vjp(bars[0], bars[1])?])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        let Some(dot) = dots[0] else {
            return Ok(zeros_like(&[a, a]));
        };
        let dot = self.of(a)?.jvp(dot)?;
        Ok(vec![dot.root, dot.inverse_root])
    }
}
