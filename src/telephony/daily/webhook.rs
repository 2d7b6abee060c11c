//! Daily's dial-in webhook: its body, its test pings, its signature.
//!
//! Documented at docs.daily.co (dial-in) and, for the signature, by Daily's own sample servers. Nothing
//! here knows HTTP; the server hands over headers and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::pii::{ApiKey, PhoneNumber};
use crate::telephony::DialIn;

/// Header of the signature.
pub const SIGNATURE_HEADER: &str = "X-Pinless-Signature";
/// Header of the time of signing, which is part of what is signed.
pub const TIMESTAMP_HEADER: &str = "X-Pinless-Timestamp";

/// How far the time of signing may lie from ours, in seconds.
const REPLAY_WINDOW: f64 = 300.0;
/// Times from here on are milliseconds: Daily's traffic has them, its documents have seconds.
const FIRST_MILLISECOND: f64 = 1e10;
/// Longest id that is believed, in bytes.
const LONGEST_ID: usize = 256;

/// What Daily posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// A caller is held for us.
    DialIn(DialIn),
    /// A test, when a dial-in configuration is saved: to be answered 200, and nothing else.
    Ping,
}

/// Why a body is not a dial-in. Messages name fields, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// Fields that every dial-in has are not there.
    #[error("missing {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A field is not what it should be.
    #[error("`{field}` is not {expected}")]
    Wrong {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// Reads a body.
///
/// A number that is withheld, or not E.164, is `None`: the call is taken all the same.
///
/// # Errors
/// See [`WebhookError`]. All missing fields are named together.
pub fn parse(body: &[u8]) -> Result<Webhook, WebhookError> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| WebhookError::NotAnObject)?;
    if is_ping(&body) {
        return Ok(Webhook::Ping);
    }
    let missing =
        ["From", "To", "callId", "callDomain"].into_iter().filter(|field| !body.contains_key(*field));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        return Err(WebhookError::Missing(missing));
    }
    dial_in(&body).map(Webhook::DialIn)
}

/// Reads the fields of a dial-in from any object that holds them. The numbers may be absent.
///
/// # Errors
/// See [`WebhookError`].
pub fn dial_in(fields: &Map<String, Value>) -> Result<DialIn, WebhookError> {
    let missing = ["callId", "callDomain"].into_iter().filter(|field| !fields.contains_key(*field));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        return Err(WebhookError::Missing(missing));
    }
    Ok(DialIn {
        call_id: id(fields, "callId")?,
        call_domain: id(fields, "callDomain")?,
        from: number(fields, "From"),
        to: number(fields, "To"),
        sip_headers: match fields.get("sipHeaders") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(headers)) => headers.clone(),
            Some(_) => return Err(WebhookError::Wrong { field: "sipHeaders", expected: "an object" }),
        },
    })
}

/// The three known tests: `{"Test":"test"}`, `{"test":…}`, and `{"To":"$PURCHASED_PHONE"}` alone.
fn is_ping(body: &Map<String, Value>) -> bool {
    let is_call = ["From", "callId", "callDomain"].iter().any(|field| body.contains_key(*field));
    let says_test = ["Test", "test"].iter().filter_map(|field| body.get(*field)).any(is_truthy);
    !is_call && (says_test || body.contains_key("To"))
}

fn is_truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value != 0
}

fn id(fields: &Map<String, Value>, field: &'static str) -> Result<String, WebhookError> {
    let is_id = |id: &&str| (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic());
    let text = fields.get(field).and_then(Value::as_str).filter(is_id);
    text.map(str::to_owned).ok_or(WebhookError::Wrong { field, expected: "an id" })
}

fn number(fields: &Map<String, Value>, field: &str) -> Option<PhoneNumber> {
    fields.get(field).and_then(Value::as_str).and_then(|text| PhoneNumber::parse(text).ok())
}

/// Verifies signatures with the secret of a dial-in configuration (`hmac`).
#[derive(Clone)]
pub struct Verifier(Hmac<Sha256>);

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing, or stands there twice.
    #[error("not signed: {SIGNATURE_HEADER} and {TIMESTAMP_HEADER} are needed, once each")]
    Missing,
    /// The time of signing is not a time.
    #[error("{TIMESTAMP_HEADER} is not a time")]
    NotATime,
    /// The time of signing is too far from now: a replay, or a wrong clock.
    #[error("signed too long ago or in the future; check this machine's clock")]
    Stale,
    /// The signature is of something else, or made with another secret.
    #[error("the signature does not fit; check the secret")]
    Wrong,
}

/// The secret is not base64, or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook secret is not base64")]
pub struct SecretError;

impl Verifier {
    /// A verifier with a base64 secret.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new(secret: &ApiKey) -> Result<Self, SecretError> {
        let key = STANDARD.decode(secret.reveal().trim()).map_err(|_| SecretError)?;
        if key.is_empty() {
            return Err(SecretError);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| SecretError)
    }

    /// The signature of a request, as Daily makes it: to see whether a server has the same secret.
    #[must_use]
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        STANDARD.encode(self.mac(timestamp, body).finalize().into_bytes())
    }

    /// Verifies a request: its headers as received, its raw bytes, and the time in seconds since 1970.
    /// The comparison takes constant time.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: i64,
    ) -> Result<(), SignatureError> {
        let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
            return Err(SignatureError::Missing);
        };
        let signature = STANDARD.decode(signature.trim()).map_err(|_| SignatureError::Wrong)?;
        self.mac(timestamp, body).verify_slice(&signature).map_err(|_| SignatureError::Wrong)?;
        let age = now as f64 - seconds(timestamp)?;
        if age.abs() <= REPLAY_WINDOW { Ok(()) } else { Err(SignatureError::Stale) }
    }

    fn mac(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(•••)")
    }
}

/// The time of signing in seconds, whichever unit it has.
fn seconds(timestamp: &str) -> Result<f64, SignatureError> {
    let time: f64 = timestamp.trim().parse().map_err(|_| SignatureError::NotATime)?;
    if !time.is_finite() {
        return Err(SignatureError::NotATime);
    }
    Ok(if time >= FIRST_MILLISECOND { time / 1000.0 } else { time })
}
