//! What a room and a token really are, as Daily tells it: to compare with what was asked for.

use serde::Deserialize;
use serde_json::Value;

use crate::telephony::TelephonyError;
use crate::telephony::daily::wire;

/// What Daily says of a room. Its answer lists only what differs from the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomFacts {
    /// Whether legs may be dialled from it: `enable_dialout`.
    pub dial_out: bool,
    /// Whether callers can be forwarded into it: `sip.sip_mode` is `dial-in`.
    pub dial_in: bool,
    /// Where they are forwarded to: `sip_uri.endpoint`.
    pub sip_endpoint: Option<String>,
    /// When it ends, in seconds since 1970: `exp`.
    pub expires: Option<i64>,
}

/// What Daily says of a meeting token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TokenFacts {
    /// The room it opens; every room of the domain if absent.
    #[serde(rename = "room_name")]
    pub room: Option<String>,
    /// Whether its holder owns the room.
    #[serde(default)]
    pub is_owner: bool,
}

#[derive(Deserialize)]
struct Room {
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    enable_dialout: bool,
    exp: Option<f64>,
    sip: Option<Sip>,
    sip_uri: Option<SipUri>,
}

#[derive(Deserialize)]
struct Sip {
    sip_mode: Option<String>,
}

#[derive(Deserialize)]
struct SipUri {
    endpoint: Option<String>,
}

pub(super) fn read_room(answer: Value) -> Result<RoomFacts, TelephonyError> {
    let Room { config } = wire::read(answer, "the room")?;
    let endpoint = config.sip_uri.and_then(|uri| uri.endpoint);
    Ok(RoomFacts {
        dial_out: config.enable_dialout,
        dial_in: config.sip.and_then(|sip| sip.sip_mode).as_deref() == Some("dial-in"),
        sip_endpoint: endpoint.filter(|endpoint| !endpoint.trim().is_empty()),
        expires: config.exp.map(|exp| exp as i64),
    })
}

pub(super) fn read_token(answer: Value) -> Result<TokenFacts, TelephonyError> {
    wire::read(answer, "the meeting token's properties")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_read_as_documented_and_without_what_is_default() {
        let full = serde_json::from_str(include_str!("../../../../tests/wire/daily/room.json")).unwrap();
        let full = read_room(full).unwrap();
        assert!(full.dial_out && full.dial_in && full.sip_endpoint.is_some() && full.expires.is_some());
        let plain = include_str!("../../../../tests/wire/daily/room_required_only.json");
        let plain = read_room(serde_json::from_str(plain).unwrap()).unwrap();
        assert!(!plain.dial_out && !plain.dial_in && plain.sip_endpoint.is_none());
    }

    #[test]
    fn a_token_is_read_as_documented() {
        let text = include_str!("../../../../tests/wire/daily/meeting_token_properties.json");
        let token = read_token(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(token, TokenFacts { room: Some("callflow-2a6718be".to_owned()), is_owner: true });
        let stranger = read_token(serde_json::json!({"room_name": "a"})).unwrap();
        assert!(!stranger.is_owner, "what is not said is not so");
    }
}
