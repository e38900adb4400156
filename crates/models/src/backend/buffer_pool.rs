//! Large buffers that are used again.
//!
//! `matbackprop-core` has a pool of its own, for the f64 matrices of a rule: one a thread, without a lock, of any content
//! at first. Maps pass from thread to thread, so their pool is shared, and their frames must be zero.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

/// Numbers below which a buffer is not worth holding: 64 KiB.
const SMALLEST: usize = 1 << 14;

/// Numbers that a pool holds at most: 256 MiB.
const MOST: usize = 1 << 26;

/// Buffers of maps that are gone. A pass over a trunk takes and leaves hundreds of megabytes; asking
/// the system for fresh pages each time cost VGG-16 a tenth of its time.
pub(super) static MAP_BUFFERS: BufferPool = BufferPool {
    buffers: Mutex::new(Vec::new()),
};

thread_local! {
    /// A scratch that stays with its thread, and so in its cache.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Buffers that wait for their next use, shared by all threads; and one of scratch for each thread.
pub(super) struct BufferPool {
    buffers: Mutex<Vec<Vec<f32>>>,
}

impl BufferPool {
    /// `len` zeros, in a buffer of the pool where one is at most twice as large.
    pub(super) fn zeros(&self, len: usize) -> Vec<f32> {
        let fits = |buffer: &Vec<f32>| (len..=2 * len).contains(&buffer.capacity());
        let found = (len >= SMALLEST).then(|| {
            let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
            let places = buffers
                .iter()
                .enumerate()
                .filter(|(_, buffer)| fits(buffer));
            let place = places
                .min_by_key(|(_, buffer)| buffer.capacity())
                .map(|(place, _)| place);
            place.map(|place| buffers.swap_remove(place))
        });
        match found.flatten() {
            Some(mut buffer) => {
                buffer.clear();
                buffer.resize(len, 0.0);
                buffer
            }
            None => vec![0.0; len],
        }
    }

    /// Takes a buffer into the pool, or drops it if the pool is full.
    pub(super) fn put(&self, buffer: Vec<f32>) {
        if buffer.capacity() < SMALLEST {
            return;
        }
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = buffers.iter().map(Vec::capacity).sum();
        if held + buffer.capacity() <= MOST {
            buffers.push(buffer);
        }
    }

    /// Runs `work` with the thread's scratch of `len` numbers of any kind, to be written before they are read.
    pub(super) fn with_scratch(len: usize, work: impl FnOnce(&mut [f32])) {
        let mut buffer = SCRATCH.take();
        if buffer.len() < len {
            buffer = vec![0.0; len];
        }
        work(&mut buffer[..len]);
        SCRATCH.set(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_as_zeros_of_the_length_asked_for() {
        for len in [3, SMALLEST, SMALLEST + 7, 2 * SMALLEST - 1] {
            MAP_BUFFERS.put(vec![1.5; SMALLEST + 7]);
            let buffer = MAP_BUFFERS.zeros(len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn a_scratch_has_the_length_asked_for_within_another_too() {
        BufferPool::with_scratch(5, |outer| {
            outer.fill(1.0);
            BufferPool::with_scratch(7, |inner| inner.fill(2.0));
            assert_eq!(outer, [1.0; 5]);
        });
        BufferPool::with_scratch(6, |scratch| assert_eq!(scratch.len(), 6));
    }

    #[test]
    fn the_pool_holds_no_more_than_its_bound() {
        for _ in 0..5 {
            MAP_BUFFERS.put(Vec::with_capacity(MOST / 2 + 1));
        }
        let buffers = MAP_BUFFERS.buffers.lock().unwrap();
        let held: usize = buffers.iter().map(Vec::capacity).sum();
        assert!(held <= MOST);
    }
}
