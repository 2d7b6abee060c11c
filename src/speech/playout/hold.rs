//! Hold audio under the speech: looped, silent while something is said, with soft edges.

use std::sync::Arc;

use crate::audio::SAMPLE_RATE;

/// Change of the gain per sample when it goes away: 15 ms from full to nothing.
const FALL: f32 = 1.0 / (SAMPLE_RATE as f32 * 0.015);
/// Change of the gain per sample when it comes (back): 200 ms.
const RISE: f32 = 1.0 / (SAMPLE_RATE as f32 * 0.2);

/// A loop that is mixed into frames.
#[derive(Debug, Default)]
pub(super) struct HoldTrack {
    audio: Option<Arc<[i16]>>,
    wanted: bool,
    position: usize,
    gain: f32,
}

impl HoldTrack {
    /// Plays this from now on, or nothing.
    pub(super) fn set(&mut self, audio: Option<Arc<[i16]>>) {
        let audio = audio.filter(|audio| !audio.is_empty());
        self.wanted = audio.is_some();
        let other = |new: &Arc<[i16]>| !self.audio.as_ref().is_some_and(|old| Arc::ptr_eq(old, new));
        if let Some(new) = audio.filter(other) {
            self.audio = Some(new);
            self.position = 0;
            self.gain = 0.0;
        }
    }

    /// Mixes the loop into a frame; with `paused` it fades out and then stands still. Whether it is to be heard.
    pub(super) fn mix(&mut self, samples: &mut [i16], paused: bool) -> bool {
        let Some(audio) = &self.audio else { return false };
        let audible = self.wanted && !paused;
        if !audible && self.gain == 0.0 {
            return false;
        }
        for sample in samples {
            self.gain = if audible { (self.gain + RISE).min(1.0) } else { (self.gain - FALL).max(0.0) };
            let under = (f32::from(audio[self.position]) * self.gain) as i16;
            *sample = sample.saturating_add(under);
            self.position += 1;
            if self.position == audio.len() {
                self.position = 0;
            }
        }
        true
    }
}
