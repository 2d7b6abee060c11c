//! How long callers of a run waited for the model's answers: the middle and the tail of all of them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::session::CallRecord;

/// Answers that are remembered; of a long run the newest.
const MOST: usize = 10_000;

/// The answers of a run, as its calls come to their ends.
#[derive(Debug, Default)]
pub(in crate::cli) struct Answers {
    /// From the caller's last sound to the bot's first, in milliseconds.
    newest: Mutex<VecDeque<f64>>,
}

/// What stands at the end of a run. Milliseconds, from the caller's last sound to the bot's first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(in crate::cli) struct AnswerTimes {
    /// Answers that were timed.
    pub(in crate::cli) count: usize,
    /// Half of them were as fast.
    pub(in crate::cli) p50: f64,
    /// Nineteen of twenty were as fast.
    pub(in crate::cli) p95: f64,
}

impl Answers {
    /// Takes those of a call.
    pub(super) fn add(&self, record: &CallRecord) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.extend(record.answers.iter().map(|answer| answer.total_ms));
        let surplus = newest.len().saturating_sub(MOST);
        newest.drain(..surplus);
    }

    /// What is to be said of them, if there are any.
    pub(super) fn times(&self) -> Option<AnswerTimes> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<f64> = newest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let (p50, p95) = (rank(&sorted, 50)?, rank(&sorted, 95)?);
        Some(AnswerTimes { count: sorted.len(), p50, p95 })
    }
}

/// The nearest rank: the least value that so many of a hundred do not exceed.
fn rank(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

impl fmt::Display for AnswerTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p95 } = self;
        let answers = if *count == 1 { "answer" } else { "answers" };
        write!(f, "{count} {answers} of the model: p50 {p50:.0} ms, p95 {p95:.0} ms from silence to sound")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(totals: impl IntoIterator<Item = f64>) -> Option<AnswerTimes> {
        let answers = Answers { newest: Mutex::new(totals.into_iter().collect()) };
        answers.times()
    }

    #[test]
    fn the_middle_and_the_tail_are_answers_that_were_given() {
        assert_eq!(times([]), None);
        assert_eq!(times([700.0]), Some(AnswerTimes { count: 1, p50: 700.0, p95: 700.0 }));
        assert_eq!(times([900.0, 700.0]), Some(AnswerTimes { count: 2, p50: 700.0, p95: 900.0 }));
        let hundred = (1..=100).rev().map(f64::from);
        assert_eq!(times(hundred), Some(AnswerTimes { count: 100, p50: 50.0, p95: 95.0 }));
    }

    #[test]
    fn a_run_says_it_in_one_line() {
        let line = times([700.4, 1_200.0, 810.0]).unwrap().to_string();
        assert_eq!(line, "3 answers of the model: p50 810 ms, p95 1200 ms from silence to sound");
    }
}
