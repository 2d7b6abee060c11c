//! Daily's rooms, joined over its native media library.
//!
//! The library is closed and comes only inside the `daily-python` wheel; it is loaded at run time if it is
//! there, without Python, and nothing else of callflow needs it. How, and what was seen of it: `docs/daily.md`.
//!
//! A room is a client on a thread of its own (`client`), which says what happens on a line (`line`), read by
//! a task (`session`). Of these only `abi` has `unsafe` code.

mod abi;
mod client;
mod event;
mod legs;
mod library;
mod line;
mod listener;
mod session;
mod stub;
pub mod wheel;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::telephony::{Room, RoomClient, RoomSession, TelephonyError};
use session::Failure;

pub use library::{Check, CoreError, check};

/// How long joining may take, all attempts together: the caller is on hold meanwhile.
const JOIN_TIMEOUT: Duration = Duration::from_secs(25);
/// How long one attempt may take. The library itself was seen to try for 34 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts, each with a fresh client.
const ATTEMPTS: u32 = 3;
/// How long to wait before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(300);
/// Clients that may exist at a time, those being destroyed included.
const CLIENTS: usize = 512;

/// Joins Daily's rooms. Cheap to clone; all clones share the library.
#[derive(Clone, Debug)]
pub struct DailyRooms {
    library: &'static abi::Library,
    places: Arc<Semaphore>,
    commands_legs: bool,
}

impl DailyRooms {
    /// Loads the library from a file and starts it. Once a process for each file: a second time finds the
    /// first. Reads the whole file, which takes tens of milliseconds: to be done before calls are taken.
    ///
    /// # Errors
    /// See [`CoreError`]; each names the command that mends it.
    pub fn load(path: &Path) -> Result<Self, CoreError> {
        let places = Arc::new(Semaphore::new(CLIENTS));
        Ok(Self { library: library::load(path)?, places, commands_legs: false })
    }

    /// The same, whose rooms take commands for legs: a call then gives them to its client instead of to REST.
    #[must_use]
    pub fn commanding_legs(self) -> Self {
        Self { commands_legs: true, ..self }
    }

    /// How many clients exist, those included that are being destroyed.
    #[must_use]
    pub fn clients(&self) -> usize {
        CLIENTS.saturating_sub(self.places.available_permits())
    }

    /// Whether so many clients, each with a microphone, can exist at a time and answer. They join nothing, and
    /// all are destroyed again. Blocks.
    #[must_use]
    pub fn rehearse(&self, count: usize) -> bool {
        client::rehearse(self.library, count)
    }

    async fn attempts(&self, room: &Room, deadline: Instant) -> Result<RoomSession, TelephonyError> {
        let mut attempt = 1;
        loop {
            let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
            let Ok(Ok(place)) = place else {
                return Err(TelephonyError::Unreachable(format!("{CLIENTS} rooms are joined or being left")));
            };
            let until = deadline.min(Instant::now() + ATTEMPT_TIMEOUT);
            let failure = match session::join(self.library, room, place, self.commands_legs, until).await {
                Ok(session) => return Ok(session),
                Err(failure) => failure,
            };
            tracing::debug!(attempt, ?failure, "could not join the room");
            let pause = PAUSE * attempt;
            let is_last = attempt == ATTEMPTS || Instant::now() + pause >= deadline;
            match failure {
                Failure::Final(error) => return Err(error),
                Failure::Refused(reason) if is_last => return Err(refusal(reason)),
                Failure::Late if is_last => {
                    let error = format!("no answer in {JOIN_TIMEOUT:?} when joining the room");
                    return Err(TelephonyError::Unreachable(error));
                }
                Failure::Refused(_) | Failure::Late => sleep(pause).await,
            }
            attempt += 1;
        }
    }
}

impl RoomClient for DailyRooms {
    fn join<'a>(&'a self, room: &'a Room) -> BoxFuture<'a, Result<RoomSession, TelephonyError>> {
        self.attempts(room, Instant::now() + JOIN_TIMEOUT).boxed()
    }
}

/// Only the choice of a word depends on the vendor's text: it differs from version to version.
fn refusal(reason: String) -> TelephonyError {
    let network = ["(Connect)", "lookup", "tls", "timed out", "Unreachable"];
    if network.iter().any(|sign| reason.contains(sign)) {
        TelephonyError::Unreachable(reason)
    } else {
        TelephonyError::Refused(reason)
    }
}
