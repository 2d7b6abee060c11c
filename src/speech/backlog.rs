//! Audio that a recogniser has not yet turned into fixed words, kept so that a new connection can hear it
//! again. No I/O, no clock.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::audio::{FRAME_MS, Frame};

/// A bounded ring of frames in order: sent ones that are not yet fixed, then unsent ones. When it is full the
/// oldest audio is dropped: words that late would answer a question of the past.
#[derive(Debug)]
pub(super) struct Backlog {
    max_frames: usize,
    frames: VecDeque<Bytes>,
    /// How many of `frames`, from the front, were sent on this connection.
    sent: usize,
    /// Position in this connection's audio of the first frame.
    first: u64,
}

impl Backlog {
    /// An empty backlog for so many frames.
    pub(super) fn holding(max_frames: usize) -> Self {
        Self { max_frames, frames: VecDeque::new(), sent: 0, first: 0 }
    }

    pub(super) fn push(&mut self, frame: &Frame) {
        if self.frames.len() >= self.max_frames {
            self.drop_first();
        }
        self.frames.push_back(Bytes::from(frame.to_le_bytes()));
    }

    /// The next frame to send, counted as sent.
    pub(super) fn next_unsent(&mut self) -> Option<Bytes> {
        let frame = self.frames.get(self.sent)?.clone();
        self.sent += 1;
        Some(frame)
    }

    /// How many frames wait to be sent.
    pub(super) fn unsent(&self) -> usize {
        self.frames.len() - self.sent
    }

    /// Where in this connection's audio the first kept frame lies, in seconds.
    pub(super) fn first_second(&self) -> f64 {
        (self.first * FRAME_MS) as f64 / 1000.0
    }

    /// The vendor fixed its words for the connection's audio up to this second.
    pub(super) fn fixed_up_to(&mut self, seconds: f64) {
        // Half a frame of tolerance: the vendor's seconds are rounded.
        let frames = (seconds * 1000.0 / FRAME_MS as f64 + 0.5) as u64;
        while self.sent > 0 && self.first < frames {
            self.drop_first();
        }
    }

    /// A new connection begins: nothing was sent on it, and its audio starts at the first kept frame.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
        self.first = 0;
    }

    fn drop_first(&mut self) {
        if self.frames.pop_front().is_none() {
            return;
        }
        // A frame dropped unsent has no place in the connection's audio.
        if self.sent > 0 {
            self.sent -= 1;
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: i16) -> Frame {
        Frame::from_samples(&[n; 320])
    }

    fn drain(backlog: &mut Backlog) -> Vec<i16> {
        std::iter::from_fn(|| backlog.next_unsent()).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
    }

    #[test]
    fn after_a_rewind_only_what_is_not_fixed_is_sent_again() {
        let mut backlog = Backlog::holding(250);
        (0..10).for_each(|n| backlog.push(&numbered(n)));
        assert_eq!(drain(&mut backlog).len(), 10);
        backlog.fixed_up_to(0.12);
        backlog.rewind();
        assert_eq!(drain(&mut backlog), [6, 7, 8, 9]);
        backlog.fixed_up_to(0.04);
        backlog.rewind();
        assert_eq!(drain(&mut backlog), [8, 9], "seconds count from the new connection's start");
    }

    #[test]
    fn the_oldest_audio_goes_first_and_positions_stay_true() {
        let mut backlog = Backlog::holding(250);
        for n in 0..300 {
            backlog.push(&numbered(n));
            drain(&mut backlog);
        }
        backlog.fixed_up_to(5.9);
        backlog.rewind();
        assert_eq!(drain(&mut backlog), [295, 296, 297, 298, 299]);
    }

    #[test]
    fn audio_of_an_outage_is_bounded() {
        let mut backlog = Backlog::holding(250);
        (0..1000).for_each(|n| backlog.push(&numbered(n)));
        assert_eq!(drain(&mut backlog), (750..1000).collect::<Vec<_>>());
    }

    #[test]
    fn nonsense_from_the_vendor_drops_no_unsent_audio() {
        let mut backlog = Backlog::holding(250);
        backlog.push(&numbered(1));
        backlog.fixed_up_to(f64::INFINITY);
        backlog.fixed_up_to(f64::NAN);
        backlog.fixed_up_to(-5.0);
        assert_eq!(drain(&mut backlog), [1]);
    }
}
