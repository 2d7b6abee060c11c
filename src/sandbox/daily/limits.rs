//! Daily's documented rate limits, counted in sliding windows.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use tokio::time::Instant;

/// Requests that are counted together (Daily, "Rate limits").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Class {
    /// 20 a second, or 100 in 5 seconds.
    Ordinary,
    /// `DELETE /rooms/:name`: 2 a second, or 50 in 30 seconds.
    RoomDeletion,
    /// Starting a PSTN or SIP leg: 1 a second, or 5 in 5 seconds.
    LegStart,
}

impl Class {
    fn of(method: &Method, path: &str) -> Self {
        if path.ends_with("/dialOut/start") {
            Self::LegStart
        } else if method == Method::DELETE && path.starts_with("/rooms/") {
            Self::RoomDeletion
        } else {
            Self::Ordinary
        }
    }

    fn allowance(self) -> (usize, Duration) {
        match self {
            Self::Ordinary => (100, Duration::from_secs(5)),
            Self::RoomDeletion => (50, Duration::from_secs(30)),
            Self::LegStart => (5, Duration::from_secs(5)),
        }
    }
}

/// The counters of one domain.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    recent: Mutex<HashMap<Class, VecDeque<Instant>>>,
}

impl Limits {
    /// Counts a request; `false` if it is one too many, and then it is not counted.
    pub(super) fn admit(&self, method: &Method, path: &str) -> bool {
        let class = Class::of(method, path);
        let (most, window) = class.allowance();
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let times = recent.entry(class).or_default();
        while times.front().is_some_and(|&earlier| now.duration_since(earlier) >= window) {
            times.pop_front();
        }
        let admitted = times.len() < most;
        if admitted {
            times.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn leg_starts_have_five_in_five_seconds_and_do_not_use_up_the_rest() {
        let limits = Limits::default();
        let start = || limits.admit(&Method::POST, "/rooms/a/dialOut/start");
        assert!((0..5).all(|_| start()));
        assert!(!start());
        assert!(limits.admit(&Method::POST, "/rooms"));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(start());
    }

    #[tokio::test(start_paused = true)]
    async fn room_deletions_have_a_window_of_their_own() {
        let limits = Limits::default();
        assert!((0..50).all(|_| limits.admit(&Method::DELETE, "/rooms/a")));
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(!limits.admit(&Method::DELETE, "/rooms/a"));
        assert!(limits.admit(&Method::GET, "/rooms/a"));
    }
}
