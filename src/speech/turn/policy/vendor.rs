//! Turns that the recogniser ends itself. Voice activity still tells when somebody begins to speak (sooner
//! than words do), and a turn that the recogniser leaves open is ended here in the end.

use std::time::Duration;

use super::{Speech, TurnEvent, Turns};
use crate::pii::Utterance;
use crate::speech::SttEvent;

/// What is known of the recogniser.
#[derive(Debug)]
pub(super) struct Recogniser {
    /// Whether it ends turns. It may be exchanged for another during a call; the newest event tells.
    pub(super) ends_turns: bool,
    /// It has begun a turn and not ended it.
    in_turn: bool,
    /// What its open turn holds was discarded.
    stale: bool,
}

impl Recogniser {
    pub(super) fn new(ends_turns: bool) -> Self {
        Self { ends_turns, in_turn: false, stale: false }
    }

    /// Takes note of an event.
    fn follow(&mut self, event: &SttEvent) {
        match event {
            SttEvent::Final { .. } => self.ends_turns = false,
            SttEvent::TurnStarted => {
                self.ends_turns = true;
                self.in_turn = true;
                self.stale = false;
            }
            SttEvent::EagerEndOfTurn { .. } | SttEvent::TurnResumed | SttEvent::EndOfTurn { .. } => {
                self.ends_turns = true;
            }
            SttEvent::Interim(_) | SttEvent::Closed(_) => {}
        }
    }

    fn turn_ended(&mut self) {
        self.in_turn = false;
        self.stale = false;
    }
}

impl Turns {
    /// Takes note of an event that is not wanted.
    pub(in super::super) fn overhear(&mut self, event: &SttEvent) {
        self.recogniser.follow(event);
        if matches!(event, SttEvent::EndOfTurn { .. }) {
            self.recogniser.turn_ended();
        }
    }

    /// Forgets what the recogniser's open turn holds, and asks for its end.
    pub(super) fn discard_vendor_turn(&mut self) {
        if self.recogniser.in_turn {
            self.recogniser.stale = true;
            self.events.push_back(TurnEvent::Overdue);
        }
    }

    /// Takes what only a recogniser that ends turns says, and notes from the rest whether it is one.
    /// Whether there is nothing more to do.
    pub(super) fn vendor_event(&mut self, now: Duration, event: &SttEvent) -> bool {
        self.recogniser.follow(event);
        let stale = self.recogniser.stale && self.turn.is_none();
        match event {
            SttEvent::TurnStarted => self.vendor_started(now),
            SttEvent::EagerEndOfTurn { text } if !stale => self.vendor_expects_end(now, text),
            SttEvent::TurnResumed => self.vendor_resumed(),
            SttEvent::EndOfTurn { text } => {
                self.recogniser.turn_ended();
                if !stale {
                    self.vendor_ended(now, text);
                }
            }
            SttEvent::EagerEndOfTurn { .. } => {}
            SttEvent::Interim(_) => return stale,
            SttEvent::Final { .. } | SttEvent::Closed(_) => return false,
        }
        true
    }

    fn vendor_started(&mut self, now: Duration) {
        if self.turn.is_none() && !self.bot_speaking && !self.is_late(now) {
            self.open_by_words(now);
        }
    }

    fn vendor_expects_end(&mut self, now: Duration, text: &Utterance) {
        self.interim(now, text);
        if let Some(turn) = &mut self.turn {
            turn.eager = true;
            self.events.push_back(TurnEvent::EagerTurnEnd { text: Utterance::new(turn.words.text()) });
        }
    }

    fn vendor_resumed(&mut self) {
        if let Some(turn) = &mut self.turn
            && std::mem::take(&mut turn.eager)
        {
            self.events.push_back(TurnEvent::TurnResumed);
        }
    }

    fn vendor_ended(&mut self, now: Duration, text: &Utterance) {
        if self.settles_the_past(now, text) {
            return;
        }
        if self.turn.is_none() {
            if text.is_blank() {
                return;
            }
            if self.is_late(now) {
                return self.tell_late(now, text);
            }
            self.open_by_words(now);
        }
        self.stop(now);
        if let Some(mut turn) = self.turn.take() {
            turn.words.fixed(now, text.text(), true);
            self.end(now, turn);
            // All words were told, and what comes next is a turn of its own.
            self.past = None;
        }
    }

    /// When a turn ends that the recogniser should end; `None` if the rules for other recognisers hold,
    /// because it seems to know of no turn.
    pub(super) fn vendor_deadline(&self) -> Option<Duration> {
        let turn = self.turn.as_ref().filter(|turn| self.recogniser.ends_turns && turn.words.has_any())?;
        let Speech::Stopped { at } = turn.speech else { return None };
        Some(match turn.overdue {
            None => at + self.settings.ending,
            Some(since) => since + self.settings.transcript,
        })
    }

    /// The recogniser did not end the turn in time. Whether it is now asked to, for the first time.
    pub(super) fn ask_vendor(&mut self, now: Duration) -> bool {
        let due = self.vendor_deadline().is_some_and(|at| at <= now);
        match &mut self.turn {
            Some(turn) if due && turn.overdue.is_none() => {
                turn.overdue = Some(now);
                self.events.push_back(TurnEvent::Overdue);
                true
            }
            _ => false,
        }
    }
}
