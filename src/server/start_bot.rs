//! The body of `POST /start_bot`: the original's, which is also what Pipecat Cloud's start call carries.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::StartBot;
use super::reply::Reply;

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
    Ok(StartBot::read(&fields, None)?)
}
