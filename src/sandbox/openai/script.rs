//! Replies that are fixed beforehand, from a file or by a test.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Replies that wait for their request; clones are the same script. Empty, the stand-in decides.
#[derive(Clone, Debug, Default)]
pub struct Script {
    waiting: Arc<Mutex<Vec<ScriptedReply>>>,
}

/// One fixed reply: words, tool calls, or an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedReply {
    /// Only to a request whose last user message contains this, whatever the case; else to the next.
    pub when: Option<String>,
    /// How often; once if absent.
    pub times: Option<u32>,
    /// Milliseconds before anything is answered.
    pub delay_ms: u64,
    /// What is said.
    pub say: Option<String>,
    /// What is called, after what is said.
    pub calls: Vec<ScriptedCall>,
    /// What goes wrong.
    pub error: Option<ScriptedError>,
}

/// A fixed tool call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool, known to the request or not.
    pub name: String,
    /// An object, or a text that is given out as it is, JSON or not.
    #[serde(default)]
    pub arguments: Value,
}

impl ScriptedCall {
    /// The arguments as they are written.
    #[must_use]
    pub(super) fn text(&self) -> String {
        match &self.arguments {
            Value::Null => "{}".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// A fixed error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedError {
    /// HTTP status; absent, the error comes in mid-stream after what is said.
    pub status: Option<u16>,
    /// The error's code; the usual one of the status if absent.
    pub code: Option<String>,
    /// Its text.
    pub message: Option<String>,
    /// Seconds, in the header `Retry-After`.
    pub retry_after: Option<u64>,
}

/// Why a script cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the script of replies is not understood: {0}")]
pub struct ScriptError(String);

impl Script {
    /// A script of these replies.
    #[must_use]
    pub fn new(replies: Vec<ScriptedReply>) -> Self {
        Self { waiting: Arc::new(Mutex::new(replies)) }
    }

    /// Reads a list of replies in YAML or JSON.
    ///
    /// # Errors
    /// [`ScriptError`] with the place, for anything else.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        serde_yaml::from_str(text).map(Self::new).map_err(|error| ScriptError(error.to_string()))
    }

    /// Adds a reply behind those that wait.
    pub fn push(&self, reply: ScriptedReply) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
    }

    /// Takes the first reply that fits what the user said last.
    pub(super) fn take(&self, said: &str) -> Option<ScriptedReply> {
        let said = said.to_lowercase();
        // A list stays whole even if a holder panicked.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |reply: &ScriptedReply| {
            reply.when.as_deref().is_none_or(|when| said.contains(&when.to_lowercase()))
        };
        let index = waiting.iter().position(fits)?;
        let left = waiting[index].times.unwrap_or(1).saturating_sub(1);
        if left == 0 {
            return Some(waiting.remove(index));
        }
        waiting[index].times = Some(left);
        Some(waiting[index].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_in_order_by_what_was_said_and_as_often_as_they_say() {
        let script = Script::parse(
            "- {when: bill, times: 2, say: About bills.}\n\
             - {say: First., delay_ms: 300}\n\
             - calls: [{name: f, arguments: '{\"broken'}]\n",
        )
        .unwrap();
        let say = |said: &str| script.take(said).and_then(|reply| reply.say);
        assert_eq!(say("hello").as_deref(), Some("First."));
        assert_eq!(say("My BILL").as_deref(), Some("About bills."));
        assert_eq!(say("the bill").as_deref(), Some("About bills."));
        assert_eq!(script.take("the bill").unwrap().calls[0].text(), "{\"broken");
        assert_eq!(script.take("the bill"), None);
    }

    #[test]
    fn json_is_read_too_and_what_is_unknown_is_refused() {
        let script = Script::parse(r#"[{"error": {"status": 429, "retry_after": 2}}]"#).unwrap();
        assert_eq!(script.take("").unwrap().error.unwrap().retry_after, Some(2));
        assert!(Script::parse("- {sya: hello}").is_err());
        assert!(Script::parse("{").is_err());
    }
}
