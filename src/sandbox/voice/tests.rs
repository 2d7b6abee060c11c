//! What the voice must survive, and what must show.

use proptest::prelude::*;

use super::*;
use crate::audio::{Resampler, dtmf_tone, fade, g711, hold_audio};

const SENTENCES: [&str; 6] = [
    "Hello, this is Hailey from customer support. What can I help you with today?",
    "I want to speak to a manager",
    "yes",
    "aaaaaaaaaaaa  zzzz 0000 ........ !!",
    "Grüße aus Köln – 東京 🎉 \u{10FFFF}",
    "I'm sorry, I couldn't reach a supervisor. Is there anything else I can help with?",
];

/// Feeds a decoder in pieces that fit nothing.
fn hear(rate: u32, samples: &[i16]) -> Vec<Heard> {
    let mut decoder = Decoder::new(rate);
    let mut heard: Vec<Heard> = samples.chunks(313).flat_map(|piece| decoder.push(piece)).collect();
    heard.extend(decoder.finish());
    heard
}

/// Every speech that was heard: text, intact, cut.
fn texts(heard: &[Heard]) -> Vec<(String, bool, bool)> {
    let texts = heard.iter().filter_map(|heard| match heard {
        Heard::Text { text, intact, cut, .. } => Some((text.clone(), *intact, *cut)),
        _ => None,
    });
    texts.collect()
}

fn whole(text: &str) -> Vec<(String, bool, bool)> {
    vec![(text.to_owned(), true, false)]
}

/// Changes the level from the −20 dBFS of the encoder.
fn at_level(samples: &[i16], dbfs: f64) -> Vec<i16> {
    let gain = 10f64.powf((dbfs + 20.0) / 20.0);
    samples.iter().map(|&s| (f64::from(s) * gain).clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// Adds white noise of about `dbfs`, always the same.
fn with_noise(samples: &[i16], dbfs: f64) -> Vec<i16> {
    let amplitude = 32_768.0 * 10f64.powf(dbfs / 20.0) * 3f64.sqrt();
    let mut state = 12_345u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1 << 23) - 1.0) * amplitude
    };
    samples.iter().map(|&s| (f64::from(s) + noise()).clamp(-32_768.0, 32_767.0) as i16).collect()
}

fn with_silence(before: usize, samples: &[i16]) -> Vec<i16> {
    [vec![0; before], samples.to_vec(), vec![0; 4000]].concat()
}

/// A telephone line: 8 kHz µ-law and back to 16 kHz.
fn telephone(samples: &[i16]) -> Vec<i16> {
    let narrow = Resampler::new(16_000, 8_000).push(samples);
    let line = g711::decode_ulaw(&g711::encode_ulaw(&narrow));
    Resampler::new(8_000, 16_000).push(&line)
}

#[test]
fn a_text_comes_back_exactly_at_every_level_and_alignment_through_a_telephone_line_with_noise() {
    for (n, text) in SENTENCES.into_iter().enumerate() {
        for dbfs in [-10.0, -20.0, -30.0, -40.0] {
            let spoken = with_silence(1000 + n * 37, &at_level(&encode(text), dbfs));
            let line = telephone(&with_noise(&spoken, -60.0));
            assert_eq!(texts(&hear(16_000, &line)), whole(text), "{dbfs} dBFS");
        }
    }
}

#[test]
fn every_usual_sample_rate_is_heard() {
    for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
        let spoken = with_silence(777, &encode(SENTENCES[0]));
        let samples = Resampler::new(16_000, rate).push(&spoken);
        assert_eq!(texts(&hear(rate, &samples)), whole(SENTENCES[0]), "{rate} Hz");
    }
}

#[test]
fn many_sentences_in_a_row_are_as_many_texts() {
    let audio: Vec<i16> = SENTENCES.iter().flat_map(|text| encode(text)).collect();
    let expected: Vec<_> = SENTENCES.iter().flat_map(|text| whole(text)).collect();
    assert_eq!(texts(&hear(16_000, &with_silence(0, &audio))), expected);
}

#[test]
fn the_text_grows_letter_by_letter_and_words_have_their_places() {
    let text = "one two three";
    let (samples, said) = encode_with_words(text);
    let heard = hear(16_000, &with_silence(16_000, &samples));
    let Heard::SpeechStart { at } = heard[0] else { panic!("{heard:?}") };
    assert!(at.abs_diff(Duration::from_secs(1)) < Duration::from_millis(20), "{at:?}");
    let grown: Vec<_> =
        heard.iter().filter_map(|h| if let Heard::Chars(t) = h { Some(t) } else { None }).collect();
    let expected: Vec<_> = (1..=text.len()).map(|n| &text[..n]).collect();
    assert_eq!(grown, expected);
    let Some(Heard::Text { words, .. }) = heard.last() else { panic!("{heard:?}") };
    assert_eq!(words.len(), 3);
    for (heard, said) in words.iter().zip(&said) {
        assert_eq!(heard.text, said.text);
        let start = said.start + Duration::from_secs(1);
        assert!(heard.start.abs_diff(start) < Duration::from_millis(20), "{heard:?} {said:?}");
        assert!((heard.end - heard.start).abs_diff(said.end - said.start) < Duration::from_millis(20));
    }
}

#[test]
fn the_text_is_out_soon_after_the_voice_ends() {
    let samples = encode("hello there");
    let spoken = samples.len() - 960;
    let mut decoder = Decoder::new(16_000);
    let audio = with_silence(0, &samples);
    let late = audio
        .chunks(16)
        .position(|piece| decoder.push(piece).iter().any(|h| matches!(h, Heard::Text { .. })));
    let late = late.unwrap() - spoken / 16;
    assert!(late < 90, "{late} ms");
}

#[test]
fn a_voice_that_is_cut_leaves_what_was_said_until_then() {
    let text = SENTENCES[0];
    let samples = encode(text);
    for cut in (4_000..samples.len() - 4_000).step_by(1_111) {
        let mut said = samples[..cut + 240].to_vec();
        fade(&mut said[cut..], 1.0, 0.0);
        let heard = texts(&hear(16_000, &telephone(&with_silence(500, &said))));
        let [(heard, false, true)] = &heard[..] else { panic!("cut at {cut}: {heard:?}") };
        assert!(text.starts_with(heard.as_str()), "cut at {cut}: {heard:?}");
        let expected = (cut / 768).saturating_sub(4);
        assert!(heard.len() >= expected, "cut at {cut}: {heard:?}");
    }
}

#[test]
fn who_hangs_up_near_the_end_has_heard_a_whole_sentence_or_a_cut_one_and_never_damage() {
    let text = "Hi Sam";
    let line = Resampler::new(16_000, 8_000).push(&with_silence(800, &encode(text)));
    let line = g711::decode_ulaw(&g711::encode_ulaw(&line));
    let mut wholes = 0;
    for end in (line.len() - 6_000..line.len()).step_by(16) {
        let mut decoder = Decoder::new(8_000);
        let mut heard = decoder.push(&line[..end]);
        heard.extend(decoder.finish());
        for (heard, intact, cut) in texts(&heard) {
            assert!(text.starts_with(&heard), "{end}: {heard:?}");
            assert!(cut != intact, "{end}: intact {intact}, cut {cut}");
            wholes += usize::from(intact);
        }
    }
    assert!(wholes > 125, "{wholes}: the quarter of a second after the end, at least");
}

#[test]
fn a_voice_that_is_replaced_by_another_is_cut_and_the_other_is_heard_whole() {
    for cut in (6_000..12_000).step_by(173) {
        let first = encode("good morning my dear friend");
        let audio = [&first[..cut], &encode("Stop there."), &[0; 3000]].concat();
        let heard = texts(&hear(16_000, &audio));
        assert_eq!(heard.len(), 2, "cut at {cut}: {heard:?}");
        assert!("good morning my dear friend".starts_with(heard[0].0.as_str()) && heard[0].2, "{heard:?}");
        assert_eq!(heard[1].0.trim_start_matches(DAMAGE), "Stop there.", "cut at {cut}: {heard:?}");
    }
}

#[test]
fn who_listens_from_mid_sentence_hears_the_rest_and_that_something_was_missed() {
    let text = SENTENCES[0];
    let samples = encode(text);
    for from in (8_000..24_000).step_by(777) {
        let heard = texts(&hear(16_000, &with_silence(0, &samples[from..])));
        let [(heard, false, false)] = &heard[..] else { panic!("from {from}: {heard:?}") };
        let rest = heard.strip_prefix(DAMAGE).unwrap();
        assert!(text.ends_with(rest) && rest.len() > 40, "from {from}: {heard}");
    }
}

#[test]
fn tones_music_noise_and_silence_are_no_speech() {
    let music = hold_audio();
    let loud: Vec<i16> = music.iter().map(|s| s.saturating_mul(8)).collect();
    let keys: Vec<i16> =
        "0123456789*#ABCD".chars().flat_map(|key| dtmf_tone(key, 120, 16_000).unwrap()).collect();
    let noise = with_noise(&vec![0; 48_000], -20.0);
    for audio in [&music[..], &loud, &keys, &noise, &vec![0; 16_000], &vec![20_000; 16_000]] {
        assert_eq!(hear(16_000, &telephone(audio)), []);
    }
    let around = [&music[..], &[0; 500], &encode("hello"), &[0; 100], &keys, &encode("bye"), &music].concat();
    let expected = [whole("hello"), whole("bye")].concat();
    assert_eq!(texts(&hear(16_000, &telephone(&around))), expected);
}

#[test]
fn blank_text_is_silent() {
    assert!(encode("  \n").is_empty());
    assert!(encode("").is_empty());
}

/// What a line does to 20 ms of audio.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Dropped,
    Doubled,
    Swapped,
    Silenced,
    ThreeDropped,
}

fn happen(mishap: Mishap, frames: &mut Vec<Vec<i16>>, at: usize) {
    match mishap {
        Mishap::Dropped => drop(frames.remove(at)),
        Mishap::Doubled => frames.insert(at, frames[at].clone()),
        Mishap::Swapped => frames.swap(at, at + 1),
        Mishap::Silenced => frames[at].fill(0),
        Mishap::ThreeDropped => drop(frames.drain(at..at + 3)),
    }
}

#[test]
fn every_lost_doubled_swapped_or_silenced_frame_shows_where_it_happened() {
    use Mishap::*;
    const FRAME: usize = 160;
    let text = "What about my bill from March?";
    let voice = encode(text);
    let narrow = Resampler::new(16_000, 8_000).push(&with_silence(3_200 + 90, &voice));
    let line = g711::decode_ulaw(&g711::encode_ulaw(&narrow));
    let whole: Vec<Vec<i16>> = line.chunks(FRAME).map(<[i16]>::to_vec).collect();
    let first = 3_200 / 2 / FRAME + 1;
    let last = (3_200 + voice.len() - 960) / 2 / FRAME - 1;
    let mut wrong = Vec::new();
    for at in first..last {
        for mishap in [Dropped, Doubled, Swapped, Silenced, ThreeDropped] {
            let mut frames = whole.clone();
            happen(mishap, &mut frames, at);
            let heard = texts(&hear(8_000, &frames.concat()));
            if !shows_damage(text, &heard, at + 4 >= last) {
                wrong.push(format!("{mishap:?} {at} of {first}..{last}: {heard:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether what was heard of `text` shows that something is missing, and every other letter is right and in
/// its place. Without its end, a text is as good as cut.
fn shows_damage(text: &str, heard: &[(String, bool, bool)], at_end: bool) -> bool {
    let joined: String = heard.iter().map(|(text, ..)| text.as_str()).collect();
    let shown = joined.contains(DAMAGE) || (at_end && heard.iter().any(|&(_, _, cut)| cut));
    let mut rest = Some(text);
    let mut letters = 0;
    for piece in joined.split(DAMAGE) {
        rest = rest.and_then(|rest| rest.find(piece).map(|n| &rest[n + piece.len()..]));
        letters += piece.len();
    }
    shown && rest.is_some() && letters + 7 >= text.len()
}

#[test]
fn the_voice_activity_detector_hears_speech_in_every_frame_and_soon() {
    let (mut frames, mut worst, mut latest) = (0, 1f32, 0);
    for (n, text) in SENTENCES.into_iter().enumerate() {
        for dbfs in [-15.0, -20.0, -38.0] {
            let before = 8_000 + n * 61;
            let voice = at_level(&encode(text), dbfs);
            let spoken = before + voice.len() - 960;
            let audio = with_noise(&with_silence(before, &voice), -70.0);
            for audio in [audio.clone(), telephone(&audio)] {
                let mut detector = earshot::Detector::default();
                let scores: Vec<f32> =
                    audio.as_chunks::<256>().0.iter().map(|frame| detector.predict_i16(frame)).collect();
                assert!(scores[..before / 256].iter().all(|&score| score < 0.5), "speech before speech");
                let first = scores.iter().position(|&score| score >= 0.5).unwrap();
                latest = latest.max(((first + 1) * 256 - before) / 16);
                for score in &scores[before / 256 + 4..spoken / 256] {
                    frames += 1;
                    worst = worst.min(*score);
                }
            }
        }
    }
    assert!(worst >= 0.5, "worst score {worst} of {frames} frames");
    assert!(latest <= 48, "onset after {latest} ms");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_comes_back(text in "\\PC{1,24}", offset in 0usize..2_000, dbfs in -38f64..-12.0) {
        prop_assume!(!text.trim().is_empty());
        let line = telephone(&with_silence(offset, &at_level(&encode(&text), dbfs)));
        prop_assert_eq!(texts(&hear(16_000, &line)), whole(&text));
    }

    #[test]
    fn no_samples_can_hurt(samples in proptest::collection::vec(any::<i16>(), 0..4_000)) {
        hear(8_000, &samples);
    }
}
