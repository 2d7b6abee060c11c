//! `POST /rooms/:name/update-permissions`: whom participants hear (`canReceive`).
//!
//! The other permissions, media other than audio and users by id are not emulated, and said to be.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::rooms::find;
use super::{ApiError, body::Body};
use crate::sandbox::room::HearingChange;
use crate::sandbox::world::World;

#[derive(Deserialize)]
pub(super) struct Update {
    data: Option<HashMap<String, Permissions>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permissions {
    can_receive: Option<CanReceive>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CanReceive {
    base: Option<bool>,
    by_participant_id: Option<HashMap<Uuid, bool>>,
    by_user_id: Option<Value>,
}

/// Daily documents no answer but the status.
pub(super) async fn update(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Body(update): Body<Update>,
) -> Result<StatusCode, ApiError> {
    let room = find(&world, &name)?;
    let data = update.data.ok_or_else(|| ApiError::invalid("data is missing"))?;
    let mut changes = Vec::new();
    for (participant, permissions) in data {
        changes.push((whom(&participant)?, change(permissions)?));
    }
    if !room.change_hearing(changes) {
        return Err(ApiError::invalid("no such participant in the room"));
    }
    Ok(StatusCode::OK)
}

/// `None` is everybody who is not named.
fn whom(key: &str) -> Result<Option<Uuid>, ApiError> {
    match key {
        "*" => Ok(None),
        id => Uuid::parse_str(id).map(Some).map_err(|_| ApiError::invalid("a participant is a session id")),
    }
}

fn change(permissions: Permissions) -> Result<HearingChange, ApiError> {
    let can_receive = permissions.can_receive.filter(|can| can.by_user_id.is_none());
    match (can_receive, permissions.others.is_empty()) {
        (Some(can), true) => Ok(HearingChange { base: can.base, by_id: can.by_participant_id }),
        _ => Err(ApiError::invalid("only canReceive with base and byParticipantId is emulated")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_emulated_is_refused() {
        let read = |permissions: Value| change(serde_json::from_value(permissions).unwrap());
        assert!(read(json!({"canReceive": {"base": false}})).is_ok());
        for other in [
            json!({}),
            json!({"hasPresence": false}),
            json!({"canReceive": {"base": true}, "canSend": []}),
            json!({"canReceive": {"byUserId": {"bot": true}}}),
        ] {
            assert!(read(other.clone()).is_err(), "{other}");
        }
        assert!(whom("*").unwrap().is_none() && whom("somebody").is_err());
    }
}
