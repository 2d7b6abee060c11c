//! OpenAI's chat completions, as its API reference describes them, with a keyword matcher for a model.
//!
//! The stand-in sees only the request: it calls the tool whose description fits the last user message, else
//! answers in one sentence, always the same to the same request. It does not test prompts. A [`Script`] fixes
//! replies, delays, malformed arguments and errors. Faults: `chat` and `models`.
//!
//! Beside it stands the audio API, with faults of its own: `speech` and `transcriptions`.

mod answers;
mod audio;
mod chat;
mod completion;
mod error;
mod form;
mod request;
mod script;
mod tools;

pub use script::{Script, ScriptError, ScriptedCall, ScriptedError, ScriptedReply};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::conversation::{Handshake, plain_request};
use super::faults::Service;
use super::site::Site;
use error::ApiError;

/// Bytes of a request; a long conversation is a hundredth of it.
const LARGEST_REQUEST: usize = 4 << 20;

/// What the routes share.
#[derive(Clone, Debug)]
struct Shared {
    site: Site,
    script: Script,
    /// Whose faults befall it.
    service: Service,
}

/// The routes below a base URL that ends in `/v1`.
pub fn router(site: &Site, script: Script) -> Router {
    let audio = Router::new()
        .route("/audio/speech", post(audio::speak))
        .route("/audio/transcriptions", post(audio::transcribe))
        .layer(DefaultBodyLimit::max(form::LARGEST))
        .with_state(site.clone());
    completions(site, script, Service::Openai).merge(audio)
}

/// Another server that speaks the same protocol, with models of any name: chat completions only.
pub fn compatible(site: &Site, script: Script) -> Router {
    completions(site, script, Service::Compatible)
}

fn completions(site: &Site, script: Script, service: Service) -> Router {
    Router::new()
        .route("/chat/completions", post(chat::complete))
        .route("/models", get(models))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(Shared { site: site.clone(), script, service })
}

async fn models(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorized(&headers) {
        return refusal.into_response();
    }
    if let Handshake::Refused(status, info) = plain_request(&shared.site, shared.service, "models").await {
        return ApiError::ordered(status, info).into_response();
    }
    let model = |id: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": "sandbox"});
    Json(json!({"object": "list", "data": request::MODELS.map(model)})).into_response()
}

/// Any key is good: `Authorization: Bearer KEY`.
fn authorized(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    if key.is_some_and(|key| !key.is_empty()) { Ok(()) } else { Err(ApiError::unauthorized()) }
}
