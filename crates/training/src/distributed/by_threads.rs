//! Ranks that are threads of one process: for tests without MPI.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::transport::Transport;
use crate::error::Error;

/// One of several threads.
pub(super) struct ThreadTransport {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
}

impl ThreadTransport {
    /// So many, each knowing all.
    pub(super) fn all(size: usize) -> Vec<Self> {
        let empty = |rank| Self {
            rank,
            to: Vec::new(),
            from: Vec::new(),
        };
        let mut transports: Vec<Self> = (0..size).map(empty).collect();
        for from in 0..size {
            for to in 0..size {
                let (sender, receiver) = channel();
                transports[from].to.push(sender);
                transports[to].from.push(receiver);
            }
        }
        transports
    }
}

impl Transport for ThreadTransport {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn sum(&mut self, numbers: &[f32], total: &mut [f32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        for part in self.all_gather(&bytes) {
            let part = part.chunks_exact(4);
            let part = part.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            total.iter_mut().zip(part).for_each(|(sum, n)| *sum += n);
        }
    }

    fn all_gather(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        // A rank that has gone is noticed where we listen to it.
        self.to.iter().for_each(|to| drop(to.send(bytes.to_vec())));
        let received = self.from.iter().map(|from| from.recv());
        received
            .map(|bytes| bytes.expect("a rank has gone"))
            .collect()
    }

    fn barrier(&mut self) {
        self.all_gather(&[]);
    }

    fn idle(&mut self) {}

    fn abort(&mut self, error: &Error) -> ! {
        panic!("rank {}: {error}", self.rank);
    }

    fn finalize(mut self: Box<Self>) {
        self.barrier();
    }
}
