//! What Pipecat Cloud's refusals mean, and what to do about each.
//!
//! The documented body is `{"error", "code"}`, but at capacity it is `{"status", "code", "message"}`; both are
//! read leniently, and the status decides where the code is unknown.

use serde_json::Value;

use crate::telephony::prose::prose;

/// Why no bot was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// It could not be reached, or not within the deadline.
    #[error("cannot reach Pipecat Cloud: {0}; check the network, and PIPECAT_API_URL if it is set")]
    Unreachable(String),
    /// The key is missing, of the wrong kind, or refused.
    #[error(
        "Pipecat Cloud refused the key; set PIPECAT_API_KEY to a public key (pk_…) of the organization that owns the agent"
    )]
    Unauthorized,
    /// No agent of this name.
    #[error(
        "Pipecat Cloud has no agent `{agent}`; deploy it (`pipecat cloud deploy`), or correct PIPECAT_AGENT_NAME"
    )]
    UnknownAgent {
        /// As asked for.
        agent: String,
    },
    /// The agent was deployed and is not ready yet.
    #[error(
        "the agent is not ready; `pipecat cloud agent status` says why, often an image that does not start"
    )]
    NotReady,
    /// The organization cannot be billed.
    #[error("Pipecat Cloud asks for billing details; add them in its dashboard")]
    Billing,
    /// All instances have a call.
    #[error(
        "all instances of the agent are on calls; raise `max_agents` (and `min_agents`) in pcc-deploy.toml and deploy again"
    )]
    AtCapacity,
    /// The request was refused.
    #[error("Pipecat Cloud refused to start the bot ({status}): {info}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its text.
        info: String,
    },
    /// The platform is ill.
    #[error("Pipecat Cloud failed ({status}): {info}; its status page may know more")]
    Platform {
        /// HTTP status.
        status: u16,
        /// Its text.
        info: String,
    },
    /// It answered, but not its protocol.
    #[error("Pipecat Cloud sent something that is not its protocol: {0}; check PIPECAT_API_URL if it is set")]
    Protocol(String),
    /// The settings can never work.
    #[error("cannot use the settings of Pipecat Cloud: {0}")]
    Settings(String),
}

/// The error of an answer with this status and body.
pub(super) fn meaning(agent: &str, status: u16, body: &[u8]) -> CloudError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let info = [text("error"), text("message")].into_iter().find(|text| !text.is_empty());
    let info = info.map_or_else(|| "no reason given".to_owned(), prose);
    match (status, text("code")) {
        (_, "PCC-AGENT-AT-CAPACITY") | (429, _) => CloudError::AtCapacity,
        (_, "PCC-1001") => CloudError::NotReady,
        (_, "PCC-1002") | (401 | 403, _) => CloudError::Unauthorized,
        (_, "PCC-1004") | (402, _) => CloudError::Billing,
        (404, _) => CloudError::UnknownAgent { agent: agent.to_owned() },
        (400..=499, _) => CloudError::Refused { status, info },
        (500..=599, _) => CloudError::Platform { status, info },
        _ => CloudError::Protocol(format!("status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> CloudError {
        meaning("my-agent", status, body.as_bytes())
    }

    #[test]
    fn documented_refusals_have_their_causes_and_every_sentence_names_a_fix() {
        for (status, body, error) in [
            (401, r#"{"error":"Unauthorized / token expired","code":"401"}"#, CloudError::Unauthorized),
            (400, r#"{"error":"x","code":"PCC-1001"}"#, CloudError::NotReady),
            (400, r#"{"error":"x","code":"PCC-1002"}"#, CloudError::Unauthorized),
            (400, r#"{"error":"x","code":"PCC-1004"}"#, CloudError::Billing),
            (404, "{}", CloudError::UnknownAgent { agent: "my-agent".into() }),
            (
                429,
                r#"{"status":429,"code":"429","message":"Rate limit exceeded. Please try again later"}"#,
                CloudError::AtCapacity,
            ),
            (503, r#"{"error":"x","code":"PCC-AGENT-AT-CAPACITY"}"#, CloudError::AtCapacity),
        ] {
            assert_eq!(of(status, body), error, "{body}");
            let text = error.to_string();
            assert!(
                ["PIPECAT_", "pcc-deploy.toml", "dashboard", "status`"].iter().any(|fix| text.contains(fix)),
                "{text}"
            );
        }
    }

    #[test]
    fn unknown_refusals_keep_the_platform_s_words_without_numbers() {
        let refused = of(400, r#"{"error":"cannot take +15551234567","code":"new"}"#);
        assert_eq!(refused, CloudError::Refused { status: 400, info: "cannot take •••".into() });
        assert!(matches!(of(502, "<html>"), CloudError::Platform { status: 502, .. }));
        assert!(matches!(of(302, ""), CloudError::Protocol(_)));
        for hostile in ["[]", "null", r#"{"code":7,"error":{}}"#, "\u{0}"] {
            assert!(matches!(of(418, hostile), CloudError::Refused { status: 418, .. }), "{hostile}");
        }
    }
}
