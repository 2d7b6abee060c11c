//! Turns: when the caller has begun to speak, and when they are done and what they said.
//!
//! Voice activity says when somebody speaks, the recogniser says what; neither alone says that a turn is
//! over. This module joins them. It reads no clock: every call brings the time since the call began, which
//! never goes back. What to do about a turn (stop the bot, answer) is decided elsewhere.

mod attention;
mod latency;
#[cfg(test)]
mod latency_tests;
mod policy;
#[cfg(test)]
mod tests;
mod words;

pub use attention::Attention;

use std::time::Duration;

use policy::Turns;

use super::SttEvent;
use super::vad::{Vad, VadEvent, VadSettings};
use crate::audio::Frame;
use crate::pii::Utterance;

/// When a turn is over. All times count from the moment at which speech is known to have stopped, which is
/// [`VadSettings::stop`] after its last sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TurnSettings {
    /// How speech is detected.
    pub vad: VadSettings,
    /// The silence that even a complete transcript waits for: people pause for a breath within a sentence.
    pub hangover: Duration,
    /// The silence that ends a turn whose words are fixed, though the vendor did not call the utterance over.
    pub pause: Duration,
    /// How long words that are not yet fixed are waited for, until a few answers of the recogniser have shown how long it
    /// takes.
    pub transcript: Duration,
    /// How long the first word is waited for: with [`VadSettings::stop`] a second after the last sound. Sound without
    /// a word was none of the caller's; a recogniser that gives no interim words needs longer.
    pub wordless: Duration,
    /// How long after a turn words without speech still belong to it.
    pub late: Duration,
    /// Without audio for so long, speech has stopped.
    pub stall: Duration,
    /// How long sound may go on after an utterance that the vendor called over (music, a television).
    pub stale: Duration,
    /// The longest turn.
    pub longest: Duration,
    /// Whether the recogniser is expected to end turns itself ([`SttCapabilities::ends_turns`]). What it says
    /// corrects this.
    ///
    /// [`SttCapabilities::ends_turns`]: super::SttCapabilities::ends_turns
    pub ends_turns: bool,
    /// How long a recogniser that ends turns may take before it is asked to. Longer than its own timeout.
    pub ending: Duration,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            vad: VadSettings::default(),
            hangover: Duration::from_millis(250),
            pause: Duration::from_millis(500),
            transcript: Duration::from_millis(1_200),
            wordless: Duration::from_millis(800),
            late: Duration::from_millis(1_500),
            stall: Duration::from_secs(1),
            stale: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            ends_turns: false,
            ending: Duration::from_millis(3_500),
        }
    }
}

/// What the caller does.
///
/// `SpeechStarted` and `SpeechStopped` alternate; a turn with a pause in it has several of them. `TurnEnded`
/// ends a turn after a `SpeechStopped`. Some events are moments to tell the recogniser to finalize:
/// [`TurnTaker::asks_to_finalize`] says which. Words that arrive late are told by a further `TurnEnded` of their own,
/// without a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// The caller began to speak, or went on after a pause.
    SpeechStarted,
    /// The caller fell silent.
    SpeechStopped,
    /// The caller is probably done, and these are their words: a reply may be prepared, but not spoken. Only
    /// with a recogniser that ends turns.
    EagerTurnEnd {
        /// The words.
        text: Utterance,
    },
    /// The caller goes on after all: what was prepared after [`EagerTurnEnd`](Self::EagerTurnEnd) is void.
    TurnResumed,
    /// A recogniser that ends turns has not done so in time.
    Overdue,
    /// The caller is done. Blank text means that speech was heard, but no words.
    TurnEnded {
        /// The words.
        text: Utterance,
    },
}

/// Hears one caller and tells their turns.
#[derive(Debug)]
pub struct TurnTaker {
    settings: TurnSettings,
    vad: Vad,
    turns: Turns,
    stall: Duration,
    muted: bool,
    /// The newest time that was brought.
    now: Duration,
    /// When the last frame came.
    heard: Duration,
}

impl TurnTaker {
    /// A turn taker at the beginning of a call, not muted.
    #[must_use]
    pub fn new(settings: TurnSettings) -> Self {
        Self {
            settings,
            vad: Vad::new(settings.vad),
            turns: Turns::new(settings),
            stall: settings.stall,
            muted: false,
            now: Duration::ZERO,
            heard: Duration::ZERO,
        }
    }

    /// Takes 20 ms of the caller.
    pub fn hear(&mut self, now: Duration, frame: &Frame) {
        self.now = self.now.max(now);
        self.heard = self.now;
        if self.muted {
            return;
        }
        match self.vad.hear(frame) {
            Some(VadEvent::SpeechStarted) => self.turns.voice_started(self.now),
            Some(VadEvent::SpeechStopped) => self.turns.voice_stopped(self.now),
            None => {}
        }
        self.tick(now);
    }

    /// Takes what the recogniser says.
    pub fn transcript(&mut self, now: Duration, event: &SttEvent) {
        self.now = self.now.max(now);
        if self.muted {
            return self.turns.overhear(event);
        }
        self.turns.transcript(self.now, event);
        self.tick(now);
    }

    /// Lets time pass. To be called when [`deadline`](Self::deadline) is reached; harmless at any time.
    pub fn tick(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if self.muted {
            return;
        }
        if self.stalls_at().is_some_and(|at| at <= self.now) {
            self.vad.reset();
            self.turns.voice_stopped(self.now);
        }
        self.turns.tick(self.now);
    }

    /// When `tick` has something to do, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.muted {
            return None;
        }
        [self.stalls_at(), self.turns.deadline()].into_iter().flatten().min()
    }

    /// What the caller did since.
    pub fn poll_event(&mut self) -> Option<TurnEvent> {
        self.turns.poll_event()
    }

    /// Whether an event is the moment to ask the recogniser for what it holds back. One that ends turns
    /// itself is not asked at every pause: that would take the decision from it.
    #[must_use]
    pub fn asks_to_finalize(&self, event: &TurnEvent) -> bool {
        self.turns.asks_to_finalize(event)
    }

    /// The words so far of a turn that has not ended.
    #[must_use]
    pub fn unfinished(&self) -> Option<Utterance> {
        self.turns.unfinished()
    }

    /// Turns speech input off or on. Muting discards an open turn and all that was not polled; nothing that
    /// was said while muted is told later, even if its words arrive after that. A turn that the recogniser has
    /// open is told to be [`Overdue`](TurnEvent::Overdue).
    pub fn mute(&mut self, muted: bool) {
        if muted == self.muted {
            return;
        }
        self.muted = muted;
        self.vad.reset();
        self.turns.start_clean(self.now);
    }

    /// Says whether the bot is being heard: interim words without voice activity may then be its echo.
    pub fn bot_speaking(&mut self, speaking: bool) {
        self.turns.bot_speaking(speaking);
    }

    fn stalls_at(&self) -> Option<Duration> {
        self.vad.is_speaking().then(|| self.heard + self.stall)
    }
}
