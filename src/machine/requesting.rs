//! `call_api`: one request of a tool, repeated if that can help.

use std::time::Duration;

use super::call::Step;
use super::signal::Signal;
use super::states::State;
use super::tools::Whose;
use super::{Effect, Timer, ToolFailure, ToolResult};
use crate::plan::{CallApi, Event, Kind, Plan, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// A request that takes longer is talked over, if the flow has words for it.
const FILL_AFTER: Duration = Duration::from_secs(1);
/// No pause before another attempt is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A server is being asked.
///
/// What the caller says meanwhile is kept for the `converse` that may follow.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Requesting {
    state: StateId,
    /// Attempts that have failed.
    failed: u32,
    /// The request could not be made.
    stuck: bool,
    /// Words that fill the time were due while the caller spoke.
    unfilled: bool,
}

impl Requesting {
    pub(super) fn new(state: StateId) -> Self {
        Self { state, failed: 0, stuck: false, unfilled: false }
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p CallApi {
        match &plan.state(self.state).kind {
            Kind::CallApi(api) => api,
            _ => unreachable!("made from a `call_api`"),
        }
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        step.arrive(self.state);
        self.attempt(step);
        if let Some(text) = self.spec(step.plan).fill.as_ref().and_then(|text| step.sentence(text).ok()) {
            step.call.timers.arm(Timer::Fill, step.now.after(FILL_AFTER));
            step.emit(Effect::Prepare { text });
        }
    }

    pub(super) fn leave(&self, step: &mut Step<'_>) {
        step.depart();
        step.leave_tools();
        step.call.way.spoken = false;
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Entered if self.stuck => Transition(step.complete(&[Event::Failed])),
            Signal::ToolDone(ToolResult::Ok { value }) => {
                let event =
                    if step.save(&self.spec(step.plan).save, value) { Event::Ok } else { Event::Failed };
                Transition(step.complete(&[event]))
            }
            Signal::ToolDone(ToolResult::Failed { cause }) => self.failed(*cause, step),
            Signal::Due(Timer::Retry) => {
                self.attempt(step);
                if self.stuck { Transition(step.complete(&[Event::Failed])) } else { Handled }
            }
            Signal::Due(Timer::Fill) => {
                self.unfilled = step.call.speaking;
                if let Some(text) =
                    self.spec(step.plan).fill.as_ref().and_then(|text| step.sentence(text).ok())
                    && !self.unfilled
                {
                    step.say_aside(text);
                }
                Handled
            }
            Signal::Due(Timer::State) => Transition(step.complete(&[Event::Timeout, Event::Failed])),
            Signal::SpeechStarted => {
                let branch = step.interrupt();
                step.follow(branch)
            }
            Signal::TurnEnded(text) => {
                step.keep(text);
                if std::mem::take(&mut self.unfilled) {
                    step.call.timers.arm(Timer::Fill, step.now.after(FILL_AFTER));
                }
                Handled
            }
            _ => Super,
        }
    }

    fn attempt(&mut self, step: &mut Step<'_>) {
        let api = self.spec(step.plan);
        let begun = step
            .arguments(api.tool, &api.args)
            .and_then(|(args, turns)| step.call_tool(api.tool, args, turns, api.timeout, Whose::State));
        self.stuck = begun.is_none();
    }

    fn failed(&mut self, cause: ToolFailure, step: &mut Step<'_>) -> Outcome<State> {
        self.failed += 1;
        match self.spec(step.plan).retry {
            Some(retry) if self.failed <= retry.times && cause.may_pass() => {
                let growth = retry.backoff.max(1.0).powi(i32::try_from(self.failed - 1).unwrap_or(i32::MAX));
                let pause = Duration::try_from_secs_f64(retry.wait.as_secs_f64() * growth);
                let pause = pause.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                step.call.timers.arm(Timer::Retry, step.now.after(pause));
                Handled
            }
            _ => Transition(step.complete(&[Event::Failed])),
        }
    }
}
