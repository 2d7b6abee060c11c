//! `end`, and every end that the engine supplies: an optional last sentence, heard to its end.

use super::call::{Presence, Step};
use super::leg::{LegNews, Stage};
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Effect, Outcome as CallOutcome};
use crate::pii::Utterance;
use crate::plan::{EndCause, Kind, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// The last words are being said. Whatever else is still to be heard is heard too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Ending {
    words: Words,
    outcome: CallOutcome,
    listener: Listener,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Words {
    /// Those of an `end` of the flow.
    Flow(StateId),
    /// None, though there is an `end`.
    Unsaid(StateId),
    /// The engine's own, if any.
    Engine(Option<&'static str>),
}

/// To whom the last words are said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Listener {
    Caller,
    /// The caller is gone.
    Operator,
}

impl Ending {
    /// An `end` of the flow.
    pub(super) fn of_flow(state: StateId) -> Self {
        Self { words: Words::Flow(state), outcome: CallOutcome::Completed, listener: Listener::Caller }
    }

    /// An `end` of the flow that nobody is to hear.
    pub(super) fn silent(state: StateId, outcome: CallOutcome) -> Self {
        Self { words: Words::Unsaid(state), outcome, listener: Listener::Caller }
    }

    /// An end that the flow does not name.
    pub(super) fn engine(words: Option<&'static str>, outcome: CallOutcome) -> Self {
        Self { words: Words::Engine(words), outcome, listener: Listener::Caller }
    }

    /// One fixed sentence to somebody who is alone.
    pub(super) fn said_to(listener: Listener, words: &'static str, outcome: CallOutcome) -> Self {
        Self { words: Words::Engine(Some(words)), outcome, listener }
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        if self.listener == Listener::Caller {
            step.stop_leg();
        }
        let words = match self.words {
            Words::Flow(state) | Words::Unsaid(state) => self.arrive(state, step),
            Words::Engine(words) => {
                step.entered = true;
                words.map(Utterance::new)
            }
        };
        step.call.timers.clear_state();
        step.call.timers.clear(super::Timer::MaxDuration);
        step.call.timers.clear(super::Timer::Handoff);
        step.listen(false);
        if let Some(words) = words.filter(|_| self.somebody_listens(step)) {
            step.say(words, Manner::Whole);
        }
    }

    fn arrive(&mut self, state: StateId, step: &mut Step<'_>) -> Option<Utterance> {
        if !self.somebody_listens(step) {
            step.call.way.say = None;
        }
        step.arrive(state);
        let Kind::End(end) = &step.plan.state(state).kind else { return None };
        if matches!(self.words, Words::Unsaid(_)) {
            return None;
        }
        self.outcome = match end.cause {
            EndCause::Completed => CallOutcome::Completed,
            EndCause::CallerLeft => CallOutcome::CallerLeft,
            EndCause::Failed => CallOutcome::Failed,
        };
        end.say.as_ref().and_then(|text| step.sentence(text).ok())
    }

    pub(super) fn handle(&self, signal: &Signal<'_>, step: &Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Entered
            | Signal::Said(_)
            | Signal::SayFailed(_)
            | Signal::ReplyDone
            | Signal::ReplyFailed => {}
            Signal::CallerLeft | Signal::Leg(LegNews::Left) => {}
            Signal::RoomClosed => return Transition(State::Over { outcome: self.outcome }),
            Signal::ServiceFailed | Signal::Shutdown | Signal::RoomExpiring => return Handled,
            _ => return Super,
        }
        let waits = self.somebody_listens(step) && !step.call.speech.is_silent();
        if waits { Handled } else { Transition(State::Over { outcome: self.outcome }) }
    }

    fn somebody_listens(&self, step: &Step<'_>) -> bool {
        if matches!(self.words, Words::Unsaid(_)) {
            return false;
        }
        match self.listener {
            Listener::Caller => step.call.caller != Presence::Gone,
            Listener::Operator => step.leg_stage() == Some(Stage::Answered),
        }
    }
}

impl From<Ending> for State {
    fn from(ending: Ending) -> Self {
        Self::Ending { ending }
    }
}

impl Step<'_> {
    /// The last thing of every call.
    pub(super) fn end(&mut self, outcome: CallOutcome) {
        self.stop_leg();
        self.end_tools();
        let outcome = if self.call.handed_off { CallOutcome::Transferred } else { outcome };
        self.call.outcome = Some(outcome);
        self.call.timers.clear_all();
        self.call.speech.forget();
        self.call.leg = None;
        self.call.listening = false;
        self.call.speaking = false;
        self.emit(Effect::End { outcome });
    }
}
