//! The harmonics of a voice, measured every 4 ms. No decisions.

use std::f32::consts::TAU;

use super::{HARMONICS, HIGH, HIGHS, LOW, LOWS, PILOT};

/// The decoder's own sample rate in Hz: all harmonics lie below its half.
pub(super) const RATE: u32 = 8_000;
/// Samples of a period of the pilot at [`RATE`].
const PERIOD: usize = 72;
/// Samples that are looked at together: whole periods, over which harmonics do not disturb each other.
const WINDOW: usize = 3 * PERIOD;
/// Samples between two measurements.
pub(super) const HOP: usize = 32;
/// How late a measurement is, in samples: it describes the middle of its window.
pub(super) const LAG: usize = WINDOW / 2;

/// What a window of audio holds; powers relative to full scale.
#[derive(Clone, Debug, Default)]
pub(super) struct Spectrum {
    /// All power.
    pub(super) total: f32,
    /// Power of all harmonics.
    pub(super) harmonic: f32,
    /// The pilot's amplitudes as cosine and sine; their phases count from the beginning of the audio.
    pub(super) pilot: [(f32, f32); 2],
    /// Power of each low harmonic.
    pub(super) low: [f32; LOWS],
    /// Power of each high harmonic.
    pub(super) high: [f32; HIGHS],
}

impl Spectrum {
    /// Power of the pilot.
    pub(super) fn pilot_power(&self) -> f32 {
        self.pilot.into_iter().map(power).sum()
    }
}

/// Measures a stream of samples.
#[derive(Clone, Debug)]
pub(super) struct Analyser {
    /// The newest samples; sample `n` lies at `n % WINDOW`, so periods lie above each other.
    window: [f32; WINDOW],
    position: usize,
    /// How many of the newest samples are zero.
    silent: usize,
    until_next: usize,
    /// One period of a cosine and a sine.
    waves: [(f32, f32); PERIOD],
}

impl Analyser {
    pub(super) fn new() -> Self {
        let angle = |n: usize| TAU * n as f32 / PERIOD as f32;
        let waves = std::array::from_fn(|n| (angle(n).cos(), angle(n).sin()));
        Self { window: [0.0; WINDOW], position: 0, silent: WINDOW, until_next: HOP, waves }
    }

    /// Takes a sample; every [`HOP`] samples there is a measurement.
    pub(super) fn push(&mut self, sample: i16) -> Option<Spectrum> {
        self.window[self.position] = f32::from(sample) / 32_768.0;
        self.position = (self.position + 1) % WINDOW;
        self.silent = if sample == 0 { self.silent + 1 } else { 0 };
        self.until_next -= 1;
        if self.until_next > 0 {
            return None;
        }
        self.until_next = HOP;
        Some(self.measure())
    }

    fn measure(&self) -> Spectrum {
        // Most of a call is silence.
        if self.silent >= WINDOW {
            return Spectrum::default();
        }
        let total = self.window.iter().map(|sample| sample * sample).sum::<f32>() / WINDOW as f32;
        let mut spectrum = Spectrum { total, ..Spectrum::default() };
        // As good as silent.
        if total < 1e-7 {
            return spectrum;
        }
        let mut period = [0.0; PERIOD];
        for earlier in self.window.as_chunks::<PERIOD>().0 {
            let mut n = 0;
            while n < PERIOD {
                period[n] += earlier[n];
                n += 1;
            }
        }
        for harmonic in 1..=HARMONICS {
            let amplitude = self.correlate(&period, harmonic);
            let power = power(amplitude);
            spectrum.harmonic += power;
            if let Some(index) = PILOT.iter().position(|&pilot| pilot == harmonic) {
                spectrum.pilot[index] = amplitude;
            } else if harmonic < HIGH {
                spectrum.low[harmonic - LOW] = power;
            } else {
                spectrum.high[harmonic - HIGH] = power;
            }
        }
        spectrum
    }

    fn correlate(&self, period: &[f32; PERIOD], harmonic: usize) -> (f32, f32) {
        let (mut turn, mut n) = (0, 0);
        let (mut re, mut im) = (0.0, 0.0);
        // By index: an iterator costs several calls a sample in an unoptimised build.
        while n < PERIOD {
            let (sample, (cos, sin)) = (period[n], self.waves[turn]);
            re += sample * cos;
            im += sample * sin;
            turn += harmonic;
            if turn >= PERIOD {
                turn -= PERIOD;
            }
            n += 1;
        }
        let scale = 2.0 / WINDOW as f32;
        (re * scale, im * scale)
    }
}

fn power((re, im): (f32, f32)) -> f32 {
    (re * re + im * im) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmonic_is_found_and_disturbs_no_other() {
        let mut analyser = Analyser::new();
        let tone = |n: usize| (TAU * 5.0 * n as f32 / PERIOD as f32).cos() * 10_000.0;
        let last = (0..1000).filter_map(|n| analyser.push(tone(n) as i16)).last().unwrap();
        assert!(last.low[5 - LOW] > 0.99 * last.total);
        assert!(last.harmonic < 1.01 * last.total);
    }

    #[test]
    fn a_voice_rings_out_and_silence_is_no_power_at_all() {
        let mut analyser = Analyser::new();
        let mut after = |samples: usize, value: i16| {
            (0..samples).filter_map(|_| analyser.push(value)).last().unwrap().total
        };
        assert_eq!(after(HOP, 0), 0.0);
        assert!(after(HOP, 10_000) > 0.0);
        assert!(after(WINDOW - HOP, 0) > 0.0, "the window still holds some of it");
        assert_eq!(after(2 * HOP, 0), 0.0);
    }

    #[test]
    fn there_is_a_measurement_every_four_milliseconds() {
        let mut analyser = Analyser::new();
        assert_eq!((0..8000).filter_map(|_| analyser.push(100)).count(), 250);
    }
}
