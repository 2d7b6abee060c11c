//! The loop around the states: deadlines first, then the input, each to completion.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use statig::blocking::{IntoStateMachineExt as _, StateMachine};

use super::call::{Call, Step, share};
use super::counter::Asked;
use super::signal::Signal;
use super::states::{Lifecycle, State};
use super::{CallInfo, Effect, Input, Millis, Outcome, Timer, TransferReport};
use crate::plan::{Event, Plan, StateId};

/// Signals handled for one input. A flow that goes in circles by itself ends the call.
const STEPS: u32 = 200;

/// One call of one flow. See the [module](super) for the loop around it.
///
/// A clone goes its own way from where it was made. Equality and hash look at everything but the plan.
pub struct Machine {
    plan: Arc<Plan>,
    call: Call,
    states: StateMachine<Lifecycle>,
}

impl Machine {
    /// A call that has not begun; its first input is [`Input::Start`].
    #[must_use]
    pub fn new(plan: Arc<Plan>, info: CallInfo) -> Self {
        let call = Call::new(&plan, info);
        Self { plan, call, states: Lifecycle.state_machine() }
    }

    /// Handles every deadline that has passed, in order, then the input, and appends what is to be done.
    ///
    /// `now` should not go back; if it does, nothing is due. After the end nothing has an effect.
    pub fn handle(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) {
        self.handle_asking(now, input, effects, None);
    }

    pub(super) fn handle_asking(
        &mut self,
        now: Millis,
        input: Input,
        effects: &mut Vec<Effect>,
        asked: Asked<'_>,
    ) {
        let mut steps = STEPS;
        while self.call.outcome.is_none()
            && let Some(timer) = self.call.timers.pop_due(now)
        {
            self.run(now, effects, asked, &mut steps, |step| step.expire(timer));
        }
        self.run(now, effects, asked, &mut steps, |step| step.admit(&input));
    }

    /// When [`Machine::handle`] must be called again at the latest (with [`Input::Timeout`]), and why.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Millis, Timer)> {
        self.call.timers.next()
    }

    /// The state of the flow that the call is in, or was in last. Before the caller is there, the start.
    #[must_use]
    pub fn state(&self) -> StateId {
        self.call.state
    }

    /// Whether the last words are being said.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.states.state(), State::Ending { .. })
    }

    /// Every state of the flow in the order entered.
    #[must_use]
    pub fn path(&self) -> &[StateId] {
        &self.call.record.path
    }

    /// What states came to, in order: completions of their commands, whichever edges these took, and intents that
    /// a conversation was left by.
    #[must_use]
    pub fn completed(&self) -> &[(StateId, Event)] {
        &self.call.record.completed
    }

    /// How often each edge of the flow was taken, by the index of its [`EdgeId`](crate::plan::EdgeId).
    #[must_use]
    pub fn taken(&self) -> &[u32] {
        &self.call.record.taken
    }

    /// How the call ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.call.outcome
    }

    /// Whether the call has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.call.outcome.is_some()
    }

    /// How the last attempt to reach somebody ended, if one has.
    #[must_use]
    pub fn transfer(&self) -> Option<&TransferReport> {
        self.call.transfer.as_deref()
    }

    /// Whether it is the caller's turn: the bot has finished, and the state is waiting for words.
    #[must_use]
    pub fn accepts_speech(&self) -> bool {
        let waits = match self.states.state() {
            State::Conversing { .. } => !self.call.tools.model_waits(),
            State::Confirming { confirming } => confirming.awaits_answer(),
            State::Collecting { collecting } => collecting.awaits_answer(),
            State::Dialing { dialing } => dialing.hears(&self.plan),
            _ => false,
        };
        waits && self.call.listening && !self.call.speaking && self.call.speech.is_silent()
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn call(&self) -> &Call {
        &self.call
    }

    pub(super) fn call_mut(&mut self) -> &mut Call {
        &mut self.call
    }

    /// The kind of the state, with its data.
    pub(super) fn kind(&self) -> &State {
        self.states.state()
    }

    /// Handles one signal, and what entering a state leads to at once.
    fn run<'i>(
        &mut self,
        now: Millis,
        effects: &mut Vec<Effect>,
        asked: Asked<'_>,
        steps: &mut u32,
        signal: impl FnOnce(&mut Step<'_>) -> Option<Signal<'i>>,
    ) {
        if self.call.outcome.is_some() {
            return;
        }
        let mut step = Step { plan: &self.plan, call: &mut self.call, now, effects, asked, entered: false };
        let mut next = signal(&mut step);
        while let Some(signal) = next
            && step.call.outcome.is_none()
        {
            if *steps == 0 {
                // The flow goes in circles: the signal that ends every state at once ends it.
                self.states.handle_with_context(&Signal::RoomClosed, &mut step);
                break;
            }
            *steps -= 1;
            step.entered = false;
            self.states.handle_with_context(&signal, &mut step);
            next = step.entered.then_some(Signal::Entered);
        }
        if self.call.outcome.is_none() {
            self.call.speech.arm(&mut self.call.timers);
            self.call.tools.arm(&mut self.call.timers);
        }
    }
}

impl Clone for Machine {
    fn clone(&self) -> Self {
        let Self { plan, call, states } = self;
        Self { plan: Arc::clone(plan), call: call.clone(), states: states.clone() }
    }

    /// In the memory that there is: explorers make many copies.
    fn clone_from(&mut self, other: &Self) {
        let Self { plan, call, states } = self;
        share(plan, &other.plan);
        call.copy_from(&other.call);
        states.clone_from(&other.states);
    }
}

impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        self.call == other.call && self.states.state() == other.states.state()
    }
}

impl Hash for Machine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
        self.states.state().hash(state);
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("state", self.states.state()).field("call", &self.call).finish()
    }
}
