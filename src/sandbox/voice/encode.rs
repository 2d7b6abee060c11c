//! From text to samples.

use std::f64::consts::{PI, TAU};
use std::time::Duration;

use super::alphabet::{Checksum, Code, REFERENCE, START, Tones, codes_of, tones};
use super::{HARMONICS, HIGH, LOW, PILOT, RATE, SYMBOL_MS, SpokenWord, words};

/// Samples of one period of the pilot's first harmonic: 111 Hz.
const PERIOD: usize = 144;
/// Samples of a symbol.
const SYMBOL: usize = SYMBOL_MS * RATE as usize / 1000;
/// Samples over which one symbol becomes the next: 8 ms.
const EDGE: usize = 128;
/// Samples of silence after an utterance: two that follow each other are as far apart as sentences, at least.
const PAUSE: usize = 960;

/// Amplitudes: the pilot's two harmonics, the two that carry a symbol, and all others.
const PILOT_AMPLITUDES: [f64; 2] = [1.0, 0.8];
const LOW_AMPLITUDE: f64 = 1.0;
const HIGH_AMPLITUDE: f64 = 0.8;
/// Falls with the harmonic's number as a voice's does.
const FAINT_AMPLITUDE: f64 = 0.03;
/// Full scale of a sample for the sum of these amplitudes: speech of about −20 dBFS.
const GAIN: f64 = 2_600.0;

/// One amplitude for each harmonic; the first element is not used.
type Timbre = [f64; HARMONICS + 1];

/// Speaks a text: 16 kHz samples at about −20 dBFS, 21 characters a second. Blank text is no sound at all.
#[must_use]
pub fn encode(text: &str) -> Vec<i16> {
    encode_with_words(text).0
}

/// Speaks a text, and tells where in the samples its words lie.
#[must_use]
pub fn encode_with_words(text: &str) -> (Vec<i16>, Vec<SpokenWord>) {
    if text.trim().is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut utterance = Symbols::begin();
    let letters: Vec<_> = text.chars().map(|letter| utterance.say(letter)).collect();
    (render(&utterance.end()), words(letters))
}

/// The symbols of an utterance as they are put together.
struct Symbols {
    tones: Vec<Tones>,
    checksum: Checksum,
}

impl Symbols {
    fn begin() -> Self {
        let mut symbols = Self { tones: vec![REFERENCE], checksum: Checksum::default() };
        START.into_iter().for_each(|code| symbols.push(code));
        symbols
    }

    fn push(&mut self, code: Code) {
        let before = self.tones.last().map_or(REFERENCE.low, |tones| tones.low);
        self.tones.push(tones(before, code));
    }

    /// Adds a letter and tells where it lies.
    fn say(&mut self, letter: char) -> (char, Duration, Duration) {
        let start = self.length();
        for code in codes_of(letter) {
            self.checksum.add(code);
            self.push(code);
        }
        (letter, start, self.length())
    }

    fn length(&self) -> Duration {
        Duration::from_millis((self.tones.len() * SYMBOL_MS) as u64)
    }

    fn end(mut self) -> Vec<Tones> {
        self.checksum.codes().into_iter().for_each(|code| self.push(code));
        self.tones
    }
}

fn render(symbols: &[Tones]) -> Vec<i16> {
    let cosines: Vec<f64> = (0..PERIOD).map(|n| (TAU * n as f64 / PERIOD as f64).cos()).collect();
    let mut samples: Vec<i16> = Vec::with_capacity(symbols.len() * SYMBOL + PAUSE);
    let mut before = vec![0.0; PERIOD];
    for &tones in symbols {
        let here = one_period(&timbre(tones), &cosines);
        change(&mut samples, &before, &here, SYMBOL);
        before = here;
    }
    change(&mut samples, &before, &[0.0; PERIOD], PAUSE);
    samples
}

/// Adds `length` samples of the period `to`, the first [`EDGE`] of them while `from` fades.
fn change(samples: &mut Vec<i16>, from: &[f64], to: &[f64], length: usize) {
    for n in 0..length {
        // Phases count from the utterance's beginning, so the pilot runs on through every edge.
        let phase = samples.len() % PERIOD;
        let share = if n < EDGE { rise(n) } else { 1.0 };
        let sum = from[phase] * (1.0 - share) + to[phase] * share;
        samples.push((sum * GAIN).clamp(-32_768.0, 32_767.0) as i16);
    }
}

/// A raised cosine: the share of what comes, `n` samples into an edge.
fn rise(n: usize) -> f64 {
    0.5 - 0.5 * (PI * n as f64 / EDGE as f64).cos()
}

fn timbre(tones: Tones) -> Timbre {
    let mut timbre = [0.0; HARMONICS + 1];
    for (harmonic, amplitude) in timbre.iter_mut().enumerate().skip(LOW) {
        *amplitude = FAINT_AMPLITUDE * LOW as f64 / harmonic as f64;
    }
    for (harmonic, amplitude) in PILOT.into_iter().zip(PILOT_AMPLITUDES) {
        timbre[harmonic] = amplitude;
    }
    timbre[LOW + tones.low] = LOW_AMPLITUDE;
    timbre[HIGH + tones.high] = HIGH_AMPLITUDE;
    timbre
}

/// One period of a timbre. The phases spread the harmonics' peaks over the period (Schroeder).
fn one_period(timbre: &Timbre, cosines: &[f64]) -> Vec<f64> {
    let turn = |harmonic: usize| {
        let spread = harmonic * (harmonic - 1) * PERIOD / (2 * HARMONICS);
        PERIOD - spread % PERIOD
    };
    (0..PERIOD)
        .map(|n| {
            let partials = timbre.iter().enumerate().skip(1);
            partials.map(|(h, amplitude)| amplitude * cosines[(h * n + turn(h)) % PERIOD]).sum()
        })
        .collect()
}
