//! `POST /rooms/:name/dialOut/start`, `/stop` and `/sendDTMF`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::rooms::find;
use super::{ApiError, body::Body};
use crate::pii::{Address, PhoneNumber, SipUri};
use crate::sandbox::network::{DialOut, Extension, LegOrder, start_dial_out};
use crate::sandbox::room::Room;
use crate::sandbox::world::World;

/// Documented bounds: characters, seconds.
const LONGEST_USER_ID: usize = 36;
const LONGEST_EXTENSION: usize = 20;
const LONGEST_EXTENSION_WAIT: f64 = 60.0;
/// `max_sip_pstn_sessions_per_room`; each dial-in endpoint counts, used or not.
const MOST_LEGS: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    phone_number: Option<String>,
    sip_uri: Option<String>,
    user_id: Option<String>,
    display_name: Option<String>,
    caller_id: Option<String>,
    extension: Option<String>,
    wait_before_extension_dial_sec: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    session_id: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keys {
    session_id: Option<Uuid>,
    tones: Option<String>,
}

pub(super) async fn start(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(start): Body<Start>,
) -> Result<Json<Value>, ApiError> {
    // Whom the leg hears cannot be said here; no document of this endpoint has it.
    let session_id = dial(&world, &name, start, false)?;
    Ok(Json(json!({"ok": "true", "sessionId": session_id})))
}

/// Starts a leg if that may be.
pub(super) fn dial(world: &Arc<World>, name: &str, start: Start, deaf: bool) -> Result<Uuid, ApiError> {
    let room = find(world, name)?;
    may_dial(world, &room)?;
    let dial_out = DialOut { deaf, ..read(start)? };
    Ok(start_dial_out(world, room, dial_out))
}

pub(super) async fn stop(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(stop): Body<Stop>,
) -> Result<Json<Value>, ApiError> {
    order(&world, &name, stop.session_id, LegOrder::Stop)
}

pub(super) async fn send_dtmf(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(keys): Body<Keys>,
) -> Result<Json<Value>, ApiError> {
    press(&world, &name, keys)
}

/// Stops a leg.
pub(super) fn hang_up(world: &World, room: &str, leg: Uuid) -> Result<(), ApiError> {
    order(world, room, Some(leg), LegOrder::Stop).map(drop)
}

/// Sends keys to a leg.
pub(super) fn press(world: &World, room: &str, keys: Keys) -> Result<Json<Value>, ApiError> {
    let tones = keys.tones.filter(|tones| are_keys(tones));
    let tones = tones.ok_or_else(|| ApiError::invalid("tones must be keys: 0-9, *, #, A-D"))?;
    order(world, room, keys.session_id, LegOrder::Keys(tones))
}

fn order(
    world: &World,
    room: &str,
    session_id: Option<Uuid>,
    order: LegOrder,
) -> Result<Json<Value>, ApiError> {
    find(world, room)?;
    let session_id = session_id.ok_or_else(|| ApiError::invalid("sessionId is missing"))?;
    if !world.network.order(session_id, room, order) {
        return Err(ApiError::not_found("no dial-out with that sessionId in this room"));
    }
    Ok(Json(json!({"ok": "true"})))
}

/// The conditions under which Daily dials.
fn may_dial(world: &World, room: &Room) -> Result<(), ApiError> {
    if !room.settings.enable_dialout {
        return Err(ApiError::invalid("dial-out not enabled for room. add enable_dialout property to room"));
    }
    if !room.has_owner() {
        return Err(ApiError::invalid("dial-out needs an owner or admin in the room"));
    }
    if room.endpoints.len() + world.network.dialled_legs(&room.name) >= MOST_LEGS {
        return Err(ApiError::invalid("max_sip_pstn_sessions_per_room reached"));
    }
    Ok(())
}

fn read(start: Start) -> Result<DialOut, ApiError> {
    let to = match (start.phone_number, start.sip_uri) {
        (Some(number), None) => PhoneNumber::parse(&number)
            .map(Address::Phone)
            .map_err(|_| ApiError::invalid("phoneNumber must be E.164"))?,
        (None, Some(uri)) => SipUri::parse(&uri)
            .map(Address::Sip)
            .map_err(|_| ApiError::invalid("sipUri must be sip:user@host"))?,
        _ => return Err(ApiError::invalid("give either phoneNumber or sipUri")),
    };
    if start.user_id.as_ref().is_some_and(|id| id.len() > LONGEST_USER_ID) {
        return Err(ApiError::invalid("userId is longer than 36 characters"));
    }
    let extension = extension(start.extension, start.wait_before_extension_dial_sec)?;
    Ok(DialOut {
        // Only for telephone numbers, and ignored otherwise: the page on `startDialOut` says so.
        extension: extension.filter(|_| matches!(to, Address::Phone(_))),
        to,
        user_id: start.user_id,
        display_name: start.display_name,
        caller_id: start.caller_id,
        deaf: false,
    })
}

/// The keys that are sent after the answer, checked.
pub(super) fn extension(keys: Option<String>, wait: Option<f64>) -> Result<Option<Extension>, ApiError> {
    let wait_seconds = wait.unwrap_or(0.0);
    if !(0.0..=LONGEST_EXTENSION_WAIT).contains(&wait_seconds) {
        return Err(ApiError::invalid("waitBeforeExtensionDialSec must be from 0 to 60"));
    }
    match keys {
        Some(keys) if keys.len() > LONGEST_EXTENSION || !are_keys(&keys) => {
            Err(ApiError::invalid("extension must be at most 20 keys"))
        }
        keys => Ok(keys.map(|keys| Extension { keys, wait_seconds })),
    }
}

fn are_keys(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|key| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(body: Value) -> Result<DialOut, ApiError> {
        read(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn a_destination_is_a_number_or_an_address_and_never_both() {
        assert!(reading(json!({"phoneNumber": "+15557654321", "displayName": "Operator"})).is_ok());
        assert!(reading(json!({"sipUri": "sip:bob@example.com?X-Team=billing"})).is_ok());
        for bad in [
            json!({}),
            json!({"phoneNumber": "+15557654321", "sipUri": "sip:bob@example.com"}),
            json!({"phoneNumber": "5557654321"}),
            json!({"sipUri": "bob@example.com"}),
            json!({"phoneNumber": "+15557654321", "userId": "x".repeat(37)}),
            json!({"phoneNumber": "+15557654321", "extension": "123456789012345678901"}),
            json!({"phoneNumber": "+15557654321", "extension": "12w"}),
            json!({"phoneNumber": "+15557654321", "extension": "1", "waitBeforeExtensionDialSec": 61}),
        ] {
            assert!(reading(bad.clone()).is_err(), "{bad}");
        }
    }
}
