//! What of the caller's audio is worth transcribing. No I/O, no clock.

use std::collections::VecDeque;

use crate::audio::Frame;

/// Quieter than any speech on a telephone line.
const LOUD_DBFS: f32 = -45.0;
/// Kept before the first loud frame: 400 ms, in which a word may begin softly.
const LEAD_FRAMES: usize = 20;
/// After 5 s without a loud frame the sound was none that anybody asks for.
const FORGET_FRAMES: usize = 250;
/// The longest utterance, one minute; the oldest audio is dropped beyond.
const MAX_FRAMES: usize = 3_000;

/// The audio since the last utterance, as far as it may hold speech. Models invent words for silence.
#[derive(Debug, Default)]
pub(super) struct Utterance {
    frames: VecDeque<Frame>,
    loud: bool,
    /// Frames since the last loud one.
    quiet: usize,
}

impl Utterance {
    pub(super) fn push(&mut self, frame: Frame) {
        if frame.dbfs() > LOUD_DBFS {
            self.loud = true;
            self.quiet = 0;
        } else {
            self.quiet += 1;
        }
        if self.quiet > FORGET_FRAMES {
            self.loud = false;
        }
        let most = if self.loud { MAX_FRAMES } else { LEAD_FRAMES };
        while self.frames.len() >= most {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// Takes the utterance; `None` if nothing was loud enough to be one.
    pub(super) fn take(&mut self) -> Option<Vec<Frame>> {
        if !self.loud {
            return None;
        }
        self.loud = false;
        Some(std::mem::take(&mut self.frames).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(utterance: &mut Utterance, level: i16, frames: usize) {
        (0..frames).for_each(|_| utterance.push(Frame::from_samples(&[level; 320])));
    }

    fn levels(frames: &[Frame]) -> Vec<(i16, usize)> {
        let runs = frames.chunk_by(|a, b| a == b);
        runs.map(|run| (run[0].samples()[0], run.len())).collect()
    }

    #[test]
    fn speech_is_kept_with_its_lead_and_its_end_and_silence_is_no_utterance() {
        let mut utterance = Utterance::default();
        hear(&mut utterance, 1, 500);
        assert!(utterance.take().is_none());
        hear(&mut utterance, 2_000, 30);
        hear(&mut utterance, 2, 10);
        assert_eq!(levels(&utterance.take().unwrap()), [(1, 20), (2_000, 30), (2, 10)]);
        assert!(utterance.take().is_none());
    }

    #[test]
    fn a_click_long_ago_is_forgotten_and_a_long_speech_is_bounded() {
        let mut utterance = Utterance::default();
        hear(&mut utterance, 9_000, 1);
        hear(&mut utterance, 0, 251);
        assert!(utterance.take().is_none());
        hear(&mut utterance, 9_000, 10_000);
        assert_eq!(utterance.take().unwrap().len(), MAX_FRAMES);
    }
}
