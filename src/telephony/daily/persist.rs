//! Trying again: when, how often, and after which failures.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::telephony::TelephonyError;

/// How long one attempt may take.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(5);

/// How stubborn a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Persistence {
    /// What is waited after each failed attempt; one attempt more than this is made.
    pauses: &'static [Duration],
    /// Whether doing it twice is harmless, so that a lost answer can be asked for again.
    repeatable: bool,
}

/// For what must not be done twice: tried again only when it certainly was not done.
pub(super) const NOT_REPEATABLE: Persistence =
    Persistence { pauses: &[ms(300), ms(700), ms(1500), ms(3000)], repeatable: false };

/// For what may be done twice.
pub(super) const REPEATABLE: Persistence =
    Persistence { pauses: &[ms(200), ms(500), ms(1000), ms(2000)], repeatable: true };

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: TelephonyError,
    /// Whether the vendor certainly did nothing: it was not reached, or it limited us.
    pub(super) undone: bool,
}

impl Persistence {
    /// Makes attempts until one succeeds, is refused for good, or the deadline is near.
    pub(super) async fn keep_trying<T, F>(
        self,
        deadline: Instant,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, TelephonyError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut pauses = self.pauses.iter();
        loop {
            let attempt_by = deadline.min(Instant::now() + ATTEMPT_WITHIN);
            let failure = match timeout_at(attempt_by, attempt()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure {
                    error: TelephonyError::Unreachable("no answer in time".to_owned()),
                    undone: false,
                },
            };
            let pause = pauses.next().filter(|_| self.is_worth_it(&failure));
            let Some(pause) = pause.map(|&own| own.max(wish(&failure.error))) else {
                return Err(failure.error);
            };
            if Instant::now() + pause >= deadline {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, ?pause, "trying again");
            sleep(pause).await;
        }
    }

    fn is_worth_it(self, failure: &Failure) -> bool {
        match failure.error {
            TelephonyError::RateLimited { .. } => true,
            TelephonyError::Unreachable(_) | TelephonyError::Vendor { .. } => {
                self.repeatable || failure.undone
            }
            _ => false,
        }
    }
}

/// How long the vendor wants us to wait.
fn wish(error: &TelephonyError) -> Duration {
    match error {
        TelephonyError::RateLimited { retry_after: Some(wish) } => *wish,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ill() -> Failure {
        Failure { error: TelephonyError::Vendor { status: 503, info: String::new() }, undone: false }
    }

    fn limited(retry_after: Option<u64>) -> Failure {
        let retry_after = retry_after.map(Duration::from_secs);
        Failure { error: TelephonyError::RateLimited { retry_after }, undone: true }
    }

    /// At which milliseconds attempts are made that all fail alike, and what comes of it after how long.
    async fn attempts(
        persistence: Persistence,
        budget: u64,
        failure: impl Fn() -> Failure,
    ) -> (Vec<u128>, TelephonyError, u128) {
        let start = Instant::now();
        let mut at = Vec::new();
        let answer = persistence.keep_trying(start + ms(budget), || {
            at.push(start.elapsed().as_millis());
            std::future::ready(Err::<(), _>(failure()))
        });
        let error = answer.await.unwrap_err();
        (at, error, start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn forwarding_is_tried_five_times_with_growing_pauses() {
        let (at, error, _) = attempts(REPEATABLE, 8000, ill).await;
        assert_eq!(at, [0, 200, 700, 1700, 3700]);
        assert!(matches!(error, TelephonyError::Vendor { status: 503, .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_not_tried_again() {
        for error in [
            TelephonyError::NotFound(String::new()),
            TelephonyError::Unauthorized,
            TelephonyError::Refused(String::new()),
            TelephonyError::Protocol(String::new()),
        ] {
            let refused = || Failure { error: error.clone(), undone: true };
            assert_eq!(attempts(REPEATABLE, 8000, refused).await.0, [0], "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_happen_twice_is_repeated_only_if_it_did_not_happen() {
        assert_eq!(attempts(NOT_REPEATABLE, 8000, ill).await.0, [0]);
        assert_eq!(attempts(NOT_REPEATABLE, 8000, || limited(None)).await.0, [0, 300, 1000, 2500, 5500]);
        let no_connection = || Failure { error: TelephonyError::Unreachable(String::new()), undone: true };
        assert_eq!(attempts(NOT_REPEATABLE, 8000, no_connection).await.0.len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_vendor_s_wish_is_respected_and_one_beyond_the_deadline_is_not_waited_for() {
        assert_eq!(attempts(REPEATABLE, 8000, || limited(Some(3))).await.0, [0, 3000, 6000]);
        let (at, error, took) = attempts(REPEATABLE, 8000, || limited(Some(3600))).await;
        assert_eq!((at.len(), took), (1, 0));
        assert_eq!(error, TelephonyError::RateLimited { retry_after: Some(Duration::from_secs(3600)) });
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_bounded_by_attempt_and_by_deadline() {
        let start = Instant::now();
        let mut count = 0;
        let answer = REPEATABLE.keep_trying(start + ms(8000), || {
            count += 1;
            std::future::pending::<Result<(), Failure>>()
        });
        assert!(matches!(answer.await, Err(TelephonyError::Unreachable(_))));
        assert_eq!((count, start.elapsed().as_secs()), (2, 8));
    }
}
