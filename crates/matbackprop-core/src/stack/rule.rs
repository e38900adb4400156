//! What a rule must say to be applied to stacks.

use super::group::{Done, Group};
use super::view::{Number, StackMut};
use crate::error::{Error, Result};
use crate::lanes::LaneNumber;
use faer::{Mat, MatRef};

/// Rows and columns of a matrix.
pub type Shape = (usize, usize);

/// Shapes of a rule's results for inputs of given shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    /// Those of the outputs.
    pub outputs: Vec<Shape>,
    /// Those of what forward keeps for the way back: always numbers of 64 bits.
    pub kept: Vec<Shape>,
}

/// What a way back starts from: the inputs, and what forward kept.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// The inputs.
    pub inputs: &'a [MatRef<'a, f64>],
    /// What forward kept, in its order.
    pub kept: &'a [MatRef<'a, f64>],
}

/// The results of a rule for one matrix.
#[derive(Clone, Debug, Default)]
pub struct Forward {
    /// In the order of [`Shapes::outputs`].
    pub outputs: Vec<Mat<f64>>,
    /// In the order of [`Shapes::kept`].
    pub kept: Vec<Mat<f64>>,
}

/// A rule whose state is a list of arrays: what [`Stacked`](super::Stacked) and bindings to other languages need of it.
///
/// Inputs and outputs are matrices; lists of values are matrices of one column. A rule of your own implements the methods
/// for one matrix; some of this crate deal with small matrices as many at a time as a register has numbers.
pub trait StackRule: Sync {
    /// Are groups dealt with in arithmetic of 32 bits too?
    #[doc(hidden)]
    const IN_SINGLE: bool = false;

    /// The rule's name in errors.
    fn op(&self) -> &'static str;

    /// How many inputs it has.
    fn inputs(&self) -> usize {
        1
    }

    /// Shapes of outputs and of what is kept, for inputs of these shapes.
    ///
    /// # Errors
    /// Those of the rule for shapes that it refuses.
    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes>;

    /// Are the inputs symmetric? Those of 32 bits then come as their symmetric parts, if they are symmetric up to rounding.
    fn takes_symmetric(&self) -> bool {
        false
    }

    /// The same, of one of several inputs.
    fn takes_symmetric_at(&self, _input: usize) -> bool {
        self.takes_symmetric()
    }

    /// Outputs, and what the way back needs.
    ///
    /// # Errors
    /// Those of the rule.
    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward>;

    /// Cotangents of the inputs from those of the outputs; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// Those of the rule.
    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>>;

    /// Tangents of the outputs from those of the inputs; `None` is a zero.
    ///
    /// # Errors
    /// Those of the rule.
    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>>;

    /// The way back through [`vjp`](Self::vjp): from cotangents Z of the inputs' cotangents to those of the outputs' cotangents,
    /// and then those of the inputs, `None` a zero. The second ones are the Hessian of ⟨ȳ, y⟩ times Z.
    ///
    /// Rules without a second order answer as here.
    ///
    /// # Errors
    /// Those of the rule; [`CurvatureUnknown`](Error::CurvatureUnknown).
    fn vjp_of_vjp(
        &self,
        _saved: Saved<'_>,
        _bars: &[Option<MatRef<'_, f64>>],
        _z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        Err(Error::CurvatureUnknown { op: self.op() })
    }

    /// The shape of what is held in registers for matrices of these shapes; `None` where they are dealt with one by one.
    #[doc(hidden)]
    fn in_registers(&self, _inputs: &[Shape]) -> Option<Shape> {
        None
    }

    /// [`forward`](Self::forward) of a group in the arithmetic A, as far as arithmetic alone goes.
    #[doc(hidden)]
    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        _group: &Group<'_, T, A>,
        _outputs: &mut [StackMut<'_, T>],
        _kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        Done::NONE
    }

    /// [`vjp`](Self::vjp) of a group in the arithmetic A, as far as arithmetic alone goes.
    #[doc(hidden)]
    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        _group: &Group<'_, T, A>,
        _x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        Done::NONE
    }
}

impl<R: StackRule> StackRule for &R {
    const IN_SINGLE: bool = R::IN_SINGLE;

    fn op(&self) -> &'static str {
        (**self).op()
    }

    fn inputs(&self) -> usize {
        (**self).inputs()
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        (**self).shapes(inputs)
    }

    fn takes_symmetric(&self) -> bool {
        (**self).takes_symmetric()
    }

    fn takes_symmetric_at(&self, input: usize) -> bool {
        (**self).takes_symmetric_at(input)
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        (**self).forward(inputs)
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        (**self).vjp(saved, bars)
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        (**self).jvp(saved, dots)
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        (**self).vjp_of_vjp(saved, bars, z)
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        (**self).in_registers(inputs)
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        (**self).forward_group(group, outputs, kept)
    }

    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        (**self).vjp_group(group, x_bars)
    }
}
