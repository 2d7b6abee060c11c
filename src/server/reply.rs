//! Answers: always JSON, errors too.

use std::any::Any;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::gate::Asker;
use super::{BotRefusal, StartError};
use crate::cloud::CloudError;
use crate::telephony::daily::webhook::WebhookError;

/// When a busy server may be asked again, in seconds.
const BUSY_FOR: u64 = 5;

/// A status and a JSON body.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Value,
    /// Seconds.
    retry_after: Option<u64>,
    /// The answer says that a token would help.
    challenges: bool,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(BUSY_FOR);
        Self { status, body, retry_after, challenges: false }
    }

    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        Self::new(status, json!({"error": message}))
    }

    /// Says when to ask again, in whole seconds.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_secs().saturating_add(1)), ..self }
    }

    /// Says that a token would help.
    pub(super) fn challenge(self) -> Self {
        Self { challenges: true, ..self }
    }

    /// A held call that cannot be taken. What is wrong here is no stranger's business.
    pub(super) fn refusing(asker: Asker, error: &StartError) -> Self {
        let text = match asker {
            Asker::Known => error.to_string(),
            Asker::Stranger => "the call cannot be taken".to_owned(),
        };
        Self::error(status_of(error), &text)
    }

    /// A request that lacks fields.
    pub(super) fn missing(fields: &[&str]) -> Self {
        let message = format!("missing {}", fields.join(", "));
        Self::new(StatusCode::BAD_REQUEST, json!({"error": message, "missing": fields}))
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.challenges {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // A room's token must not stay in anybody's cache.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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

impl From<StartError> for Reply {
    fn from(error: StartError) -> Self {
        Self::refusing(Asker::Known, &error)
    }
}

fn status_of(error: &StartError) -> StatusCode {
    match error {
        StartError::Draining | StartError::AtCapacity { .. } | StartError::Cloud(CloudError::AtCapacity) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        StartError::Telephony(_) | StartError::Cloud(_) => StatusCode::BAD_GATEWAY,
        StartError::UnknownFlow { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        StartError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        StartError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<BotRefusal> for Reply {
    fn from(refusal: BotRefusal) -> Self {
        let status = match refusal {
            BotRefusal::Draining | BotRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            BotRefusal::UnknownFlow { .. } | BotRefusal::OtherVersion { .. } | BotRefusal::NoDailyKey => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            BotRefusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::error(status, &refusal.to_string())
    }
}

/// What a panic in our code is to the other side. The panic's text stays here.
pub(super) fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request was answered by a panic");
    Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
}
