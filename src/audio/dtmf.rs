//! Recognises keys by their two tones.
//!
//! Follows ITU-T Q.24 in spirit: tones of 40 ms or more count, with a level, a twist and a frequency near
//! enough, and nothing else beside them; voices do not.

use super::spectrum::{Peak, WINDOW, peaks};
use super::tone::{DTMF_COLUMNS, DTMF_KEYS, DTMF_ROWS};

/// Samples from one look to the next: 8 ms.
const HOP: usize = 128;
/// Looks that must agree before a key counts.
const PRESSED: u8 = 2;
/// Looks without the key before it can count again.
const RELEASED: u8 = 2;
/// Relative deviation of a frequency: 1.5 % must be taken and 3.5 % refused (Q.24).
const TOLERANCE: f32 = 0.0175;
/// The ratio of the two tones' powers, either way: 8 dB.
const TWIST: f32 = 6.3;
/// How much of the sound must be the two tones.
const PURITY: f32 = 0.95;
/// The weakest pair that counts, in dB below full scale.
const LEVEL_DBFS: f32 = -45.0;

/// Hears keys in a stream of 16 kHz samples.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    window: [i16; WINDOW],
    /// Samples of the window that are newer than the last look.
    fresh: usize,
    candidate: Option<char>,
    agreeing: u8,
    down: Option<char>,
    missing: u8,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl DtmfDetector {
    /// A detector that has heard silence.
    #[must_use]
    pub fn new() -> Self {
        Self { window: [0; WINDOW], fresh: 0, candidate: None, agreeing: 0, down: None, missing: 0 }
    }

    /// Takes samples and gives the keys that were recognised in them, each once however long it is held.
    pub fn push(&mut self, mut samples: &[i16]) -> Vec<char> {
        let mut keys = Vec::new();
        while !samples.is_empty() {
            let n = samples.len().min(HOP - self.fresh);
            let (now, later) = samples.split_at(n);
            self.window.copy_within(n.., 0);
            self.window[WINDOW - n..].copy_from_slice(now);
            self.fresh += n;
            samples = later;
            if self.fresh == HOP {
                self.fresh = 0;
                keys.extend(self.look());
            }
        }
        keys
    }

    fn look(&mut self) -> Option<char> {
        let key = key_in(&self.window);
        if self.down.is_some() && key == self.down {
            self.missing = 0;
        } else {
            self.missing = self.missing.saturating_add(1);
            if self.missing >= RELEASED {
                self.down = None;
            }
        }
        self.agreeing = if key == self.candidate { self.agreeing.saturating_add(1) } else { 1 };
        self.candidate = key;
        let pressed = key.is_some() && key != self.down && self.agreeing == PRESSED;
        if pressed {
            self.down = key;
            self.missing = 0;
        }
        key.filter(|_| pressed)
    }
}

/// The key whose tones, and nothing else, fill a window.
fn key_in(window: &[i16; WINDOW]) -> Option<char> {
    let peaks = peaks(window)?;
    let (low, high) = if peaks.first.hz < peaks.second.hz {
        (peaks.first, peaks.second)
    } else {
        (peaks.second, peaks.first)
    };
    let twist = low.share / high.share.max(f32::EPSILON);
    let clean = peaks.purity() > PURITY && peaks.dbfs > LEVEL_DBFS && (1.0 / TWIST..TWIST).contains(&twist);
    if !clean {
        return None;
    }
    Some(DTMF_KEYS[nearest(&DTMF_ROWS, low)?][nearest(&DTMF_COLUMNS, high)?])
}

fn nearest(frequencies: &[f32; 4], peak: Peak) -> Option<usize> {
    frequencies.iter().position(|&hz| (peak.hz - hz).abs() < hz * TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::super::frame::SAMPLE_RATE;
    use super::super::g711::{decode_ulaw, encode_ulaw};
    use super::super::resample::Resampler;
    use super::super::tone::{dtmf_tone, ringback, tones};
    use super::*;

    /// Over the telephone: 8 kHz, µ-law, then up to 16 kHz.
    fn over_the_phone(samples: &[i16]) -> Vec<i16> {
        Resampler::new(8_000, 16_000).push(&decode_ulaw(&encode_ulaw(samples)))
    }

    fn typed(keys: &str, on_ms: u64, off_ms: usize) -> Vec<i16> {
        let mut samples = Vec::new();
        for key in keys.chars() {
            samples.extend(dtmf_tone(key, on_ms, 8_000).unwrap());
            samples.resize(samples.len() + off_ms * 8, 0);
        }
        samples
    }

    #[test]
    fn all_keys_are_heard_once_each_at_the_shortest_lengths() {
        for (on, off) in [(40, 40), (50, 50), (100, 60), (1_000, 200)] {
            let keys = "1234567890*#ABCD1122";
            let heard: String =
                DtmfDetector::new().push(&over_the_phone(&typed(keys, on, off))).iter().collect();
            assert_eq!(heard, keys, "{on} ms on, {off} ms off");
        }
    }

    #[test]
    fn quiet_keys_are_heard_and_any_split_gives_the_same() {
        let quiet: Vec<i16> = typed("159*", 60, 60).iter().map(|s| s / 20).collect();
        let samples = over_the_phone(&quiet);
        let mut detector = DtmfDetector::new();
        let heard: String = samples.chunks(77).flat_map(|chunk| detector.push(chunk)).collect();
        assert_eq!(heard, "159*");
    }

    #[test]
    fn frequencies_are_taken_at_a_deviation_of_1_5_percent_and_refused_at_3_5() {
        for (deviation, expected) in [(1.015, 1), (0.985, 1), (1.035, 0), (0.965, 0)] {
            let tone = tones(&[770.0 * deviation, 1_336.0 * deviation], 100, SAMPLE_RATE);
            assert_eq!(DtmfDetector::new().push(&tone).len(), expected, "at {deviation}");
        }
    }

    #[test]
    fn other_sounds_are_no_keys() {
        let mut detector = DtmfDetector::new();
        assert!(detector.push(&ringback()).is_empty());
        for hz in [&[697.0][..], &[697.0, 770.0], &[1_209.0, 1_633.0], &[697.0, 1_209.0, 1_633.0]] {
            assert!(detector.push(&tones(hz, 200, SAMPLE_RATE)).is_empty(), "{hz:?}");
        }
        assert!(detector.push(&tones(&[770.0, 1_336.0], 20, SAMPLE_RATE)).is_empty(), "20 ms is too short");
    }
}
