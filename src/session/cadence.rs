//! The 20 ms beat of a call.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::audio::FRAME_MS;

/// Beats missed for longer than this are not made up for: audio must not come in a rush after a call stood
/// still, or after a time in which no beat was wanted.
const CATCH_UP: Duration = Duration::from_millis(200);

pub(super) struct Cadence(Interval);

impl Cadence {
    pub(super) fn new() -> Self {
        let mut beat = interval(Duration::from_millis(FRAME_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self(beat)
    }

    /// The next beat. May be dropped and asked again at any time.
    pub(super) async fn beat(&mut self) {
        if self.0.tick().await.elapsed() > CATCH_UP {
            self.0.reset();
        }
    }
}
