//! The policy over the network's scores.

use std::time::Duration;

use earshot::Detector;

use super::tones::ToneGate;
use super::voicing::voicing;
use super::{VadEvent, VadSettings};
use crate::audio::spectrum::WINDOW;
use crate::audio::{Frame, SAMPLE_RATE};

/// Samples that the network takes at a time: 16 ms.
const STEP: usize = 256;
/// Sound below this level is silence, in dB below full scale.
const SILENCE_DBFS: f32 = -62.0;
/// How well a window must repeat itself to count as voiced.
const VOICED: f32 = 0.55;
/// Sound so much below the voice that speaks does not continue it, in dB.
const BELOW_VOICE_DB: f32 = 30.0;
/// How far the remembered level of the voice falls in one window, in dB: 30 dB in about 1.6 s.
const LEVEL_FALL_DB: f32 = 0.3;
/// Windows that unvoiced sound may continue speech (fricatives, 240 ms); noise would go on for ever.
const UNVOICED_WINDOWS: usize = 15;
/// Windows after a tone that are not believed: its end spreads over that many.
const AFTER_TONE: usize = 3;

/// What one window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sound {
    Silence,
    /// A pure tone or a pair of them, or the edge of one.
    Tone,
    /// Speech by the network's opinion, but not voiced.
    Unvoiced,
    Voiced,
}

/// Hears speech begin and stop in a stream of frames.
pub struct Vad {
    settings: VadSettings,
    network: Box<Detector>,
    /// The last two steps of sound, over which tones and voicing are looked for.
    window: [i16; WINDOW],
    /// Samples of the newest step that have come so far.
    fresh: usize,
    tones: ToneGate,
    onset: Onset,
    speaking: bool,
    /// Windows since the last one that was speech.
    silent: usize,
    /// Windows since the last one that was voiced.
    unvoiced: usize,
    since_tone: usize,
    /// Level of the voice that speaks, in dB below full scale.
    voice_dbfs: f32,
}

impl Vad {
    /// A detector that has heard nothing yet.
    #[must_use]
    pub fn new(settings: VadSettings) -> Self {
        Self {
            network: Detector::default_boxed(),
            window: [0; WINDOW],
            fresh: 0,
            tones: ToneGate::default(),
            onset: Onset::new(windows_in(settings.onset)),
            speaking: false,
            silent: 0,
            unvoiced: 0,
            since_tone: usize::MAX,
            voice_dbfs: f32::MIN,
            settings,
        }
    }

    /// Whether somebody is speaking.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Changes the settings; what was heard is not forgotten.
    pub fn tune(&mut self, settings: VadSettings) {
        if settings.onset != self.settings.onset {
            self.onset = Onset::new(windows_in(settings.onset));
        }
        self.settings = settings;
    }

    /// Forgets everything heard so far.
    pub fn reset(&mut self) {
        *self = Self::new(self.settings);
    }

    /// Takes 20 ms and says whether speech began or stopped with it.
    pub fn hear(&mut self, frame: &Frame) -> Option<VadEvent> {
        let mut event = None;
        let mut samples = &frame.samples()[..];
        while !samples.is_empty() {
            let n = samples.len().min(STEP - self.fresh);
            let (now, later) = samples.split_at(n);
            self.window.copy_within(n.., 0);
            self.window[WINDOW - n..].copy_from_slice(now);
            self.fresh += n;
            samples = later;
            if self.fresh == STEP {
                self.fresh = 0;
                event = self.step().or(event);
            }
        }
        event
    }

    fn step(&mut self) -> Option<VadEvent> {
        let score = self.network.predict_i16(&self.window[WINDOW - STEP..]);
        let level = level_dbfs(&self.window[WINDOW - STEP..]);
        let sound = self.judge(score, level);
        if self.speaking { self.speaking(sound) } else { self.waiting(sound) }
    }

    fn judge(&mut self, score: f32, level: f32) -> Sound {
        self.since_tone = self.since_tone.saturating_add(1);
        let needed = if self.speaking { self.settings.stay_score } else { self.settings.start_score };
        if score < needed || level < SILENCE_DBFS {
            return Sound::Silence;
        }
        if self.tones.is_tone(&self.window) {
            self.since_tone = 0;
        }
        if self.since_tone <= AFTER_TONE {
            return Sound::Tone;
        }
        self.voice_dbfs -= LEVEL_FALL_DB;
        if level < self.voice_dbfs - BELOW_VOICE_DB {
            return Sound::Silence;
        }
        if voicing(&self.window) < VOICED {
            return Sound::Unvoiced;
        }
        self.voice_dbfs = self.voice_dbfs.max(level);
        Sound::Voiced
    }

    fn waiting(&mut self, sound: Sound) -> Option<VadEvent> {
        if !self.onset.add(sound) {
            return None;
        }
        self.onset.clear();
        self.speaking = true;
        self.silent = 0;
        self.unvoiced = 0;
        Some(VadEvent::SpeechStarted)
    }

    fn speaking(&mut self, sound: Sound) -> Option<VadEvent> {
        self.unvoiced = if sound == Sound::Voiced { 0 } else { self.unvoiced + 1 };
        let speech =
            sound == Sound::Voiced || (sound == Sound::Unvoiced && self.unvoiced <= UNVOICED_WINDOWS);
        self.silent = if speech { 0 } else { self.silent + 1 };
        if self.silent < windows_in(self.settings.stop) {
            return None;
        }
        self.speaking = false;
        self.voice_dbfs = f32::MIN;
        Some(VadEvent::SpeechStopped)
    }
}

impl std::fmt::Debug for Vad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vad").field("settings", &self.settings).field("speaking", &self.speaking).finish()
    }
}

/// Collects windows until they are enough to be the beginning of speech.
#[derive(Debug)]
struct Onset {
    /// Windows that must be speech.
    needed: usize,
    /// The newest windows, the last of them last: one more than needed, so that one may be bad.
    recent: Vec<Sound>,
}

impl Onset {
    fn new(needed: usize) -> Self {
        Self { needed, recent: Vec::with_capacity(needed + 1) }
    }

    fn clear(&mut self) {
        self.recent.clear();
    }

    /// Adds a window; true if speech has begun. At least half of the windows must be voiced.
    fn add(&mut self, sound: Sound) -> bool {
        if sound == Sound::Tone {
            self.clear();
            return false;
        }
        if self.recent.len() > self.needed {
            self.recent.remove(0);
        }
        self.recent.push(sound);
        let count = |wanted: Sound| self.recent.iter().filter(|&&sound| sound == wanted).count();
        let voiced = count(Sound::Voiced);
        voiced + count(Sound::Unvoiced) >= self.needed && 2 * voiced >= self.needed
    }
}

fn windows_in(time: Duration) -> usize {
    let window = u128::from(STEP as u64 * 1_000_000 / u64::from(SAMPLE_RATE));
    ((time.as_micros() + window / 2) / window).max(1) as usize
}

fn level_dbfs(samples: &[i16]) -> f32 {
    let mut sum = 0.0;
    for &sample in samples {
        sum += f32::from(sample) * f32::from(sample);
    }
    let mean_square = sum / samples.len() as f32 / (32_768.0 * 32_768.0);
    10.0 * mean_square.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::super::sounds::voice;
    use super::*;

    #[test]
    fn one_bad_window_is_forgiven_while_speech_begins_and_two_are_not() {
        let begins = |bad: &[usize]| {
            let mut onset = Onset::new(4);
            let sound = |n: usize| if bad.contains(&n) { Sound::Silence } else { Sound::Voiced };
            (0..5).any(|n| onset.add(sound(n)))
        };
        assert!(begins(&[]) && begins(&[0]) && begins(&[1]) && begins(&[2]) && begins(&[3]));
        assert!(!begins(&[1, 2]) && !begins(&[0, 3]));
    }

    #[test]
    fn what_keeps_speech_going_would_not_begin_it() {
        let mut vad = Vad::new(VadSettings::default());
        let sound = voice(150.0, 500, -20.0);
        vad.window.copy_from_slice(&sound[sound.len() - WINDOW..]);
        let VadSettings { start_score, stay_score, .. } = vad.settings;
        let between = f32::midpoint(start_score, stay_score);
        assert!(vad.judge(between, -20.0) == Sound::Silence);
        assert!(vad.judge(start_score, -20.0) == Sound::Voiced);
        vad.speaking = true;
        assert!(vad.judge(between, -20.0) == Sound::Voiced);
        assert!(vad.judge(stay_score - 0.01, -20.0) == Sound::Silence);
    }
}
