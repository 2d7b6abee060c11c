//! How a provider has done lately: a circuit breaker, and how long its first answers take. Shared by all calls.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::speech::SpeechError;
use crate::speech::socket::is_permanent;

/// Failures in a row after which a provider is passed over.
const MOST_FAILURES: u32 = 3;
/// For how long at first; doubled with each probe that fails.
const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(160);
/// How long a probe may be out before another is let through.
const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// Answers remembered for their times.
const REMEMBERED: usize = 128;
/// Fewer say nothing about the slowest in a hundred.
const FEWEST: usize = 20;

/// How one provider has done lately.
#[derive(Debug)]
pub struct Health {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Passed over until then.
    rests_until: Option<Instant>,
    rest: Duration,
    /// Since when one call tries whether it is well again.
    probing: Option<Instant>,
    first_answers: VecDeque<Duration>,
}

impl State {
    fn admits(&self, now: Instant) -> bool {
        let is_tried = || self.probing.is_some_and(|since| now.duration_since(since) < PROBE_WITHIN);
        self.rests_until.is_none_or(|until| now >= until && !is_tried())
    }
}

impl Health {
    /// A provider of which nothing is known; it is taken to be well.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::default() }
    }

    /// Whether it should be asked: it is well, or has rested and nobody tries it yet. Changes nothing.
    #[must_use]
    pub fn may_be_asked(&self) -> bool {
        self.lock().admits(Instant::now())
    }

    /// It is asked now. After a rest that is one call's try whether it is well again: others pass it over meanwhile.
    pub fn asked(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.rests_until.is_some() && state.admits(now) {
            state.probing = Some(now);
        }
    }

    /// It answered, after so long if that was measured.
    pub fn succeeded(&self, first_answer: Option<Duration>) {
        let mut state = self.lock();
        if state.rests_until.take().is_some() {
            tracing::info!(provider = self.name, "a provider is well again");
        }
        (state.failures, state.rest, state.probing) = (0, Duration::ZERO, None);
        if let Some(took) = first_answer {
            if state.first_answers.len() == REMEMBERED {
                state.first_answers.pop_front();
            }
            state.first_answers.push_back(took);
        }
    }

    /// It failed. A key that is refused will be refused again: that counts at once.
    pub fn failed(&self, error: &SpeechError) {
        let mut state = self.lock();
        state.failures += 1;
        let is_probe = state.probing.take().is_some() || state.rests_until.is_some();
        let counts = matches!(error, SpeechError::Unauthorized { .. }) || is_exhausted(error);
        if state.failures < MOST_FAILURES && !is_probe && !counts {
            return;
        }
        state.rest = (state.rest * 2).clamp(FIRST_REST, LONGEST_REST);
        state.rests_until = Some(Instant::now() + state.rest);
        tracing::warn!(provider = self.name, rest = ?state.rest, %error, permanent = is_permanent(error), "a provider is passed over");
    }

    /// How long it may take with its first answer: twice what the slowest in a hundred took, and not less than
    /// `least`, nor more than two and a half seconds.
    #[must_use]
    pub fn patience(&self, least: Duration) -> Duration {
        let state = self.lock();
        if state.first_answers.len() < FEWEST {
            return least;
        }
        let mut times: Vec<_> = state.first_answers.iter().copied().collect();
        times.sort_unstable();
        let slowest = times[(times.len() * 99).div_ceil(100) - 1];
        (slowest * 2).clamp(least, Duration::from_millis(2500).max(least))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the lock is given back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_exhausted(error: &SpeechError) -> bool {
    matches!(error, SpeechError::RateLimited { permanent: true, .. })
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn ill() -> SpeechError {
        SpeechError::Vendor { vendor: "test", detail: String::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_are_a_rest_and_one_probe_ends_it() {
        let health = Health::new("test");
        health.failed(&ill());
        health.failed(&ill());
        health.succeeded(None);
        (0..2).for_each(|_| health.failed(&ill()));
        assert!(health.may_be_asked());
        health.failed(&ill());
        assert!(!health.may_be_asked());
        advance(FIRST_REST).await;
        assert!(health.may_be_asked() && health.may_be_asked(), "to look is not to ask");
        health.asked();
        assert!(!health.may_be_asked(), "one call tries, and the others do not wait for it");
        health.failed(&ill());
        advance(FIRST_REST).await;
        assert!(!health.may_be_asked(), "the second rest is longer");
        advance(FIRST_REST).await;
        assert!(health.may_be_asked());
        health.asked();
        health.succeeded(None);
        health.asked();
        assert!(health.may_be_asked());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_never_heard_of_again_does_not_bar_the_way() {
        let health = Health::new("test");
        health.failed(&SpeechError::Unauthorized { vendor: "test" });
        assert!(!health.may_be_asked(), "a refused key counts at once");
        // Asked although it rests, by somebody who has nobody else: that is no try.
        health.asked();
        advance(FIRST_REST).await;
        assert!(health.may_be_asked());
        health.asked();
        assert!(!health.may_be_asked());
        advance(PROBE_WITHIN).await;
        assert!(health.may_be_asked());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_is_learned_and_bounded() {
        let health = Health::new("test");
        let (least, ms) = (Duration::from_millis(1200), Duration::from_millis);
        health.succeeded(Some(ms(2000)));
        assert_eq!(health.patience(least), least);
        (0..99).for_each(|_| health.succeeded(Some(ms(900))));
        assert_eq!(health.patience(least), ms(1800), "one in a hundred does not count");
        (0..99).for_each(|_| health.succeeded(Some(ms(100))));
        assert_eq!(health.patience(least), ms(1800));
        (0..128).for_each(|_| health.succeeded(Some(ms(100))));
        assert_eq!(health.patience(least), least);
        (0..128).for_each(|_| health.succeeded(Some(ms(9000))));
        assert_eq!(health.patience(least), ms(2500));
    }
}
