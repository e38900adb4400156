//! Bilinear resizing of feature maps: which positions meet, with which share.

use segmentation::GridAxis;

/// Where output positions fall on the input's grid: position i at t = scale · i + shift, held inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AxisMap {
    /// Input positions from one output position to the next.
    pub scale: f64,
    /// Where output position 0 falls.
    pub shift: f64,
}

impl AxisMap {
    /// Both grids spread over the same side: t = (i + ½) · from / to − ½.
    #[cfg(test)]
    pub(crate) fn spread(from: usize, to: usize) -> Self {
        let scale = from as f64 / to.max(1) as f64;
        Self {
            scale,
            shift: 0.5 * (scale - 1.0),
        }
    }

    /// Both grids lie where their axes say: t = (offset + stride · i − offset′) / stride′.
    pub(crate) fn between(from: GridAxis, to: GridAxis) -> Self {
        Self {
            scale: to.stride / from.stride,
            shift: (to.offset - from.offset) / from.stride,
        }
    }
}

/// Bilinear interpolation.
///
/// ```text
/// output row i falls at t = scale · i + shift of the input's rows, column j at u likewise
/// forward   y[i, j] = Σ_{a,b ∈ {0,1}} r_a(i) r_b(j) x[⌊t⌋ + a, ⌊u⌋ + b]
/// vjp       x̄ = the same numbers, sent the other way
/// ```
///
/// # Shapes
/// x: C × H × W; y: C × H′ × W′.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Resize {
    /// H′
    pub height: usize,
    /// W′
    pub width: usize,
    /// Where rows fall.
    pub rows: AxisMap,
    /// Where columns fall.
    pub columns: AxisMap,
}

/// A pair of neighbours and the share of the second.
pub(crate) type Blend = (usize, usize, f32);

/// For each output position the two input positions that it lies between.
pub(crate) fn blends(from: usize, to: usize, map: AxisMap) -> Vec<Blend> {
    (0..to)
        .map(|i| {
            let t = (map.scale * i as f64 + map.shift).clamp(0.0, (from - 1) as f64);
            let low = t as usize;
            (low, (low + 1).min(from - 1), t.fract() as f32)
        })
        .collect()
}
