//! `POST /rooms/:name/sipCallTransfer` and `/sipRefer`: a leg leaves the room for somebody else.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dial_out::extension;
use super::rooms::find;
use super::{ApiError, body::Body};
use crate::pii::Address;
use crate::sandbox::network::{LegOrder, Transfer};
use crate::sandbox::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Move {
    session_id: Option<String>,
    to_end_point: Option<String>,
    caller_id: Option<String>,
    extension: Option<String>,
    wait_before_extension_dial_sec: Option<f64>,
}

pub(super) async fn sip_call_transfer(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(body): Body<Move>,
) -> Result<Json<Value>, ApiError> {
    carry_out(&world, &name, body, |_| true)
}

pub(super) async fn sip_refer(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(body): Body<Move>,
) -> Result<Json<Value>, ApiError> {
    carry_out(&world, &name, body, is_sip)
}

pub(super) fn is_sip(to: &Address) -> bool {
    matches!(to, Address::Sip(_))
}

pub(super) fn carry_out(
    world: &World,
    name: &str,
    body: Move,
    may_go_to: impl Fn(&Address) -> bool,
) -> Result<Json<Value>, ApiError> {
    let room = find(world, name)?;
    let to = body.to_end_point.as_deref().and_then(|to| Address::parse(to).ok()).filter(may_go_to);
    let to = to.ok_or_else(|| ApiError::invalid("toEndPoint is missing or not an endpoint"))?;
    // The telephone participant's session, from `dialin-connected`; a client's own id is not one.
    let leg = body.session_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let leg = leg.ok_or_else(|| ApiError::invalid("invalid sessionId"))?;
    if room.has_client(leg) {
        return Err(ApiError::invalid("invalid sessionId"));
    }
    let extension = extension(body.extension, body.wait_before_extension_dial_sec)?;
    let transfer = Transfer { to, caller_id: body.caller_id, extension };
    if !world.network.is_talking(leg) || !world.network.order(leg, name, LegOrder::Transfer(transfer)) {
        return Err(ApiError::invalid("No SIP call in progress"));
    }
    Ok(Json(json!({"ok": "true"})))
}
