//! Speech, and everything that must not be taken for it, as heard over a telephone line.

use super::sounds::{frames, mixed, noise, over_the_phone, silence, voice};
use super::*;
use crate::audio::{busy, dtmf_tone, ringback};

/// The events with the time in ms at which the frame that told had ended.
fn listen(samples: &[i16]) -> Vec<(VadEvent, usize)> {
    let mut vad = Vad::new(VadSettings::default());
    let frames = frames(&over_the_phone(samples));
    frames.iter().enumerate().filter_map(|(n, frame)| Some((vad.hear(frame)?, 20 * (n + 1)))).collect()
}

/// Half a second of silence, a sound, and as much silence again.
fn between_silences(sound: &[i16]) -> Vec<i16> {
    [silence(500), sound.to_vec(), silence(500)].concat()
}

#[test]
fn a_voice_starts_speech_within_150_ms_and_stops_it_within_250() {
    for fundamental in [90.0, 114.0, 150.0, 220.0, 300.0] {
        for dbfs in [-20.0, -40.0, -45.0] {
            let heard = listen(&between_silences(&voice(fundamental, 800, dbfs)));
            let [(VadEvent::SpeechStarted, start), (VadEvent::SpeechStopped, stop)] = heard[..] else {
                panic!("{fundamental} Hz at {dbfs} dBFS: {heard:?}")
            };
            assert!((600..=650).contains(&start), "{fundamental} Hz at {dbfs} dBFS started at {start}");
            assert!((1_480..=1_550).contains(&stop), "{fundamental} Hz at {dbfs} dBFS stopped at {stop}");
        }
    }
}

#[test]
fn a_word_of_200_ms_is_heard_when_spoken_softly() {
    for fundamental in [100.0, 200.0] {
        assert_eq!(listen(&between_silences(&voice(fundamental, 200, -40.0))).len(), 2);
    }
}

#[test]
fn a_blip_of_60_ms_is_not_speech() {
    assert_eq!(listen(&between_silences(&voice(114.0, 60, -20.0))), []);
}

#[test]
fn silence_and_line_noise_are_not_speech() {
    assert_eq!(listen(&silence(3_000)), []);
    for dbfs in [-20.0, -30.0, -40.0, -50.0, -60.0] {
        assert_eq!(listen(&noise(5_000, dbfs)), [], "{dbfs} dBFS");
    }
}

#[test]
fn a_voice_is_heard_over_line_noise_and_its_end_as_well() {
    for dbfs in [-30.0, -40.0, -50.0] {
        let heard = listen(&mixed(&between_silences(&voice(150.0, 1_000, -20.0)), &noise(2_000, dbfs)));
        let [(VadEvent::SpeechStarted, start), (VadEvent::SpeechStopped, stop)] = heard[..] else {
            panic!("{dbfs} dBFS: {heard:?}")
        };
        assert!((560..=650).contains(&start) && (1_680..=2_000).contains(&stop), "{dbfs} dBFS: {heard:?}");
    }
}

#[test]
fn keys_are_not_speech_however_they_are_pressed() {
    for (on, off) in [(40, 40), (60, 60), (80, 20), (120, 80), (500, 100)] {
        let mut keys = Vec::new();
        for key in "1234567890*#".chars() {
            keys.extend(dtmf_tone(key, on, 16_000).unwrap());
            keys.extend(silence(off));
        }
        for loudness in [1, 8] {
            let keys: Vec<i16> = keys.iter().map(|s| s / loudness).collect();
            let noisy = mixed(&keys, &noise(keys.len() / 16, -55.0));
            assert_eq!(listen(&keys), [], "{on} ms on, {off} ms off");
            assert_eq!(listen(&noisy), [], "{on} ms on, {off} ms off, on a noisy line");
        }
    }
}

#[test]
fn call_progress_tones_are_not_speech() {
    assert_eq!(listen(&ringback()), []);
    assert_eq!(listen(&busy().repeat(4)), []);
    assert_eq!(listen(&mixed(&busy().repeat(4), &noise(4_000, -50.0))), []);
}

#[test]
fn pure_tones_are_not_speech() {
    for hz in [50.0, 120.0, 180.0, 250.0, 300.0, 425.0, 1_000.0, 2_100.0] {
        let tone = crate::audio::tones(&[hz], 1_000, 16_000);
        assert_eq!(listen(&between_silences(&tone)), [], "{hz} Hz");
    }
}

#[test]
fn a_key_after_a_word_lets_the_word_end() {
    let heard = listen(&[voice(150.0, 500, -20.0), dtmf_tone('1', 1_500, 16_000).unwrap()].concat());
    let [_, (VadEvent::SpeechStopped, stop)] = heard[..] else { panic!("{heard:?}") };
    assert!(stop < 900, "stopped at {stop}");
}

#[test]
fn short_gaps_within_speech_do_not_stop_it() {
    let word = voice(150.0, 300, -20.0);
    let sentence = [word.clone(), silence(150), word.clone(), silence(150), word].concat();
    assert_eq!(listen(&between_silences(&sentence)).len(), 2);
}

#[test]
fn a_reset_forgets_that_somebody_spoke() {
    let mut vad = Vad::new(VadSettings::default());
    let told: Vec<_> = frames(&voice(150.0, 500, -20.0)).iter().filter_map(|f| vad.hear(f)).collect();
    assert_eq!(told, [VadEvent::SpeechStarted]);
    vad.reset();
    assert!(!vad.is_speaking());
    assert!(frames(&silence(1_000)).iter().all(|frame| vad.hear(frame).is_none()));
}
