//! Refusals in the shapes that Daily documents: `{"error": <stable>, "info": <prose>}`, with two exceptions.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Value,
}

impl ApiError {
    /// 400, the header is missing or malformed: Daily answers 400 here, not 401.
    pub(crate) fn bad_header() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "authorization-header-error", "bad Authorization header format")
    }

    /// 401, the key is not known.
    pub(crate) fn bad_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication-error", "invalid API key")
    }

    /// 400, what was asked cannot be done.
    pub(crate) fn invalid(info: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request-error", info)
    }

    /// 400, a search that cannot be made.
    pub(crate) fn validation(info: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation-error", info)
    }

    /// 422 of a purchase, which has a shape of its own.
    pub(crate) fn invalid_attribute(detail: &str) -> Self {
        let error = json!({"detail": detail, "status": "422", "title": "Invalid Attribute", "code": "422"});
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body: json!({"errors": [error], "status": 422}) }
    }

    /// 422 of a release in the first fourteen days.
    pub(crate) fn too_young() -> Self {
        let body = json!({"error": "Failed to release new number, try again in 14 days"});
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body }
    }

    /// 400, the body is not JSON.
    pub(crate) fn not_json(info: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "json-parsing-error", info)
    }

    /// 404. The string is not in the documentation that could be read.
    pub(crate) fn not_found(info: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", info)
    }

    /// 429.
    pub(crate) fn rate_limited() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limit-error", "too many requests")
    }

    /// A refusal on order, with the code that Daily documents for its status.
    pub(crate) fn refusal(status: u16, info: Option<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let error = match status.as_u16() {
            401 => "authentication-error",
            403 => "forbidden-error",
            404 => "not-found",
            429 => "rate-limit-error",
            400..500 => "invalid-request-error",
            _ => "server-error",
        };
        Self::new(status, error, info.unwrap_or_else(|| "refused".to_owned()))
    }

    /// Its prose.
    pub(crate) fn info(&self) -> String {
        self.body["info"].as_str().unwrap_or_default().to_owned()
    }

    fn new(status: StatusCode, error: &'static str, info: impl Into<String>) -> Self {
        Self { status, body: json!({"error": error, "info": info.into()}) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
