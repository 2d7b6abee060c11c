//! What a phone says: texts become samples, a frame at a time.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::audio::LINE_RATE;
use crate::audio::Resampler;
use crate::audio::g711::encode_ulaw;
use crate::sandbox::voice;

/// Samples in 20 ms of a telephone line.
const FRAME: usize = LINE_RATE as usize / 50;

/// Texts that wait to be said, the first of them perhaps half said.
#[derive(Debug, Default)]
pub(super) struct Mouth {
    utterances: VecDeque<VecDeque<i16>>,
}

/// 20 ms of speech or silence.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// Base64 of 160 bytes of µ-law.
    pub(super) payload: String,
    /// An utterance ends with this frame.
    pub(super) finished: bool,
}

impl Mouth {
    /// Queues a text.
    pub(super) fn say(&mut self, text: &str) {
        let mut resampler = Resampler::new(voice::RATE, LINE_RATE);
        let mut samples = resampler.push(&voice::encode(text));
        samples.extend(resampler.flush());
        self.utterances.push_back(samples.into());
    }

    /// The next frame; silence if there is nothing to say.
    pub(super) fn next_frame(&mut self) -> Said {
        let mut frame = [0; FRAME];
        let Some(utterance) = self.utterances.front_mut() else {
            return Said { payload: payload(&frame), finished: false };
        };
        let due = utterance.len().min(FRAME);
        for (sample, said) in frame.iter_mut().zip(utterance.drain(..due)) {
            *sample = said;
        }
        let finished = utterance.is_empty();
        if finished {
            self.utterances.pop_front();
        }
        Said { payload: payload(&frame), finished }
    }

    /// Forgets what has not been said.
    pub(super) fn clear(&mut self) {
        self.utterances.clear();
    }
}

fn payload(frame: &[i16]) -> String {
    STANDARD.encode(encode_ulaw(frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::g711::decode_ulaw;
    use crate::sandbox::voice::{Decoder, Heard};

    #[test]
    fn what_is_said_can_be_heard_from_the_frames_and_each_end_is_told() {
        let mut mouth = Mouth::default();
        mouth.say("Hello there.");
        mouth.say("I need help with my bill");
        let (mut decoder, mut heard, mut finished) = (Decoder::new(LINE_RATE), Vec::new(), 0);
        for _ in 0..300 {
            let said = mouth.next_frame();
            finished += usize::from(said.finished);
            let samples = decode_ulaw(&STANDARD.decode(said.payload).unwrap());
            assert_eq!(samples.len(), FRAME);
            heard.extend(decoder.push(&samples).into_iter().filter_map(|heard| match heard {
                Heard::Text { text, intact: true, cut: false, .. } => Some(text),
                _ => None,
            }));
        }
        assert_eq!(heard, ["Hello there.", "I need help with my bill"]);
        assert_eq!(finished, 2);
        mouth.say("never mind");
        mouth.clear();
        assert_eq!(mouth.next_frame(), Said { payload: payload(&[0; FRAME]), finished: false });
    }

    #[test]
    fn saying_nothing_is_finished_at_once() {
        let mut mouth = Mouth::default();
        mouth.say("  ");
        assert!(mouth.next_frame().finished);
        assert!(!mouth.next_frame().finished);
    }
}
