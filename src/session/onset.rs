//! Whether the caller really talks over the bot. Sound alone makes it fall silent; only words make the machine know.
//! A cough, a door, a television: the bot goes on with the word that was broken off.
//!
//! Only speech that the caller may talk over is treated so; over anything else the machine is told at once, as it
//! is when the bot is silent. While the bot waits, the model is not listened to, so that nothing which may have
//! been said in vain can lead on.

use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::watch::CallEvent;
use crate::machine::{Input, Millis};
use crate::pii::Utterance;
use crate::plan::StateId;

/// How long the bot stays silent for sound in which there are no words.
const LONGEST_DOUBT_MS: u64 = 3_000;

/// What is known of the caller's open turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Onset {
    /// There is none.
    #[default]
    Quiet,
    /// The last one ended without a word, as far as was known then.
    InVain,
    /// There is sound, the bot has fallen silent, and no word was heard.
    Doubted { since: Millis },
    /// There is sound, but the bot speaks on.
    Dismissed,
    /// The machine was told.
    Told,
}

/// The caller's last turn that had words.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastTurn {
    /// When it was over.
    at: Instant,
    /// Where the flow was.
    state: StateId,
}

impl Call {
    pub(super) fn on_speech_started(&mut self, now: Millis) {
        self.turns.caller_started(now);
        let bot_is_at_it = self.voice.is_speaking() || self.dialogue.is_thinking();
        if self.onset == Onset::Told || !bot_is_at_it || !self.voice.may_be_interrupted() {
            self.believe();
        } else if matches!(self.onset, Onset::Quiet | Onset::InVain) {
            self.voice.pause();
            self.onset = Onset::Doubted { since: now };
        }
        // Else it is sound of the same turn and the same doubt: a dog that barks would keep the bot silent.
    }

    /// Words were heard, or it makes no difference.
    fn believe(&mut self) {
        self.onset = Onset::Told;
        self.voice.drop_filler();
        self.inbox.push_back(Input::SpeechStarted);
    }

    /// Looks whether a doubt is over. To be called when words may have come, or time has passed.
    pub(super) fn settle_doubt(&mut self, now: Millis) {
        match self.onset {
            Onset::Doubted { .. } | Onset::Dismissed if self.ears.unfinished().is_some() => self.believe(),
            Onset::Doubted { since } if now.0.saturating_sub(since.0) >= LONGEST_DOUBT_MS => {
                self.onset = Onset::Dismissed;
                // Whatever it is, it is not the caller: what they wait for is owed them again.
                self.dead_air.caller_is_silent(Duration::from_millis(LONGEST_DOUBT_MS));
            }
            _ => {}
        }
    }

    /// Something must be heard now: whoever makes a sound is spoken over.
    pub(super) fn dismiss_doubt(&mut self) {
        if matches!(self.onset, Onset::Doubted { .. }) {
            self.onset = Onset::Dismissed;
        }
    }

    pub(super) fn on_turn_ended(&mut self, now: Millis, text: Utterance) {
        let onset = std::mem::take(&mut self.onset);
        if text.is_blank() {
            self.turns.caller_ended(now, &text);
            // Sound without a word. If its words are only late, they are no part of the turn before it.
            self.onset = Onset::InVain;
            if onset == Onset::Told {
                self.inbox.push_back(Input::TurnEnded { text });
            }
            return;
        }
        self.watch.event(CallEvent::CallerSaid { text: text.clone() });
        if onset != Onset::Quiet {
            self.turns.caller_ended(now, &text);
        } else {
            self.turns.caller_amended(now, &text);
            if self.is_past_changing() {
                // It must not be cut by words of the turn that it answers, nor do these answer what it asks.
                return self.dialogue.amend(&text);
            }
        }
        self.last_turn = Some(LastTurn { at: Instant::now(), state: self.machine.state() });
        if matches!(onset, Onset::Doubted { .. } | Onset::Dismissed | Onset::InVain) {
            self.inbox.push_back(Input::SpeechStarted);
        }
        self.latency.turn_ended();
        self.inbox.push_back(Input::TurnEnded { text });
    }

    /// Whether something came of the caller's last turn that its late words change nothing of: an answer is heard, or the
    /// flow has gone on.
    fn is_past_changing(&self) -> bool {
        let Some(LastTurn { at, state }) = self.last_turn else { return self.voice.is_replying() };
        let went_on = state != self.machine.state() && !self.dialogue.is_thinking();
        went_on || self.voice.is_replying() || self.voice.is_heard_since(at)
    }

    /// The bot speaks on unless it is being found out whether it may.
    pub(super) fn end_needless_pause(&mut self) {
        if self.voice.is_paused() && !matches!(self.onset, Onset::Doubted { .. }) {
            self.voice.resume();
            self.dialogue.go_on();
        }
    }
}
