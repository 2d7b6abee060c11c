//! The last seconds of the caller, for a recogniser that was not there. No I/O, no clock.

use std::collections::VecDeque;

use crate::audio::Frame;

/// Ten seconds; what is older would answer a question of the past.
const MOST: usize = 500;

/// Audio whose words are not fixed, the oldest dropped first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
}

impl Ring {
    pub(super) fn push(&mut self, frame: Frame) {
        if self.frames.len() == MOST {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// Words were fixed: what is older than `kept` frames is behind them.
    pub(super) fn fixed(&mut self, kept: usize) {
        while self.frames.len() > kept {
            self.frames.pop_front();
        }
    }

    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_seconds_are_kept_and_what_is_fixed_is_forgotten() {
        let mut ring = Ring::default();
        (0..900).for_each(|n| ring.push(Frame::from_samples(&[n; 320])));
        assert_eq!(ring.len(), MOST);
        assert_eq!(ring.frames().next().unwrap().samples()[0], 400);
        ring.fixed(10);
        assert_eq!(ring.frames().next().unwrap().samples()[0], 890);
    }
}
