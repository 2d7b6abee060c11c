//! Answers: always JSON, errors too.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::StartError;
use crate::telephony::daily::webhook::{SignatureError, WebhookError};

/// A status and a JSON body.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Value,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }

    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body }
    }

    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        Self { status, body: json!({"error": message}) }
    }

    /// A request that lacks fields.
    pub(super) fn missing(fields: &[&str]) -> Self {
        let message = format!("missing {}", fields.join(", "));
        Self { status: StatusCode::BAD_REQUEST, body: json!({"error": message, "missing": fields}) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<WebhookError> for Reply {
    fn from(error: WebhookError) -> Self {
        match &error {
            WebhookError::Missing(fields) => Self::missing(fields),
            WebhookError::NotAnObject | WebhookError::Wrong { .. } => {
                Self::error(StatusCode::BAD_REQUEST, &error.to_string())
            }
        }
    }
}

impl From<SignatureError> for Reply {
    fn from(error: SignatureError) -> Self {
        let status = match error {
            SignatureError::Missing => StatusCode::UNAUTHORIZED,
            SignatureError::NotATime | SignatureError::Stale | SignatureError::Wrong => StatusCode::FORBIDDEN,
        };
        Self::error(status, &error.to_string())
    }
}

impl From<StartError> for Reply {
    fn from(error: StartError) -> Self {
        let status = match error {
            StartError::Draining | StartError::AtCapacity { .. } => StatusCode::SERVICE_UNAVAILABLE,
            StartError::Telephony(_) => StatusCode::BAD_GATEWAY,
            StartError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            StartError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::error(status, &error.to_string())
    }
}

/// What a panic in our code is to the other side. The panic's text stays here.
pub(super) fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request was answered by a panic");
    Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
}
