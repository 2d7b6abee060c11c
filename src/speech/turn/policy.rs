//! The rules by which voice activity and words become turns.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::SttEvent;
use super::words::Words;
use super::{TurnEvent, TurnSettings};
use crate::pii::Utterance;

/// How somebody is heard to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    /// By voice activity.
    Voiced,
    /// By words alone: too soft for voice activity.
    Soft,
    /// Not any more.
    Stopped { at: Duration },
}

/// A turn that has not ended.
#[derive(Debug)]
struct Turn {
    begun: Duration,
    speech: Speech,
    words: Words,
}

/// A turn that has ended, or the time while muted, whose words may still be on their way.
#[derive(Debug)]
struct Past {
    ended: Duration,
    words: Words,
    /// Whether late words are wanted: not after a mute.
    wanted: bool,
}

/// The open turn, if there is one, and what was told.
#[derive(Debug)]
pub(super) struct Turns {
    settings: TurnSettings,
    bot_speaking: bool,
    turn: Option<Turn>,
    past: Option<Past>,
    events: VecDeque<TurnEvent>,
}

impl Turns {
    pub(super) fn new(settings: TurnSettings) -> Self {
        Self { settings, bot_speaking: false, turn: None, past: None, events: VecDeque::new() }
    }

    pub(super) fn bot_speaking(&mut self, speaking: bool) {
        self.bot_speaking = speaking;
    }

    /// Forgets the open turn and everything that was not told; words that are on their way are not wanted.
    pub(super) fn start_clean(&mut self, now: Duration) {
        self.turn = None;
        self.events.clear();
        self.past = Some(Past { ended: now, words: Words::default(), wanted: false });
    }

    pub(super) fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    pub(super) fn voice_started(&mut self, now: Duration) {
        let Some(turn) = &mut self.turn else { return self.open(now, Speech::Voiced) };
        if matches!(turn.speech, Speech::Stopped { .. }) {
            self.events.push_back(TurnEvent::SpeechStarted);
        }
        turn.speech = Speech::Voiced;
        turn.words.go_on();
    }

    pub(super) fn voice_stopped(&mut self, now: Duration) {
        let Some(turn) = &mut self.turn else { return };
        if !matches!(turn.speech, Speech::Stopped { .. }) {
            turn.speech = Speech::Stopped { at: now };
            turn.words.asked();
            self.events.push_back(TurnEvent::SpeechStopped);
        }
    }

    pub(super) fn transcript(&mut self, now: Duration, event: &SttEvent) {
        match event {
            SttEvent::Interim(text) => self.interim(now, text),
            SttEvent::Final { text, speech_final } => self.fixed(now, text, *speech_final),
            // Without a recogniser an open turn ends by its deadline; what else follows is not decided here.
            SttEvent::Closed(_) => {}
        }
    }

    fn interim(&mut self, now: Duration, text: &Utterance) {
        if self.turn.is_none() {
            if text.is_blank() || self.bot_speaking || self.is_late(now) {
                return;
            }
            self.open(now, Speech::Soft);
        }
        if let Some(turn) = &mut self.turn {
            turn.words.interim(now, text.text());
        }
    }

    fn fixed(&mut self, now: Duration, text: &Utterance, over: bool) {
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
            self.open(now, Speech::Soft);
        }
        let Some(turn) = &mut self.turn else { return };
        turn.words.fixed(now, text.text(), over);
        if over && turn.speech == Speech::Soft {
            self.voice_stopped(now);
        }
    }

    /// Whether these fixed words were told already, as the interim words with which the last turn ended.
    fn settles_the_past(&mut self, now: Duration, text: &Utterance) -> bool {
        let late = self.is_late(now);
        match &mut self.past {
            Some(past) if late && past.words.interim_says(text.text()) => {
                past.words.fixed(now, text.text(), true);
                true
            }
            _ => false,
        }
    }

    fn is_late(&self, now: Duration) -> bool {
        self.past.as_ref().is_some_and(|past| now < past.ended + self.settings.late)
    }

    /// Words that belong to a turn that was already told: they are told on their own, unless they were told.
    /// If they correct interim words, the whole turn is told again.
    fn tell_late(&mut self, now: Duration, text: &Utterance) {
        let Some(past) = &mut self.past else { return };
        if !past.wanted || past.words.end_with(text.text()) {
            return;
        }
        let corrects = past.words.has_interim();
        past.words.fixed(now, text.text(), true);
        let text = if corrects { Utterance::new(past.words.text()) } else { text.clone() };
        self.events.push_back(TurnEvent::TurnEnded { text });
    }

    fn open(&mut self, now: Duration, speech: Speech) {
        self.turn = Some(Turn { begun: now, speech, words: Words::none_since(now) });
        self.events.push_back(TurnEvent::SpeechStarted);
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let turn = self.turn.as_ref()?;
        let settings = &self.settings;
        let longest = turn.begun + settings.longest;
        Some(match turn.speech {
            Speech::Stopped { at } => at + self.wait_for(&turn.words),
            Speech::Soft => longest.min(turn.words.newest + settings.pause),
            Speech::Voiced if turn.words.are_over() => longest.min(turn.words.newest + settings.stale),
            Speech::Voiced => longest,
        })
    }

    pub(super) fn tick(&mut self, now: Duration) {
        while self.deadline().is_some_and(|due| due <= now) {
            match self.turn.take_if(|turn| matches!(turn.speech, Speech::Stopped { .. })) {
                Some(turn) => self.end(now, turn),
                None => self.voice_stopped(now),
            }
        }
    }

    /// How long after the end of speech the turn stays open for words, or for more speech.
    fn wait_for(&self, words: &Words) -> Duration {
        let settings = &self.settings;
        match (words.has_interim(), words.has_fixed(), words.are_over()) {
            (false, true, true) => settings.hangover,
            (false, true, false) | (false, false, true) => settings.pause,
            (true, _, _) | (false, false, false) => settings.transcript,
        }
    }

    fn end(&mut self, now: Duration, turn: Turn) {
        let text = Utterance::new(turn.words.text());
        self.past = Some(Past { ended: now, words: turn.words, wanted: true });
        self.events.push_back(TurnEvent::TurnEnded { text });
    }
}
