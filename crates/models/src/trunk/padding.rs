//! Zeros around an input.

/// How many zeros surround an input before a window slides over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// The same number on every side: output ⌊(size + 2p − k) / s⌋ + 1.
    Symmetric(usize),
    /// As many as make the output ⌈size / s⌉, the odd one after (TensorFlow's `SAME`).
    Same,
}

impl Padding {
    /// Length of the output along one side, or `None` where the kernel does not fit.
    pub fn output(self, size: usize, kernel: usize, stride: usize) -> Option<usize> {
        match self {
            Self::Symmetric(p) => Some((size + 2 * p).checked_sub(kernel)? / stride + 1),
            Self::Same => (size > 0).then(|| size.div_ceil(stride)),
        }
    }

    /// Zeros before the first number.
    pub(crate) fn before(self, size: usize, kernel: usize, stride: usize) -> usize {
        match self {
            Self::Symmetric(p) => p,
            Self::Same => Self::total(size, kernel, stride) / 2,
        }
    }

    /// Width of a frame that holds the zeros before and after.
    pub(crate) fn frame(self, size: usize, kernel: usize, stride: usize) -> usize {
        match self {
            Self::Symmetric(p) => p,
            Self::Same => Self::total(size, kernel, stride).div_ceil(2),
        }
    }

    fn total(size: usize, kernel: usize, stride: usize) -> usize {
        ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_by_hand() {
        assert_eq!(Padding::Symmetric(2).output(224, 11, 4), Some(55));
        assert_eq!(Padding::Symmetric(0).output(2, 3, 1), None);
        assert_eq!(Padding::Same.output(321, 3, 2), Some(161));
        assert_eq!(Padding::Same.output(0, 3, 2), None);
    }

    #[test]
    fn the_odd_zero_comes_after() {
        // 224 → 112 with k = 3, s = 2 needs 1 zero: none before, one after.
        assert_eq!(Padding::Same.before(224, 3, 2), 0);
        assert_eq!(Padding::Same.frame(224, 3, 2), 1);
        assert_eq!(Padding::Same.before(321, 3, 2), 1);
    }
}
