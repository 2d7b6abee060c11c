//! Errors as the API writes them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal: status and `{"error": {message, type, param, code}}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) kind: &'static str,
    pub(super) param: Option<String>,
    pub(super) code: Option<String>,
    /// Seconds, in the header `Retry-After`.
    pub(super) retry_after: Option<u64>,
}

impl ApiError {
    fn new(status: u16, code: Option<&str>, message: impl Into<String>) -> Self {
        let kind = match (status, code) {
            (429, Some("insufficient_quota")) => "insufficient_quota",
            (429, _) => "requests",
            (500.., _) => "server_error",
            _ => "invalid_request_error",
        };
        let code = code.map(str::to_owned);
        Self { status, message: message.into(), kind, param: None, code, retry_after: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, Some("invalid_api_key"), "An API key is needed: Authorization: Bearer KEY.")
    }

    pub(super) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), ..Self::new(400, None, message) }
    }

    pub(super) fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self { param: Some(param.to_owned()), ..Self::new(400, Some("missing_required_parameter"), message) }
    }

    pub(super) fn not_json(why: &serde_json::Error) -> Self {
        Self::new(400, None, format!("The body is not the JSON of a request: {why}."))
    }

    pub(super) fn model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self::new(404, Some("model_not_found"), message)
    }

    /// A refusal that the control API or a script ordered; the code is the usual one if none is given.
    pub(super) fn ordered(status: u16, info: Option<String>) -> Self {
        let code = match status {
            401 => Some("invalid_api_key"),
            404 => Some("model_not_found"),
            429 => Some("rate_limit_exceeded"),
            _ => None,
        };
        Self::new(status, code, info.unwrap_or_else(|| "Refused by order of the sandbox.".to_owned()))
    }

    /// The same, with another code.
    pub(super) fn with_code(self, code: Option<String>) -> Self {
        let given = Self::new(self.status, code.as_deref(), "");
        match code {
            Some(_) => Self { kind: given.kind, code, ..self },
            None => self,
        }
    }

    pub(super) fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_documented_shape() {
        let quota = ApiError::ordered(429, None).with_code(Some("insufficient_quota".to_owned()));
        for (ours, documented) in [
            (ApiError::unauthorized(), include_str!("../../../tests/wire/openai/refused_401.json")),
            (ApiError::model("gpt-none"), include_str!("../../../tests/wire/openai/refused_404.json")),
            (quota, include_str!("../../../tests/wire/openai/refused_429_quota.json")),
            (ApiError::ordered(429, None), include_str!("../../../tests/wire/openai/refused_429_rate.json")),
        ] {
            let documented: Value = serde_json::from_str(documented).unwrap();
            for key in ["type", "param", "code"] {
                assert_eq!(ours.body()["error"][key], documented["error"][key], "{key} of {ours:?}");
            }
        }
    }
}
