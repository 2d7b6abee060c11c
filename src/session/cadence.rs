//! The 20 ms beat of a call.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::audio::FRAME_MS;

/// Beats missed for longer than this are not made up for: audio must not come in a rush after a call stood
/// still, or after a time in which no beat was wanted.
const CATCH_UP: Duration = Duration::from_millis(200);

/// Lateness is counted in steps of 1 ms, up to this.
const STEPS: usize = 100;

pub(super) struct Cadence {
    beat: Interval,
    /// How many beats came so many milliseconds late; the last step holds all that were later.
    late: [u32; STEPS],
}

/// How late the beats of a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lateness {
    pub beats: u32,
    pub p99_ms: usize,
    pub most_ms: usize,
}

impl Cadence {
    pub(super) fn new() -> Self {
        let mut beat = interval(Duration::from_millis(FRAME_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self { beat, late: [0; STEPS] }
    }

    /// The next beat. May be dropped and asked again at any time.
    pub(super) async fn beat(&mut self) {
        let late = self.beat.tick().await.elapsed();
        if late > CATCH_UP {
            self.beat.reset();
        }
        let step = usize::try_from(late.as_millis()).unwrap_or(STEPS).min(STEPS - 1);
        self.late[step] = self.late[step].saturating_add(1);
    }

    /// The next beat comes now, and the others 20 ms apart after it.
    pub(super) fn at_once(&mut self) {
        self.beat.reset_immediately();
    }

    /// How late the beats came so far.
    pub(super) fn lateness(&self) -> Lateness {
        let beats = self.late.iter().fold(0, |all: u32, &n| all.saturating_add(n));
        let mut left = beats - beats / 100;
        let within = self.late.iter().position(|&n| {
            left = left.saturating_sub(n);
            left == 0
        });
        let most_ms = self.late.iter().rposition(|&n| n > 0).unwrap_or_default();
        Lateness { beats, p99_ms: within.unwrap_or_default(), most_ms }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn late_beats_are_counted_and_one_in_a_hundred_is_no_rule() {
        let mut cadence = Cadence::new();
        for _ in 0..199 {
            cadence.beat().await;
        }
        advance(Duration::from_millis(35)).await;
        cadence.beat().await;
        assert_eq!(cadence.lateness(), Lateness { beats: 200, p99_ms: 0, most_ms: 15 });
        sleep(Duration::from_secs(5)).await;
        cadence.beat().await;
        assert_eq!(cadence.lateness().most_ms, STEPS - 1);
    }
}
