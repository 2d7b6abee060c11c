//! Deepgram's live transcription (`/v1/listen`), as its streaming API reference describes it; Flux
//! (`/v2/listen`) and Aura (`/v1/speak`) are in files of their own.
//!
//! The text comes from the audio alone (see [`voice`](super::voice)); damaged audio gives damaged text. What
//! a sandbox cannot know is left out: models differ in nothing, `language` is not looked at, and only raw
//! mono audio is understood. Faults: `connect` for the handshake, `interim`, `final`, `event` and `metadata`
//! for messages, `projects` for the list of projects, which is how a key is tried.

mod audio;
mod flux;
mod query;
mod speak;
mod stream;
mod transcript;
mod wire;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use uuid::Uuid;

use super::conversation::{Conversation, Handshake, LARGEST_MESSAGE, READ_AT_ONCE, handshake, plain_request};
use super::faults::Service;
use super::site::Site;
use query::Listen;

/// The routes below Deepgram's origin.
pub fn router(site: &Site) -> Router {
    Router::new()
        .route("/v1/listen", get(listen))
        .route("/v2/listen", get(flux::listen))
        .route("/v1/speak", post(speak::speak))
        .route("/v1/projects", get(projects))
        .with_state(site.clone())
}

/// The projects of a key (developers.deepgram.com, "List projects").
async fn projects(State(site): State<Site>, headers: HeaderMap) -> Response {
    let request_id = Uuid::new_v4();
    if !has_key(&headers) {
        return refusal(request_id, StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials.");
    }
    if let Handshake::Refused(status, info) = plain_request(&site, Service::Deepgram, "projects").await {
        return ordered(request_id, status, info.as_deref());
    }
    ([(header::CONTENT_TYPE, "application/json")], wire::projects()).into_response()
}

async fn listen(
    State(site): State<Site>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let request_id = Uuid::new_v4();
    let refused = |status, code: &str, why: &str| refusal(request_id, status, code, why);
    if !has_key(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials.");
    }
    let options = match Listen::parse(&query) {
        Ok(options) => options,
        Err(why) => return refused(StatusCode::BAD_REQUEST, "Bad Request", &why),
    };
    if let Handshake::Refused(status, info) = handshake(&site, Service::Deepgram).await {
        return ordered(request_id, status, info.as_deref());
    }
    site.traces.note_extra(Service::Deepgram, &query);
    let upgrade = upgrade
        .max_message_size(LARGEST_MESSAGE)
        .read_buffer_size(READ_AT_ONCE)
        .protocols(["token", "bearer"]);
    let mut response = upgrade.on_upgrade(move |socket| {
        stream::run(Conversation::new(socket, site, Service::Deepgram), options, request_id)
    });
    name_request(&mut response, request_id);
    response
}

/// Any key is good: `Authorization: Token KEY` or `Bearer KEY`, or a browser's subprotocols `token, KEY`.
fn has_key(headers: &HeaderMap) -> bool {
    let two_words = |name: header::HeaderName, separator: char| {
        let value = headers.get(name)?.to_str().ok()?;
        let (scheme, key) = value.split_once(separator)?;
        let known = ["token", "bearer"].iter().any(|known| scheme.trim().eq_ignore_ascii_case(known));
        (known && !key.trim().is_empty()).then_some(())
    };
    two_words(header::AUTHORIZATION, ' ').is_some()
        || two_words(header::SEC_WEBSOCKET_PROTOCOL, ',').is_some()
}

/// A refusal that the control API ordered, with the documented code if there is one for its status.
fn ordered(request_id: Uuid, status: u16, info: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let code = match status {
        StatusCode::UNAUTHORIZED => "INVALID_AUTH",
        StatusCode::FORBIDDEN => "INSUFFICIENT_PERMISSIONS",
        status => status.canonical_reason().unwrap_or("Error"),
    };
    refusal(request_id, status, code, info.unwrap_or("Refused by order of the control API."))
}

fn refusal(request_id: Uuid, status: StatusCode, code: &str, why: &str) -> Response {
    let body = wire::refusal(code, why, request_id);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Ok(why) = HeaderValue::from_str(why) {
        response.headers_mut().insert("dg-error", why);
    }
    name_request(&mut response, request_id);
    response
}

fn name_request(response: &mut Response, request_id: Uuid) {
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        response.headers_mut().insert("dg-request-id", id);
    }
}
