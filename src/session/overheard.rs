//! What the caller says while nobody listens, for a moment: who is in the middle of a word when they are listened to
//! again is heard from its beginning.
//!
//! What ended before is not kept: it was said to nobody (hold music, an announcement). Nothing leaves for a vendor from
//! here.

use std::collections::VecDeque;

use crate::audio::{FRAME_MS, Frame};
use crate::speech::vad::{Vad, VadEvent, VadSettings};

/// Kept of what precedes the moment in which speech is noticed: its onset, and a breath.
const BEFORE: usize = (300 / FRAME_MS) as usize;
/// Kept at most; who has spoken for longer is heard from there on. Recognisers take it at once.
const MOST: usize = (1_500 / FRAME_MS) as usize;

/// The newest of what is not listened to.
pub(super) struct Overheard {
    vad: Vad,
    frames: VecDeque<Frame>,
}

impl Overheard {
    pub(super) fn new() -> Self {
        Self { vad: Vad::new(VadSettings::default()), frames: VecDeque::with_capacity(MOST) }
    }

    /// Takes a frame of the caller, to whom nobody listens.
    pub(super) fn hear(&mut self, frame: Frame) {
        if self.vad.hear(&frame) == Some(VadEvent::SpeechStopped) {
            self.frames.clear();
        }
        let most = if self.vad.is_speaking() { MOST } else { BEFORE };
        while self.frames.len() >= most {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// The caller is listened to again: the speech that they are in the middle of, from its beginning.
    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        let speaking = self.vad.is_speaking();
        self.vad.reset();
        let frames = std::mem::take(&mut self.frames);
        if speaking { frames } else { VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::vad::sounds::{frames, over_the_phone, silence, voice};

    fn overhear(sounds: &[(u64, bool)]) -> (usize, Overheard) {
        let mut overheard = Overheard::new();
        for &(ms, spoken) in sounds {
            let ms = usize::try_from(ms).unwrap();
            let sound = if spoken { over_the_phone(&voice(150.0, ms, -20.0)) } else { silence(ms) };
            for frame in frames(&sound) {
                overheard.hear(frame);
            }
        }
        (overheard.take().len(), overheard)
    }

    #[test]
    fn who_is_in_the_middle_of_a_word_is_heard_from_its_beginning() {
        let (kept, mut after) = overhear(&[(2_000, false), (400, true)]);
        assert!((20..=20 + BEFORE).contains(&kept), "{kept} frames of 20 ms for 400 ms");
        assert!(after.take().is_empty(), "once");
    }

    #[test]
    fn what_is_over_is_gone_and_what_is_long_is_bounded() {
        assert_eq!(overhear(&[(500, false), (600, true), (500, false)]).0, 0);
        assert_eq!(overhear(&[(500, false)]).0, 0);
        assert_eq!(overhear(&[(200, false), (5_000, true)]).0, MOST);
        let (kept, _) = overhear(&[(600, true), (500, false), (300, true)]);
        assert!(kept <= 15 + BEFORE, "only what is being said: {kept}");
    }
}
