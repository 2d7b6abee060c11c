//! Bodies of Daily's REST API, as documented at docs.daily.co/reference/rest-api.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value, json};

use crate::pii::{Address, ApiKey, PhoneNumber};
use crate::telephony::{DialIn, DialOut, Hearing, LegId, RoomRequest, TelephonyError};

/// When the room and its token end: whole seconds since 1970, as documented.
pub(super) fn expiry(request: &RoomRequest) -> i64 {
    let lifetime = i64::try_from(request.lifetime.as_secs()).unwrap_or(i64::MAX);
    request.now.saturating_add(lifetime)
}

/// `POST /rooms`: the seven settings of the original, and the room's end.
pub(super) fn room(name: &str, caller: Option<&PhoneNumber>, exp: i64) -> Value {
    json!({
        "name": name,
        "properties": {
            "exp": exp,
            "eject_at_room_exp": true,
            "enable_chat": false,
            "enable_dialout": true,
            "start_video_off": true,
            "sip": {
                "display_name": caller.map_or("unknown", PhoneNumber::reveal),
                "video": false,
                "sip_mode": "dial-in",
                "num_endpoints": 1,
            },
        },
    })
}

/// `POST /meeting-tokens`. Says nothing of ejection, which would override the room's `eject_at_room_exp`.
pub(super) fn owner_token(room: &str, exp: i64) -> Value {
    json!({"properties": {"room_name": room, "is_owner": true, "exp": exp}})
}

/// `POST /dialin/pinlessCallUpdate`.
pub(super) fn forward(dial_in: &DialIn, sip_uri: &str) -> Value {
    json!({
        "callId": dial_in.call_id,
        "callDomain": dial_in.call_domain,
        "sipUri": with_scheme(sip_uri),
    })
}

/// `POST /rooms/:name/dialOut/start`.
pub(super) fn dial_out(request: &DialOut) -> Value {
    let mut body = match &request.to {
        Address::Phone(number) => json!({"phoneNumber": number.reveal()}),
        Address::Sip(uri) => json!({"sipUri": uri.reveal(), "video": false}),
    };
    add(&mut body, "displayName", request.display_name.as_deref());
    add_caller_id_and_extension(&mut body, request);
    body
}

/// `POST /rooms/:name/sipCallTransfer`.
pub(super) fn sip_transfer(leg: &LegId, to: &DialOut) -> Value {
    let mut body = sip_refer(leg, &to.to);
    add_caller_id_and_extension(&mut body, to);
    body
}

/// `POST /rooms/:name/sipRefer`. The capital P is documented.
pub(super) fn sip_refer(leg: &LegId, to: &Address) -> Value {
    json!({"sessionId": &*leg.0, "toEndPoint": to.reveal()})
}

/// Only a SIP address can be referred to.
pub(super) fn refer_to_a_number() -> TelephonyError {
    TelephonyError::Refused("SIP REFER goes to sip: addresses only".to_owned())
}

/// `POST /rooms/:name/dialOut/stop`.
pub(super) fn leg(leg: &LegId) -> Value {
    json!({"sessionId": &*leg.0})
}

/// `POST /rooms/:name/dialOut/sendDTMF`.
pub(super) fn dtmf(leg: &LegId, tones: &str) -> Value {
    json!({"sessionId": &*leg.0, "tones": tones})
}

/// `POST /rooms/:name/update-permissions`: who may receive whose media. Whether an update replaces the map of
/// participants or is merged into it is not documented, so each names everybody it means.
pub(super) fn permissions(hearing: &[Hearing]) -> Value {
    let can_receive = |hearing: &Hearing| {
        let by_id: Map<_, _> = hearing.but.iter().map(|(id, on)| (id.0.to_string(), (*on).into())).collect();
        json!({"canReceive": {"base": hearing.others, "byParticipantId": by_id}})
    };
    let data: Map<_, _> = hearing.iter().map(|h| (h.listener.0.to_string(), can_receive(h))).collect();
    json!({ "data": data })
}

fn add_caller_id_and_extension(body: &mut Value, request: &DialOut) {
    add(body, "callerId", request.caller_id.as_deref());
    if let Some(extension) = request.extension.as_deref() {
        // Our `w` is half a second before the keys; Daily counts whole seconds, once.
        let keys = extension.trim_start_matches('w');
        let pauses = extension.len() - keys.len();
        body["extension"] = keys.into();
        if pauses > 0 {
            body["waitBeforeExtensionDialSec"] = pauses.div_ceil(2).into();
        }
    }
}

fn add(body: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        body[name] = value.into();
    }
}

/// A SIP endpoint with its scheme, which Daily shows with and without.
pub(super) fn with_scheme(endpoint: &str) -> String {
    let endpoint = endpoint.trim();
    let scheme = endpoint.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("sip" | "sips") => endpoint.to_owned(),
        _ => format!("sip:{endpoint}"),
    }
}

/// What we need of a room. Its `config` lists only what differs from the defaults.
#[derive(Deserialize)]
pub(super) struct RoomAnswer {
    pub(super) name: String,
    pub(super) url: String,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    sip_uri: Option<SipUri>,
}

#[derive(Deserialize)]
struct SipUri {
    endpoint: Option<String>,
}

impl RoomAnswer {
    /// Where callers are forwarded to, with its scheme.
    pub(super) fn sip_endpoint(&self) -> Option<String> {
        let endpoint = self.config.sip_uri.as_ref()?.endpoint.as_deref()?;
        (!endpoint.trim().is_empty()).then(|| with_scheme(endpoint))
    }
}

/// `GET /rooms`: newest first.
#[derive(Deserialize)]
pub(super) struct RoomList {
    pub(super) data: Vec<ListedRoom>,
}

/// What a sweep needs of a room.
#[derive(Deserialize)]
pub(super) struct ListedRoom {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    created_at: String,
}

impl ListedRoom {
    /// Whether it was created before a time in seconds since 1970. One that does not say when was not.
    pub(super) fn is_older_than(&self, time: i64) -> bool {
        self.created_at.parse::<jiff::Timestamp>().is_ok_and(|created| created.as_second() < time)
    }
}

/// `GET /rooms/:name/presence`.
#[derive(Deserialize)]
pub(super) struct Presence {
    pub(super) total_count: u64,
    pub(super) data: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: String,
}

#[derive(Deserialize)]
struct DialOutAnswer {
    #[serde(rename = "sessionId")]
    session_id: String,
}

/// Reads an answer. An error names what was expected and which field is wrong, never a value.
pub(super) fn read<T: DeserializeOwned>(answer: Value, what: &str) -> Result<T, TelephonyError> {
    without_values(answer).map_err(|why| TelephonyError::Protocol(format!("{what}: {why}")))
}

/// Reads the token of `POST /meeting-tokens`.
pub(super) fn read_token(answer: Value) -> Result<ApiKey, TelephonyError> {
    let TokenAnswer { token } = read(answer, "the meeting token")?;
    if token.is_empty() {
        return Err(TelephonyError::Protocol("the meeting token is empty".to_owned()));
    }
    Ok(ApiKey::new(token))
}

/// Reads the session id of `POST …/dialOut/start`.
pub(super) fn read_leg(answer: Value) -> Result<LegId, TelephonyError> {
    let DialOutAnswer { session_id } = read(answer, "the dial-out")?;
    if session_id.is_empty() {
        return Err(TelephonyError::Protocol("the dial-out has no session id".to_owned()));
    }
    Ok(LegId::new(&session_id))
}

fn without_values<T: DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer).map_err(|error| {
        let text = error.to_string();
        // `missing field` names the field; `invalid type` would repeat the value.
        if text.starts_with("missing field") { text } else { "a field has the wrong type".to_owned() }
    })
}
