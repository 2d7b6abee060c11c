//! Where the time of one answer went: from the caller's last sound to the bot's first, in parts that add up.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::machine::ReplyId;

/// Answers that a record lists at most.
const MOST: usize = 500;

/// The parts of one delay, in milliseconds, in their order. A part that was done ahead of time is 0. Their sum is
/// `total_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Waterfall {
    /// When the caller's last sound ended, since the call began.
    pub from_ms: f64,
    /// Until the turn was taken as over: silence that is waited for on purpose, and the recogniser.
    pub turn_ms: f64,
    /// Until the model was asked.
    pub request_ms: f64,
    /// Until its first word.
    pub first_word_ms: f64,
    /// Until the first text went to the voice.
    pub first_text_ms: f64,
    /// Until the voice's first audio.
    pub first_audio_ms: f64,
    /// Until the first 20 ms of it went to the room.
    pub sent_ms: f64,
    /// All of it.
    pub total_ms: f64,
    /// The model was asked before the turn was over.
    pub guessed: bool,
}

/// A moment on the way to an answer; in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    FirstWord,
    FirstText,
    FirstAudio,
    Sent,
}

/// Times the answers of a call.
#[derive(Debug)]
pub(super) struct Latency {
    began: Instant,
    speech_ended: Option<Instant>,
    turn_ended: Option<Instant>,
    open: Option<Open>,
    done: Vec<Waterfall>,
    pub(super) hits: u32,
}

#[derive(Debug)]
struct Open {
    reply: ReplyId,
    from: Instant,
    turn: Instant,
    asked: Instant,
    marks: [Option<Instant>; 4],
    guessed: bool,
}

impl Latency {
    pub(super) fn new(began: Instant) -> Self {
        let done = Vec::new();
        Self { began, speech_ended: None, turn_ended: None, open: None, done, hits: 0 }
    }

    /// Speech is known to have stopped; that took so long.
    pub(super) fn speech_ended(&mut self, known_after: Duration) {
        let now = Instant::now();
        self.speech_ended = Some(now.checked_sub(known_after).unwrap_or(now));
    }

    pub(super) fn turn_ended(&mut self) {
        self.turn_ended = Some(Instant::now());
    }

    /// The turn that has just ended is answered by this reply. One that was guessed was asked for earlier.
    pub(super) fn asked(&mut self, reply: ReplyId, guessed: bool) {
        self.hits += u32::from(guessed);
        let turn = self.turn_ended.take();
        self.open = self.speech_ended.take().zip(turn).map(|(from, turn)| Open {
            reply,
            from: from.min(turn),
            turn,
            asked: Instant::now(),
            marks: [None; 4],
            guessed,
        });
    }

    /// A moment of a reply; only the first of its kind counts.
    pub(super) fn mark(&mut self, reply: ReplyId, mark: Mark) {
        let Some(open) = self.open.as_mut().filter(|open| open.reply == reply) else { return };
        open.marks[mark as usize].get_or_insert_with(Instant::now);
        if mark == Mark::Sent
            && let Some(open) = self.open.take()
        {
            let answer = open.waterfall(self.began);
            tracing::info!(
                total_ms = answer.total_ms,
                turn_ms = answer.turn_ms,
                request_ms = answer.request_ms,
                first_word_ms = answer.first_word_ms,
                first_text_ms = answer.first_text_ms,
                first_audio_ms = answer.first_audio_ms,
                sent_ms = answer.sent_ms,
                guessed = answer.guessed,
                "answered"
            );
            if self.done.len() < MOST {
                self.done.push(answer);
            }
        }
    }

    /// The reply whose first sound is waited for.
    pub(super) fn awaited(&self) -> Option<ReplyId> {
        self.open.as_ref().map(|open| open.reply)
    }

    pub(super) fn take(&mut self) -> Vec<Waterfall> {
        std::mem::take(&mut self.done)
    }
}

impl Open {
    fn waterfall(&self, began: Instant) -> Waterfall {
        let mut last = self.from;
        let mut part = |at: Option<Instant>| {
            // What was ready earlier took no time here.
            let at = at.unwrap_or(last).max(last);
            let took = ms(at - last);
            last = at;
            took
        };
        let [first_word, first_text, first_audio, sent] = self.marks;
        let parts = [part(Some(self.turn)), part(Some(self.asked)), part(first_word), part(first_text)];
        let [turn_ms, request_ms, first_word_ms, first_text_ms] = parts;
        let (first_audio_ms, sent_ms) = (part(first_audio), part(sent));
        let total_ms = round(parts.iter().sum::<f64>() + first_audio_ms + sent_ms);
        Waterfall {
            from_ms: ms(self.from.saturating_duration_since(began)),
            turn_ms,
            request_ms,
            first_word_ms,
            first_text_ms,
            first_audio_ms,
            sent_ms,
            total_ms,
            guessed: self.guessed,
        }
    }
}

/// In steps of 10 µs: enough to see, and short to read.
fn ms(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1_000.0)
}

fn round(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const REPLY: ReplyId = ReplyId(1);

    #[tokio::test(start_paused = true)]
    async fn the_parts_add_up_and_only_first_moments_count() {
        let mut latency = Latency::new(Instant::now());
        let pass = |ms| advance(Duration::from_millis(ms));
        pass(1_000).await;
        latency.speech_ended(Duration::from_millis(200));
        pass(250).await;
        latency.turn_ended();
        pass(1).await;
        latency.asked(REPLY, false);
        for (mark, after) in
            [(Mark::FirstWord, 300), (Mark::FirstText, 40), (Mark::FirstAudio, 90), (Mark::Sent, 20)]
        {
            pass(after).await;
            latency.mark(REPLY, mark);
            latency.mark(REPLY, Mark::FirstWord);
            latency.mark(ReplyId(9), Mark::Sent);
        }
        let expected = Waterfall {
            from_ms: 800.0,
            turn_ms: 450.0,
            request_ms: 1.0,
            first_word_ms: 300.0,
            first_text_ms: 40.0,
            first_audio_ms: 90.0,
            sent_ms: 20.0,
            total_ms: 901.0,
            guessed: false,
        };
        assert_eq!(latency.take(), [expected]);
        assert_eq!(latency.awaited(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_to_no_turn_is_not_timed() {
        let mut latency = Latency::new(Instant::now());
        latency.asked(REPLY, false);
        latency.mark(REPLY, Mark::Sent);
        assert_eq!(latency.take(), []);
    }
}
