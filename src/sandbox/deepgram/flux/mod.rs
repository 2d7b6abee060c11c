//! Deepgram's Flux (`/v2/listen`), as its AsyncAPI and its pages on states and configuration describe it.
//!
//! The words come from the audio alone. How sure it is that a turn is over is a rule of thumb of the sandbox:
//! surer with every moment of silence, and never quite when the last word begs for another. Faults:
//! `connect` for the handshake; a turn's event by its name in small letters (`update`, `start_of_turn`,
//! `eager_end_of_turn`, `turn_resumed`, `end_of_turn`), `event` for all other messages.

mod query;
mod stream;
mod turns;
mod wire;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use uuid::Uuid;

use super::{has_key, name_request, ordered, refusal};
use crate::sandbox::conversation::{Conversation, Handshake, LARGEST_MESSAGE, READ_AT_ONCE, handshake};
use crate::sandbox::faults::Service;
use crate::sandbox::site::Site;
use query::Listen;

/// The route.
pub(super) async fn listen(
    State(site): State<Site>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let request_id = Uuid::new_v4();
    if !has_key(&headers) {
        return refusal(request_id, StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials.");
    }
    let options = match Listen::parse(&query) {
        Ok(options) => options,
        Err(why) => return refusal(request_id, StatusCode::BAD_REQUEST, "Bad Request", &why),
    };
    if let Handshake::Refused(status, info) = handshake(&site, Service::Flux).await {
        return ordered(request_id, status, info.as_deref());
    }
    site.traces.note_tag(Service::Flux, &query);
    let upgrade = upgrade
        .max_message_size(LARGEST_MESSAGE)
        .read_buffer_size(READ_AT_ONCE)
        .protocols(["token", "bearer"]);
    let mut response = upgrade.on_upgrade(move |socket| {
        stream::run(Conversation::new(socket, site, Service::Flux), options, request_id)
    });
    name_request(&mut response, request_id);
    response
}
