//! Whether a rank is still alive.

use std::time::{Duration, Instant};

/// Time between two heartbeats of a rank.
pub(super) const BEAT: Duration = Duration::from_millis(100);
/// Time without a heartbeat after which a rank counts as lost.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The same for a rank that was asked to end: launchers ask so when a rank is lost, and kill all of them a second later,
/// unless they are set to wait longer.
const SHORT_TIMEOUT: Duration = Duration::from_millis(500);

/// Counts the time without a heartbeat of another rank.
///
/// Time while suspended does not count: only the time in which we looked.
#[derive(Debug)]
pub(super) struct Heartbeat {
    silence: Duration,
    looked: Instant,
}

impl Heartbeat {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            silence: Duration::ZERO,
            looked: now,
        }
    }

    /// Takes in a look, and whether there was a heartbeat since the last.
    pub(super) fn look(&mut self, now: Instant, received: bool) {
        let since = now.saturating_duration_since(self.looked);
        self.looked = now;
        if received {
            self.silence = Duration::ZERO;
        } else {
            self.silence += since.min(2 * BEAT);
        }
    }

    /// Whether the other counts as lost; `asked` where we were asked to end.
    pub(super) fn is_lost(&self, asked: bool) -> bool {
        self.silence >= if asked { SHORT_TIMEOUT } else { TIMEOUT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_lost_sooner_where_the_end_was_asked_for() {
        let begin = Instant::now();
        let mut heartbeat = Heartbeat::new(begin);
        for beats in 1..=10 {
            heartbeat.look(begin + beats * BEAT, beats == 4);
            assert!(!heartbeat.is_lost(false));
            assert_eq!(heartbeat.is_lost(true), beats >= 9, "{beats}");
        }
        for beats in 11..=304 {
            heartbeat.look(begin + beats * BEAT, false);
            assert_eq!(heartbeat.is_lost(false), beats == 304, "{beats}");
        }
    }

    #[test]
    fn time_while_suspended_does_not_count() {
        let begin = Instant::now();
        let mut heartbeat = Heartbeat::new(begin);
        heartbeat.look(begin + Duration::from_secs(3600), false);
        assert!(!heartbeat.is_lost(false) && !heartbeat.is_lost(true));
    }
}
