//! Connecting again: at once, then after about 100, 300 and 900 ms, and then no more.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Endpoint, Socket, is_permanent};
use crate::speech::SpeechError;

/// Pauses before the attempts in a row, to be [`jittered`].
pub const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];
/// A connection that lived this long worked; the count of failures begins anew.
const WORKED: Duration = Duration::from_secs(5);

/// Longest time for all attempts together; then the call must go on without the vendor.
const ALL_WITHIN: Duration = Duration::from_secs(6);

/// A pause that is up to a quarter longer or shorter, so that the calls of a vendor that fell over do not all
/// come back at the same moment.
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    pause.mul_f64(0.75 + random / 2.0)
}

/// Counts attempts in a row, over connections that opened but broke at once, too.
#[derive(Debug, Default)]
pub struct Redial {
    attempts: usize,
}

impl Redial {
    /// A connection broke after so much life.
    pub fn lived(&mut self, life: Duration) {
        if life >= WORKED {
            self.attempts = 0;
        }
    }

    /// Connects, with as many attempts as are left.
    ///
    /// # Errors
    /// The last attempt's, at once if it is permanent; `cause` if no attempt was left.
    pub async fn connect(&mut self, endpoint: &Endpoint, cause: SpeechError) -> Result<Socket, SpeechError> {
        let mut last = cause;
        match timeout(ALL_WITHIN, self.attempt(endpoint, &mut last)).await {
            Ok(result) => result,
            Err(_) => Err(last),
        }
    }

    /// `last` holds the newest error also when this is cut short.
    async fn attempt(&mut self, endpoint: &Endpoint, last: &mut SpeechError) -> Result<Socket, SpeechError> {
        while let Some(pause) = PAUSES.get(self.attempts) {
            self.attempts += 1;
            sleep(jittered(*pause)).await;
            *last = match endpoint.connect().await {
                Ok(socket) => return Ok(socket),
                Err(error) if is_permanent(&error) => return Err(error),
                Err(error) => error,
            };
            tracing::warn!(attempt = self.attempts, error = %last, "could not connect");
        }
        Err(last.clone())
    }

    /// Connects for the first time.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn first(endpoint: &Endpoint) -> Result<Socket, SpeechError> {
        Self::default().connect(endpoint, endpoint.disconnected("not connected yet")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_spreads_a_pause_around_its_length_and_leaves_none_alone() {
        let pause = Duration::from_millis(100);
        let jitter: Vec<_> = (0..200).map(|_| jittered(pause)).collect();
        assert!(jitter.iter().all(|p| (75..=125).contains(&p.as_millis())), "{jitter:?}");
        assert!(jitter.iter().min() < jitter.iter().max());
        assert!(jittered(Duration::ZERO).is_zero());
    }
}
