//! Independent jobs, on all threads where there is enough to do.

use rayon::prelude::*;

/// Multiplications below which waking other threads costs more than they save.
const LEAST_SHARED: usize = 1 << 18;

/// Whether `cost` multiplications are worth more than one thread.
pub(super) fn worth_sharing(cost: usize) -> bool {
    cost >= LEAST_SHARED && rayon::current_num_threads() > 1
}

/// Runs `work(scratch, index, job)` on every job, `cost` multiplications in all, with a scratch a thread.
///
/// Jobs know nothing of one another, so the result does not depend on the number of threads.
pub(super) fn for_each_job<J: Send, T>(
    jobs: impl Iterator<Item = J>,
    cost: usize,
    scratch: impl Fn() -> T + Sync + Send,
    work: impl Fn(&mut T, usize, J) + Sync + Send,
) {
    if worth_sharing(cost) {
        let jobs: Vec<J> = jobs.collect();
        jobs.into_par_iter()
            .enumerate()
            .for_each_init(scratch, |scratch, (index, job)| work(scratch, index, job));
    } else {
        let mut scratch = scratch();
        for (index, job) in jobs.enumerate() {
            work(&mut scratch, index, job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_whatever_it_costs() {
        for cost in [0, LEAST_SHARED] {
            let mut numbers = vec![1; 100];
            let add = |sum: &mut usize, index: usize, number: &mut usize| {
                *sum += 1;
                *number += index;
            };
            for_each_job(numbers.iter_mut(), cost, || 0, add);
            assert!(numbers.iter().enumerate().all(|(i, n)| *n == i + 1));
        }
    }
}
