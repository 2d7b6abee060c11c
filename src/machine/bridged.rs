//! `handoff`: caller and operator have each other; the bot is out.

use super::call::Step;
use super::ending::{Ending, Listener};
use super::leg::{LegNews, Stage};
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Effect, Outcome as CallOutcome, Timer};
use crate::pii::Utterance;
use crate::plan::{Event, Handoff, HandoffMode, Kind, Plan, StateId, Text};
use statig::Outcome::{self, Handled, Super, Transition};

/// Said to whoever is left alone, if the flow has nothing to say.
pub const LEFT_ALONE: &str = "The other person has left the call. Goodbye.";

/// The two are talking, or will be when the last words to the caller have been heard: nothing but hold
/// speech is cut by the transfer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Bridged {
    state: StateId,
    /// `Effect::Handoff` is out.
    done: bool,
}

impl Bridged {
    pub(super) fn new(state: StateId) -> Self {
        Self { state, done: false }
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p Handoff {
        match &plan.state(self.state).kind {
            Kind::Handoff(handoff) => handoff,
            _ => unreachable!("made from a `handoff`"),
        }
    }

    pub(super) fn enter(&self, step: &mut Step<'_>) {
        step.arrive(self.state);
        step.call.timers.clear(Timer::State);
        step.listen(false);
        if step.call.speech.has_hold() && step.call.speech.is_only(Manner::Hold) {
            step.cut_speech();
            step.call.speech.forget();
        }
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            // The flow came here without an answer, or the operator was gone before.
            Signal::Entered if !has_somebody(step) => self.operator_left(step),
            Signal::Entered | Signal::Said(_) | Signal::SayFailed(_) | Signal::ReplyDone => {
                self.hand_off(step)
            }
            Signal::Leg(LegNews::Left) => self.operator_left(step),
            Signal::CallerLeft if self.done => Transition(match step.leg_stage() {
                Some(Stage::Answered) => {
                    State::from(Ending::said_to(Listener::Operator, LEFT_ALONE, CallOutcome::Transferred))
                }
                _ => State::Over { outcome: CallOutcome::Transferred },
            }),
            Signal::Due(Timer::Handoff) => Transition(match step.edge(Event::Timeout) {
                Some(branch) => {
                    step.count(branch.edge);
                    State::from(Ending::silent(branch.to, CallOutcome::Transferred))
                }
                None => State::Over { outcome: CallOutcome::Transferred },
            }),
            Signal::RoomClosed if self.done => self.leave_them(step),
            // The bot is out of it: they may talk as long as they like.
            Signal::ServiceFailed | Signal::Shutdown | Signal::RoomExpiring => Handled,
            Signal::Due(Timer::MaxDuration) if self.done => Handled,
            _ => Super,
        }
    }

    fn hand_off(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        if self.done || !step.call.speech.is_silent() {
            return Handled;
        }
        let handoff = self.spec(step.plan);
        self.done = true;
        step.call.handed_off = true;
        step.call.timers.clear(Timer::MaxDuration);
        step.emit(Effect::Handoff { mode: handoff.mode });
        match handoff.mode {
            HandoffMode::KeepRoom => {
                step.call.timers.arm(Timer::Handoff, step.now.after(handoff.max));
                Handled
            }
            HandoffMode::Leave => {
                step.drop_leg();
                Transition(State::Over { outcome: CallOutcome::Transferred })
            }
        }
    }

    /// Our own way into the room is lost. They do not need it: the bot is gone for good, and the room is theirs.
    fn leave_them(&self, step: &mut Step<'_>) -> Outcome<State> {
        step.emit(Effect::Handoff { mode: HandoffMode::Leave });
        step.drop_leg();
        Transition(State::Over { outcome: CallOutcome::Transferred })
    }

    fn operator_left(&self, step: &mut Step<'_>) -> Outcome<State> {
        let outcome = if self.done { CallOutcome::Transferred } else { CallOutcome::Failed };
        Transition(match step.edge(Event::OperatorLeft) {
            Some(branch) => step.take(branch),
            None => State::from(Ending::said_to(Listener::Caller, LEFT_ALONE, outcome)),
        })
    }
}

/// Whether there is somebody to hand the caller to.
fn has_somebody(step: &Step<'_>) -> bool {
    step.leg_stage() == Some(Stage::Answered) || step.call.handed_off
}

impl Step<'_> {
    /// Everything that a person left alone may hear once the voice is gone is rendered beforehand.
    pub(super) fn prepare_farewells(&mut self) {
        let plan = self.plan;
        let handoffs = plan.states.iter().filter(|state| matches!(state.kind, Kind::Handoff(_)));
        let ends = handoffs
            .flat_map(|state| &state.on)
            .filter(|on| on.event == Event::OperatorLeft)
            .flat_map(|on| &on.branches)
            .flat_map(|branch| [branch.say.as_ref(), last_words(plan, branch.to)]);
        for text in ends.flatten() {
            if let Ok(text) = self.sentence(text) {
                self.emit(Effect::Prepare { text });
            }
        }
        self.emit(Effect::Prepare { text: Utterance::new(LEFT_ALONE) });
    }
}

fn last_words(plan: &Plan, state: StateId) -> Option<&Text> {
    match &plan.state(state).kind {
        Kind::End(end) => end.say.as_ref(),
        _ => None,
    }
}
