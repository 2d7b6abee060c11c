//! What a room's `properties` mean to the room; the rest of them is only echoed.

use serde_json::{Map, Value};

/// Endpoints that a room may have (`sip.num_endpoints`).
const MOST_ENDPOINTS: u64 = 20;

/// The settings that this room acts on. Names are those of Daily's room properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RoomSettings {
    /// Seconds since 1970; a float is accepted, as Pipecat sends one.
    pub(crate) exp: Option<f64>,
    /// Whether people are thrown out at `exp`.
    pub(crate) eject_at_room_exp: bool,
    /// Whether legs may be dialled.
    pub(crate) enable_dialout: bool,
    /// Dial-in, if the room has it.
    pub(crate) sip: Option<SipSettings>,
}

/// `properties.sip`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SipSettings {
    /// The name that dialled-in participants carry.
    pub(crate) display_name: String,
    /// How many callers can be in the room.
    pub(crate) num_endpoints: u64,
    /// Whether the provider is Daily's own, which knows no telephone numbers, rather than SignalWire.
    pub(crate) own_provider: bool,
}

impl RoomSettings {
    /// Reads `properties`. The error is the `info` of an `invalid-request-error`.
    pub(crate) fn read(properties: &Map<String, Value>) -> Result<Self, String> {
        Ok(Self {
            exp: number(properties, "exp")?,
            eject_at_room_exp: flag(properties, "eject_at_room_exp")?,
            enable_dialout: flag(properties, "enable_dialout")?,
            sip: match properties.get("sip") {
                None | Some(Value::Null) => None,
                Some(Value::Object(sip)) => Some(SipSettings::read(sip)?),
                Some(_) => return Err("sip must be an object".to_owned()),
            },
        })
    }
}

impl SipSettings {
    fn read(sip: &Map<String, Value>) -> Result<Self, String> {
        if !matches!(sip.get("sip_mode"), None | Some(Value::Null)) && sip["sip_mode"] != "dial-in" {
            return Err("sip_mode must be dial-in".to_owned());
        }
        flag(sip, "video")?;
        let num_endpoints = match sip.get("num_endpoints") {
            None | Some(Value::Null) => 1,
            Some(value) => value
                .as_u64()
                .filter(|n| (1..=MOST_ENDPOINTS).contains(n))
                .ok_or(format!("num_endpoints must be an integer from 1 to {MOST_ENDPOINTS}"))?,
        };
        let display_name = sip.get("display_name").and_then(Value::as_str).unwrap_or("sip").to_owned();
        let own_provider = sip.get("provider").is_some_and(|provider| provider == "daily");
        Ok(Self { display_name, num_endpoints, own_provider })
    }
}

fn flag(properties: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match properties.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(format!("{name} must be a boolean")),
    }
}

fn number(properties: &Map<String, Value>, name: &str) -> Result<Option<f64>, String> {
    match properties.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(format!("{name} must be a number")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(properties: Value) -> Result<RoomSettings, String> {
        RoomSettings::read(properties.as_object().unwrap())
    }

    #[test]
    fn the_properties_that_pipecat_sends_are_understood() {
        let settings = read(json!({
            "exp": 1795371781.8130617, "enable_chat": false, "eject_at_room_exp": true,
            "enable_dialout": true, "start_video_off": true,
            "sip": {"display_name": "+15551234567", "video": false, "sip_mode": "dial-in", "num_endpoints": 1}
        }))
        .unwrap();
        assert!(settings.eject_at_room_exp && settings.enable_dialout);
        assert_eq!(settings.exp.unwrap().floor(), 1795371781.0);
        assert_eq!(settings.sip.unwrap().display_name, "+15551234567");
        assert_eq!(read(json!({"exp": 1795371781})).unwrap().exp, Some(1795371781.0));
    }

    #[test]
    fn wrong_types_are_refused_by_name() {
        for (properties, names) in [
            (json!({"exp": "tomorrow"}), "exp"),
            (json!({"enable_dialout": "yes"}), "enable_dialout"),
            (json!({"sip": true}), "sip"),
            (json!({"sip": {"num_endpoints": 0}}), "num_endpoints"),
            (json!({"sip": {"sip_mode": "dial-out"}}), "sip_mode"),
        ] {
            assert!(read(properties).unwrap_err().contains(names), "{names}");
        }
    }
}
