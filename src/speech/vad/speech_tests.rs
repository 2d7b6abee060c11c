//! Speech as a telephone brings it: clips that `tests/audio/speech.py` had espeak-ng speak, at several levels, on a
//! silent line and on a noisy one.

use std::fs;
use std::path::Path;

use super::sounds::{frames, mixed, noise, over_the_phone, silence};
use super::*;
use crate::audio::g711::decode_ulaw;
use crate::audio::{Resampler, busy, dtmf_tone, ringback};

/// Silence before each clip.
const BEFORE_MS: usize = 600;

/// All clips by name, at 16 kHz and -20 dBFS.
fn clips() -> Vec<(String, Vec<i16>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/speech");
    let mut clips: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let samples = decode_ulaw(&fs::read(&path).unwrap());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, Resampler::new(8_000, 16_000).push(&samples))
        })
        .collect();
    clips.sort();
    assert_eq!(clips.len(), 18, "the clips are there");
    clips
}

fn quieter(samples: &[i16], db: i32) -> Vec<i16> {
    let gain = 10f64.powf(-f64::from(db) / 20.0);
    samples.iter().map(|&sample| (f64::from(sample) * gain) as i16).collect()
}

/// Milliseconds from the clip's first sound to each event.
fn listen(clip: &[i16], line_noise: Option<f64>) -> Vec<(VadEvent, i64)> {
    let mut samples = [silence(BEFORE_MS), clip.to_vec(), silence(1_000)].concat();
    if let Some(dbfs) = line_noise {
        samples = mixed(&samples, &noise(samples.len() / 16 + 1, dbfs));
    }
    let mut vad = Vad::new(VadSettings::default());
    let frames = frames(&over_the_phone(&samples));
    let at = |n: usize| 20 * (n as i64 + 1) - BEFORE_MS as i64;
    frames.iter().enumerate().filter_map(|(n, frame)| Some((vad.hear(frame)?, at(n)))).collect()
}

fn onset(heard: &[(VadEvent, i64)]) -> Option<i64> {
    heard.iter().find(|(event, _)| *event == VadEvent::SpeechStarted).map(|(_, at)| *at)
}

#[test]
fn words_begin_to_be_heard_within_230_ms_at_any_level_and_on_a_noisy_line() {
    for (level, line_noise) in [(0, None), (25, None), (10, Some(-55.0))] {
        let mut onsets: Vec<(i64, String)> = Vec::new();
        let mut missed = Vec::new();
        for (name, clip) in clips() {
            match onset(&listen(&quieter(&clip, level), line_noise)) {
                Some(at) => onsets.push((at, name)),
                None => missed.push(name),
            }
        }
        onsets.sort();
        assert_eq!(missed, Vec::<String>::new(), "at {} dBFS, noise {line_noise:?}", -20 - level);
        let p95 = onsets[(onsets.len() * 95).div_ceil(100) - 1].0;
        assert!(p95 <= 230, "at {} dBFS, noise {line_noise:?}: {onsets:?}", -20 - level);
    }
}

#[test]
fn what_is_said_softly_is_heard_down_to_a_fifth_of_a_second() {
    let mut missed = Vec::new();
    // The sentence would be cut anywhere; a word is cut in its middle, where its vowel is.
    for (name, clip) in clips().into_iter().filter(|(name, _)| !name.ends_with("-bill")) {
        for ms in [200, 300] {
            let from = clip.len().saturating_sub(ms * 16) / 2;
            let part = &clip[from..(from + ms * 16).min(clip.len())];
            if onset(&listen(&quieter(part, 20), None)).is_none() {
                missed.push(format!("{ms} ms of {name}"));
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn what_a_line_sounds_like_without_a_caller_is_not_speech_and_a_caller_over_it_is() {
    let key = dtmf_tone('5', 200, 16_000).unwrap();
    let sounds =
        [ringback().to_vec(), busy().repeat(3), [key, silence(300)].concat().repeat(4), noise(8_000, -45.0)];
    for sound in sounds {
        assert_eq!(onset(&listen(&sound, Some(-55.0))), None);
    }
    let (_, clip) = clips().swap_remove(0);
    let hum = noise(clip.len() / 16 + 1, -45.0);
    assert!(onset(&listen(&mixed(&clip, &hum), Some(-50.0))).is_some());
}
