//! Registers with operators.

use super::register::Lanes;
use pulp::Simd;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of each lane.
#[derive(Clone, Copy)]
pub(super) struct Wide<S: Simd, T: Lanes> {
    simd: S,
    /// The register, to be stored.
    pub(super) register: T::Register<S>,
}

impl<S: Simd, T: Lanes> Wide<S, T> {
    #[inline(always)]
    pub(super) fn new(simd: S, register: T::Register<S>) -> Self {
        Self { simd, register }
    }

    /// x in every lane.
    #[inline(always)]
    pub(super) fn splat(simd: S, x: T::Number) -> Self {
        Self::new(simd, T::splat(simd, x))
    }

    /// a number of 64 bits in every lane, rounded.
    #[inline(always)]
    pub(super) fn constant(simd: S, x: f64) -> Self {
        Self::splat(simd, T::rounded(x))
    }

    #[inline(always)]
    pub(super) fn abs(self) -> Self {
        Self::new(self.simd, T::abs(self.simd, self.register))
    }

    #[inline(always)]
    pub(super) fn sqrt(self) -> Self {
        Self::new(self.simd, T::sqrt(self.simd, self.register))
    }

    /// The larger of two numbers.
    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        self.where_below(other, other, self)
    }

    /// `below` in lanes in which this is less than the bound, `otherwise` in the others.
    #[inline(always)]
    pub(super) fn where_below(self, bound: Self, below: Self, otherwise: Self) -> Self {
        let chosen = T::select_below(
            self.simd,
            self.register,
            bound.register,
            below.register,
            otherwise.register,
        );
        Self::new(self.simd, chosen)
    }

    /// Is this less than the bound in any lane?
    #[inline(always)]
    pub(super) fn any_below(self, bound: Self) -> bool {
        T::any_below(self.simd, self.register, bound.register)
    }

    /// self · b + c.
    #[inline(always)]
    pub(super) fn times_plus(self, b: Self, c: Self) -> Self {
        let sum = T::mul_add(self.simd, self.register, b.register, c.register);
        Self::new(self.simd, sum)
    }

    /// self − a · b.
    #[inline(always)]
    pub(super) fn minus_product(self, a: Self, b: Self) -> Self {
        let rest = T::negate_mul_add(self.simd, a.register, b.register, self.register);
        Self::new(self.simd, rest)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $of_lanes:ident) => {
        impl<S: Simd, T: Lanes> $trait for Wide<S, T> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(
                    self.simd,
                    T::$of_lanes(self.simd, self.register, other.register),
                )
            }
        }
    };
}

operator!(Add, add, add);
operator!(Sub, sub, sub);
operator!(Mul, mul, mul);
operator!(Div, div, div);

impl<S: Simd, T: Lanes> Neg for Wide<S, T> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(self.simd, T::neg(self.simd, self.register))
    }
}
