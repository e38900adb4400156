//! Whether a rank still lives.

use std::time::{Duration, Instant};

/// Time between two signs of life that a rank gives.
pub(super) const BEAT: Duration = Duration::from_millis(100);
/// Silence after which a rank counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for a rank that was asked to end: whoever starts ranks asks so when one of them is lost, and ends them all by
/// force a second later, unless it is told to be patient.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);

/// Counts the silence of another rank.
///
/// What counts is the time in which we looked and heard nothing: a machine that was asleep has heard nobody either.
#[derive(Debug)]
pub(super) struct Pulse {
    silence: Duration,
    looked: Instant,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            silence: Duration::ZERO,
            looked: now,
        }
    }

    /// Takes in a look, and whether there was a sign of life since the last.
    pub(super) fn look(&mut self, now: Instant, heard: bool) {
        let since = now.saturating_duration_since(self.looked);
        self.looked = now;
        if heard {
            self.silence = Duration::ZERO;
        } else {
            self.silence += since.min(2 * BEAT);
        }
    }

    /// Whether the other counts as lost; `asked` where we were asked to end.
    pub(super) fn is_lost(&self, asked: bool) -> bool {
        self.silence >= if asked { SHORT_PATIENCE } else { PATIENCE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_lost_sooner_where_the_end_was_asked_for() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        for beats in 1..=10 {
            pulse.look(begin + beats * BEAT, beats == 4);
            assert!(!pulse.is_lost(false));
            assert_eq!(pulse.is_lost(true), beats >= 9, "{beats}");
        }
        for beats in 11..=304 {
            pulse.look(begin + beats * BEAT, false);
            assert_eq!(pulse.is_lost(false), beats == 304, "{beats}");
        }
    }

    #[test]
    fn a_machine_that_slept_has_heard_nobody() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        pulse.look(begin + Duration::from_secs(3600), false);
        assert!(!pulse.is_lost(false) && !pulse.is_lost(true));
    }
}
