//! The telephone events of a room as JSON, with Daily's names and fields (daily-js 0.92 event types).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::room::Room;

/// What all events of one leg say about it.
#[derive(Clone, Debug)]
pub(super) struct LegFacts {
    fields: Value,
}

impl LegFacts {
    /// A caller's leg.
    pub(super) fn dial_in(room: &Room, id: Uuid, from: &str, endpoint: &str) -> Self {
        Self {
            fields: json!({
                "sessionId": id,
                "sipFrom": from,
                "sipEndpoint": format!("sip:{endpoint}"),
                "provider": room.provider(),
                "sipCallId": Uuid::new_v4(),
            }),
        }
    }

    /// A dialled leg.
    pub(super) fn dial_out(room: &Room, id: Uuid, to: &str, user_id: Option<&str>) -> Self {
        let mut fields = json!({
            "sessionId": id,
            "destination": to,
            "provider": room.provider(),
            "sipCallId": Uuid::new_v4(),
        });
        if let Some(user_id) = user_id {
            fields["userId"] = json!(user_id);
        }
        Self { fields }
    }

    /// An event that has these facts and nothing else.
    pub(super) fn event(&self, action: &str) -> Value {
        let mut event = json!({"action": action});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, &self.fields) {
            event.extend(fields.clone());
        }
        event
    }

    /// `dialout-error`: the destination moves into `details`.
    pub(super) fn dial_out_error(&self, message: &str) -> Value {
        let mut event = self.event("dialout-error");
        event["errorMsg"] = json!(message);
        event["details"] = json!({"destination": event["destination"]});
        if let Value::Object(event) = &mut event {
            event.shift_remove("destination");
        }
        event
    }
}

/// `dtmf-event`: a key was pressed on a leg.
pub(super) fn dtmf(id: Uuid, key: char) -> Value {
    json!({"action": "dtmf-event", "tone": key.to_string(), "volume": 10, "method": "rfc2833", "sessionId": id})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_documented_fields() {
        let fields = json!({"sessionId": "22b32b65", "destination": "+15557654321", "userId": "op-1", "provider": "signalwire"});
        assert_eq!(
            LegFacts { fields }.dial_out_error("busy here"),
            json!({
                "action": "dialout-error", "errorMsg": "busy here", "sessionId": "22b32b65", "userId": "op-1",
                "details": {"destination": "+15557654321"}, "provider": "signalwire"
            })
        );
    }
}
