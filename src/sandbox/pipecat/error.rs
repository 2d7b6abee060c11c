//! Refusals in the shapes that Pipecat Cloud documents: `{"error", "code"}`, and another one at capacity.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    status: StatusCode,
    body: Value,
}

impl ApiError {
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized / token expired", "401")
    }

    pub(super) fn invalid(error: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, "400")
    }

    pub(super) fn not_found(error: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, "404")
    }

    /// The documented example has this shape and no other.
    pub(super) fn at_capacity() -> Self {
        let message = "Rate limit exceeded. Please try again later";
        let body = json!({"status": 429, "code": "429", "message": message});
        Self { status: StatusCode::TOO_MANY_REQUESTS, body }
    }

    /// A refusal on order; a text such as `PCC-1001` is the code.
    pub(super) fn ordered(status: u16, info: Option<String>) -> Self {
        let info = info.unwrap_or_else(|| "refused".to_owned());
        let code = if info.starts_with("PCC-") { info.clone() } else { status.to_string() };
        Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &info, &code)
    }

    fn new(status: StatusCode, error: &str, code: &str) -> Self {
        Self { status, body: json!({"error": error, "code": code}) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_documented_shapes() {
        for (ours, documented) in [
            (ApiError::unauthorized(), include_str!("../../../tests/wire/pipecat/refused_401.json")),
            (ApiError::at_capacity(), include_str!("../../../tests/wire/pipecat/refused_429.json")),
            (
                ApiError::ordered(400, Some("PCC-1001".to_owned())),
                include_str!("../../../tests/wire/pipecat/refused_not_ready.json"),
            ),
        ] {
            let documented: Value = serde_json::from_str(documented).unwrap();
            let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&ours.body), keys(&documented));
            assert_eq!(ours.body["code"], documented["code"]);
        }
    }
}
