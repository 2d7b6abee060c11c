//! `POST /dialin/pinlessCallUpdate`: the held caller goes into a room.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, body::Body};
use crate::sandbox::network::Forward;
use crate::sandbox::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    call_id: Option<String>,
    call_domain: Option<String>,
    sip_uri: Option<String>,
}

pub(super) async fn pinless_call_update(
    State(world): State<Arc<World>>,
    Body(update): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let (Some(call_id), Some(call_domain), Some(sip_uri)) =
        (update.call_id, update.call_domain, update.sip_uri)
    else {
        return Err(ApiError::invalid("Missing fields"));
    };
    // An endpoint that has not registered yet, or that a call is on, does not take the call.
    let target = world.rooms.at_endpoint(&sip_uri).filter(|(room, _)| room.is_ready());
    let forward = target.and_then(|(room, endpoint)| {
        let lease = room.take_endpoint(&endpoint)?;
        Some(Forward { room, endpoint, lease })
    });
    let forwarded = forward.is_some_and(|forward| world.network.forward(&call_id, &call_domain, forward));
    if forwarded {
        Ok(Json(json!({"ok": "true"})))
    } else {
        Err(ApiError::not_found("Call Forwarding Failed"))
    }
}
