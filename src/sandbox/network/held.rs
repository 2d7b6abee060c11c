//! The register of held calls: who can be forwarded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::Forward;

/// A held call as others find it.
struct Entry {
    call_domain: Uuid,
    forward: oneshot::Sender<Forward>,
}

/// The held calls by `callId`.
#[derive(Clone, Default)]
pub(super) struct HeldCalls {
    by_id: Arc<Mutex<HashMap<Uuid, Entry>>>,
}

/// A held call; dropping it ends its registration.
pub(super) struct HeldCall {
    pub(super) call_id: Uuid,
    pub(super) call_domain: Uuid,
    /// Where it is to go, once somebody says so.
    pub(super) forwarded: oneshot::Receiver<Forward>,
    calls: HeldCalls,
}

impl HeldCalls {
    /// Registers a call.
    pub(super) fn hold(&self) -> HeldCall {
        let (forward, forwarded) = oneshot::channel();
        let (call_id, call_domain) = (Uuid::new_v4(), Uuid::new_v4());
        self.lock().insert(call_id, Entry { call_domain, forward });
        HeldCall { call_id, call_domain, forwarded, calls: self.clone() }
    }

    /// Forwards a call, once; `false` if there is none with these ids (any more).
    pub(super) fn forward(&self, call_id: &str, call_domain: &str, forward: Forward) -> bool {
        let (Ok(call_id), Ok(call_domain)) = (Uuid::parse_str(call_id), Uuid::parse_str(call_domain)) else {
            return false;
        };
        let mut calls = self.lock();
        if calls.get(&call_id).is_none_or(|call| call.call_domain != call_domain) {
            return false;
        }
        let call = calls.remove(&call_id);
        drop(calls);
        call.is_some_and(|call| call.forward.send(forward).is_ok())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.call_id);
    }
}
