//! Feature maps in memory: channel planes inside a frame of zeros.

use super::buffer_pool::MapBuffer;

/// C channel planes of H × W numbers, each inside a frame of zeros `pad` wide.
///
/// A convolution reads its zero padding from the frame, so a shifted window of the whole map is a
/// plain strided matrix and nothing is copied into patches.
///
/// # Shapes
/// `data`: C × (H + 2 pad) × (W + 2 pad), row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    channels: usize,
    height: usize,
    width: usize,
    pad: usize,
    data: MapBuffer,
}

impl Planes {
    /// Planes of zeros.
    pub fn zeros(channels: usize, height: usize, width: usize, pad: usize) -> Self {
        let data = MapBuffer::zeros(channels * (height + 2 * pad) * (width + 2 * pad));
        Self {
            channels,
            height,
            width,
            pad,
            data,
        }
    }

    /// Planes from a contiguous C × H × W buffer, inside a new frame.
    ///
    /// # Panics
    /// When `values.len() != channels · height · width`.
    pub fn from_contiguous(
        channels: usize,
        height: usize,
        width: usize,
        pad: usize,
        values: &[f32],
    ) -> Self {
        assert_eq!(
            values.len(),
            channels * height * width,
            "a C × H × W buffer"
        );
        let mut planes = Self::zeros(channels, height, width, pad);
        for c in 0..channels {
            for y in 0..height {
                let source = &values[(c * height + y) * width..][..width];
                planes.row_mut(c, y).copy_from_slice(source);
            }
        }
        planes
    }

    /// Planes without a frame, from their C × H × W numbers.
    ///
    /// # Panics
    /// When `values.len() != channels · height · width`.
    pub fn from_vec(channels: usize, height: usize, width: usize, values: Vec<f32>) -> Self {
        assert_eq!(
            values.len(),
            channels * height * width,
            "a C × H × W buffer"
        );
        Self {
            channels,
            height,
            width,
            pad: 0,
            data: MapBuffer::of(values),
        }
    }

    /// The numbers inside the frame, contiguous, C × H × W.
    pub(crate) fn to_contiguous(&self) -> Vec<f32> {
        if self.pad == 0 {
            return self.data.to_vec();
        }
        let mut values = Vec::with_capacity(self.channels * self.height * self.width);
        for c in 0..self.channels {
            for y in 0..self.height {
                values.extend_from_slice(self.row(c, y));
            }
        }
        values
    }

    /// The numbers inside the frame, contiguous, C × H × W; no copy where there is no frame.
    pub fn into_contiguous(self) -> Vec<f32> {
        if self.pad == 0 {
            self.data.into_numbers()
        } else {
            self.to_contiguous()
        }
    }

    /// The same numbers in a frame of `pad`; no copy where it is that already.
    pub(crate) fn with_frame(self, pad: usize) -> Self {
        if self.pad == pad {
            return self;
        }
        let mut framed = Self::zeros(self.channels, self.height, self.width, pad);
        for c in 0..self.channels {
            for y in 0..self.height {
                framed.row_mut(c, y).copy_from_slice(self.row(c, y));
            }
        }
        framed
    }

    /// Channels, height, width.
    pub(crate) fn size(&self) -> (usize, usize, usize) {
        (self.channels, self.height, self.width)
    }

    /// Number of channels C.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows H inside the frame.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns W inside the frame.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Width of the frame.
    pub(crate) fn pad(&self) -> usize {
        self.pad
    }

    /// Numbers from one row to the next.
    pub(crate) fn row_stride(&self) -> usize {
        self.width + 2 * self.pad
    }

    /// Numbers from one channel to the next.
    pub(crate) fn plane_stride(&self) -> usize {
        (self.height + 2 * self.pad) * self.row_stride()
    }

    /// Everything, the frame included.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Everything, the frame included, which must stay zero.
    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// One channel, the frame included.
    pub fn plane(&self, c: usize) -> &[f32] {
        let stride = self.plane_stride();
        &self.data[c * stride..][..stride]
    }

    /// Every channel in turn, the frame included, which must stay zero.
    pub(in crate::backend) fn planes_mut(&mut self) -> std::slice::ChunksExactMut<'_, f32> {
        let stride = self.plane_stride();
        self.data.chunks_exact_mut(stride)
    }

    /// Row `y` of channel `c`, without the frame.
    pub fn row(&self, c: usize, y: usize) -> &[f32] {
        let start = c * self.plane_stride() + (y + self.pad) * self.row_stride() + self.pad;
        &self.data[start..][..self.width]
    }

    /// Row `y` of channel `c`, without the frame.
    pub fn row_mut(&mut self, c: usize, y: usize) -> &mut [f32] {
        let start = c * self.plane_stride() + (y + self.pad) * self.row_stride() + self.pad;
        let width = self.width;
        &mut self.data[start..][..width]
    }

    /// Adds the other's numbers, which may have another frame.
    ///
    /// # Panics
    /// When the sizes differ.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(
            (self.channels, self.height, self.width),
            (other.channels, other.height, other.width),
            "planes of one size"
        );
        for c in 0..self.channels {
            for y in 0..self.height {
                for (a, b) in self.row_mut(c, y).iter_mut().zip(other.row(c, y)) {
                    *a += b;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_surrounds_and_is_taken_off() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let planes = Planes::from_contiguous(2, 2, 3, 1, &values);
        assert_eq!(planes.data().len(), 2 * 4 * 5);
        assert_eq!(planes.row(1, 1), &[9.0, 10.0, 11.0]);
        assert_eq!(planes.plane(0)[..5], [0.0; 5]);
        assert_eq!(planes.to_contiguous(), values);
        let wide = planes.clone().with_frame(2);
        assert_eq!((wide.pad(), wide.to_contiguous()), (2, values));
    }

    #[test]
    fn adds_across_frames() {
        let mut a = Planes::from_contiguous(1, 1, 2, 0, &[1.0, 2.0]);
        a.add(&Planes::from_contiguous(1, 1, 2, 2, &[10.0, 20.0]));
        assert_eq!(a.data(), &[11.0, 22.0]);
    }
}
