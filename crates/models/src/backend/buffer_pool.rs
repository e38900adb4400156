//! Large buffers that are used again.
//!
//! `matbackprop-core` has a pool of its own, for the f64 matrices of a rule: one a thread, without a lock, of any content
//! at first. Maps pass from thread to thread, so their pool is shared, and their frames must be zero.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers below which a buffer is not worth holding: 64 KiB.
const SMALLEST: usize = 1 << 14;

/// Numbers that wait in the pool at most: 256 MiB.
const MOST: usize = 1 << 26;

/// Buffers of maps that are gone. A step of training takes and leaves hundreds of megabytes; asking the system for fresh
/// pages each time costs VGG-16 seven hundredths of its time.
static MAP_BUFFERS: BufferPool = BufferPool::new();

thread_local! {
    /// A scratch that stays with its thread, and so in its cache.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// The numbers of maps: from the pool, and back to it in the end.
#[derive(Debug, PartialEq)]
pub(super) struct MapBuffer {
    numbers: Vec<f32>,
}

impl MapBuffer {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let numbers = match MAP_BUFFERS.take(len) {
            Some(mut numbers) => {
                numbers.resize(len, 0.0);
                numbers
            }
            None => vec![0.0; len],
        };
        Self { numbers }
    }

    /// Numbers that were made elsewhere.
    pub(super) fn of(numbers: Vec<f32>) -> Self {
        MAP_BUFFERS.adopt(&numbers);
        Self { numbers }
    }

    /// The numbers, which do not come back to the pool.
    pub(super) fn into_numbers(mut self) -> Vec<f32> {
        let numbers = std::mem::take(&mut self.numbers);
        MAP_BUFFERS.give_up(&numbers);
        numbers
    }

    /// Frees the buffers that wait: after a pass that none of the same sizes may follow.
    pub(super) fn free_waiting() {
        MAP_BUFFERS.clear();
    }
}

impl Clone for MapBuffer {
    fn clone(&self) -> Self {
        let taken = MAP_BUFFERS.take(self.len());
        let mut numbers = taken.unwrap_or_else(|| Vec::with_capacity(self.len()));
        numbers.extend_from_slice(self);
        Self { numbers }
    }
}

impl Deref for MapBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

impl DerefMut for MapBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }
}

impl Drop for MapBuffer {
    fn drop(&mut self) {
        MAP_BUFFERS.put(std::mem::take(&mut self.numbers));
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

/// Buffers that wait for their next use, shared by all threads.
///
/// What waits and what is in use are together no more than what was in use at one time since the pool was last cleared:
/// no pass needs more memory with the pool than without it.
struct BufferPool {
    stock: Mutex<Stock>,
}

/// Buffers below the smallest size are counted nowhere.
struct Stock {
    /// The one that came last at the end.
    waiting: VecDeque<Vec<f32>>,
    /// Numbers of all that wait.
    held: usize,
    /// Numbers of all that are in use.
    in_use: usize,
    /// The most that was in use.
    peak: usize,
}

impl Stock {
    /// Counts numbers as in use; to make room for them, those that have waited longest go.
    fn add_in_use(&mut self, size: usize) {
        self.in_use += size;
        self.peak = self.peak.max(self.in_use);
        self.free_excess();
    }

    fn remove_in_use(&mut self, size: usize) {
        self.in_use = self.in_use.saturating_sub(size);
    }

    fn free_excess(&mut self) {
        let most = MOST.min(self.peak.saturating_sub(self.in_use));
        while self.held > most
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.held -= oldest.capacity();
        }
    }
}

impl BufferPool {
    const fn new() -> Self {
        Self {
            stock: Mutex::new(Stock {
                waiting: VecDeque::new(),
                held: 0,
                in_use: 0,
                peak: 0,
            }),
        }
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts `len` numbers as in use, and hands out an empty buffer for them where one is at most a quarter larger.
    fn take(&self, len: usize) -> Option<Vec<f32>> {
        if len < SMALLEST {
            return None;
        }
        let mut stock = self.stock();
        let fits = |buffer: &Vec<f32>| (len..=len + len / 4).contains(&buffer.capacity());
        let places = stock.waiting.iter().enumerate();
        let place = places
            .filter(|(_, buffer)| fits(buffer))
            .min_by_key(|(_, buffer)| buffer.capacity())
            .map(|(place, _)| place);
        let mut found = place.and_then(|place| stock.waiting.remove(place));
        let size = found.as_ref().map_or(len, Vec::capacity);
        if let Some(buffer) = &mut found {
            stock.held -= size;
            buffer.clear();
        }
        stock.add_in_use(size);
        found
    }

    /// Counts a buffer from elsewhere as in use.
    fn adopt(&self, buffer: &Vec<f32>) {
        if buffer.capacity() >= SMALLEST {
            self.stock().add_in_use(buffer.capacity());
        }
    }

    /// Counts a buffer as in use no longer.
    fn give_up(&self, buffer: &Vec<f32>) {
        if buffer.capacity() >= SMALLEST {
            self.stock().remove_in_use(buffer.capacity());
        }
    }

    /// Takes a buffer that was in use into the pool.
    fn put(&self, buffer: Vec<f32>) {
        if buffer.capacity() >= SMALLEST {
            let mut stock = self.stock();
            stock.remove_in_use(buffer.capacity());
            stock.held += buffer.capacity();
            stock.waiting.push_back(buffer);
            stock.free_excess();
        }
    }

    fn clear(&self) {
        let mut stock = self.stock();
        stock.peak = stock.in_use;
        stock.free_excess();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pool: &BufferPool) -> [usize; 3] {
        let stock = pool.stock();
        let held: usize = stock.waiting.iter().map(Vec::capacity).sum();
        assert_eq!(held, stock.held);
        [held, stock.in_use, stock.peak]
    }

    fn taken(pool: &BufferPool, len: usize) -> Vec<f32> {
        let found = pool.take(len);
        found.unwrap_or_else(|| Vec::with_capacity(len))
    }

    #[test]
    fn a_buffer_comes_back_as_zeros_of_the_length_asked_for() {
        for len in [3, SMALLEST, SMALLEST + 7, 2 * SMALLEST - 1] {
            drop(MapBuffer::of(vec![1.5; SMALLEST + 7]));
            let buffer = MapBuffer::zeros(len);
            assert_eq!(*buffer, vec![0.0; len]);
            let numbers = MapBuffer::of(vec![2.5; len]);
            assert_eq!(numbers.clone().into_numbers(), vec![2.5; len]);
        }
    }

    #[test]
    fn a_scratch_has_the_length_asked_for_within_another_too() {
        with_scratch(5, |outer| {
            outer.fill(1.0);
            with_scratch(7, |inner| inner.fill(2.0));
            assert_eq!(outer, [1.0; 5]);
        });
        with_scratch(6, |scratch| assert_eq!(scratch.len(), 6));
    }

    #[test]
    fn what_waits_is_used_again() {
        let pool = BufferPool::new();
        let buffer = taken(&pool, SMALLEST + 1);
        pool.put(buffer);
        assert_eq!(counts(&pool), [SMALLEST + 1, 0, SMALLEST + 1]);
        let again = pool.take(SMALLEST).unwrap();
        assert!(again.is_empty());
        assert_eq!(again.capacity(), SMALLEST + 1);
        assert_eq!(counts(&pool), [0, SMALLEST + 1, SMALLEST + 1]);
        pool.put(again);
        // For a larger one it makes room.
        assert!(pool.take(SMALLEST + 2).is_none());
        assert_eq!(counts(&pool), [0, SMALLEST + 2, SMALLEST + 2]);
    }

    #[test]
    fn the_pool_adds_nothing_to_the_most_that_was_in_use() {
        let pool = BufferPool::new();
        let mut in_use = Vec::new();
        for step in 0..200 {
            let len = SMALLEST * (1 + step * step % 17);
            in_use.push(taken(&pool, len));
            if step % 3 == 0 || in_use.len() > 4 {
                pool.put(in_use.swap_remove(step % in_use.len()));
            }
            let [held, used, peak] = counts(&pool);
            assert_eq!(used, in_use.iter().map(Vec::capacity).sum::<usize>());
            assert!(held + used <= peak);
        }
        pool.clear();
        let [held, used, peak] = counts(&pool);
        assert_eq!((held, used), (0, peak));
    }

    #[test]
    fn numbers_from_elsewhere_do_not_pile_up() {
        let pool = BufferPool::new();
        for _ in 0..10 {
            let buffer = vec![0.0; SMALLEST];
            pool.adopt(&buffer);
            pool.put(buffer);
            assert_eq!(counts(&pool), [SMALLEST, 0, SMALLEST]);
        }
        let buffer = taken(&pool, SMALLEST);
        pool.give_up(&buffer);
        assert_eq!(counts(&pool), [0, 0, SMALLEST]);
    }

    #[test]
    fn the_pool_holds_no_more_than_its_bound() {
        let pool = BufferPool::new();
        let buffers: Vec<_> = (0..3).map(|_| taken(&pool, MOST / 2 + 1)).collect();
        for buffer in buffers {
            pool.put(buffer);
        }
        assert_eq!(counts(&pool)[0], MOST / 2 + 1);
    }
}
