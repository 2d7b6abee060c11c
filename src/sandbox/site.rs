//! What all emulators of one sandbox share: the faults, the count of open streams, the requests' traces, and the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::faults::{Faults, Service};
use super::traces::Traces;

/// The shared ground of one sandbox; clones are the same site.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// What is to go wrong.
    pub faults: Faults,
    /// What is open.
    pub streams: OpenStreams,
    /// By what the requests can be traced.
    pub traces: Traces,
    /// Cancelled when the sandbox ends; every open socket then closes.
    pub stop: CancellationToken,
}

/// Counts open streams, so that a test can see that a call left nothing behind.
#[derive(Clone, Debug, Default)]
pub struct OpenStreams {
    counts: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl OpenStreams {
    /// Counts a stream of `service` until the answer is dropped.
    #[must_use]
    pub fn open(&self, service: Service) -> OpenStream {
        let name = service.name();
        *self.lock().entry(name).or_default() += 1;
        OpenStream { streams: self.clone(), name }
    }

    /// How many streams of `service` are open.
    #[must_use]
    pub fn count(&self, service: Service) -> usize {
        self.lock().get(service.name()).copied().unwrap_or_default()
    }

    /// How many streams are open by the service's name; a service that never had one is absent.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        // Counts stay whole even if a holder panicked.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open stream; dropping it ends the count.
#[derive(Debug)]
pub struct OpenStream {
    streams: OpenStreams,
    name: &'static str,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(count) = self.streams.lock().get_mut(self.name) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_counted_while_they_live() {
        let site = Site::default();
        let first = site.streams.open(Service::Deepgram);
        let second = site.clone().streams.open(Service::Deepgram);
        assert_eq!(site.streams.count(Service::Deepgram), 2);
        drop((first, second));
        assert_eq!(site.streams.counts(), BTreeMap::from([("deepgram", 0)]));
    }
}
