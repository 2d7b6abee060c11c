//! So many requests in a second, and some more at once. Counts; what is refused is decided by who asks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: f64 = 4.0;

/// A token bucket.
pub(super) struct Rate {
    per_second: f64,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    left: f64,
    filled: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        let bucket = Bucket { left: per_second * BURST_SECONDS, filled: Instant::now() };
        Self { per_second, bucket: Mutex::new(bucket) }
    }

    /// Takes one request, or says in how long one would be taken.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        // A number and a time are whole after every step.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.duration_since(bucket.filled).as_secs_f64() * self.per_second;
        bucket.left = (bucket.left + gained).min(self.per_second * BURST_SECONDS);
        bucket.filled = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn admitted(rate: &Rate) -> usize {
        (0..10_000).take_while(|_| rate.admit().is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_so_many_a_second() {
        let rate = Rate::new(5);
        assert_eq!(admitted(&rate), 20);
        let wait = rate.admit().unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(200), "{wait:?}");
        advance(wait + Duration::from_millis(1)).await;
        assert!(rate.admit().is_ok(), "what was promised is kept");
        for _ in 0..10 {
            advance(Duration::from_secs(1)).await;
            let now = admitted(&rate);
            assert!((4..=5).contains(&now), "{now}");
        }
        advance(Duration::from_secs(3600)).await;
        assert_eq!(admitted(&rate), 20, "a quiet hour is worth no more than a burst");
    }
}
