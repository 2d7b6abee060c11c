//! Replies that are asked for before the caller's turn is over, from the words so far.
//!
//! A copy of the machine is told that the turn has ended; if it would ask the model something, the model is
//! asked, and nobody listens. If the turn then ends with these words and the machine does ask just that, the
//! reply is taken as it is; else it is dropped, and nothing of it was heard, proposed or remembered.

use super::call::Call;
use super::dialogue::Question;
use crate::machine::{Effect, Input};
use crate::pii::Utterance;
use crate::plan::Kind;

/// Guesses in one turn: a caller who pauses often would cost much.
const MOST_IN_A_TURN: u32 = 2;

/// How the open turn was guessed.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    in_turn: u32,
    /// The caller is silent, within their turn.
    pub(super) pausing: bool,
    /// The recogniser expects the turn to end with these words.
    pub(super) expected: Option<Utterance>,
    /// The words that were there when the caller went on: after that, more must come.
    before: Option<Utterance>,
}

impl Guesses {
    /// The caller speaks, and these are the words of the turn so far.
    pub(super) fn go_on(&mut self, before: Option<Utterance>) {
        (self.pausing, self.expected, self.before) = (false, None, before);
    }

    /// A new turn begins.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Call {
    /// The caller makes a pause, or words have come in one: asks for the reply, unless that was done. To be called
    /// when all that has happened was handled.
    pub(super) fn guess_in_a_pause(&mut self) {
        let words = match self.guesses.expected.take() {
            Some(expected) => Some(expected),
            None if self.guesses.pausing => {
                self.ears.unfinished().filter(|words| self.guesses.before.as_ref() != Some(words))
            }
            None => None,
        };
        if let Some(words) = words {
            self.guess(&words);
        }
    }

    /// Asks for the reply to these words, if they are the turn's last.
    fn guess(&mut self, words: &Utterance) {
        if words.is_blank()
            || self.stage.end.is_some()
            || self.stage.handed_off
            || self.dialogue.is_guessed(words)
        {
            return;
        }
        self.dialogue.drop_guess();
        if self.guesses.in_turn == MOST_IN_A_TURN {
            return;
        }
        let mut machine = self.machine.clone();
        let now = self.now();
        let mut effects = Vec::new();
        machine.handle(now, Input::TurnEnded { text: words.clone() }, &mut effects);
        let question = effects.into_iter().find_map(|effect| match effect {
            Effect::Reply { reply, prompt, context, user: user @ Some(_), intents, tools, .. } => {
                Some(Question { reply, prompt, context, user, intents, tools })
            }
            _ => None,
        });
        // The state that would ask is the one whose flow may forbid it.
        let wanted = match &self.plan.state(machine.state()).kind {
            Kind::Converse(converse) => converse.guesses,
            _ => true,
        };
        if let Some(question) = question.filter(|_| wanted) {
            self.guesses.in_turn += 1;
            self.dialogue.guess(question);
        }
    }
}
