//! A voice that nobody has heard yet: how long it was waited for in vain. No I/O.
//!
//! One that has spoken before is given its time, sentence by sentence. One that never has is most likely not there at
//! all, and each sentence that is tried would be as long a wait again: the call is better ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::speech::SpeechError;

/// A voice that has never been heard is waited for so long, all its sentences together: as long as a client waits for
/// one (5 s), and as long again as a second connection deserves.
const FIRST_SOUND_WITHIN: Duration = Duration::from_secs(8);

/// The wait for the first sound of a voice.
#[derive(Debug, Default)]
pub(super) struct FirstSound {
    heard: bool,
    /// In vain, for sentences that are given up.
    waited: Duration,
    /// Since when something is awaited.
    since: Option<Instant>,
}

impl FirstSound {
    /// The voice is given something to say.
    pub(super) fn asked(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// There is sound.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// A sentence failed; `more` says whether others are awaited. Who answers with an error is there: it is no silence.
    pub(super) fn failed(&mut self, error: &SpeechError, more: bool) {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let is_silent = matches!(error, SpeechError::Silent { .. });
        self.waited = if is_silent { self.waited + waited } else { Duration::ZERO };
        if more {
            self.asked();
        }
    }

    /// Why the voice is not waited for any longer.
    pub(super) fn given_up(&self) -> Option<SpeechError> {
        let waited = self.waited + self.since?.elapsed();
        let overdue = !self.heard && waited >= FIRST_SOUND_WITHIN;
        overdue.then_some(SpeechError::Silent { vendor: "the voice", waited })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn silent() -> SpeechError {
        SpeechError::Silent { vendor: "test", waited: Duration::ZERO }
    }

    async fn secs(seconds: u64) {
        advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_for_in_vain_adds_up_and_pauses_between_do_not_count() {
        let mut first = FirstSound::default();
        first.asked();
        secs(5).await;
        first.failed(&silent(), false);
        secs(60).await;
        assert_eq!(first.given_up(), None, "nothing is asked of it");
        first.asked();
        secs(2).await;
        assert_eq!(first.given_up(), None);
        secs(1).await;
        assert!(first.given_up().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn two_sentences_that_are_awaited_together_are_one_wait() {
        let mut first = FirstSound::default();
        first.asked();
        first.asked();
        secs(5).await;
        first.failed(&silent(), true);
        first.failed(&silent(), false);
        first.asked();
        secs(2).await;
        assert_eq!(first.given_up(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_answers_or_was_heard_is_not_given_up() {
        let mut first = FirstSound::default();
        first.asked();
        secs(5).await;
        first.failed(&SpeechError::Unauthorized { vendor: "test" }, true);
        secs(7).await;
        assert_eq!(first.given_up(), None, "an error is an answer");
        first.heard();
        secs(600).await;
        assert_eq!(first.given_up(), None);
    }
}
