//! When words become a turn, and a turn ends. Time is the audio's own.

use std::time::Duration;

use super::query::Thresholds;
use crate::sandbox::voice::{Decoder, Heard, SpokenWord};

/// Audio between two updates.
const UPDATE_EVERY: Duration = Duration::from_millis(250);
/// Sure at the first moment of silence, and how much surer with each millisecond of it: the usual threshold
/// of 0.7 is reached 250 ms after a whole sentence, and 500 ms after what is none.
const SURE_AT_ONCE: f64 = 0.3;
const SURER_PER_MS: f64 = 0.0016;
const LESS_SURER_PER_MS: f64 = 0.0008;
const SUREST: f64 = 0.95;
/// After one of these words more is to come, whatever the silence.
const BEGGING: [&str; 12] = ["and", "but", "or", "the", "a", "my", "to", "um", "uh", "because", "so", "if"];

/// What happened to a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Update,
    StartOfTurn,
    EagerEndOfTurn,
    TurnResumed,
    EndOfTurn(Trigger),
}

/// What ended a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trigger {
    Model,
    Manual,
    Timeout,
}

/// Where a turn stands: the message `TurnInfo`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct TurnInfo {
    pub(super) event: Event,
    pub(super) turn: u64,
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) words: Vec<SpokenWord>,
    pub(super) confidence: f64,
}

/// One recogniser.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) thresholds: Thresholds,
    decoder: Decoder,
    rate: u32,
    /// Samples heard.
    samples: u64,
    /// Turns before this one.
    turn: u64,
    /// Where this turn begins.
    start: Duration,
    stands: Stands,
    /// Words of speeches of this turn that have ended.
    words: Vec<SpokenWord>,
    /// Since when nobody speaks.
    quiet_since: Option<Duration>,
    /// When something was last told.
    told: Duration,
}

/// The states of the documented state machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stands {
    Initial,
    TurnOngoing,
    AwaitingEnd,
}

impl Turns {
    pub(super) fn new(thresholds: Thresholds, rate: u32) -> Self {
        Self {
            thresholds,
            decoder: Decoder::new(rate),
            rate,
            samples: 0,
            turn: 0,
            start: Duration::ZERO,
            stands: Stands::Initial,
            words: Vec::new(),
            quiet_since: None,
            told: Duration::ZERO,
        }
    }

    /// Hears samples, in pieces of 20 ms.
    pub(super) fn push(&mut self, samples: &[i16]) -> Vec<TurnInfo> {
        let frame = (self.rate / 50) as usize;
        samples.chunks(frame.max(1)).filter_map(|frame| self.push_frame(frame)).collect()
    }

    fn push_frame(&mut self, frame: &[i16]) -> Option<TurnInfo> {
        self.samples += frame.len() as u64;
        for heard in self.decoder.push(frame) {
            match heard {
                Heard::SpeechStart { .. } => self.quiet_since = None,
                Heard::Chars(_) => {}
                Heard::Text { words, .. } => {
                    let start = self.start;
                    self.words.extend(words.into_iter().filter(|word| word.start >= start));
                    self.quiet_since = Some(self.now());
                }
            }
        }
        let event = self.next_event()?;
        Some(self.tell(event))
    }

    fn next_event(&self) -> Option<Event> {
        let has_words = !self.words_so_far().is_empty();
        let silence = self.quiet_since.map(|since| self.now().saturating_sub(since));
        let sure = self.confidence();
        let speaks = silence.is_none() && self.decoder.is_speaking();
        match self.stands {
            Stands::Initial if has_words => return Some(Event::StartOfTurn),
            Stands::AwaitingEnd if speaks => return Some(Event::TurnResumed),
            Stands::TurnOngoing | Stands::AwaitingEnd => {
                if sure >= self.thresholds.end {
                    return Some(Event::EndOfTurn(Trigger::Model));
                }
                if silence.is_some_and(|silence| silence >= self.thresholds.timeout) {
                    return Some(Event::EndOfTurn(Trigger::Timeout));
                }
                let eager = self.thresholds.eager.is_some_and(|eager| sure >= eager);
                if eager && self.stands == Stands::TurnOngoing {
                    return Some(Event::EagerEndOfTurn);
                }
            }
            Stands::Initial => {}
        }
        (self.now() >= self.told + UPDATE_EVERY).then_some(Event::Update)
    }

    /// `ForceEndTurn`: ends the turn with what was heard of it; nothing if there is none.
    pub(super) fn force_end(&mut self) -> Option<TurnInfo> {
        (self.stands != Stands::Initial).then(|| self.tell(Event::EndOfTurn(Trigger::Manual)))
    }

    fn tell(&mut self, event: Event) -> TurnInfo {
        let now = self.now();
        self.told = now;
        let info = TurnInfo {
            event,
            turn: self.turn,
            start: self.start,
            end: now,
            words: self.words_so_far(),
            confidence: self.confidence(),
        };
        match event {
            Event::Update => {}
            Event::StartOfTurn | Event::TurnResumed => self.stands = Stands::TurnOngoing,
            Event::EagerEndOfTurn => self.stands = Stands::AwaitingEnd,
            Event::EndOfTurn(_) => {
                self.stands = Stands::Initial;
                self.turn += 1;
                self.start = now;
                self.words.clear();
            }
        }
        info
    }

    /// How sure it is that the turn is over.
    fn confidence(&self) -> f64 {
        let Some(since) = self.quiet_since.filter(|_| self.stands != Stands::Initial) else { return 0.02 };
        let silence = self.now().saturating_sub(since).as_secs_f64() * 1_000.0;
        let last = self.words.last().map_or("", |word| word.text.as_str());
        if BEGGING.contains(&bare(last).as_str()) {
            return 0.2;
        }
        let surer = if last.ends_with(['.', '!', '?']) { SURER_PER_MS } else { LESS_SURER_PER_MS };
        (SURE_AT_ONCE + silence * surer).min(SUREST)
    }

    /// The words of the turn; the last may be incomplete.
    fn words_so_far(&self) -> Vec<SpokenWord> {
        let speaking = self.decoder.words_so_far().into_iter().filter(|word| word.start >= self.start);
        self.words.iter().cloned().chain(speaking).collect()
    }

    /// How much audio was heard.
    fn now(&self) -> Duration {
        Duration::from_secs(self.samples) / self.rate
    }
}

fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::voice::encode;

    fn turns(eager: Option<f64>) -> Turns {
        let mut thresholds = Thresholds::default();
        thresholds.change(None, eager, Some(2_000)).unwrap();
        Turns::new(thresholds, 16_000)
    }

    fn silence(ms: usize) -> Vec<i16> {
        vec![0; ms * 16]
    }

    fn text(info: &TurnInfo) -> String {
        info.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// What happened, updates aside.
    fn events(told: &[TurnInfo]) -> Vec<(Event, String)> {
        let telling = told.iter().filter(|info| info.event != Event::Update);
        telling.map(|info| (info.event, text(info))).collect()
    }

    #[test]
    fn a_turn_starts_with_its_first_word_and_ends_a_moment_after_its_last() {
        let mut turns = turns(None);
        let voice = [silence(600), encode("I want a person."), silence(1_000)].concat();
        let told = turns.push(&voice);
        let [(Event::StartOfTurn, first), (Event::EndOfTurn(Trigger::Model), all)] = &events(&told)[..]
        else {
            panic!("{told:?}")
        };
        assert!("I want a person.".starts_with(first.as_str()) && !first.is_empty());
        assert_eq!(all, "I want a person.");
        let spoken = voice.len() as u64 / 16 - 1_000;
        let end = told.iter().find(|info| matches!(info.event, Event::EndOfTurn(_))).unwrap();
        assert!((200..420).contains(&(end.end.as_millis() as u64 - spoken)), "{:?}", end.end);
        assert!(told.iter().filter(|info| info.event == Event::Update).count() >= 6);
        assert_eq!(told.last().unwrap().turn, 1);
    }

    #[test]
    fn an_eager_end_is_confirmed_with_the_same_words_or_taken_back_before_they_change() {
        let mut turns = turns(Some(0.4));
        let mut told = turns.push(&[encode("A manager,"), silence(160)].concat());
        told.extend(turns.push(&[encode("please."), silence(800)].concat()));
        let events = events(&told);
        let kinds: Vec<_> = events.iter().map(|(event, _)| *event).collect();
        assert_eq!(
            kinds,
            [
                Event::StartOfTurn,
                Event::EagerEndOfTurn,
                Event::TurnResumed,
                Event::EagerEndOfTurn,
                Event::EndOfTurn(Trigger::Model)
            ]
        );
        assert_eq!((events[1].1.as_str(), events[3].1.as_str()), ("A manager,", "A manager, please."));
        assert_eq!(events[3].1, events[4].1);
    }

    #[test]
    fn after_a_word_that_begs_for_another_only_the_timeout_ends_the_turn() {
        let mut turns = turns(Some(0.4));
        let told = turns.push(&[encode("I would like to"), silence(1_500)].concat());
        assert_eq!(events(&told).len(), 1, "{:?}", events(&told));
        let told = turns.push(&silence(1_000));
        assert_eq!(events(&told), [(Event::EndOfTurn(Trigger::Timeout), "I would like to".to_owned())]);
    }

    #[test]
    fn a_turn_can_be_told_to_end_and_its_rest_is_another() {
        let mut turns = turns(None);
        assert_eq!(turns.force_end(), None);
        let voice = encode("yes my manager please");
        turns.push(&voice[..voice.len() / 2]);
        let cut = turns.force_end().unwrap();
        assert_eq!((cut.event, cut.turn), (Event::EndOfTurn(Trigger::Manual), 0));
        let told = turns.push(&[&voice[voice.len() / 2..], &silence(800)].concat());
        let [(Event::StartOfTurn, _), (Event::EndOfTurn(_), rest)] = &events(&told)[..] else {
            panic!("{told:?}")
        };
        assert_eq!(told.last().unwrap().turn, 2);
        assert!("yes my manager please".ends_with(rest.as_str()), "{rest}");
    }

    #[test]
    fn without_words_there_is_no_turn() {
        let mut turns = turns(Some(0.4));
        let told = turns.push(&silence(3_000));
        assert!(
            told.len() >= 10 && told.iter().all(|info| info.event == Event::Update && info.words.is_empty())
        );
    }
}
