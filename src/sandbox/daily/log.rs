//! `GET /logs/api`: the requests that Daily took, and those it made to webhooks.
//!
//! Documented as a bare array, the latest first. The emulator keeps the last few hundred, with the body of the
//! request and, if it was refused, of the answer. That calls of the dial-in webhook are listed under `webhook` is an
//! assumption: the documents do not say.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::ApiError;
use super::paging::most;
use crate::sandbox::clock::{iso_8601, unix_now};
use crate::sandbox::world::World;

/// Entries that are kept.
const KEPT: usize = 500;
/// Entries of an answer, if no number is asked for.
const DEFAULT_LIMIT: usize = 20;

/// Where a request came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// From a client of the API.
    Api,
    /// From Daily, to a webhook.
    Webhook,
}

/// One request, as it is listed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: Uuid,
    user_id: Uuid,
    domain_id: Uuid,
    source: Source,
    ip: &'static str,
    method: String,
    url: String,
    status: u16,
    created_at: String,
    request: Option<String>,
    response: Option<String>,
}

/// The log of one sandbox; clones are the same log.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog {
    entries: Arc<Mutex<VecDeque<Entry>>>,
}

impl RequestLog {
    /// Notes a request and how it was answered, with the bodies of both; the oldest is forgotten.
    pub(crate) fn note(
        &self,
        source: Source,
        method: &str,
        url: &str,
        status: u16,
        bodies: [Option<String>; 2],
    ) {
        let [request, response] = bodies;
        let entry = Entry {
            id: Uuid::new_v4(),
            user_id: Uuid::nil(),
            domain_id: Uuid::nil(),
            source,
            ip: "127.0.0.1",
            method: method.to_owned(),
            url: url.to_owned(),
            status,
            created_at: iso_8601(unix_now()),
            request,
            response,
        };
        let mut entries = self.lock();
        entries.truncate(KEPT - 1);
        entries.push_front(entry);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    source: Option<String>,
    url: Option<String>,
    limit: Option<usize>,
    starting_after: Option<Uuid>,
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let source = match wanted.source.as_deref() {
        None | Some("api") => Source::Api,
        Some("webhook") => Source::Webhook,
        Some(other) => {
            let info = format!("\"source\" must be one of [webhook, api] [Received source=\"{other}\"]");
            return Err(ApiError::invalid(info));
        }
    };
    let entries = world.log.lock();
    let after = wanted.starting_after;
    let skipped =
        after.map_or(0, |id| entries.iter().position(|entry| entry.id == id).map_or(0, |at| at + 1));
    let fits =
        |entry: &&Entry| entry.source == source && wanted.url.as_ref().is_none_or(|url| entry.url == *url);
    let most = most(wanted.limit, DEFAULT_LIMIT)?;
    let listed: Vec<&Entry> = entries.iter().skip(skipped).filter(fits).take(most).collect();
    Ok(Json(serde_json::to_value(listed).expect("entries are plain data")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_forgotten() {
        let log = RequestLog::default();
        for n in 0..KEPT + 3 {
            log.note(Source::Api, "GET", &format!("/v1/{n}"), 200, [None, None]);
        }
        let entries = log.lock();
        assert_eq!((entries.len(), entries[0].url.as_str()), (KEPT, "/v1/502"));
    }

    #[test]
    fn entries_have_the_documented_keys() {
        let log = RequestLog::default();
        log.note(Source::Webhook, "POST", "https://bot.example.com/start", 502, [None, None]);
        let ours = serde_json::to_value(&log.lock()[0]).unwrap();
        let documented: Value =
            serde_json::from_str(include_str!("../../../tests/wire/daily/api_log.json")).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&ours), keys(&documented[0]));
        assert_eq!((&ours["source"], &ours["status"]), (&Value::from("webhook"), &Value::from(502)));
    }
}
