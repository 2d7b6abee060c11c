//! OpenAI's audio API: `POST /audio/speech` and `POST /audio/transcriptions`, as its API reference describes them.
//!
//! Models of any name exist, unless it contains `none` or `does-not-exist`: local servers have names of their
//! own. Speech is `pcm` only, and hearing is of WAV files with one channel of 16-bit PCM.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::authorized;
use super::error::ApiError;
use super::form::{Form, wav};
use super::request::NON_EXISTENT;
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::site::Site;
use crate::sandbox::spoken_body::{Befallen, befall, spoken};
use crate::sandbox::voice::{Decoder, Heard, at_rate, encode};

/// Letters that one request may have.
const MOST_LETTERS: usize = 4_096;
/// The rate of `pcm`.
const PCM_RATE: u32 = 24_000;
/// Bytes of a tenth of a second of it.
const TENTH: usize = PCM_RATE as usize / 10 * 2;

#[derive(Deserialize)]
struct SpeechRequest {
    model: Option<String>,
    input: Option<String>,
    voice: Option<String>,
    response_format: Option<String>,
}

/// `POST /audio/speech`.
pub(super) async fn speak(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response {
    match spoken_answer(&site, &headers, &body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn spoken_answer(site: &Site, headers: &HeaderMap, body: &[u8]) -> Result<Response, ApiError> {
    authorized(headers)?;
    let request: SpeechRequest = serde_json::from_slice(body).map_err(|why| ApiError::not_json(&why))?;
    check_model(request.model.as_deref())?;
    let input = request.input.ok_or_else(|| ApiError::missing("input"))?;
    if input.is_empty() || input.chars().count() > MOST_LETTERS {
        return Err(ApiError::invalid("input", format!("The input must have 1 to {MOST_LETTERS} letters.")));
    }
    if request.voice.is_none_or(|voice| voice.is_empty()) {
        return Err(ApiError::missing("voice"));
    }
    if request.response_format.as_deref() != Some("pcm") {
        return Err(ApiError::invalid("response_format", "The sandbox makes pcm only."));
    }
    site.traces.note_header(Service::Audio, headers);
    let fault = undergo(site, "speech").await?;
    let samples = at_rate(&encode(&input), PCM_RATE);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    Ok(spoken(site, Service::Audio, "audio/pcm", &bytes, TENTH, fault.as_ref()))
}

/// `POST /audio/transcriptions`.
pub(super) async fn transcribe(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response {
    match transcript(&site, &headers, &body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn transcript(site: &Site, headers: &HeaderMap, body: &[u8]) -> Result<Response, ApiError> {
    authorized(headers)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = Form::parse(kind, body)?;
    check_model(form.text("model"))?;
    let file = form.bytes("file").ok_or_else(|| ApiError::missing("file"))?;
    let (rate, samples) = wav(file)
        .filter(|(rate, _)| (8_000..=48_000).contains(rate))
        .ok_or_else(|| ApiError::invalid("file", "The sandbox hears WAV, one channel of 16-bit PCM."))?;
    site.traces.note_header(Service::Audio, headers);
    match undergo(site, "transcriptions").await? {
        Some(Fault::Garbage) => return Ok("<html>".into_response()),
        Some(Fault::Disconnect) => {
            return Ok(spoken(
                site,
                Service::Audio,
                "application/json",
                b"{\"text\"",
                1,
                Some(&Fault::Disconnect),
            ));
        }
        _ => {}
    }
    let text = words(rate, &samples);
    if form.text("response_format") == Some("text") {
        return Ok(format!("{text}\n").into_response());
    }
    let seconds = samples.len() as u64 / u64::from(rate);
    Ok(Json(json!({"text": text, "usage": {"type": "duration", "seconds": seconds}})).into_response())
}

/// What is said in some audio.
fn words(rate: u32, samples: &[i16]) -> String {
    let mut decoder = Decoder::new(rate);
    let mut heard = decoder.push(samples);
    heard.extend(decoder.finish());
    let texts = heard.into_iter().filter_map(|heard| match heard {
        Heard::Text { text, .. } => Some(text),
        Heard::SpeechStart { .. } | Heard::Chars(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// Lets a fault befall a request; a refusal becomes an error.
async fn undergo(site: &Site, kind: &str) -> Result<Option<Fault>, ApiError> {
    match befall(site, Service::Audio, kind).await {
        Befallen::Answered(fault) => Ok(fault),
        Befallen::Refused(status, info) => Err(ApiError::ordered(status, info)),
    }
}

fn check_model(model: Option<&str>) -> Result<(), ApiError> {
    let model = model.filter(|model| !model.is_empty()).ok_or_else(|| ApiError::missing("model"))?;
    if NON_EXISTENT.iter().any(|part| model.contains(part)) { Err(ApiError::model(model)) } else { Ok(()) }
}
