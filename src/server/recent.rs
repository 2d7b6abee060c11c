//! The calls that were started lately, so that a webhook that comes twice starts one call.
//!
//! Nobody documents whether Daily repeats a webhook, so it is assumed that it does, even while the first one
//! is being answered. Starting goes on when the one who asked hangs up: the caller has not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{StartError, Started};

/// How long an answer is remembered. A held caller is given up by Daily long before.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// How many are remembered.
const REMEMBERED: usize = 4096;
/// How long starting a call may take. Less than half of what Daily holds a caller.
const START_WITHIN: Duration = Duration::from_secs(20);

type Outcome = Result<Started, StartError>;

/// Starts that are under way or were answered lately, by the vendor's id of the call.
#[derive(Default)]
pub(super) struct Recent {
    starts: Mutex<HashMap<String, Start>>,
}

struct Start {
    began: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
    task: AbortOnDropHandle<()>,
}

impl Start {
    fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// It ended without an answer: by a panic.
    fn is_dead(&self) -> bool {
        self.is_over() && self.outcome.borrow().is_none()
    }
}

impl Recent {
    /// The answer to a call: of the start that is known, or of a new one.
    pub(super) async fn answer(
        self: &Arc<Self>,
        call: &str,
        start: impl FnOnce() -> BoxFuture<'static, Outcome>,
    ) -> Outcome {
        let mut outcome = self.known_or_new(call, start)?;
        let answered = outcome.wait_for(Option::is_some).await;
        let answer = answered.ok().and_then(|outcome| outcome.clone());
        answer.unwrap_or_else(|| Err(StartError::Failed("internal error".to_owned())))
    }

    fn known_or_new(
        self: &Arc<Self>,
        call: &str,
        start: impl FnOnce() -> BoxFuture<'static, Outcome>,
    ) -> Result<watch::Receiver<Option<Outcome>>, StartError> {
        let mut starts = self.starts();
        if let Some(known) = starts.get(call).filter(|known| !known.is_dead()) {
            tracing::info!("a webhook came twice; one call was started");
            return Ok(known.outcome.clone());
        }
        make_room(&mut starts)?;
        let (sender, outcome) = watch::channel(None);
        let task = tokio::spawn(Arc::clone(self).run(call.to_owned(), start(), sender));
        let task = AbortOnDropHandle::new(task);
        starts.insert(call.to_owned(), Start { began: Instant::now(), outcome: outcome.clone(), task });
        Ok(outcome)
    }

    async fn run(
        self: Arc<Self>,
        call: String,
        start: BoxFuture<'static, Outcome>,
        answer: watch::Sender<Option<Outcome>>,
    ) {
        let outcome = timeout(START_WITHIN, start).await.unwrap_or(Err(StartError::TimedOut));
        let failed = outcome.is_err();
        answer.send_replace(Some(outcome));
        if failed {
            // Whoever asks again may have more luck.
            self.starts().remove(&call);
        }
    }

    fn starts(&self) -> MutexGuard<'_, HashMap<String, Start>> {
        // Nothing panics while it is held, and the map is whole after every step anyway.
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is old, and the oldest answered one if there are still too many.
fn make_room(starts: &mut HashMap<String, Start>) -> Result<(), StartError> {
    starts.retain(|_, start| !start.is_over() || start.began.elapsed() < REMEMBERED_FOR);
    if starts.len() < REMEMBERED {
        return Ok(());
    }
    let answered = starts.iter().filter(|(_, start)| start.is_over());
    let oldest = answered.min_by_key(|(_, start)| start.began).map(|(call, _)| call.clone());
    match oldest {
        Some(call) => drop(starts.remove(&call)),
        None => return Err(StartError::AtCapacity { limit: REMEMBERED }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    #[derive(Default)]
    struct Starts {
        recent: Arc<Recent>,
        count: Arc<AtomicUsize>,
    }

    impl Starts {
        async fn ask(
            &self,
            call: &str,
            takes: u64,
            outcome: Result<(), StartError>,
        ) -> Result<String, StartError> {
            let count = Arc::clone(&self.count);
            let answer = self.recent.answer(call, || {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let work = async move {
                    sleep(Duration::from_secs(takes)).await;
                    outcome.map(|()| Started {
                        call_id: number.to_string(),
                        room_url: String::new(),
                        token: None,
                    })
                };
                work.boxed()
            });
            answer.await.map(|started| started.call_id)
        }

        fn count(&self) -> usize {
            self.count.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn duplicates_get_the_first_one_s_answer_at_once_and_later() {
        let starts = Starts::default();
        let answers = join_all((0..50).map(|_| starts.ask("a", 3, Ok(())))).await;
        assert!(answers.iter().all(|answer| answer.as_deref() == Ok("0")));
        assert_eq!(starts.ask("a", 3, Ok(())).await.as_deref(), Ok("0"));
        assert_eq!(starts.ask("b", 3, Ok(())).await.as_deref(), Ok("1"));
        assert_eq!(starts.count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_all_who_wait_and_can_be_tried_again() {
        let starts = Starts::default();
        let answers = join_all((0..3).map(|_| starts.ask("a", 1, Err(StartError::Draining)))).await;
        assert!(answers.iter().all(|answer| answer == &Err(StartError::Draining)));
        assert_eq!(starts.ask("a", 1, Ok(())).await.as_deref(), Ok("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn starting_goes_on_when_the_asker_hangs_up() {
        let starts = Starts::default();
        assert!(timeout(Duration::from_secs(1), starts.ask("a", 5, Ok(()))).await.is_err());
        assert_eq!(starts.ask("a", 5, Ok(())).await.as_deref(), Ok("0"));
        assert_eq!(starts.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_takes_too_long_is_given_up() {
        let starts = Starts::default();
        let begin = Instant::now();
        assert_eq!(starts.ask("a", 3600, Ok(())).await, Err(StartError::TimedOut));
        assert_eq!(begin.elapsed(), START_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_error_and_not_the_call_s_last_chance() {
        let starts = Starts::default();
        let panics = starts.recent.answer("a", || async { panic!("a bug") }.boxed());
        assert!(matches!(panics.await, Err(StartError::Failed(_))));
        assert!(starts.ask("a", 1, Ok(())).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_by_number_and_by_time() {
        let starts = Starts::default();
        for call in 0..REMEMBERED + 10 {
            starts.ask(&call.to_string(), 0, Ok(())).await.unwrap();
        }
        assert!(starts.recent.starts().len() <= REMEMBERED);
        sleep(REMEMBERED_FOR).await;
        starts.ask("new", 0, Ok(())).await.unwrap();
        assert_eq!(starts.recent.starts().len(), 1);
    }
}
