//! Tells tones from voices: keys, ringback, busy, beeps.

use crate::audio::spectrum::{Peaks, WINDOW, peaks};

/// Share of the sound from which one sinusoid is a tone of its own.
const ALONE: f32 = 0.985;
/// Below this frequency, in Hz, one sinusoid may be a hummed "mm-hm" as well, which glides.
const HUMMED_HZ: f32 = 350.0;
/// How much the frequency of a low but steady tone may seem to change from one look to the next, in Hz.
const STEADY_HZ: f32 = 0.3;
/// Share of the sound from which two sinusoids are a pair of tones, if they are not harmonics of one voice.
const PAIR: f32 = 0.95;
/// Frequency ratios of neighbouring low harmonics; whole numbers are ratios of harmonics, too. The pairs of
/// telephone tones are chosen to avoid them.
const HARMONIC_RATIOS: [f32; 2] = [1.5, 4.0 / 3.0];
/// Relative deviation from such a ratio: voices glide within a window.
const RATIO_TOLERANCE: f32 = 0.02;

/// Looks at windows one after the other for sounds that are one or two sinusoids and next to nothing else.
#[derive(Debug, Default)]
pub(super) struct ToneGate {
    /// Frequency of the strongest sinusoid at the last look.
    last_hz: f32,
}

impl ToneGate {
    /// Whether this window is a tone.
    pub(super) fn is_tone(&mut self, window: &[i16; WINDOW]) -> bool {
        let Some(found) = peaks(window) else { return false };
        let steady = found.first.hz > HUMMED_HZ || (found.first.hz - self.last_hz).abs() < STEADY_HZ;
        self.last_hz = found.first.hz;
        let alone = found.first.share > ALONE && steady;
        let pair = found.first.share <= ALONE && found.purity() > PAIR && !are_harmonics(&found);
        alone || pair
    }
}

fn are_harmonics(found: &Peaks) -> bool {
    let (a, b) = (found.first.hz, found.second.hz);
    let ratio = a.max(b) / a.min(b).max(1.0);
    let near = |harmonic: f32| (ratio / harmonic - 1.0).abs() < RATIO_TOLERANCE;
    HARMONIC_RATIOS.into_iter().any(near) || (ratio > 1.5 && near(ratio.round()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{busy, dtmf_tone, ringback};

    #[test]
    fn keys_and_call_progress_are_tones() {
        for key in "1234567890*#ABCD".chars() {
            let tone = dtmf_tone(key, 100, 16_000).unwrap();
            assert!(ToneGate::default().is_tone(tone[500..500 + WINDOW].try_into().unwrap()), "{key}");
        }
        for tone in [ringback(), busy()] {
            let mut gate = ToneGate::default();
            for window in tone[32..7_900].chunks_exact(WINDOW) {
                assert!(gate.is_tone(window.try_into().unwrap()));
            }
        }
        assert!(!ToneGate::default().is_tone(&[0; WINDOW]));
    }
}
