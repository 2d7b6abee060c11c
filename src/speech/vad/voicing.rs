//! Tells voiced sound, which repeats with the vibration of the vocal folds, from noise, which does not.

use crate::audio::spectrum::WINDOW;

/// Samples that are compared, at half the rate.
const HALF: usize = WINDOW / 2;
/// The shortest period sought: 2.5 ms (400 Hz). Higher voices repeat at its multiples.
const SHORTEST: usize = 20;
/// The longest: 14.25 ms (70 Hz).
const LONGEST: usize = 114;

/// How well a window repeats itself within the periods of voices: about 0.2 for noise, 1 for a steady voice.
pub(super) fn voicing(window: &[i16; WINDOW]) -> f32 {
    let halved = halve_rate(window);
    // Energies of the part that all lags compare from and, running, of the part that they compare with.
    let length = HALF - LONGEST;
    let base = &halved[..length];
    let base_energy = dot(base, base);
    let mut lagged_energy = dot(&halved[SHORTEST..SHORTEST + length], &halved[SHORTEST..SHORTEST + length]);
    let mut best = 0.0f32;
    for lag in SHORTEST..=LONGEST {
        let scale = (base_energy * lagged_energy).sqrt();
        if scale > 1.0 {
            best = best.max(dot(base, &halved[lag..lag + length]) / scale);
        }
        if lag < LONGEST {
            lagged_energy += halved[lag + length].powi(2) - halved[lag].powi(2);
        }
    }
    best
}

/// By index: an iterator costs several calls a sample in an unoptimised build, and there are thousands a window.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let (mut sum, mut n) = (0.0, 0);
    while n < length {
        sum += a[n] * b[n];
        n += 1;
    }
    sum
}

/// Every second sample of a lightly smoothed window: what aliases is weak, and noise-like anyway.
fn halve_rate(window: &[i16; WINDOW]) -> [f32; HALF] {
    std::array::from_fn(|n| {
        let before = f32::from(window[(2 * n).saturating_sub(1)]);
        let after = f32::from(window[2 * n + 1]);
        0.25 * before + 0.5 * f32::from(window[2 * n]) + 0.25 * after
    })
}
