//! What a short window of sound is made of: its one or two strongest sinusoids, and what is left.
//!
//! This is how keys and call-progress tones are told from voices. It is a small FFT rather than Goertzel
//! filters at the nominal frequencies: those cannot tell a tone that is 3 % off from a weaker one, and a
//! harmonic of a voice is often just that.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use super::frame::SAMPLE_RATE;

/// Samples in a window: 32 ms.
pub const WINDOW: usize = 512;
/// Hz between two bins.
const BIN_HZ: f32 = SAMPLE_RATE as f32 / WINDOW as f32;
/// A Hann window spreads a sinusoid over its own bin and two to either side.
const LOBE: usize = 2;

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// A sinusoid within a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Its frequency in Hz, good to about 1 Hz for a steady tone that stands alone.
    pub hz: f32,
    /// Its share of the window's power, 0 to 1.
    pub share: f32,
}

/// The two strongest sinusoids of a window, the stronger first. With one pure tone the second has next to
/// no share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peaks {
    /// The strongest.
    pub first: Peak,
    /// The next, outside of the strongest one's lobe.
    pub second: Peak,
    /// Level of the whole window in dB below full scale.
    pub dbfs: f32,
}

impl Peaks {
    /// How much of the window is these two sinusoids, 0 to 1: a tone or a pair of tones is near 1.
    #[must_use]
    pub fn purity(&self) -> f32 {
        self.first.share + self.second.share
    }
}

/// The two strongest sinusoids of a window of 16 kHz samples; `None` if it is digitally silent.
#[must_use]
pub fn peaks(window: &[i16; WINDOW]) -> Option<Peaks> {
    // Most of a call is silence, and its spectrum is known.
    if *window == [0; WINDOW] {
        return None;
    }
    let mut power = power_spectrum(window);
    let total: f32 = power.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let first = take_strongest(&mut power, total);
    let second = take_strongest(&mut power, total);
    // Half of a spectrum, under a Hann window whose mean square is 3/8.
    let mean_square = total * 2.0 / (WINDOW * WINDOW) as f32 * 8.0 / 3.0;
    let dbfs = 10.0 * (mean_square / (32_768.0 * 32_768.0)).log10();
    Some(Peaks { first, second, dbfs })
}

/// Finds the strongest bin, takes its lobe out of the spectrum and says what it was.
fn take_strongest(power: &mut [f32], total: f32) -> Peak {
    let mut bin = 0;
    for (n, &p) in power.iter().enumerate() {
        if p > power[bin] {
            bin = n;
        }
    }
    let hz = (bin as f32 + offset(power, bin)) * BIN_HZ;
    let lobe = &mut power[bin.saturating_sub(LOBE)..(bin + LOBE + 1).min(WINDOW / 2)];
    let share = lobe.iter().sum::<f32>() / total;
    lobe.fill(0.0);
    Peak { hz, share }
}

/// Where a sinusoid lies between the bins, from the two strongest bins of its Hann lobe.
fn offset(power: &[f32], bin: usize) -> f32 {
    let at = |n: usize| power.get(n).copied().unwrap_or(0.0).sqrt();
    let (centre, below, above) = (at(bin), bin.checked_sub(1).map_or(0.0, at), at(bin + 1));
    if centre <= 0.0 {
        return 0.0;
    }
    let between = |neighbour: f32| {
        let ratio = neighbour / centre;
        ((2.0 * ratio - 1.0) / (ratio + 1.0)).max(0.0)
    };
    if above >= below { between(above) } else { -between(below) }
}

/// Powers of the bins from 0 Hz to half the sample rate. The bins at and next to 0 Hz, which hold no voice
/// and no tone, are left out so that an offset does not count.
fn power_spectrum(window: &[i16; WINDOW]) -> [f32; WINDOW / 2] {
    let tables = &*TABLES;
    let mut re = [0.0f32; WINDOW];
    let mut im = [0.0f32; WINDOW];
    for (n, (&sample, &weight)) in window.iter().zip(tables.hann.iter()).enumerate() {
        re[tables.reversed[n]] = f32::from(sample) * weight;
    }
    transform(&mut re, &mut im, tables);
    let mut power = [0.0; WINDOW / 2];
    for (n, p) in power.iter_mut().enumerate().skip(LOBE) {
        *p = re[n] * re[n] + im[n] * im[n];
    }
    power
}

/// The radix-2 FFT of values in bit-reversed order.
fn transform(re: &mut [f32; WINDOW], im: &mut [f32; WINDOW], tables: &Tables) {
    let mut half = 1;
    while half < WINDOW {
        let stride = WINDOW / (2 * half);
        let mut start = 0;
        while start < WINDOW {
            let mut k = 0;
            while k < half {
                let (a, b) = (start + k, start + k + half);
                let (c, s) = tables.twiddles[k * stride];
                let (x, y) = (re[b] * c + im[b] * s, im[b] * c - re[b] * s);
                re[b] = re[a] - x;
                im[b] = im[a] - y;
                re[a] += x;
                im[a] += y;
                k += 1;
            }
            start += 2 * half;
        }
        half *= 2;
    }
}

struct Tables {
    hann: [f32; WINDOW],
    /// Cosine and sine of the first half of the circle.
    twiddles: [(f32, f32); WINDOW / 2],
    reversed: [usize; WINDOW],
}

impl Tables {
    fn new() -> Self {
        let angle = |n: usize| TAU * n as f32 / WINDOW as f32;
        let bits = WINDOW.trailing_zeros();
        Self {
            hann: std::array::from_fn(|n| 0.5 - 0.5 * angle(n).cos()),
            twiddles: std::array::from_fn(|n| (angle(n).cos(), angle(n).sin())),
            reversed: std::array::from_fn(|n| n.reverse_bits() >> (usize::BITS - bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tone::tones;
    use super::*;

    fn window(hz: &[f32]) -> [i16; WINDOW] {
        tones(hz, 100, SAMPLE_RATE)[400..400 + WINDOW].try_into().unwrap()
    }

    #[test]
    fn a_tone_is_pure_and_its_frequency_exact() {
        for hz in [200.0f32, 441.3, 697.0, 1_000.0, 1_633.0, 3_399.0] {
            let peaks = peaks(&window(&[hz])).unwrap();
            assert!(peaks.purity() > 0.999, "{hz}: {peaks:?}");
            assert!((peaks.first.hz - hz).abs() < 1.0, "{hz}: {peaks:?}");
            assert!((peaks.dbfs + 16.0).abs() < 0.5, "{hz}: {peaks:?}");
        }
    }

    #[test]
    fn a_pair_is_pure_even_when_its_tones_are_close() {
        for pair in [[440.0, 480.0], [350.0, 440.0], [480.0, 620.0], [697.0, 1_209.0], [941.0, 1_633.0]] {
            let peaks = peaks(&window(&pair)).unwrap();
            assert!(peaks.purity() > 0.99, "{pair:?}: {peaks:?}");
        }
    }

    #[test]
    fn harmonics_noise_and_silence_are_not_pure() {
        assert!(peaks(&window(&[200.0, 400.0, 600.0, 800.0])).unwrap().purity() < 0.6);
        let mut seed = 1u32;
        let noise = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 18) as i16 - 8_192
        });
        assert!(peaks(&noise).unwrap().purity() < 0.2);
        assert!(peaks(&[0; WINDOW]).is_none());
        assert!(peaks(&[500; WINDOW]).is_none_or(|p| p.purity() < 0.9));
    }
}
