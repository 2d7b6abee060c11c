//! The platform's own dial-in webhook, which a number's `room_creation_api` may name instead of a server.
//!
//! The bot then gets the room in headers, and the call in the nested dialect with the key of the platform's
//! Daily domain (Pipecat's runner types). What else the real one does is not documented.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::ApiError;
use super::session::{self, PlatformRoom};
use super::start;
use crate::sandbox::clock::unix_now;
use crate::sandbox::daily::Claims;
use crate::sandbox::room::RoomSettings;
use crate::sandbox::world::World;

/// How long a room of the platform lives.
const ROOM_LIFE: f64 = 2.0 * 3600.0;

/// Takes a held call.
pub(super) async fn dialin(
    State(world): State<Arc<World>>,
    Path((_organization, agent)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let invalid = || ApiError::invalid("Invalid request body");
    let call: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| invalid())?;
    if call.contains_key("Test") || call.contains_key("test") {
        return Ok(Json(json!({"status": "ok"})));
    }
    let (Some(call_id), Some(call_domain)) = (call.get("callId"), call.get("callDomain")) else {
        return Err(invalid());
    };
    let caller = call.get("From").cloned().unwrap_or_default();
    let properties = json!({
        "sip": {"display_name": caller, "video": false, "sip_mode": "dial-in", "num_endpoints": 1},
        "enable_dialout": true,
        "exp": unix_now() + ROOM_LIFE,
    });
    let Value::Object(properties) = properties else { return Err(invalid()) };
    let lease = start::lease(&world, &agent)?;
    let room = make_room(&world, &properties).map_err(|why| ApiError::invalid(&why))?;
    let session = lease.session;
    let body = json!({
        "dialin_settings": {
            "call_id": call_id,
            "call_domain": call_domain,
            "To": call.get("To"),
            "From": call.get("From"),
            "sip_headers": call.get("sipHeaders"),
        },
        "daily_api_key": "sandbox",
        "daily_api_url": format!("{}/v1", world.origin),
    });
    session::begin(&world, lease, Some(room), &body);
    Ok(Json(json!({"sessionId": session})))
}

/// A Daily room of the platform's domain, with an owner's token.
pub(super) fn make_room(world: &World, properties: &Map<String, Value>) -> Result<PlatformRoom, String> {
    let settings = RoomSettings::read(properties)?;
    let name = format!("pipecat-{}", Uuid::new_v4().simple());
    let room = world.rooms.create(name.clone(), true, settings, properties.clone());
    let room = room.ok_or("the room exists")?;
    let claims = Claims { room_name: Some(name), is_owner: true, ..Claims::default() };
    let url = format!("{}/{}", world.origin, room.name);
    Ok(PlatformRoom { url, token: world.tokens.sign(&claims) })
}
