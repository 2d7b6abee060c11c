//! Keys as the network carries them: their tones, put into the audio that passes anyway.

use std::collections::VecDeque;

use crate::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE, dtmf_tone};
use crate::sandbox::room::add;

/// A key's tones and the pause after them: 100 ms each, as telephones send them.
const TONE_MS: u64 = 100;
const PAUSE_SAMPLES: usize = SAMPLE_RATE as usize / 10;
/// Tones that may wait: ten seconds.
const MOST_SAMPLES: usize = 10 * SAMPLE_RATE as usize;

/// Tones that wait to be mixed into one direction of a line.
#[derive(Debug, Default)]
pub(super) struct KeyTones {
    waiting: VecDeque<i16>,
}

impl KeyTones {
    /// Queues a key; what is no key, or too much, makes no sound.
    pub(super) fn press(&mut self, key: char) {
        if let Some(tone) = dtmf_tone(key, TONE_MS, SAMPLE_RATE)
            && self.waiting.len() < MOST_SAMPLES
        {
            self.waiting.extend(tone);
            self.waiting.extend([0; PAUSE_SAMPLES]);
        }
    }

    /// The frame with the tones that are due in it.
    pub(super) fn mixed_into(&mut self, mut frame: Frame) -> Frame {
        let due = self.waiting.len().min(FRAME_SAMPLES);
        let tones: Vec<i16> = self.waiting.drain(..due).collect();
        add(&mut frame, &tones);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::DtmfDetector;

    #[test]
    fn keys_are_heard_in_order_over_silence_and_then_it_is_silent_again() {
        let mut tones = KeyTones::default();
        "09#".chars().for_each(|key| tones.press(key));
        let mut detector = DtmfDetector::new();
        let mut heard = String::new();
        for _ in 0..30 {
            heard.extend(detector.push(tones.mixed_into(Frame::silence()).samples()));
        }
        assert_eq!(heard, "09#");
        assert_eq!(tones.mixed_into(Frame::silence()), Frame::silence());
        tones.press('x');
        assert_eq!(tones.mixed_into(Frame::silence()), Frame::silence());
    }
}
