//! What ended calls held is given back to the system.
//!
//! The C library's allocator keeps what is freed between pieces that are still in use, for whoever asks next: after fifty
//! calls a process had 61 MB, of which 38 were free. It gives that back when it is asked to, which takes it some
//! milliseconds; so it is asked once for all calls that end within a few seconds, off the threads that carry calls. Other
//! allocators than glibc's are left alone. Not here: how much a call may hold.

// One of the two modules that may: the call has neither arguments that could be wrong nor memory that it hands out.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

/// How long after the end of a call: what it leaves behind is put away by then, and others may have ended, too.
const AFTER: Duration = Duration::from_secs(5);

/// Gives memory back after calls.
#[derive(Default)]
pub(super) struct Memory {
    soon: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Memory {
    /// A call has ended. Must be called in a runtime; where a single thread runs everything (a call offline) there is
    /// nothing to be gained.
    pub(super) fn call_ended(&self) {
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        let mut soon = self.soon.lock().unwrap_or_else(PoisonError::into_inner);
        if soon.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            *soon = Some(AbortOnDropHandle::new(tokio::spawn(async {
                tokio::time::sleep(AFTER).await;
                // It does not panic, and if the process ends meanwhile there is nothing left to do.
                let _ended = spawn_blocking(give_back).await;
            })));
        }
    }
}

/// Asks the allocator for what it does not need.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: `malloc_trim(3)` may be called at any time from any thread; it touches no memory that is in use.
    let some = unsafe { libc::malloc_trim(0) };
    tracing::debug!(some = some == 1, "memory of ended calls was given back");
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of this process in memory, by `proc(5)`.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn what_was_freed_between_pieces_in_use_is_given_back() {
        let mut pieces: Vec<Option<Vec<u8>>> = (0..4096).map(|_| Some(vec![1; 32 * 1024])).collect();
        let held = resident();
        for piece in pieces.iter_mut().skip(1).step_by(2) {
            *piece = None;
        }
        give_back();
        let left = resident();
        assert!(left + (32 << 20) < held, "{left} of {held} bytes are left");
        assert!(pieces.iter().flatten().all(|piece| piece[0] == 1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_that_end_together_are_put_away_together() {
        let memory = Memory::default();
        memory.call_ended();
        let first = memory.soon.lock().unwrap().as_ref().map(|task| task.abort_handle().id());
        memory.call_ended();
        assert_eq!(memory.soon.lock().unwrap().as_ref().map(|task| task.abort_handle().id()), first);
    }

    #[tokio::test]
    async fn a_call_offline_is_left_alone() {
        let memory = Memory::default();
        memory.call_ended();
        assert!(memory.soon.lock().unwrap().is_none());
    }
}
