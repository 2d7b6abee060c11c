//! One recogniser's manner of telling turns in another's: what a stream was promised to be, it stays. No I/O.

use crate::pii::Utterance;
use crate::speech::SttEvent;

/// Makes events of a member look like those that the chain promised.
#[derive(Debug)]
pub(super) struct Adapter {
    /// The chain promised that turns are ended by the recogniser.
    promised: bool,
    /// This member ends turns.
    ends_turns: bool,
    /// Fixed words of a turn that the member does not end.
    fixed: String,
    began: bool,
}

impl Adapter {
    pub(super) fn new(promised: bool, ends_turns: bool) -> Self {
        Self { promised, ends_turns, fixed: String::new(), began: false }
    }

    /// What is told instead of an event; at most two.
    pub(super) fn take(&mut self, event: SttEvent) -> Vec<SttEvent> {
        match (self.promised, self.ends_turns) {
            (true, false) => self.end_turns(event),
            (false, true) => without_turns(event).into_iter().collect(),
            _ => vec![event],
        }
    }

    /// A pause that the vendor hears ends the turn.
    fn end_turns(&mut self, event: SttEvent) -> Vec<SttEvent> {
        let mut told = Vec::new();
        match event {
            SttEvent::Interim(words) => {
                self.begin(&words, &mut told);
                told.push(SttEvent::Interim(self.with(&words)));
            }
            SttEvent::Final { text, speech_final } => {
                self.begin(&text, &mut told);
                self.fixed = self.with(&text).text().to_owned();
                if speech_final && !self.fixed.trim().is_empty() {
                    self.began = false;
                    told.push(SttEvent::EndOfTurn { text: Utterance::new(std::mem::take(&mut self.fixed)) });
                }
            }
            other => told.push(other),
        }
        told
    }

    fn begin(&mut self, words: &Utterance, told: &mut Vec<SttEvent>) {
        if !self.began && !words.is_blank() {
            self.began = true;
            told.push(SttEvent::TurnStarted);
        }
    }

    fn with(&self, words: &Utterance) -> Utterance {
        let apart = if self.fixed.is_empty() || words.is_blank() { "" } else { " " };
        Utterance::new(format!("{}{apart}{}", self.fixed, words.text()))
    }
}

fn without_turns(event: SttEvent) -> Option<SttEvent> {
    match event {
        SttEvent::EndOfTurn { text } => Some(SttEvent::Final { text, speech_final: true }),
        SttEvent::TurnStarted | SttEvent::TurnResumed | SttEvent::EagerEndOfTurn { .. } => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Utterance {
        Utterance::new(text)
    }

    #[test]
    fn pauses_become_ends_of_turns_with_all_their_words() {
        let mut adapter = Adapter::new(true, false);
        let interim = |text| SttEvent::Interim(words(text));
        let fixed = |text, speech_final| SttEvent::Final { text: words(text), speech_final };
        assert_eq!(adapter.take(interim("I")), [SttEvent::TurnStarted, interim("I")]);
        assert_eq!(adapter.take(fixed("I need", false)), []);
        assert_eq!(adapter.take(interim("help")), [interim("I need help")]);
        assert_eq!(adapter.take(fixed("help", true)), [SttEvent::EndOfTurn { text: words("I need help") }]);
        assert_eq!(adapter.take(fixed("", true)), []);
        assert_eq!(adapter.take(interim("Yes")), [SttEvent::TurnStarted, interim("Yes")]);
    }

    #[test]
    fn ends_of_turns_become_fixed_words() {
        let mut adapter = Adapter::new(false, true);
        assert_eq!(adapter.take(SttEvent::TurnStarted), []);
        let eager = SttEvent::EagerEndOfTurn { text: words("Yes") };
        assert_eq!(adapter.take(eager), []);
        let end = SttEvent::EndOfTurn { text: words("Yes") };
        assert_eq!(adapter.take(end), [SttEvent::Final { text: words("Yes"), speech_final: true }]);
    }
}
