//! The body of `POST /start_bot`: the original's, which is also what Pipecat Cloud's start call carries.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::StartBot;
use super::reply::Reply;
use crate::pii::ApiKey;
use crate::telephony::daily::webhook;

/// Fields without which there is nothing to start.
const NEEDED: [&str; 4] = ["room_url", "token", "callId", "callDomain"];

/// Reads `{"createDailyRoom":false,"body":{…}}`, or the inner object alone.
pub(super) fn parse(bytes: &[u8]) -> Result<StartBot, Reply> {
    let refused = |message| Reply::error(StatusCode::BAD_REQUEST, message);
    let mut outer: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|_| refused("the body is not a JSON object"))?;
    let fields = match outer.remove("body") {
        Some(Value::Object(inner)) => inner,
        Some(_) => return Err(refused("`body` is not an object")),
        None => outer,
    };
    let missing: Vec<_> = NEEDED.into_iter().filter(|field| !fields.contains_key(*field)).collect();
    if !missing.is_empty() {
        return Err(Reply::missing(&missing));
    }
    let text = |field: &str| fields[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let room_url = text("room_url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    Ok(StartBot {
        room_url: room_url.ok_or_else(|| refused("`room_url` is not a URL"))?,
        token: text("token").map(ApiKey::new).ok_or_else(|| refused("`token` is not a token"))?,
        dial_in: webhook::dial_in(&fields)?,
    })
}
