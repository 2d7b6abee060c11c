//! Who hears what the native library says: listeners, known to the library by a number.
//!
//! The library may call from any of its threads and, when something is taken down, late. It is given no
//! address of ours to keep: a number that nobody has any more is simply not found.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Hears what the library says about one client. Called on the library's threads: nothing here may wait.
pub(super) trait Listener: Send + Sync {
    /// An event, as JSON.
    fn event(&self, json: &[u8]);
    /// Audio for a renderer that was set.
    fn audio(&self, renderer: u64, audio: Audio<'_>);
    /// Samples that were written have been played.
    fn written(&self);
}

/// Audio as the library gives it: 16-bit samples in this machine's order, channels interleaved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audio<'a> {
    pub(super) sample_rate: u32,
    pub(super) channels: usize,
    pub(super) bytes: &'a [u8],
}

type Listeners = HashMap<usize, Arc<dyn Listener>>;

static LISTENERS: RwLock<Option<Listeners>> = RwLock::new(None);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A registered listener. When this is dropped, nobody listens any more.
pub(super) struct Registration(usize);

impl Registration {
    /// Registers a listener.
    pub(super) fn new(listener: Arc<dyn Listener>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut listeners = LISTENERS.write().unwrap_or_else(PoisonError::into_inner);
        listeners.get_or_insert_default().insert(number, listener);
        Self(number)
    }

    /// The listener's number, never 0.
    pub(super) fn number(&self) -> usize {
        self.0
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut listeners = LISTENERS.write().unwrap_or_else(PoisonError::into_inner);
        listeners.get_or_insert_default().remove(&self.0);
    }
}

/// Finds a listener and tells it. A panic stays here: it must not unwind into the library.
pub(super) fn tell(number: usize, tell: impl FnOnce(&dyn Listener)) {
    let told = catch_unwind(AssertUnwindSafe(|| {
        let listener = {
            let listeners = LISTENERS.read().unwrap_or_else(PoisonError::into_inner);
            listeners.as_ref().and_then(|all| all.get(&number)).cloned()
        };
        if let Some(listener) = listener {
            tell(&*listener);
        }
    }));
    if told.is_err() {
        tracing::error!("a callback of Daily's media library panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU64);

    impl Listener for Count {
        fn event(&self, json: &[u8]) {
            assert_ne!(json, b"panic", "as told");
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn audio(&self, _: u64, _: Audio<'_>) {}
        fn written(&self) {}
    }

    #[test]
    fn what_is_said_late_or_to_nobody_is_not_heard() {
        let count = Arc::new(Count::default());
        let registration = Registration::new(count.clone());
        let number = registration.number();
        tell(number, |listener| listener.event(b"{}"));
        tell(0, |listener| listener.event(b"{}"));
        drop(registration);
        tell(number, |listener| listener.event(b"{}"));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&count), 1, "the listener is kept for ever");
    }

    #[test]
    fn a_panic_does_not_leave_the_callback_and_the_next_one_is_heard() {
        let count = Arc::new(Count::default());
        let registration = Registration::new(count.clone());
        tell(registration.number(), |listener| listener.event(b"panic"));
        tell(registration.number(), |listener| listener.event(b"{}"));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
