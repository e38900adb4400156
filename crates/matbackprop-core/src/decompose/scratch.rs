//! Room that a thread uses again from call to call.

use std::cell::Cell;

/// Larger rooms go back to the allocator: 32 MiB.
const KEPT: usize = 1 << 22;

thread_local! {
    static ROOM: Cell<Vec<f64>> = const { Cell::new(Vec::new()) };
}

/// Calls `work` with `len` numbers of any value.
///
/// A decomposition of side n needs a few n² numbers for a moment; fetching fresh pages for them costs as much as a
/// tenth of the arithmetic.
pub(super) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f64]) -> R) -> R {
    // Taken out, so that a call inside `work` finds an empty room rather than this one.
    let mut room = ROOM.take();
    if room.len() < len {
        room.resize(len, 0.0);
    }
    let result = work(&mut room[..len]);
    if len <= KEPT {
        ROOM.set(room);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_nest_and_are_used_again() {
        let sum = with_scratch(4, |outer| {
            outer.fill(1.0);
            with_scratch(8, |inner| inner.fill(2.0));
            outer.iter().sum::<f64>()
        });
        assert_eq!(sum, 4.0);
        with_scratch(2, |room| assert_eq!(room, [1.0; 2]));
    }
}
