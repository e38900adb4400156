//! Parameters on a device; only those that changed are copied again.

use std::sync::Arc;

use dfdx::prelude::*;

use super::rows::Vector;

/// Sets of parameters that stay on the device: a trunk, a head, and a copy of each that is measured between.
const SETS: usize = 4;

/// The numbers of a chain's parameters as they were copied last, and the copy.
#[derive(Debug)]
struct Set<D: Device<f32>> {
    host: Arc<Vec<Vec<f32>>>,
    device: Vec<Vector<D>>,
}

/// Copies of parameters; only changed ones are copied again.
#[derive(Debug)]
pub(super) struct Uploads<D: Device<f32>> {
    sets: Vec<Set<D>>,
}

impl<D: Device<f32>> Uploads<D> {
    pub(super) fn new() -> Self {
        Self { sets: Vec::new() }
    }

    /// The parameters on the device, and how many bytes had to be copied for it.
    pub(super) fn parameters(
        &mut self,
        device: &D,
        host: &Arc<Vec<Vec<f32>>>,
    ) -> Result<(Vec<Vector<D>>, u64), D::Err> {
        let place = self.sets.iter().position(|set| alike(&set.host, host));
        let mut set = match place {
            Some(place) => self.sets.remove(place),
            None => Set {
                host: Arc::new(vec![Vec::new(); host.len()]),
                device: vec![device.try_zeros_like(&(0,))?; host.len()],
            },
        };
        let mut bytes = 0;
        if !Arc::ptr_eq(&set.host, host) {
            let pairs = set.host.iter().zip(host.iter());
            for (tensor, (old, new)) in set.device.iter_mut().zip(pairs) {
                if old != new {
                    *tensor = device.try_tensor_from_vec(new.clone(), (new.len(),))?;
                    bytes += 4 * new.len() as u64;
                }
            }
            set.host = Arc::clone(host);
        }
        let tensors = set.device.clone();
        self.sets.insert(0, set);
        self.sets.truncate(SETS);
        Ok((tensors, bytes))
    }
}

/// Whether one may be the other after a step.
fn alike(a: &[Vec<f32>], b: &[Vec<f32>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.len() == b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_parameters_are_copied_again() {
        let device = Cpu::default();
        let mut uploads = Uploads::new();
        let first = Arc::new(vec![vec![1.0, 2.0], vec![3.0]]);
        assert_eq!(uploads.parameters(&device, &first).unwrap().1, 12);
        assert_eq!(uploads.parameters(&device, &first).unwrap().1, 0);
        let second = Arc::new(vec![vec![1.0, 2.0], vec![4.0]]);
        let (tensors, bytes) = uploads.parameters(&device, &second).unwrap();
        assert_eq!((tensors[1].as_vec(), bytes), (vec![4.0], 4));
        let other = Arc::new(vec![vec![5.0]]);
        assert_eq!(uploads.parameters(&device, &other).unwrap().1, 4);
        assert_eq!(uploads.parameters(&device, &second).unwrap().1, 0);
    }
}
