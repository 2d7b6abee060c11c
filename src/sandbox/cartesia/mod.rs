//! Cartesia's text to speech over a WebSocket (`/tts/websocket`), as its API reference describes it.
//!
//! What is spoken carries its text (see [`voice`](super::voice)). All voices and models sound the same, and
//! audio is given out at once, faster than anybody can listen. Faults: `connect` for the handshake, `speak`
//! for one generation; a `refuse` there is an error message on the socket; `voices` for reading about a voice.

mod context;
mod format;
mod request;
mod socket;
mod wire;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use uuid::Uuid;

use super::conversation::{Conversation, Handshake, LARGEST_MESSAGE, READ_AT_ONCE, handshake, plain_request};
use super::faults::Service;
use super::site::Site;
use wire::{Errors, Refusal};

/// The routes below Cartesia's origin.
pub fn router(site: &Site) -> Router {
    Router::new()
        .route("/tts/websocket", get(connect))
        .route("/voices/{id}", get(voice))
        .with_state(site.clone())
}

/// A voice (docs.cartesia.ai, "Get voice"). Voices have UUIDs; every UUID but the one of zeros is a voice here.
async fn voice(
    State(site): State<Site>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if !has_key(&headers, &query) {
        return refused(&Refusal::unauthorized());
    }
    let version = headers.get("cartesia-version").and_then(|value| value.to_str().ok());
    if version.and_then(Errors::of_version).is_none() {
        return refused(&Refusal::version());
    }
    if let Handshake::Refused(status, info) = plain_request(&site, Service::Cartesia, "voices").await {
        return refused(&Refusal::ordered(status, info));
    }
    match Uuid::parse_str(&id) {
        Ok(known) if !known.is_nil() => {
            ([(header::CONTENT_TYPE, "application/json")], wire::voice(known)).into_response()
        }
        _ => refused(&Refusal::voice(&id)),
    }
}

async fn connect(
    State(site): State<Site>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !has_key(&headers, &query) {
        return refused(&Refusal::unauthorized());
    }
    // The query wins over the header.
    let header = headers.get("cartesia-version").and_then(|value| value.to_str().ok());
    let Some(errors) = parameter(&query, "cartesia_version").or(header).and_then(Errors::of_version) else {
        return refused(&Refusal::version());
    };
    if let Handshake::Refused(status, info) = handshake(&site, Service::Cartesia).await {
        return refused(&Refusal::ordered(status, info));
    }
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).read_buffer_size(READ_AT_ONCE);
    upgrade.on_upgrade(move |socket| socket::run(Conversation::new(socket, site, Service::Cartesia), errors))
}

fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Any key is good, in any of the four places that are documented or were.
fn has_key(headers: &HeaderMap, query: &[(String, String)]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header(header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
    let keys = [bearer, header("x-api-key"), parameter(query, "access_token"), parameter(query, "api_key")];
    keys.into_iter().flatten().any(|key| !key.trim().is_empty())
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    (status, [(header::CONTENT_TYPE, "application/json")], refusal.body()).into_response()
}
