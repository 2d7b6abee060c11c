//! The turn that is being heard, over any number of connections. No I/O, no clock.

use super::wire::{Event, TurnInfo};
use crate::pii::Utterance;
use crate::speech::SttEvent;

/// What is known of the caller's turns.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Whether a turn was told to have started and not to have ended.
    open: bool,
    /// An eager end was told and not taken back.
    eager: bool,
    /// Words of the turn whose audio no connection can hear again.
    carried: String,
    /// The last turn of this connection that ended.
    ended: Option<u64>,
    /// The newest state of the turn on this connection.
    newest: Option<TurnInfo>,
    /// The vendor was seen to report also outside turns, so that its silence means something there.
    chatty: bool,
}

impl Turn {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the vendor reports on all audio that it is sent now.
    pub(super) fn is_reported(&self) -> bool {
        self.open || self.chatty
    }

    /// Takes a state of the turn and gives what is to be told.
    pub(super) fn take(&mut self, info: TurnInfo) -> Vec<SttEvent> {
        // States of a turn that is over come late or twice.
        if self.ended.is_some_and(|ended| info.turn_index <= ended) {
            return Vec::new();
        }
        let mut told = Vec::new();
        if self.newest.as_ref().is_some_and(|newest| newest.turn_index < info.turn_index) {
            // The next turn has begun to be counted: the end of this one was lost on the way.
            told.extend(self.end());
        }
        let text = self.whole(&info.transcript);
        let speaks = info.event != Event::Update || !text.is_blank();
        if speaks && !self.open {
            self.open = true;
            told.push(SttEvent::TurnStarted);
        }
        self.chatty |= !self.open;
        match info.event {
            Event::EndOfTurn => {
                self.over(Some(info.turn_index));
                told.push(SttEvent::EndOfTurn { text });
                return told;
            }
            Event::EagerEndOfTurn => {
                self.eager = true;
                told.push(SttEvent::EagerEndOfTurn { text });
            }
            Event::TurnResumed => {
                told.extend(self.resume());
                told.push(SttEvent::Interim(text));
            }
            Event::StartOfTurn | Event::Update => {
                if self.open && !text.is_blank() && !self.says_the_same(&info) {
                    told.push(SttEvent::Interim(text));
                }
            }
        }
        self.newest = Some(info);
        told
    }

    /// The connection is lost, and the next one will hear the audio from this second on: what was said
    /// before is carried over.
    pub(super) fn lost(&mut self, heard_again_from: f64) -> Option<SttEvent> {
        self.ended = None;
        if let Some(newest) = self.newest.take() {
            self.carried = join(&self.carried, &newest.words_before(heard_again_from));
        }
        self.resume()
    }

    /// The vendor does not end the turn, though it was told to: it ends here, with the words that are known.
    pub(super) fn end(&mut self) -> Option<SttEvent> {
        if !self.open {
            return None;
        }
        let newest = self.newest.take();
        let text = self.whole(newest.as_ref().map_or("", |info| info.transcript.as_str()));
        self.over(newest.map(|info| info.turn_index).or(self.ended));
        Some(SttEvent::EndOfTurn { text })
    }

    /// A prepared reply is void.
    fn resume(&mut self) -> Option<SttEvent> {
        std::mem::take(&mut self.eager).then_some(SttEvent::TurnResumed)
    }

    fn over(&mut self, index: Option<u64>) {
        self.ended = index;
        self.open = false;
        self.eager = false;
        self.carried.clear();
        self.newest = None;
    }

    fn whole(&self, transcript: &str) -> Utterance {
        Utterance::new(join(&self.carried, transcript))
    }

    fn says_the_same(&self, info: &TurnInfo) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.transcript == info.transcript)
    }
}

fn join(words: &str, more: &str) -> String {
    let gap = if words.is_empty() || more.trim().is_empty() { "" } else { " " };
    format!("{words}{gap}{}", more.trim())
}
