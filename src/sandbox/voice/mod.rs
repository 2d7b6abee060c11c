//! Speech that is audio: samples that sound voiced to a voice activity detector and carry their text.
//!
//! [`encode()`] is the voice of the emulated TTS and of people at a terminal; [`Decoder`] is the ear of the
//! emulated recogniser and of the phones. What a decoder gives out was in the samples and nowhere else, so
//! audio that was cut, lost, doubled or reordered on its way shows in the text. Two voices at once are not
//! told apart, and nothing here sounds like a person.
//!
//! # The encoding
//! A buzz of 27 harmonics of 111 Hz. Harmonics 1 and 2 are the **pilot**: always on, never changing phase.
//! Every 48 ms is one **symbol** of seven bits: one of the harmonics 3–11 is strong, and one of 12–27; the
//! others are faint. Three bits are the *step* from the low harmonic of the symbol before to this one (never
//! zero, so every symbol's beginning can be heard), four bits are the high harmonic itself. An utterance is
//! a reference symbol, a start mark of two, the text, and three symbols of checksum, which also mark the end.
//!
//! Losing or repeating 20 ms breaks the pilot's phase, a symbol's length and the checksum; whichever of these
//! is noticed, the text shows [`DAMAGE`] in its place.

mod alphabet;
mod decode;
mod encode;
mod phase;
mod segment;
mod spectrum;
mod speech;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Heard};
pub use encode::{encode, encode_with_words};

use std::time::Duration;

use crate::audio::Resampler;

/// Sample rate of [`encode()`]'s audio in Hz.
pub const RATE: u32 = crate::audio::SAMPLE_RATE;

/// Stands in a text where audio was damaged.
pub const DAMAGE: char = '\u{FFFD}';

/// Length of a symbol in milliseconds.
const SYMBOL_MS: usize = 48;
/// Harmonics of the pilot.
const PILOT: [usize; 2] = [1, 2];
/// The first low harmonic.
const LOW: usize = 3;
/// Low harmonics: one more than a step has values, since the step is never zero.
const LOWS: usize = 9;
/// The first high harmonic.
const HIGH: usize = LOW + LOWS;
/// High harmonics: one for each value of four bits.
const HIGHS: usize = 16;
/// The highest harmonic, 3 kHz: safely within the telephone band.
const HARMONICS: usize = HIGH + HIGHS - 1;

/// A word and where it lies in audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenWord {
    /// The word with its punctuation.
    pub text: String,
    /// Its start, from the beginning of the audio.
    pub start: Duration,
    /// Its end, from the beginning of the audio.
    pub end: Duration,
}

/// Joins letters and their places to words: whitespace separates, and belongs to no word.
fn words(letters: impl IntoIterator<Item = (char, Duration, Duration)>) -> Vec<SpokenWord> {
    let mut words: Vec<SpokenWord> = Vec::new();
    let mut within = false;
    for (letter, start, end) in letters {
        if letter.is_whitespace() {
            within = false;
            continue;
        }
        match words.last_mut().filter(|_| within) {
            Some(word) => {
                word.text.push(letter);
                word.end = end;
            }
            None => words.push(SpokenWord { text: letter.to_string(), start, end }),
        }
        within = true;
    }
    words
}

/// A whole voice at another rate, none of it late: what the filter delays is cut from the beginning.
pub(super) fn at_rate(samples: &[i16], rate: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(RATE, rate);
    let delay = resampler.delay();
    let mut output = resampler.push(samples);
    output.extend(resampler.flush());
    output.drain(..delay.min(output.len()));
    output
}
