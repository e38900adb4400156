//! Activations, fused into the convolution before them.

/// A pointwise function applied to a convolution's sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// y = x
    Identity,
    /// y = max(x, 0)
    Relu,
    /// y = min(max(x, 0), 6)
    Relu6,
}
