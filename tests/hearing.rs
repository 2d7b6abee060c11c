//! The emulated voice, over a telephone line, through playout, voice activity and turn-taking: the parts of
//! the call's audio path fit together.

use std::time::Duration;

use callflow::audio::g711::{decode_ulaw, encode_ulaw};
use callflow::audio::{Frame, Resampler};
use callflow::pii::Utterance;
use callflow::sandbox::voice::{Decoder, Heard, encode};
use callflow::speech::playout::{Playout, PlayoutEvent, PlayoutSettings};
use callflow::speech::turn::{TurnEvent, TurnSettings, TurnTaker};
use callflow::speech::{ContextId, SttEvent};

const SENTENCES: [&str; 3] =
    ["I need help with my bill", "yes", "My number is 555 0100, thanks! Can you look it up for me?"];

/// The text of an utterance that has been heard to its end.
fn text_of(heard: Heard) -> Option<String> {
    match heard {
        Heard::Text { text, .. } => Some(text),
        _ => None,
    }
}

fn over_the_phone(samples: &[i16]) -> Vec<i16> {
    let narrow = Resampler::new(16_000, 8_000).push(samples);
    Resampler::new(8_000, 16_000).push(&decode_ulaw(&encode_ulaw(&narrow)))
}

#[test]
fn each_sentence_on_the_phone_is_one_turn() {
    for sentence in SENTENCES {
        let silence = vec![0; 16_000];
        let samples = over_the_phone(&[silence.clone(), encode(sentence), silence].concat());
        let mut taker = TurnTaker::new(TurnSettings::default());
        let mut ear = Decoder::new(16_000);
        let mut told = Vec::new();
        for (n, frame) in samples.chunks_exact(320).enumerate() {
            let now = Duration::from_millis(20 * (n as u64 + 1));
            taker.hear(now, &Frame::from_samples(frame));
            for text in ear.push(frame).into_iter().filter_map(text_of) {
                let text = Utterance::new(text);
                taker.transcript(now, &SttEvent::Final { text, speech_final: true });
            }
            told.extend(std::iter::from_fn(|| taker.poll_event()));
        }
        let turn = TurnEvent::TurnEnded { text: Utterance::new(sentence) };
        assert_eq!(told, [TurnEvent::SpeechStarted, TurnEvent::SpeechStopped, turn]);
    }
}

#[test]
fn what_is_played_out_is_what_was_said_however_the_audio_arrives() {
    let mut playout = Playout::new(PlayoutSettings::default());
    let mut ear = Decoder::new(16_000);
    let mut heard = Vec::new();
    let mut finished = Vec::new();
    for (n, sentence) in SENTENCES.iter().enumerate() {
        playout.begin(ContextId(n as u64), &Utterance::new(*sentence));
    }
    let voices: Vec<Vec<i16>> = SENTENCES.iter().map(|sentence| encode(sentence)).collect();
    let mut chunks: Vec<_> = voices.iter().map(|voice| voice.chunks(1_777)).collect();
    while !playout.is_idle() {
        for (n, chunks) in chunks.iter_mut().enumerate() {
            match chunks.next() {
                Some(chunk) => playout.push(ContextId(n as u64), chunk),
                None => playout.end(ContextId(n as u64)),
            }
        }
        heard.extend(ear.push(playout.next_frame().samples()));
        while let Some(event) = playout.poll_event() {
            if let PlayoutEvent::Finished { heard, .. } = event {
                finished.push((heard.text.text().to_owned(), heard.all));
            }
        }
    }
    heard.extend(ear.finish());
    let heard: Vec<_> = heard.into_iter().filter_map(text_of).collect();
    assert_eq!(heard, SENTENCES);
    assert_eq!(finished, SENTENCES.map(|sentence| (sentence.to_owned(), true)));
}
