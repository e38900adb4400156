//! Numbers that lie side by side in a register.

use pulp::Simd;
use pulp::bytemuck::Pod;
use std::marker::PhantomData;
use std::ops::{AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Numbers of 64 or of 32 bits, to be written.
#[derive(Debug)]
pub enum NumbersMut<'a> {
    /// Those of 64 bits.
    Double(&'a mut [f64]),
    /// Those of 32 bits.
    Single(&'a mut [f32]),
}

/// What a lane may hold, `f64` or `f32`, and what is done with a single one of them.
pub trait LaneNumber:
    Lanes<Number = Self>
    + Pod
    + PartialOrd
    + Neg<Output = Self>
    + Sub<Output = Self>
    + Div<Output = Self>
    + Mul<Output = Self>
    + AddAssign
    + SubAssign
{
    /// Has it 32 bits?
    const IS_SINGLE: bool;

    /// As a number of 64 bits, which loses nothing.
    fn widened(self) -> f64;
    /// How many of them a register of the machine has.
    fn in_a_register<S: Simd>() -> usize;
    /// A list that says which numbers it has.
    fn list(numbers: &mut [Self]) -> NumbersMut<'_>;
}

/// Registers full of numbers of 64 or 32 bits, and their arithmetic.
///
/// Multiplications are fused with additions where the machine can, as everywhere in this crate.
pub trait Lanes: Copy + 'static {
    /// What a lane holds.
    type Number: LaneNumber;
    /// Numbers that are worked on at once.
    type Register<S: Simd>: Copy;

    /// The distance from one to the next number above it.
    const EPSILON: Self::Number;

    /// From a number of 64 bits, rounded.
    fn rounded(x: f64) -> Self::Number;
    /// A list as registers; what is left of it is not seen.
    fn registers<S: Simd>(x: &[Self::Number]) -> &[Self::Register<S>];
    /// As [`registers`](Self::registers).
    fn registers_mut<S: Simd>(x: &mut [Self::Number]) -> &mut [Self::Register<S>];

    /// x in every lane.
    fn splat<S: Simd>(simd: S, x: Self::Number) -> Self::Register<S>;
    /// a + b.
    fn add<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// a − b.
    fn sub<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// a b.
    fn mul<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// a / b.
    fn div<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// a b + c.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
    /// c − a b.
    fn negate_mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
    /// −a.
    fn neg<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S>;
    /// |a|.
    fn abs<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S>;
    /// √a.
    fn sqrt<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S>;
    /// `below` where a < b, `otherwise` elsewhere.
    fn select_below<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        below: Self::Register<S>,
        otherwise: Self::Register<S>,
    ) -> Self::Register<S>;
    /// Is a < b in any lane?
    fn any_below<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> bool;
}

macro_rules! lanes {
    ($number:ident, $list:ident, $registers:ident, $width:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $add:ident, $sub:ident,
     $mul:ident, $div:ident, $mul_add:ident, $negate_mul_add:ident, $neg:ident, $abs:ident, $sqrt:ident, $less:ident,
     $select:ident, $first_true:ident) => {
        impl LaneNumber for $number {
            const IS_SINGLE: bool = size_of::<$number>() == 4;

            #[inline(always)]
            fn widened(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn in_a_register<S: Simd>() -> usize {
                S::$width
            }

            #[inline(always)]
            fn list(numbers: &mut [Self]) -> NumbersMut<'_> {
                NumbersMut::$list(numbers)
            }
        }

        impl Lanes for $number {
            type Number = Self;
            type Register<S: Simd> = S::$registers;

            const EPSILON: Self = $number::EPSILON;

            #[inline(always)]
            fn rounded(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            fn registers<S: Simd>(x: &[Self]) -> &[S::$registers] {
                S::$as_simd(x).0
            }

            #[inline(always)]
            fn registers_mut<S: Simd>(x: &mut [Self]) -> &mut [S::$registers] {
                S::$as_mut_simd(x).0
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$registers {
                simd.$splat(x)
            }

            #[inline(always)]
            fn add<S: Simd>(simd: S, a: S::$registers, b: S::$registers) -> S::$registers {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn sub<S: Simd>(simd: S, a: S::$registers, b: S::$registers) -> S::$registers {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn mul<S: Simd>(simd: S, a: S::$registers, b: S::$registers) -> S::$registers {
                simd.$mul(a, b)
            }

            #[inline(always)]
            fn div<S: Simd>(simd: S, a: S::$registers, b: S::$registers) -> S::$registers {
                simd.$div(a, b)
            }

            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: S::$registers,
                b: S::$registers,
                c: S::$registers,
            ) -> S::$registers {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn negate_mul_add<S: Simd>(
                simd: S,
                a: S::$registers,
                b: S::$registers,
                c: S::$registers,
            ) -> S::$registers {
                simd.$negate_mul_add(a, b, c)
            }

            #[inline(always)]
            fn neg<S: Simd>(simd: S, a: S::$registers) -> S::$registers {
                simd.$neg(a)
            }

            #[inline(always)]
            fn abs<S: Simd>(simd: S, a: S::$registers) -> S::$registers {
                simd.$abs(a)
            }

            #[inline(always)]
            fn sqrt<S: Simd>(simd: S, a: S::$registers) -> S::$registers {
                simd.$sqrt(a)
            }

            #[inline(always)]
            fn select_below<S: Simd>(
                simd: S,
                a: S::$registers,
                b: S::$registers,
                below: S::$registers,
                otherwise: S::$registers,
            ) -> S::$registers {
                simd.$select(simd.$less(a, b), below, otherwise)
            }

            #[inline(always)]
            fn any_below<S: Simd>(simd: S, a: S::$registers, b: S::$registers) -> bool {
                simd.$first_true(simd.$less(a, b)) < S::$width
            }
        }
    };
}

lanes!(
    f64,
    Double,
    f64s,
    F64_LANES,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    div_f64s,
    mul_add_e_f64s,
    negate_mul_add_e_f64s,
    neg_f64s,
    abs_f64s,
    sqrt_f64s,
    less_than_f64s,
    select_f64s,
    first_true_m64s
);
lanes!(
    f32,
    Single,
    f32s,
    F32_LANES,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    div_f32s,
    mul_add_e_f32s,
    negate_mul_add_e_f32s,
    neg_f32s,
    abs_f32s,
    sqrt_f32s,
    less_than_f32s,
    select_f32s,
    first_true_m32s
);

/// Two registers for one, whose instructions do not wait for each other: quotients and roots take long, and matrices of a few
/// rows have nothing else to do meanwhile.
#[derive(Clone, Copy)]
pub struct Twice<T>(PhantomData<T>);

impl<T: Lanes> Lanes for Twice<T> {
    type Number = T::Number;
    type Register<S: Simd> = [T::Register<S>; 2];

    const EPSILON: T::Number = T::EPSILON;

    #[inline(always)]
    fn rounded(x: f64) -> T::Number {
        T::rounded(x)
    }

    #[inline(always)]
    fn registers<S: Simd>(x: &[T::Number]) -> &[Self::Register<S>] {
        T::registers::<S>(x).as_chunks().0
    }

    #[inline(always)]
    fn registers_mut<S: Simd>(x: &mut [T::Number]) -> &mut [Self::Register<S>] {
        T::registers_mut::<S>(x).as_chunks_mut().0
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: T::Number) -> Self::Register<S> {
        [T::splat(simd, x); 2]
    }

    // Written out: closures in `map` are not always inlined, and calls pass registers through memory.
    #[inline(always)]
    fn add<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> {
        [T::add(simd, a[0], b[0]), T::add(simd, a[1], b[1])]
    }

    #[inline(always)]
    fn sub<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> {
        [T::sub(simd, a[0], b[0]), T::sub(simd, a[1], b[1])]
    }

    #[inline(always)]
    fn mul<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> {
        [T::mul(simd, a[0], b[0]), T::mul(simd, a[1], b[1])]
    }

    #[inline(always)]
    fn div<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S> {
        [T::div(simd, a[0], b[0]), T::div(simd, a[1], b[1])]
    }

    #[inline(always)]
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S> {
        [
            T::mul_add(simd, a[0], b[0], c[0]),
            T::mul_add(simd, a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn negate_mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S> {
        [
            T::negate_mul_add(simd, a[0], b[0], c[0]),
            T::negate_mul_add(simd, a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn neg<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S> {
        [T::neg(simd, a[0]), T::neg(simd, a[1])]
    }

    #[inline(always)]
    fn abs<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S> {
        [T::abs(simd, a[0]), T::abs(simd, a[1])]
    }

    #[inline(always)]
    fn sqrt<S: Simd>(simd: S, a: Self::Register<S>) -> Self::Register<S> {
        [T::sqrt(simd, a[0]), T::sqrt(simd, a[1])]
    }

    #[inline(always)]
    fn select_below<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        below: Self::Register<S>,
        otherwise: Self::Register<S>,
    ) -> Self::Register<S> {
        [
            T::select_below(simd, a[0], b[0], below[0], otherwise[0]),
            T::select_below(simd, a[1], b[1], below[1], otherwise[1]),
        ]
    }

    #[inline(always)]
    fn any_below<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> bool {
        T::any_below(simd, a[0], b[0]) || T::any_below(simd, a[1], b[1])
    }
}
