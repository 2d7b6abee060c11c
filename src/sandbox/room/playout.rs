//! The playout buffer: takes frames as they arrive and gives one a tick.
//!
//! One frame in is one frame out, in order. Frames are lost only on overrun, silence is put in only on
//! underrun, and a queue that has grown long is shortened only where both neighbours are silent, because
//! a speech codec hears anything else as damage.

use std::collections::VecDeque;

use crate::audio::Frame;

/// Frames kept before playing starts: 40 ms.
const START: usize = 2;
/// A longer queue than this is shortened at the next silence.
const COMFORTABLE: usize = 3;
/// Frames kept at most, 200 ms; the oldest is lost then.
const MOST: usize = 10;
/// What counts as silence when a queue is shortened.
const SILENT_DBFS: f32 = -50.0;

/// Frames of one talker on their way to the mix.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    frames: VecDeque<Frame>,
    playing: bool,
    waited: usize,
}

impl Playout {
    /// Takes a frame as it arrives.
    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.len() == MOST {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// Gives the frame of this tick; `None` is silence.
    pub(crate) fn pull(&mut self) -> Option<Frame> {
        if !self.playing && !self.may_start() {
            return None;
        }
        if self.frames.len() > COMFORTABLE && self.frames.iter().take(2).all(is_silent) {
            self.frames.pop_front();
        }
        let frame = self.frames.pop_front();
        self.playing = frame.is_some();
        frame
    }

    /// Forgets what has not been played.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Starts with a full prefill, or with less when no more has come for as long as that would have taken.
    fn may_start(&mut self) -> bool {
        if self.frames.is_empty() {
            return false;
        }
        let start = self.frames.len() >= START || self.waited >= START;
        self.waited = if start { 0 } else { self.waited + 1 };
        start
    }
}

fn is_silent(frame: &Frame) -> bool {
    frame.dbfs() < SILENT_DBFS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn loud(n: usize) -> Frame {
        Frame::from_samples(&[1_000 + n as i16; 320])
    }

    /// What comes out, tick by tick, of frames that arrive so many milliseconds late.
    fn play(late: &[u64]) -> Vec<Option<Frame>> {
        let mut arrivals: Vec<u64> = late.iter().enumerate().map(|(n, late)| n as u64 * 20 + late).collect();
        // A socket keeps the order: a late frame holds back those behind it.
        for n in 1..arrivals.len() {
            arrivals[n] = arrivals[n].max(arrivals[n - 1]);
        }
        let mut playout = Playout::default();
        let mut arrived = 0;
        let mut heard = Vec::new();
        for tick in 0..3 * arrivals.len() as u64 + 6 {
            while arrivals.get(arrived).is_some_and(|&at| at <= tick * 20) {
                playout.push(loud(arrived));
                arrived += 1;
            }
            heard.push(playout.pull());
        }
        heard
    }

    proptest! {
        #[test]
        fn a_late_stream_comes_out_whole(late in proptest::collection::vec(0u64..60, 1..200)) {
            let played: Vec<Frame> = play(&late).into_iter().flatten().collect();
            let sent: Vec<Frame> = (0..late.len()).map(loud).collect();
            prop_assert_eq!(played, sent);
        }

        #[test]
        fn a_slightly_late_stream_is_not_interrupted(late in proptest::collection::vec(0u64..20, 1..200)) {
            let heard = play(&late);
            let first = heard.iter().position(Option::is_some).unwrap();
            prop_assert!(heard[first..first + late.len()].iter().all(Option::is_some));
        }
    }

    #[test]
    fn a_lone_frame_is_not_kept_back_for_ever() {
        let mut playout = Playout::default();
        playout.push(loud(0));
        assert_eq!((playout.pull(), playout.pull(), playout.pull()), (None, None, Some(loud(0))));
        assert_eq!(playout.pull(), None);
    }

    #[test]
    fn a_long_queue_is_shortened_in_silence_and_never_in_speech() {
        let mut playout = Playout::default();
        (0..6).for_each(|n| playout.push(loud(n)));
        (0..4).for_each(|_| playout.push(Frame::silence()));
        for n in 0..6 {
            assert_eq!(playout.pull(), Some(loud(n)));
            playout.push(Frame::silence());
        }
        assert_eq!(playout.frames.len(), 10);
        for _ in 0..20 {
            playout.push(Frame::silence());
            playout.pull();
        }
        assert_eq!(playout.frames.len(), COMFORTABLE - 1);
    }

    #[test]
    fn an_overrun_loses_the_oldest() {
        let mut playout = Playout::default();
        (0..12).for_each(|n| playout.push(loud(n)));
        assert_eq!(playout.pull(), Some(loud(2)));
    }
}
