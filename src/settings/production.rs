//! `ENV=production`: where bots are started.

use super::{Overrides, Reader, SettingsError};
use crate::pii::ApiKey;

/// Pipecat Cloud's API (docs.pipecat.ai); `PIPECAT_API_URL` points elsewhere.
const API_URL: &str = "https://api.pipecat.daily.co/v1";
/// Longest name of an agent.
const LONGEST_AGENT: usize = 54;

/// Where bots are started in production.
#[derive(Clone, Debug)]
pub struct Production {
    /// Base URL of the start API, ends in `/v1`.
    pub api_url: String,
    /// `PIPECAT_API_KEY`: a public key.
    pub key: ApiKey,
    /// `PIPECAT_AGENT_NAME`.
    pub agent: String,
}

/// Reads it; `None` (and problems) if something is missing or makes no sense.
pub(super) fn read(reader: &mut Reader<'_>, overrides: &Overrides) -> Option<Production> {
    let before = reader.problems.len();
    if overrides.offline {
        reader.problems.push(SettingsError::ProductionOffline);
    }
    for name in ["PIPECAT_API_KEY", "PIPECAT_AGENT_NAME"] {
        if reader.text(name).is_none() {
            reader.problems.push(SettingsError::ProductionNeeds { name });
        }
    }
    let key = reader.key("PIPECAT_API_KEY");
    let agent = reader.text("PIPECAT_AGENT_NAME").filter(|agent| {
        let good = is_agent(agent);
        if !good {
            let expected = "the agent's name: lower-case letters, digits and hyphens, at most 54";
            reader.problems.push(SettingsError::Unreadable { name: "PIPECAT_AGENT_NAME", expected });
        }
        good
    });
    let api_url = reader.url("PIPECAT_API_URL").unwrap_or_else(|| API_URL.to_owned());
    match (key, agent) {
        (Some(key), Some(agent)) if reader.problems.len() == before => {
            Some(Production { api_url, key, agent })
        }
        _ => None,
    }
}

fn is_agent(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= LONGEST_AGENT && name.chars().all(plain)
}
