//! Dropout: some channels, or some numbers, set to zero while training.

/// Sets each channel, or each number, to zero with probability `rate` and scales the others by 1 / (1 − rate).
///
/// ```text
/// forward   y[c] = m_c x[c],    m_c ∈ {0, 1 / (1 − rate)}        single: y[c, i] = m_ci x[c, i]
/// vjp       x̄[c] = m_c ȳ[c]                                              x̄[c, i] = m_ci ȳ[c, i]
/// ```
///
/// Neighbouring positions of a feature map say nearly the same, so dropping single numbers drops
/// nothing; dropping whole channels acts as dropout does between fully connected layers. Where the positions are
/// the examples of a batch, dropout is of single numbers.
///
/// # Conventions
/// m comes from the seeds alone, so the backward pass draws it again.
///
/// # Source
/// Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using convolutional
/// networks", 2015, section 3.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dropout {
    /// Probability of a zero, in [0, 1).
    pub rate: f32,
    /// Whether each number is drawn for itself, instead of whole channels.
    pub single: bool,
}

/// The random source of m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Draws {
    /// One seed.
    Together(u64),
    /// One a column of the planes, whose numbers are drawn each for itself.
    ByColumn(Vec<u64>),
}
