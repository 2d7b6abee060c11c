//! The agents that are deployed, and which of their instances are free.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longest name of an agent that the platform takes.
const LONGEST_NAME: usize = 54;

/// A name that no agent can have, or an instance that is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAgent {
    /// The name.
    #[error("not an agent's name: at most {LONGEST_NAME} lower-case letters, digits and hyphens")]
    Name,
    /// The URL.
    #[error("not the URL of a container, such as http://127.0.0.1:8080")]
    Url,
}

/// All agents of one sandbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    by_name: Arc<Mutex<BTreeMap<String, Vec<Instance>>>>,
}

/// A container.
#[derive(Debug)]
struct Instance {
    /// Its origin, without a slash at the end.
    url: String,
    on_call: Option<OnCall>,
}

#[derive(Debug)]
struct OnCall {
    session: Uuid,
    stop: CancellationToken,
}

/// An instance that has a session; dropping it frees the instance.
#[derive(Debug)]
pub(super) struct Lease {
    agents: Agents,
    pub(super) session: Uuid,
    pub(super) url: String,
    /// Cancelled when the session is to end.
    pub(super) stop: CancellationToken,
}

/// Why there is no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLease {
    Unknown,
    AtCapacity,
}

impl Agents {
    /// Adds an instance to an agent.
    pub(crate) fn deploy(&self, agent: &str, url: &str) -> Result<(), BadAgent> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=LONGEST_NAME).contains(&agent.len()) || !agent.chars().all(plain) {
            return Err(BadAgent::Name);
        }
        let parsed = reqwest::Url::parse(url).map_err(|_| BadAgent::Url)?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(BadAgent::Url);
        }
        let url = url.trim_end_matches('/').to_owned();
        self.lock().entry(agent.to_owned()).or_default().push(Instance { url, on_call: None });
        Ok(())
    }

    /// Takes a free instance.
    pub(super) fn lease(&self, agent: &str) -> Result<Lease, NoLease> {
        let mut agents = self.lock();
        let instances = agents.get_mut(agent).ok_or(NoLease::Unknown)?;
        let free = instances.iter_mut().find(|instance| instance.on_call.is_none());
        let instance = free.ok_or(NoLease::AtCapacity)?;
        let (session, stop) = (Uuid::new_v4(), CancellationToken::new());
        instance.on_call = Some(OnCall { session, stop: stop.clone() });
        Ok(Lease { agents: self.clone(), session, url: instance.url.clone(), stop })
    }

    /// Ends a session; `false` if there is none of that id.
    pub(super) fn stop(&self, agent: &str, session: Uuid) -> bool {
        let agents = self.lock();
        let mut on_calls = agents.get(agent).into_iter().flatten().filter_map(|one| one.on_call.as_ref());
        let found = on_calls.find(|on_call| on_call.session == session);
        found.inspect(|on_call| on_call.stop.cancel()).is_some()
    }

    /// Ends all sessions of an agent.
    pub(crate) fn stop_all(&self, agent: &str) {
        let agents = self.lock();
        let on_calls = agents.get(agent).into_iter().flatten().filter_map(|one| one.on_call.as_ref());
        on_calls.for_each(|on_call| on_call.stop.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Instance>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut agents = self.agents.lock();
        for instance in agents.values_mut().flatten() {
            if instance.on_call.as_ref().is_some_and(|on_call| on_call.session == self.session) {
                instance.on_call = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_one_session_at_a_time() {
        let agents = Agents::default();
        agents.deploy("a", "http://127.0.0.1:1/").unwrap();
        agents.deploy("a", "http://127.0.0.1:2").unwrap();
        assert_eq!(agents.lease("b").unwrap_err(), NoLease::Unknown);
        let (first, second) = (agents.lease("a").unwrap(), agents.lease("a").unwrap());
        assert_eq!((&*first.url, &*second.url), ("http://127.0.0.1:1", "http://127.0.0.1:2"));
        assert_eq!(agents.lease("a").unwrap_err(), NoLease::AtCapacity);
        assert!(agents.stop("a", second.session) && second.stop.is_cancelled() && !first.stop.is_cancelled());
        drop(first);
        assert_eq!(agents.lease("a").unwrap().url, "http://127.0.0.1:1");
        assert!(!agents.stop("a", Uuid::nil()) && !agents.stop("b", second.session));
    }

    #[test]
    fn agents_and_containers_are_checked() {
        let agents = Agents::default();
        for name in ["", "My-Agent", "a b", &"a".repeat(55)] {
            assert_eq!(agents.deploy(name, "http://127.0.0.1:1"), Err(BadAgent::Name), "{name}");
        }
        for url in ["", "127.0.0.1:1", "ftp://x"] {
            assert_eq!(agents.deploy("a", url), Err(BadAgent::Url), "{url}");
        }
    }
}
