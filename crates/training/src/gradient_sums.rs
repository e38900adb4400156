//! Gradients summed over ranks, bucket after bucket, during the backward pass.

use std::cell::RefCell;
use std::rc::Rc;

use dfdx::prelude::*;
use dfdx::tensor::Cpu;

use crate::distributed::{PendingSum, SumSender};
use crate::error::{Result, refused};
use models::{GradientHook, ParameterTensor};

/// Least size of a bucket in numbers: 1 MiB. Smaller ones cost latency, larger ones are sent late.
const BUCKET: usize = 1 << 18;

/// Sums of the gradients of one step.
///
/// ```text
/// tensors    t₀ t₁ │ t₂ t₃ t₄ │ t₅      from below
/// buckets    third   second     first    sent when all of it is final, in this order on every rank
/// ```
pub(super) struct GradientSums(Rc<RefCell<Staging>>);

struct Staging {
    sender: SumSender,
    /// Place of the first tensor that learns.
    first: usize,
    /// Bucket, and place in it, of each tensor that learns.
    places: Vec<(usize, usize)>,
    buckets: Vec<Bucket>,
    /// Buckets sent so far.
    sums: Vec<PendingSum>,
    failure: Option<crate::Error>,
}

struct Bucket {
    numbers: Vec<f32>,
    is_final: Vec<bool>,
    /// The tensor that its first number belongs to.
    lowest: usize,
}

impl GradientSums {
    /// For tensors of these lengths, the first of which is tensor `first` of the network.
    pub(super) fn new(sender: SumSender, first: usize, lengths: &[usize]) -> Self {
        let mut places = vec![(0, 0); lengths.len()];
        let mut buckets = Vec::new();
        let mut highest = lengths.len();
        while highest > 0 {
            let (mut lowest, mut size) = (highest, 0);
            while lowest > 0 && size < BUCKET {
                lowest -= 1;
                size += lengths[lowest];
            }
            let mut offset = 0;
            for tensor in lowest..highest {
                places[tensor] = (buckets.len(), offset);
                offset += lengths[tensor];
            }
            buckets.push(Bucket {
                numbers: vec![0.0; size],
                is_final: vec![false; highest - lowest],
                lowest,
            });
            highest = lowest;
        }
        Self(Rc::new(RefCell::new(Staging {
            sender,
            first,
            places,
            buckets,
            sums: Vec::new(),
            failure: None,
        })))
    }

    /// To be called with each gradient that nothing more is added to.
    pub(super) fn hook(&self) -> GradientHook {
        let staging = Rc::clone(&self.0);
        GradientHook::new(Rc::new(move |tensor, gradient| {
            staging.borrow_mut().take(tensor, gradient);
        }))
    }

    /// Sends the gradients that the hook did not get, and puts the sums into `gradients`. A rank without gradients adds
    /// zeros, and takes nothing.
    ///
    /// # Errors
    /// [`Error::Ranks`](crate::Error::Ranks) where the communication thread is gone; [`models::Error::Tape`].
    pub(super) fn finish(
        self,
        mut gradients: Option<&mut Gradients<f32, Cpu>>,
        tensors: &[&ParameterTensor],
    ) -> Result<()> {
        let mut staging = self.0.borrow_mut();
        let mut refusal = None;
        for (place, tensor) in tensors.iter().enumerate().rev() {
            if staging.is_final(place) {
                continue;
            }
            let first = staging.first;
            match &mut gradients {
                Some(gradients) => match gradients.get_or_alloc_mut(&tensor.ghost()) {
                    Ok(gradient) => staging.take(first + place, gradient),
                    Err(error) => {
                        // The others wait for every bucket.
                        staging.take(first + place, &[]);
                        refusal = Some(refused(error));
                    }
                },
                None => staging.take(first + place, &[]),
            }
        }
        if let Some(failure) = staging.failure.take() {
            return Err(failure);
        }
        let sums = std::mem::take(&mut staging.sums);
        let sums: Vec<Vec<f32>> = sums
            .into_iter()
            .map(PendingSum::wait)
            .collect::<Result<_>>()?;
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if let Some(gradients) = gradients {
            for (tensor, (bucket, offset)) in tensors.iter().zip(&staging.places) {
                let gradient = gradients.get_or_alloc_mut(&tensor.ghost());
                let gradient = gradient.map_err(refused)?;
                let sum = &sums[*bucket][*offset..][..gradient.len()];
                gradient.copy_from_slice(sum);
            }
        }
        Ok(())
    }
}

impl Staging {
    fn is_final(&self, place: usize) -> bool {
        let bucket = &self.buckets[self.places[place].0];
        bucket.is_final[place - bucket.lowest]
    }

    /// Takes in a gradient, and sends the buckets that are full, in their order.
    fn take(&mut self, tensor: usize, gradient: &[f32]) {
        let Some(place) = tensor.checked_sub(self.first) else {
            return;
        };
        let (bucket, offset) = self.places[place];
        let bucket = &mut self.buckets[bucket];
        bucket.numbers[offset..][..gradient.len()].copy_from_slice(gradient);
        let is_final = &mut bucket.is_final[place - bucket.lowest];
        assert!(!*is_final, "tensor {tensor} is final once a step");
        *is_final = true;
        while let Some(bucket) = self.buckets.get_mut(self.sums.len()) {
            if self.failure.is_some() || bucket.is_final.contains(&false) {
                return;
            }
            match self.sender.send(std::mem::take(&mut bucket.numbers)) {
                Ok(sum) => self.sums.push(sum),
                Err(failure) => self.failure = Some(failure),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::Ranks;

    #[test]
    fn sums_are_those_of_all_ranks_in_whatever_order_gradients_are_final() {
        let lengths = [3, BUCKET - 1, 2, BUCKET + 5, 1];
        let sums = Ranks::as_threads(3, |ranks| {
            let device = Cpu::default();
            let tensors: Vec<ParameterTensor> = lengths
                .iter()
                .map(|length| device.tensor_from_vec(vec![0.0; *length], (*length,)))
                .collect();
            let tensors: Vec<&ParameterTensor> = tensors.iter().collect();
            let mut gradients = Gradients::leaky();
            for (place, tensor) in tensors.iter().enumerate() {
                let gradient = gradients.get_or_alloc_mut(&tensor.ghost()).unwrap();
                gradient.fill((place + 10 * ranks.rank()) as f32);
            }
            let sums = GradientSums::new(ranks.sums().unwrap(), 4, &lengths);
            let hook = sums.hook();
            // The hook gets other gradients on each rank; those below the first are not ours.
            for place in [ranks.rank() + 1, 4] {
                let gradient = gradients.get_or_alloc_mut(&tensors[place].ghost()).unwrap();
                hook.after(4).call(place, gradient);
            }
            hook.call(3, &[9.0]);
            // The last has nothing to add.
            let own = (ranks.rank() < 2).then_some(&mut gradients);
            let adds = own.is_some();
            sums.finish(own, &tensors).unwrap();
            ranks.finalize().unwrap();
            let found = tensors.iter().map(|tensor| {
                let sum = gradients.get_or_alloc_mut(&tensor.ghost()).unwrap();
                assert!(sum.iter().all(|n| *n == sum[0]));
                sum[0]
            });
            adds.then(|| found.collect::<Vec<f32>>())
        });
        assert_eq!(sums[0], sums[1]);
        // Of the last rank only gradients that the hook got count: the fourth and the fifth.
        assert_eq!(sums[0], Some(vec![10.0, 12.0, 14.0, 39.0, 42.0]));
        assert_eq!(sums[2], None);
    }
}
