//! Our own clients with the emulators: what is written is spoken, and what is spoken is heard.

use callflow::audio::{FRAME_SAMPLES, Frame};
use callflow::pii::{ApiKey, Utterance};
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::speech::aura::Aura;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::flux::{Flux, FluxTurns};
use callflow::speech::openai::{OpenAi, http_client};
use callflow::speech::openai_audio::{OpenAiEar, OpenAiVoice};
use callflow::speech::{
    ContextId, Llm, LlmEvent, LlmRequest, Message, Stt, SttCommand, SttEvent, SttParams, SttStream, Tts,
    TtsCommand, TtsEvent, TtsParams,
};
use tokio::time::timeout;

use super::place::{PATIENCE, Place};

fn key() -> ApiKey {
    ApiKey::new("any")
}

async fn recogniser(place: &Place) -> SttStream {
    let client = Deepgram::new(&place.sandbox.urls().deepgram, key()).unwrap();
    let params = SttParams { model: "nova-3-general".into(), language: "en-US".into(), call_id: "c".into() };
    client.open(params).await.unwrap()
}

/// Speaks texts in one context and gives the samples.
async fn speak(place: &Place, texts: &[&str]) -> Vec<i16> {
    let client = Cartesia::new(&place.sandbox.urls().cartesia, key()).unwrap();
    speak_with(&client, "sonic-3", texts).await
}

async fn speak_with(client: &dyn Tts, model: &str, texts: &[&str]) -> Vec<i16> {
    let params = TtsParams {
        model: model.into(),
        voice: Some("any".into()),
        language: "en-US".into(),
        call_id: "c".into(),
    };
    let mut voice = client.open(params).await.unwrap();
    let context = ContextId(1);
    for (n, text) in texts.iter().enumerate() {
        let last = n + 1 == texts.len();
        let text = Utterance::new(*text);
        voice.commands.send(TtsCommand::Speak { context, text, last }).await.unwrap();
    }
    let mut spoken = Vec::new();
    loop {
        match timeout(PATIENCE, voice.events.recv()).await.expect("no audio").unwrap() {
            TtsEvent::Audio { samples, .. } => spoken.extend(samples),
            TtsEvent::Words { .. } => {}
            TtsEvent::Done(_) => return spoken,
            other => panic!("{other:?}"),
        }
    }
}

/// Feeds samples in real time, as a call does.
async fn listen(stream: &SttStream, samples: &[i16]) {
    for frame in samples.chunks(FRAME_SAMPLES) {
        stream.commands.send(SttCommand::Audio(Frame::from_samples(frame))).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The finals until one that ends an utterance.
async fn heard(stream: &mut SttStream) -> String {
    let mut finals = Vec::new();
    loop {
        match timeout(PATIENCE, stream.events.recv()).await.expect("nothing heard").unwrap() {
            SttEvent::Final { text, speech_final } => {
                finals.push(text.text().trim().to_owned());
                if speech_final {
                    return finals.join(" ").trim().to_owned();
                }
            }
            SttEvent::Closed(result) => panic!("{result:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_our_tts_client_is_given_our_stt_client_hears() {
    let place = Place::start().await;
    let samples = speak(&place, &["Hello there, this is Hailey. ", "What can I do for you?"]).await;
    let mut stream = recogniser(&place).await;
    listen(&stream, &[samples, vec![0; 16_000]].concat()).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    let mut text = heard(&mut stream).await;
    while !text.ends_with("you?") {
        text = format!("{text} {}", heard(&mut stream).await);
    }
    assert_eq!(text, "Hello there, this is Hailey. What can I do for you?");
    drop(stream);
    place.quiet().await;
}

#[tokio::test]
async fn a_recogniser_that_is_cut_off_is_reached_again() {
    let place = Place::start().await;
    let mut stream = recogniser(&place).await;
    let broken = Injection::once(Service::Deepgram, Fault::Disconnect).on("final");
    place.sandbox.faults().inject(broken).unwrap();
    let hello = [speak(&place, &["Hello."]).await, vec![0; 48_000]].concat();
    listen(&stream, &hello).await;
    listen(&stream, &hello).await;
    assert!(heard(&mut stream).await.contains("Hello."));
}

#[tokio::test]
async fn a_recogniser_to_which_nobody_speaks_for_a_minute_keeps_its_one_connection() {
    let place = Place::start().await;
    let mut stream = recogniser(&place).await;
    // Six times as long as the vendor waits for a message before it closes with 1011, NET-0001.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    listen(&stream, &[speak(&place, &["Hello."]).await, vec![0; 48_000]].concat()).await;
    assert!(heard(&mut stream).await.contains("Hello."));
    let connections = place.sandbox.traces().iter().filter(|trace| trace.service == "deepgram").count();
    assert_eq!(connections, 1, "it was closed for want of a message, and opened again");
}

#[tokio::test]
async fn our_llm_client_gets_a_sentence() {
    let place = Place::start().await;
    let base = &place.sandbox.urls().openai;
    let client = OpenAi::new(base, key(), http_client(base).unwrap()).unwrap();
    let mut reply = client.reply(LlmRequest {
        model: "gpt-4o".into(),
        system: "You are Hailey.".into(),
        messages: vec![Message::User(Utterance::new("I need help with my bill"))],
        tools: Vec::new(),
        request_id: "c-1".into(),
    });
    let mut text = String::new();
    loop {
        match timeout(PATIENCE, reply.events.recv()).await.expect("no reply").unwrap() {
            LlmEvent::Text(piece) => text.push_str(&piece),
            LlmEvent::Done => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(text.contains("your bill"), "{text}");
}

#[tokio::test]
async fn every_voice_is_heard_by_every_recogniser() {
    let place = Place::start().await;
    let urls = place.sandbox.urls();
    let voices: [(&dyn Tts, &str); 3] = [
        (&Cartesia::new(&urls.cartesia, key()).unwrap(), "sonic-3"),
        (&Aura::new(&urls.deepgram, key()).unwrap(), "aura-2-thalia-en"),
        (&OpenAiVoice::new(&urls.openai, key()).unwrap(), "gpt-4o-mini-tts"),
    ];
    let ears: [(&dyn Stt, &str); 3] = [
        (&Deepgram::new(&urls.deepgram, key()).unwrap(), "nova-3-general"),
        (&Flux::new(&urls.deepgram, key()).unwrap(), "flux-general-en"),
        (&OpenAiEar::new(&urls.openai, key()).unwrap(), "gpt-4o-transcribe"),
    ];
    for (voice, model) in voices {
        let samples = speak_with(voice, model, &["I want a person, ", "now."]).await;
        let samples = [samples, vec![0; 16_000]].concat();
        for (ear, model) in ears {
            let params = SttParams { model: model.into(), language: "en-US".into(), call_id: "c".into() };
            let mut stream = ear.open(params).await.unwrap();
            listen(&stream, &samples).await;
            if !ear.capabilities().ends_turns {
                stream.commands.send(SttCommand::Finalize).await.unwrap();
            }
            let mut heard = String::new();
            while !heard.ends_with("now.") {
                let text =
                    match timeout(PATIENCE, stream.events.recv()).await.expect("nothing heard").unwrap() {
                        SttEvent::Final { text, .. } | SttEvent::EndOfTurn { text } => text,
                        SttEvent::Closed(result) => panic!("{result:?}"),
                        _ => continue,
                    };
                heard = format!("{heard} {}", text.text());
            }
            assert_eq!(heard.split_whitespace().collect::<Vec<_>>().join(" "), "I want a person, now.");
        }
    }
    place.quiet().await;
}

#[tokio::test]
async fn flux_tells_our_client_of_eager_ends_and_of_turns_that_go_on() {
    let place = Place::start().await;
    let turns = FluxTurns { eager_threshold: Some(0.4), ..FluxTurns::default() };
    let client = Flux::new(&place.sandbox.urls().deepgram, key()).unwrap().with_turns(turns);
    let params = SttParams { model: "flux-general-en".into(), language: "en-US".into(), call_id: "c".into() };
    let mut stream = client.open(params).await.unwrap();
    let said = [
        callflow::sandbox::voice::encode("A manager,"),
        vec![0; 160 * 16],
        callflow::sandbox::voice::encode("please."),
        vec![0; 1_000 * 16],
    ];
    listen(&stream, &said.concat()).await;
    let mut told = Vec::new();
    loop {
        match timeout(PATIENCE, stream.events.recv()).await.expect("no end of the turn").unwrap() {
            SttEvent::Interim(_) => {}
            SttEvent::TurnStarted => told.push("started".to_owned()),
            SttEvent::EagerEndOfTurn { text } => told.push(format!("eager: {}", text.text())),
            SttEvent::TurnResumed => told.push("resumed".to_owned()),
            SttEvent::EndOfTurn { text } => break told.push(format!("end: {}", text.text())),
            other => panic!("{other:?}"),
        }
    }
    let expected =
        ["started", "eager: A manager,", "resumed", "eager: A manager, please.", "end: A manager, please."];
    assert_eq!(told, expected);
}
