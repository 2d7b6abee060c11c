//! Sounds for tests: a synthetic voice, noise, and the way over a telephone line.

use std::f64::consts::TAU;

use crate::audio::g711::{decode_ulaw, encode_ulaw};
use crate::audio::{Frame, Framer, Resampler, SAMPLE_RATE};

/// A vowel: harmonics of a slightly wavering fundamental under three formants.
pub(crate) fn voice(fundamental: f64, ms: usize, dbfs: f64) -> Vec<i16> {
    let mut phase = 0.0;
    let samples: Vec<f64> = (0..ms * 16)
        .map(|n| {
            let time = n as f64 / f64::from(SAMPLE_RATE);
            phase += fundamental * (1.0 + 0.02 * (5.0 * TAU * time).sin()) / f64::from(SAMPLE_RATE);
            (1..)
                .map(f64::from)
                .take_while(|h| h * fundamental < 3_500.0)
                .map(|h| formants(h * fundamental) * (TAU * phase * h).sin())
                .sum()
        })
        .collect();
    at_level(&samples, dbfs)
}

fn formants(hz: f64) -> f64 {
    let formant = |centre: f64, width: f64| (-((hz - centre) / width).powi(2)).exp();
    formant(600.0, 200.0) + 0.5 * formant(1_200.0, 250.0) + 0.2 * formant(2_500.0, 300.0) + 0.05
}

/// White noise.
pub(crate) fn noise(ms: usize, dbfs: f64) -> Vec<i16> {
    let mut seed = 7u32;
    let samples: Vec<f64> = (0..ms * 16)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 8) / f64::from(1 << 23) - 1.0
        })
        .collect();
    at_level(&samples, dbfs)
}

pub(crate) fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 16]
}

/// One sound over the other.
pub(crate) fn mixed(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(x, y)| x.saturating_add(*y)).collect()
}

/// Down to 8 kHz, µ-law, and up again.
pub(crate) fn over_the_phone(samples: &[i16]) -> Vec<i16> {
    let narrow = Resampler::new(16_000, 8_000).push(samples);
    Resampler::new(8_000, 16_000).push(&decode_ulaw(&encode_ulaw(&narrow)))
}

pub(crate) fn frames(samples: &[i16]) -> Vec<Frame> {
    let mut framer = Framer::new();
    framer.push(samples);
    std::iter::from_fn(|| framer.next_frame()).collect()
}

fn at_level(samples: &[f64], dbfs: f64) -> Vec<i16> {
    let mean_square: f64 = samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64;
    let gain = 32_768.0 * 10f64.powf(dbfs / 20.0) / mean_square.sqrt();
    samples.iter().map(|s| (s * gain) as i16).collect()
}
