//! Speech and hearing over HTTP: Deepgram's Aura and OpenAI's audio API.

use std::time::Duration;

use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::voice::{Decoder, Heard, encode};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::place::Place;

const AURA: &str = "model=aura-2-thalia-en&encoding=linear16&container=none";

fn aura(place: &Place, query: &str, text: &str) -> RequestBuilder {
    let url = format!("{}/v1/speak?{query}", place.sandbox.urls().deepgram);
    place.http.post(url).header("authorization", "Token any").json(&json!({ "text": text }))
}

fn speech(place: &Place, body: &Value) -> RequestBuilder {
    place.http.post(format!("{}/audio/speech", place.sandbox.urls().openai)).bearer_auth("any").json(body)
}

fn transcription(place: &Place, model: &str, file: &[u8]) -> RequestBuilder {
    let field = |head: &str| format!("--b0\r\nContent-Disposition: form-data; {head}\r\n\r\n");
    let mut body =
        format!("{}{model}\r\n{}", field("name=\"model\""), field("name=\"file\"; filename=\"a.wav\""))
            .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--b0--\r\n");
    place
        .http
        .post(format!("{}/audio/transcriptions", place.sandbox.urls().openai))
        .bearer_auth("any")
        .header("content-type", "multipart/form-data; boundary=b0")
        .body(body)
}

fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples.len() as u32 * 2).to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

fn words(rate: u32, bytes: &[u8]) -> String {
    let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
    let mut decoder = Decoder::new(rate);
    let heard = [decoder.push(&samples), decoder.finish().into_iter().collect()].concat();
    heard
        .into_iter()
        .filter_map(
            |heard| if let Heard::Text { text, intact: true, .. } = heard { Some(text) } else { None },
        )
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn what_is_asked_for_is_spoken_at_the_rate_that_was_asked_for() {
    let place = Place::start().await;
    for rate in [8_000, 16_000, 24_000, 48_000] {
        let answer = aura(&place, &format!("{AURA}&sample_rate={rate}&tag=c"), "Hello there.");
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().contains_key("dg-request-id"));
        assert_eq!(words(rate, &answer.bytes().await.unwrap()), "Hello there.");
    }
    let body =
        json!({"model": "kokoro", "input": "Hello there.", "voice": "alloy", "response_format": "pcm"});
    let answer = speech(&place, &body).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "audio/pcm");
    assert_eq!(words(24_000, &answer.bytes().await.unwrap()), "Hello there.");
    place.quiet().await;
}

#[tokio::test]
async fn an_utterance_is_transcribed_and_silence_is_not() {
    let place = Place::start().await;
    let said = [vec![0; 3_200], encode("I want a person, please."), vec![0; 8_000]].concat();
    let answer = transcription(&place, "whisper-1", &wav(16_000, &said)).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["text"], "I want a person, please.");
    let documented: Value =
        serde_json::from_str(include_str!("../wire/openai_audio/transcription.json")).unwrap();
    assert_eq!(answer["usage"]["type"], documented["usage"]["type"]);
    let silence = transcription(&place, "whisper-1", &wav(16_000, &[0; 16_000])).send().await.unwrap();
    assert_eq!(silence.json::<Value>().await.unwrap()["text"], "");
}

#[tokio::test]
async fn what_cannot_be_is_refused_as_documented() {
    let place = Place::start().await;
    let refused = async |request: RequestBuilder, status: u16, at: &str| {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{at}");
        answer.json::<Value>().await.unwrap()
    };
    let raw = format!("{AURA}&sample_rate=16000");
    for (query, text, status) in [
        ("model=nova&encoding=linear16&container=none", "x", 400),
        (&*format!("{raw}&interim_results=true"), "x", 400),
        ("model=aura-2-thalia-en&encoding=mp3", "x", 400),
        (&*format!("{AURA}&sample_rate=11025"), "x", 400),
        (&raw, "", 400),
        (&raw, &"x".repeat(2_001), 413),
    ] {
        let body = refused(aura(&place, query, text), status, query).await;
        assert!(body["err_msg"].is_string(), "{body}");
    }
    let whole = json!({"model": "tts-1", "input": "x", "voice": "alloy", "response_format": "pcm"});
    for (key, value, status) in [
        ("model", json!("does-not-exist"), 404),
        ("model", Value::Null, 400),
        ("input", json!(""), 400),
        ("voice", Value::Null, 400),
        ("response_format", json!("mp3"), 400),
    ] {
        let mut body = whole.clone();
        body[key] = value;
        let error = refused(speech(&place, &body), status, key).await;
        assert!(error["error"]["message"].is_string(), "{error}");
    }
    refused(transcription(&place, "whisper-1", b"ID3"), 400, "no WAV").await;
    let keyless = place.http.post(format!("{}/audio/speech", place.sandbox.urls().openai)).json(&whole);
    refused(keyless, 401, "no key").await;
}

#[tokio::test]
async fn faults_befall_each_kind_of_request() {
    let place = Place::start().await;
    let inject = |service, fault: Fault, on: &str| {
        place.sandbox.faults().inject(Injection::once(service, fault).on(on)).unwrap();
    };
    let whole =
        json!({"model": "tts-1", "input": "Hello there.", "voice": "alloy", "response_format": "pcm"});
    inject(Service::Audio, Fault::Slow { ms: 700 }, "speech");
    let began = Instant::now();
    speech(&place, &whole).send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(700));
    inject(Service::Audio, Fault::Disconnect, "speech");
    let answer = speech(&place, &whole).send().await.unwrap();
    assert!(answer.bytes().await.is_err());
    inject(Service::Aura, Fault::Refuse { status: 429, info: None }, "speak");
    let query = format!("{AURA}&sample_rate=16000");
    assert_eq!(aura(&place, &query, "x").send().await.unwrap().status(), 429);
    inject(Service::Aura, Fault::Garbage, "speak");
    let answer = aura(&place, &query, "x").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    let file = wav(16_000, &encode("Yes."));
    inject(Service::Audio, Fault::Disconnect, "transcriptions");
    let answer = transcription(&place, "whisper-1", &file).send().await.unwrap();
    assert!(answer.bytes().await.is_err());
    inject(Service::Audio, Fault::Refuse { status: 503, info: None }, "transcriptions");
    assert_eq!(transcription(&place, "whisper-1", &file).send().await.unwrap().status(), 503);
    place.quiet().await;
}
