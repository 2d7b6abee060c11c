//! Signal tones of the telephone network: keys (DTMF), ringback and busy, made by recurrence.

use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock};

use super::fade::fade;
use super::frame::SAMPLE_RATE;

/// Row frequencies of the keypad in Hz (ITU-T Q.23).
pub(super) const DTMF_ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Column frequencies of the keypad in Hz (ITU-T Q.23).
pub(super) const DTMF_COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The keypad by row and column (ITU-T Q.23).
pub(super) const DTMF_KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Amplitude of each of two tones: −13 dB below full scale each, −10 dB together.
const AMPLITUDE: f64 = 7_300.0;
/// Edges of a tone, so that it does not click.
const EDGE_MS: u64 = 2;

/// The two tones of a key (`0`–`9`, `*`, `#`, `A`–`D`) at a sample rate in Hz; `None` for any other character.
#[must_use]
pub fn dtmf_tone(key: char, ms: u64, rate: u32) -> Option<Vec<i16>> {
    let row = DTMF_KEYS.iter().position(|row| row.contains(&key))?;
    let column = DTMF_KEYS[row].iter().position(|&k| k == key)?;
    Some(tones(&[DTMF_ROWS[row], DTMF_COLUMNS[column]], ms, rate))
}

/// One period of the North American ringback: 440 and 480 Hz, 2 s on and 4 s off. 16 kHz; to be looped.
#[must_use]
pub fn ringback() -> Arc<[i16]> {
    static PERIOD: LazyLock<Arc<[i16]>> = LazyLock::new(|| cadence(&[440.0, 480.0], 2_000, 4_000));
    Arc::clone(&PERIOD)
}

/// One period of the North American busy tone: 480 and 620 Hz, 0.5 s on and 0.5 s off. 16 kHz; to be looped.
#[must_use]
pub fn busy() -> Arc<[i16]> {
    static PERIOD: LazyLock<Arc<[i16]>> = LazyLock::new(|| cadence(&[480.0, 620.0], 500, 500));
    Arc::clone(&PERIOD)
}

/// The sum of some tones, with short edges.
pub(crate) fn tones(hz: &[f32], ms: u64, rate: u32) -> Vec<i16> {
    let length = samples_in(ms, rate);
    let mut sum = vec![0.0; length];
    for &hz in hz {
        for (sample, value) in sum.iter_mut().zip(Sine::new(f64::from(hz), rate, 0.0)) {
            *sample += AMPLITUDE * value;
        }
    }
    let mut samples: Vec<i16> = sum.into_iter().map(|s| s as i16).collect();
    let edge = samples_in(EDGE_MS, rate).min(length / 2);
    fade(&mut samples[..edge], 0.0, 1.0);
    fade(&mut samples[length - edge..], 1.0, 0.0);
    samples
}

fn cadence(hz: &[f32], on_ms: u64, off_ms: u64) -> Arc<[i16]> {
    let mut period = tones(hz, on_ms, SAMPLE_RATE);
    period.resize(samples_in(on_ms + off_ms, SAMPLE_RATE), 0);
    period.into()
}

fn samples_in(ms: u64, rate: u32) -> usize {
    (ms * u64::from(rate) / 1_000) as usize
}

/// A sine wave of amplitude one: one multiplication a sample.
pub(super) struct Sine {
    twice_cosine: f64,
    value: f64,
    previous: f64,
}

impl Sine {
    /// A sine that starts at a phase in radians.
    pub(super) fn new(hz: f64, rate: u32, phase: f64) -> Self {
        let step = TAU * hz / f64::from(rate);
        Self { twice_cosine: 2.0 * step.cos(), value: phase.sin(), previous: (phase - step).sin() }
    }
}

impl Iterator for Sine {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let value = self.value;
        self.value = self.twice_cosine * value - self.previous;
        self.previous = value;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recurrence_is_a_sine_for_minutes() {
        let rate = 16_000;
        let sine = Sine::new(440.0, rate, 0.3);
        for (n, value) in sine.enumerate().take(180 * rate as usize).step_by(997) {
            let exact = (TAU * 440.0 * n as f64 / f64::from(rate) + 0.3).sin();
            assert!((value - exact).abs() < 1e-6, "drifted at {n}");
        }
    }

    #[test]
    fn cadences_have_their_periods_and_silences() {
        assert_eq!(ringback().len(), 96_000);
        assert!(ringback()[32_000..].iter().all(|&s| s == 0));
        assert!(ringback()[..32_000].iter().any(|&s| s > 10_000));
        assert_eq!(busy().len(), 16_000);
        assert!(busy()[8_000..].iter().all(|&s| s == 0));
    }

    #[test]
    fn only_keys_have_tones() {
        assert_eq!(dtmf_tone('5', 100, 8_000).unwrap().len(), 800);
        assert_eq!(dtmf_tone('0', 0, 8_000).unwrap().len(), 0);
        assert!(dtmf_tone('x', 100, 8_000).is_none());
    }
}
