//! The room's events as JSON, with Daily's names and fields (daily-js 0.92 event types).

use serde_json::{Value, json};
use uuid::Uuid;

use super::member::Member;

/// `participant-joined`.
pub(super) fn participant_joined(member: &Member) -> Value {
    let participant = json!({
        "session_id": member.id,
        "user_name": member.user_name.as_deref().unwrap_or(""),
        "owner": member.owner,
    });
    json!({"action": "participant-joined", "participant": participant})
}

/// `participant-left`.
pub(super) fn participant_left(id: Uuid) -> Value {
    json!({"action": "participant-left", "participant": {"session_id": id}, "reason": "leftCall"})
}

/// `joined-meeting`, the answer to a good `join`.
pub(super) fn joined_meeting(id: Uuid) -> Value {
    json!({"action": "joined-meeting", "participants": {"local": {"session_id": id}}})
}

/// `error`, the answer to a bad `join`.
pub(super) fn error(message: &str) -> Value {
    json!({"action": "error", "errorMsg": message})
}

/// `left-meeting` after a wish to leave.
pub(super) fn left_meeting() -> Value {
    json!({"action": "left-meeting"})
}

/// `left-meeting` when the room ended, expired or was deleted.
pub(super) fn meeting_ended() -> Value {
    json!({"action": "left-meeting", "reason": "ended"})
}

/// `dialin-ready` for one endpoint.
pub(super) fn dialin_ready(endpoint: &str, provider: &str) -> Value {
    json!({"action": "dialin-ready", "sipEndpoint": format!("sip:{endpoint}"), "provider": provider})
}

/// `dialin-warning` or `dialout-warning`, of the leg that another event is about.
pub(super) fn warning(about: &Value) -> Value {
    let is_dial_in = about["action"].as_str().is_some_and(|action| action.starts_with("dialin"));
    let action = if is_dial_in { "dialin-warning" } else { "dialout-warning" };
    json!({"action": action, "sessionId": about["sessionId"], "errorMsg": "none of the wanted codecs is supported"})
}
