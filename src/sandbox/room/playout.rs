//! The playout buffer: takes frames as they arrive and gives one a tick.
//!
//! One frame in is one frame out, in order, because a speech codec hears anything else as damage. A talker
//! who is late in the middle of a sound is waited for. Frames are lost only on overrun, silence is put in only when waiting
//! was in vain, and a queue that has grown long is shortened only where it is silent.

use std::collections::VecDeque;

use crate::audio::Frame;

/// Frames kept before playing starts: 40 ms.
const START: usize = 2;
/// A longer queue than this is shortened at the next silence.
const COMFORTABLE: usize = 3;
/// A queue as long as this, 100 ms, is played faster than it comes.
const LONG: usize = 5;
/// Frames kept at most, 200 ms; the oldest is lost then.
const MOST: usize = 10;
/// Ticks that a late talker is waited for: 300 ms.
const PATIENCE: usize = 15;
/// What counts as silence, which can be shortened or lengthened without harm.
const SILENT_DBFS: f32 = -50.0;

/// Frames of one talker on their way to the mix.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    frames: VecDeque<Frame>,
    playing: bool,
    /// Whether the frame played last was a sound.
    sounding: bool,
    /// Ticks since the first frame that is not played yet came.
    waited: usize,
    /// Ticks that were left out for this talker in a row.
    late: usize,
}

impl Playout {
    /// Takes a frame as it arrives.
    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.len() == MOST {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.late = 0;
    }

    /// Whether the next frame is late, and this tick should rather be left out than interrupt the talker.
    pub(crate) fn holds_up(&mut self) -> bool {
        let holds_up = self.sounding && self.frames.is_empty() && self.late < PATIENCE;
        self.late += usize::from(holds_up);
        holds_up
    }

    /// Whether an extra tick would do this talker good: the room has fallen behind.
    pub(crate) fn is_long(&self) -> bool {
        self.playing && self.frames.len() >= LONG
    }

    /// Whether an extra tick would interrupt this talker.
    pub(crate) fn is_short(&self) -> bool {
        self.playing && self.frames.len() <= 1
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
        self.sounding = frame.as_ref().is_some_and(|frame| !is_silent(frame));
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
    fn a_late_talker_is_waited_for_but_not_for_long_and_nobody_waits_for_one_who_has_not_begun() {
        let mut playout = Playout::default();
        assert!(!playout.holds_up());
        playout.push(loud(0));
        playout.push(loud(1));
        assert!(!playout.holds_up());
        assert!(playout.pull().is_some() && playout.pull().is_some());
        assert!((0..PATIENCE).all(|_| playout.holds_up()));
        assert!(!playout.holds_up());
        playout.push(loud(2));
        assert_eq!(playout.pull(), Some(loud(2)), "late, and yet without a gap");
        assert!((0..PATIENCE).all(|_| playout.holds_up()));
        assert_eq!((playout.holds_up(), playout.pull()), (false, None));
        assert!(!playout.holds_up(), "it has stopped");
        (0..2).for_each(|_| playout.push(Frame::silence()));
        assert!(playout.pull().is_some() && playout.pull().is_some());
        assert!(!playout.holds_up(), "silence can be lengthened");
    }

    #[test]
    fn an_overrun_loses_the_oldest() {
        let mut playout = Playout::default();
        (0..12).for_each(|n| playout.push(loud(n)));
        assert_eq!(playout.pull(), Some(loud(2)));
    }
}
