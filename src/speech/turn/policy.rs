//! The rules by which voice activity and words become turns.

mod vendor;

use std::collections::VecDeque;
use std::time::Duration;

use super::super::SttEvent;
use super::latency::Latency;
use super::words::Words;
use super::{TurnEvent, TurnSettings};
use crate::pii::Utterance;

/// How long after a turn its words may come once more, if the recogniser has not fixed them.
const OWED_FOR: Duration = Duration::from_secs(8);

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
    /// The recogniser took it to be over, and has not changed its mind.
    eager: bool,
    /// Since when the recogniser's end of the turn is overdue.
    overdue: Option<Duration>,
}

/// A turn that has ended, or the time while muted, whose words may still be on their way.
#[derive(Debug)]
struct Past {
    ended: Duration,
    words: Words,
    /// Whether late words are wanted: not after a mute.
    wanted: bool,
    /// When the recogniser was asked for its words, if it has not answered.
    asked: Option<Duration>,
}

/// The open turn, if there is one, and what was told.
#[derive(Debug)]
pub(super) struct Turns {
    settings: TurnSettings,
    bot_speaking: bool,
    /// Whether there is voice activity.
    voice: bool,
    recogniser: vendor::Recogniser,
    latency: Latency,
    turn: Option<Turn>,
    past: Option<Past>,
    events: VecDeque<TurnEvent>,
}

impl Turns {
    pub(super) fn new(settings: TurnSettings) -> Self {
        Self {
            settings,
            bot_speaking: false,
            voice: false,
            recogniser: vendor::Recogniser::new(settings.ends_turns),
            latency: Latency::default(),
            turn: None,
            past: None,
            events: VecDeque::new(),
        }
    }

    pub(super) fn tune(&mut self, settings: TurnSettings) {
        self.settings = settings;
    }

    pub(super) fn bot_speaking(&mut self, speaking: bool) {
        self.bot_speaking = speaking;
    }

    /// Forgets the open turn and everything that was not told; words that are on their way are not wanted.
    pub(super) fn start_clean(&mut self, now: Duration) {
        self.turn = None;
        self.voice = false;
        self.events.clear();
        self.past = Some(Past { ended: now, words: Words::default(), wanted: false, asked: None });
        self.discard_vendor_turn();
    }

    pub(super) fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    /// Whether an event is the moment to ask the recogniser for what it holds back.
    pub(super) fn asks_to_finalize(&self, event: &TurnEvent) -> bool {
        match event {
            TurnEvent::SpeechStopped => !self.recogniser.ends_turns,
            TurnEvent::Overdue => true,
            _ => false,
        }
    }

    pub(super) fn unfinished(&self) -> Option<Utterance> {
        self.turn.as_ref().map(|turn| Utterance::new(turn.words.text()))
    }

    pub(super) fn voice_started(&mut self, now: Duration) {
        self.voice = true;
        let Some(turn) = &mut self.turn else { return self.open(now, Speech::Voiced) };
        if matches!(turn.speech, Speech::Stopped { .. }) {
            self.events.push_back(TurnEvent::SpeechStarted);
        }
        turn.speech = Speech::Voiced;
        turn.overdue = None;
        turn.words.go_on();
    }

    pub(super) fn voice_stopped(&mut self, now: Duration) {
        self.voice = false;
        self.stop(now);
    }

    /// Takes the caller to be silent, though there may be sound.
    fn stop(&mut self, now: Duration) {
        let Some(turn) = &mut self.turn else { return };
        if !matches!(turn.speech, Speech::Stopped { .. }) {
            turn.speech = Speech::Stopped { at: now };
            turn.words.asked();
            self.events.push_back(TurnEvent::SpeechStopped);
        }
    }

    pub(super) fn transcript(&mut self, now: Duration, event: &SttEvent) {
        if self.vendor_event(now, event) {
            return;
        }
        match event {
            SttEvent::Interim(text) => self.interim(now, text),
            SttEvent::Final { text, speech_final } => self.fixed(now, text, *speech_final),
            // Without a recogniser an open turn ends by its deadline; what else follows is not decided here.
            _ => {}
        }
    }

    fn interim(&mut self, now: Duration, text: &Utterance) {
        if text.is_blank() {
            return;
        }
        if self.turn.is_none() {
            if self.bot_speaking || self.is_late(now) || self.repeats_the_past(now, text) {
                return;
            }
            self.open_by_words(now);
        }
        if let Some(turn) = &mut self.turn {
            turn.words.interim(now, text.text());
        }
    }

    fn fixed(&mut self, now: Duration, text: &Utterance, over: bool) {
        if over {
            self.learn_from_answer(now);
        }
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
            if self.repeats_the_past(now, text) {
                return;
            }
            self.open(now, Speech::Soft);
        }
        let Some(turn) = &mut self.turn else { return };
        turn.words.fixed(now, text.text(), over);
        if over && turn.speech == Speech::Soft {
            self.stop(now);
        }
    }

    /// The recogniser has fixed its words: how long it took, if it was asked for them once and nobody has spoken since.
    /// Also after the turn, or a slow one would never be known as such.
    fn learn_from_answer(&mut self, now: Duration) {
        let late = self.is_late(now);
        let asked = match (&self.turn, &mut self.past) {
            (Some(Turn { speech: Speech::Stopped { at }, words, .. }), _) if words.awaits_one_answer() => {
                Some(*at)
            }
            (None, Some(past)) if late => past.asked.take(),
            _ => None,
        };
        if let Some(asked) = asked {
            self.latency.learn(now.saturating_sub(asked));
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

    /// Whether words are those of the last turn once more, from a recogniser that owes an answer to it: another one may
    /// have stepped in that hears it all again. Nobody was heard to speak since.
    fn repeats_the_past(&self, now: Duration, text: &Utterance) -> bool {
        let owed = |past: &&Past| past.asked.is_some() && now < past.ended + OWED_FOR;
        self.turn.is_none()
            && self.past.as_ref().filter(owed).is_some_and(|past| past.words.hold(text.text()))
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
        let words = Words::none_since(now);
        self.turn = Some(Turn { begun: now, speech, words, eager: false, overdue: None });
        self.events.push_back(TurnEvent::SpeechStarted);
    }

    /// A recogniser that ends turns may begin the next one before voice activity has made a pause.
    fn open_by_words(&mut self, now: Duration) {
        let voiced = self.voice && self.recogniser.ends_turns;
        self.open(now, if voiced { Speech::Voiced } else { Speech::Soft });
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        if let Some(at) = self.vendor_deadline() {
            return Some(at);
        }
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
            if self.ask_vendor(now) {
                continue;
            }
            match self.turn.take_if(|turn| matches!(turn.speech, Speech::Stopped { .. })) {
                Some(turn) => self.end(now, turn),
                None => self.stop(now),
            }
        }
    }

    /// How long after the end of speech the turn stays open for words, or for more speech.
    fn wait_for(&self, words: &Words) -> Duration {
        let settings = &self.settings;
        let learned = self.latency.allowance().filter(|_| words.awaits_an_answer());
        match (words.has_interim(), words.has_fixed(), words.are_over()) {
            (false, true, true) => settings.hangover,
            // More words may be on their way; none may be.
            (false, true, false) | (false, false, true) => settings.pause.max(learned.unwrap_or_default()),
            (true, _, _) => learned.unwrap_or(settings.transcript).max(settings.hangover),
            (false, false, false) => settings.wordless.max(learned.unwrap_or_default()),
        }
    }

    fn end(&mut self, now: Duration, turn: Turn) {
        let text = Utterance::new(turn.words.text());
        let asked = match turn.speech {
            Speech::Stopped { at } => turn.words.awaits_one_answer().then_some(at),
            Speech::Voiced | Speech::Soft => None,
        };
        self.past = Some(Past { ended: now, words: turn.words, wanted: true, asked });
        self.events.push_back(TurnEvent::TurnEnded { text });
    }
}
