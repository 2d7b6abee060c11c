//! `say`: one fixed sentence.

use std::hash::Hash as _;

use super::abstraction::Fold;
use super::call::Step;
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Timer, UtteranceId};
use crate::plan::{Event, Kind, Plan, Say, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// A sentence is being said. Left when it has been heard to its end, cut (if the caller may) or refused.
///
/// What the caller says meanwhile is kept for the `converse` that may follow.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Saying {
    state: StateId,
    /// Absent if the text could not be rendered.
    utterance: Option<UtteranceId>,
    said: bool,
}

impl Saying {
    pub(super) fn new(state: StateId) -> Self {
        Self { state, utterance: None, said: false }
    }

    /// For the explorer.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { state, utterance, said } = self;
        (state, said).hash(fold);
        fold.sentence(*utterance);
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p Say {
        match &plan.state(self.state).kind {
            Kind::Say(say) => say,
            _ => unreachable!("made from a `say`"),
        }
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        step.arrive(self.state);
        step.listen(true);
        step.call.way.heard = None;
        let say = self.spec(step.plan);
        let manner = if say.interruptible { Manner::Interruptible } else { Manner::Whole };
        self.utterance = step.sentence(&say.text).ok().map(|text| match &say.audio {
            Some(audio) => step.play(audio, text, manner),
            None => step.say(text, manner),
        });
    }

    pub(super) fn leave(&self, step: &mut Step<'_>) {
        step.depart();
        step.call.way.spoken = self.said;
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Entered if self.utterance.is_none() => Transition(step.complete(&[Event::Failed])),
            Signal::Said(utterance) if Some(*utterance) == self.utterance => {
                self.said = true;
                Transition(step.complete(&[Event::Said]))
            }
            Signal::SayFailed(utterance) if Some(*utterance) == self.utterance => {
                Transition(step.complete(&[Event::Failed]))
            }
            Signal::Due(Timer::State) => Transition(step.complete(&[Event::Timeout, Event::Failed])),
            Signal::SpeechStarted => {
                let branch = step.interrupt();
                step.follow(branch)
            }
            Signal::TurnEnded(text) => {
                step.keep(text);
                Handled
            }
            _ => Super,
        }
    }
}
