//! AlexNet's response normalisation across channels: its settings.

/// Divides each number by a power of the energy in neighbouring channels.
///
/// ```text
/// forward   y_c = x_c s_c^{−β},     s_c = κ + (α / n) Σ_{c′ ∈ window(c)} x_{c′}²
/// vjp       x̄_c = ȳ_c s_c^{−β} − (2αβ / n) x_c Σ_{c′ : c ∈ window(c′)} ȳ_{c′} x_{c′} s_{c′}^{−β−1}
/// ```
///
/// # Conventions
/// The window is the `size` = n channels around c, cut at the ends; n is odd.
///
/// # Source
/// Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
/// networks", 2012, section 3.3; α is divided by n as in Caffe and PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ResponseNorm {
    /// Channels in a window, odd.
    pub size: usize,
    /// α
    pub alpha: f32,
    /// β
    pub beta: f32,
    /// κ
    pub kappa: f32,
}

impl ResponseNorm {
    /// AlexNet's numbers: 5 channels, α = 1e-4, β = 0.75, κ = 1 (Caffe's reference network).
    pub const ALEXNET: Self = Self {
        size: 5,
        alpha: 1e-4,
        beta: 0.75,
        kappa: 1.0,
    };
}
