//! By what id each request of a vendor can be traced, as its emulator read it from the wire.
//!
//! The newest are kept. An id is told as it came: whether it names a call is for whoever asks to see.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use serde::Serialize;

use super::faults::Service;

/// Requests that are remembered.
const MOST: usize = 4_096;
/// Letters of an id; the vendors' own limits are at most as many.
const LONGEST: usize = 512;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Whom it asked.
    pub service: &'static str,
    /// The id that it carried, in the vendor's own place for one.
    pub id: Option<String>,
}

/// The newest requests of one sandbox; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    list: Arc<Mutex<VecDeque<Trace>>>,
}

impl Traces {
    /// Takes note of a request.
    pub(super) fn note(&self, service: Service, id: Option<&str>) {
        let mut list = self.lock();
        if list.len() == MOST {
            list.pop_front();
        }
        let id = id.map(|id| id.chars().take(LONGEST).collect());
        list.push_back(Trace { service: service.name(), id });
    }

    /// Takes note of a request that names itself by OpenAI's `X-Client-Request-Id`.
    pub(super) fn note_header(&self, service: Service, headers: &HeaderMap) {
        self.note(service, headers.get("x-client-request-id").and_then(|id| id.to_str().ok()));
    }

    /// Takes note of a request whose query has a tag.
    pub(super) fn note_tag(&self, service: Service, query: &[(String, String)]) {
        self.note(service, value(query, "tag"));
    }

    /// Takes note of a request whose query has `extra=call_id:…` (Deepgram hands `extra` back as it was given).
    pub(super) fn note_extra(&self, service: Service, query: &[(String, String)]) {
        self.note(service, value(query, "extra").and_then(|extra| extra.strip_prefix("call_id:")));
    }

    /// What was noted, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Trace> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Trace>> {
        // The list stays whole even if a holder panicked.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn value<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_no_id_is_longer_than_it_may_be() {
        let traces = Traces::default();
        for n in 0..=MOST {
            traces.note(Service::Flux, Some(&format!("call-{n}")));
        }
        traces.note(Service::Aura, Some(&"x".repeat(LONGEST + 1)));
        traces.note(Service::Aura, None);
        let all = traces.all();
        assert_eq!((all.len(), all[0].id.as_deref()), (MOST, Some("call-3")));
        assert_eq!(all[MOST - 2].id.as_ref().map(String::len), Some(LONGEST));
        assert_eq!(all[MOST - 1], Trace { service: "aura", id: None });
    }

    #[test]
    fn an_id_is_read_where_the_vendor_has_a_place_for_it() {
        let traces = Traces::default();
        let query = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        traces.note_extra(Service::Deepgram, &query("extra", "call_id:c-1"));
        traces.note_extra(Service::Deepgram, &query("extra", "other:c-1"));
        traces.note_tag(Service::Flux, &query("tag", "c-1"));
        let ids: Vec<_> = traces.all().into_iter().map(|trace| trace.id).collect();
        assert_eq!(ids, [Some("c-1".to_owned()), None, Some("c-1".to_owned())]);
    }
}
