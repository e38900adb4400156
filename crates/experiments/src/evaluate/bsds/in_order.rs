//! Work side by side, its results in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::error::Result;

/// Calls `work` on 0, 1, …, `at_a_time` of them side by side, and `take` on the results, in order: fewer side by side where
/// the system gives fewer threads, and one after another on this thread where it gives none.
///
/// # Errors
/// The first in order; nothing is begun after it.
pub fn in_order<T: Send>(
    count: usize,
    at_a_time: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let end = || next.store(count, Ordering::Relaxed);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let mut started = 0;
        for _ in 0..at_a_time.min(count) {
            let (sender, next, work, end) = (sender.clone(), &next, &work, &end);
            let some = move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let result = work(index);
                    if result.is_err() {
                        end();
                    }
                    if sender.send((index, result)).is_err() {
                        return;
                    }
                }
            };
            if thread::Builder::new().spawn_scoped(scope, some).is_err() {
                break;
            }
            started += 1;
        }
        drop(sender);
        if started == 0 {
            return (0..count).try_for_each(|index| take(index, work(index)?));
        }
        let (mut early, mut due) = (BTreeMap::new(), 0);
        for (index, result) in receiver {
            early.insert(index, result);
            while let Some(result) = early.remove(&due) {
                result
                    .and_then(|found| take(due, found))
                    .inspect_err(|_| end())?;
                due += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    #[test]
    fn early_results_wait_for_their_turn() {
        for at_a_time in [1, 2, 5] {
            let mut taken = Vec::new();
            let work = |index: usize| {
                thread::sleep(Duration::from_millis(if index == 0 { 20 } else { 0 }));
                Ok(10 * index)
            };
            in_order(7, at_a_time, work, |index, found| {
                taken.push((index, found));
                Ok(())
            })
            .unwrap();
            let expected: Vec<_> = (0..7).map(|index| (index, 10 * index)).collect();
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn the_first_error_in_order_is_returned_and_ends_it() {
        let begun = AtomicUsize::new(0);
        let work = |index: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if index == 2 {
                thread::sleep(Duration::from_millis(20));
            }
            if index == 2 || index == 3 {
                return Err(Error::unexpected(format!("image {index}")));
            }
            Ok(())
        };
        let error = in_order(1000, 2, work, |_, ()| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "image 2");
        assert!(begun.load(Ordering::Relaxed) <= 5);
        let refused = in_order(
            1000,
            2,
            |_| Ok(()),
            |index, ()| match index {
                0 => Ok(()),
                _ => Err(Error::unexpected("full")),
            },
        );
        assert_eq!(refused.unwrap_err().to_string(), "full");
    }
}
