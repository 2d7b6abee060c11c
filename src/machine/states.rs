//! The states of a call and what holds in all of them, as a hierarchical machine of kinds: the states of
//! the flow are data.
//!
//! `call` holds always: the caller may leave, the room may close. `dialogue` holds as long as the flow
//! decides: keys, timers, services. A signal goes to the state first; what the state defers goes up.

use super::bridged::Bridged;
use super::call::{Presence, Step};
use super::collecting::Collecting;
use super::confirming::Confirming;
use super::conversing::Conversing;
use super::dialing::Dialing;
use super::ending::Ending;
use super::leg::LegNews;
use super::requesting::Requesting;
use super::saying::Saying;
use super::signal::Signal;
use super::{Outcome as CallOutcome, Timer};
use crate::plan::{Branch, Event, Kind, StateId};
use statig::prelude::*;
use std::time::Duration;

/// How long the caller's audio may take to come.
const JOIN_WITHIN: Duration = Duration::from_secs(60);
/// What a flow that handles `call.max_duration` has left for it.
const OVERTIME: Duration = Duration::from_secs(60);
/// Said when the call has lasted as long as it may, or its room has.
pub const TIME_IS_UP: &str = "I'm sorry, we have reached the time limit of this call. Goodbye.";
/// Said when the program is asked to stop.
pub const SHUTTING_DOWN: &str = "I'm sorry, we have to end this call now. Goodbye.";

/// The machine itself has no data: a call's is in [`Step`], a state's is in the state.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Lifecycle;

#[state_machine(
    initial = "State::idle()",
    state(derive(Clone, PartialEq, Eq, Hash, Debug)),
    superstate(derive(Debug)),
    visibility = "pub(super)"
)]
impl Lifecycle {
    // ------------------------------------------------------------------ before the flow

    #[state(superstate = "call")]
    fn idle(context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        match event {
            Signal::Start => Transition(State::joining()),
            Signal::CallerJoined => Transition(context.first_state()),
            Signal::ServiceFailed => Handled,
            _ => Super,
        }
    }

    #[state(superstate = "call", entry_action = "enter_joining", exit_action = "leave_joining")]
    fn joining(context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        match event {
            Signal::CallerJoined => Transition(context.first_state()),
            // The caller is on the way and must not be left on hold: the flow will deal with it.
            Signal::ServiceFailed => Handled,
            Signal::Due(Timer::Join) => Transition(State::over(CallOutcome::CallerLeft)),
            _ => Super,
        }
    }

    #[action]
    fn enter_joining(context: &mut Step<'_>) {
        context.call.timers.arm(Timer::Join, context.now.after(JOIN_WITHIN));
    }

    #[action]
    fn leave_joining(context: &mut Step<'_>) {
        context.call.timers.clear(Timer::Join);
    }

    // ------------------------------------------------------------------ the flow

    #[state(superstate = "dialogue", entry_action = "enter_saying", exit_action = "leave_saying")]
    fn saying(saying: &mut Saying, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        saying.handle(event, context)
    }

    #[action]
    fn enter_saying(saying: &mut Saying, context: &mut Step<'_>) {
        saying.enter(context);
    }

    #[action]
    fn leave_saying(saying: &Saying, context: &mut Step<'_>) {
        saying.leave(context);
    }

    #[state(superstate = "dialogue", entry_action = "enter_conversing", exit_action = "leave_conversing")]
    fn conversing(conversing: &mut Conversing, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        conversing.handle(event, context)
    }

    #[action]
    fn enter_conversing(conversing: &mut Conversing, context: &mut Step<'_>) {
        conversing.enter(context);
    }

    #[action]
    fn leave_conversing(conversing: &Conversing, context: &mut Step<'_>) {
        conversing.leave(context);
    }

    #[state(superstate = "dialogue", entry_action = "enter_confirming", exit_action = "leave_confirming")]
    fn confirming(confirming: &mut Confirming, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        confirming.handle(event, context)
    }

    #[action]
    fn enter_confirming(confirming: &mut Confirming, context: &mut Step<'_>) {
        confirming.enter(context);
    }

    #[action]
    fn leave_confirming(confirming: &Confirming, context: &mut Step<'_>) {
        confirming.leave(context);
    }

    #[state(superstate = "dialogue", entry_action = "enter_collecting", exit_action = "leave_collecting")]
    fn collecting(collecting: &mut Collecting, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        collecting.handle(event, context)
    }

    #[action]
    fn enter_collecting(collecting: &mut Collecting, context: &mut Step<'_>) {
        collecting.enter(context);
    }

    #[action]
    fn leave_collecting(collecting: &Collecting, context: &mut Step<'_>) {
        collecting.leave(context);
    }

    #[state(superstate = "dialogue", entry_action = "enter_choosing", exit_action = "leave_choosing")]
    fn choosing(place: &StateId, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        match event {
            Signal::Entered => Transition(context.choose(*place)),
            _ => Super,
        }
    }

    #[action]
    fn enter_choosing(place: &StateId, context: &mut Step<'_>) {
        context.arrive(*place);
    }

    #[action]
    fn leave_choosing(context: &mut Step<'_>) {
        context.depart();
    }

    #[state(superstate = "dialogue", entry_action = "enter_requesting", exit_action = "leave_requesting")]
    fn requesting(requesting: &mut Requesting, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        requesting.handle(event, context)
    }

    #[action]
    fn enter_requesting(requesting: &mut Requesting, context: &mut Step<'_>) {
        requesting.enter(context);
    }

    #[action]
    fn leave_requesting(requesting: &Requesting, context: &mut Step<'_>) {
        requesting.leave(context);
    }

    #[state(superstate = "dialogue", entry_action = "enter_dialing", exit_action = "leave_dialing")]
    fn dialing(dialing: &mut Dialing, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        dialing.handle(event, context)
    }

    #[action]
    fn enter_dialing(dialing: &mut Dialing, context: &mut Step<'_>) {
        dialing.enter(context);
    }

    #[action]
    fn leave_dialing(dialing: &Dialing, context: &mut Step<'_>) {
        dialing.leave(context);
    }

    // ------------------------------------------------------------------ after it

    #[state(superstate = "call", entry_action = "enter_bridged")]
    fn bridged(bridged: &mut Bridged, context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        bridged.handle(event, context)
    }

    #[action]
    fn enter_bridged(bridged: &Bridged, context: &mut Step<'_>) {
        bridged.enter(context);
    }

    #[state(superstate = "call", entry_action = "enter_ending")]
    fn ending(ending: &Ending, context: &Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        ending.handle(event, context)
    }

    #[action]
    fn enter_ending(ending: &mut Ending, context: &mut Step<'_>) {
        ending.enter(context);
    }

    /// Nothing is handled any more.
    #[state(entry_action = "enter_over")]
    #[expect(unused_variables, reason = "the parameter is the state's field")]
    fn over(outcome: &CallOutcome) -> Outcome<State> {
        Handled
    }

    #[action]
    fn enter_over(outcome: &CallOutcome, context: &mut Step<'_>) {
        context.end(*outcome);
    }

    // ------------------------------------------------------------------ what holds in several

    /// The flow decides: its edges for what can happen in any state, else the defaults.
    #[superstate(superstate = "call")]
    fn dialogue(context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        match event {
            Signal::Dtmf(digit) => match context.edge(Event::CallerDtmf(*digit)) {
                Some(branch) => {
                    context.barge_in();
                    Transition(context.take(branch))
                }
                None => Handled,
            },
            Signal::Leg(LegNews::Left) => context.edge_or_stay(Event::OperatorLeft),
            Signal::ServiceFailed => Transition(context.fail()),
            Signal::Due(Timer::MaxDuration) => Transition(context.time_is_up()),
            Signal::RoomExpiring => {
                let branch = context.edge(Event::RoomExpiring);
                Transition(context.take_or_end(branch, TIME_IS_UP, CallOutcome::Completed))
            }
            Signal::Shutdown => {
                let branch = context.edge(Event::Shutdown);
                Transition(context.take_or_end(branch, SHUTTING_DOWN, CallOutcome::Failed))
            }
            _ => Super,
        }
    }

    /// What holds always. No wildcard: a new signal does not compile until somebody decides.
    #[superstate]
    fn call(context: &mut Step<'_>, event: &Signal<'_>) -> Outcome<State> {
        match event {
            Signal::CallerLeft => Transition(context.caller_left()),
            Signal::RoomClosed | Signal::ServiceFailed | Signal::Shutdown => {
                Transition(State::over(CallOutcome::Failed))
            }
            Signal::Leg(LegNews::AnsweredLate) => {
                context.refuse_late_answer();
                Handled
            }
            // Nothing that a state has not taken up matters to the call.
            Signal::Leg(
                LegNews::Started
                | LegNews::Ringing
                | LegNews::PickedUp
                | LegNews::Asked
                | LegNews::Key(_)
                | LegNews::Bridged
                | LegNews::GateFailed
                | LegNews::Answered
                | LegNews::Failed(_)
                | LegNews::Left
                | LegNews::Cleared,
            )
            | Signal::Entered
            | Signal::Start
            | Signal::CallerJoined
            | Signal::Dtmf(_)
            | Signal::SpeechStarted
            | Signal::TurnEnded(_)
            | Signal::IntentProposed { .. }
            | Signal::ToolsProposed { .. }
            | Signal::ToolDone(_)
            | Signal::ReplyDone
            | Signal::ReplyFailed
            | Signal::Said(_)
            | Signal::SayFailed(_)
            | Signal::RoomExpiring => Handled,
            // Deadlines are cleared with what they belong to.
            Signal::Due(
                Timer::Join
                | Timer::State
                | Timer::Speech
                | Timer::Reply
                | Timer::Silence
                | Timer::Answer
                | Timer::Keys
                | Timer::Announce
                | Timer::DialCommand
                | Timer::Ring
                | Timer::Gate
                | Timer::StopCommand
                | Timer::Retry
                | Timer::HoldSay
                | Timer::Tool
                | Timer::Fill
                | Timer::Handoff
                | Timer::MaxDuration,
            ) => Handled,
        }
    }
}

impl Step<'_> {
    /// The caller is there: the flow begins, and its time.
    fn first_state(&mut self) -> State {
        let most = self.plan.call.max_duration;
        self.call.timers.arm(Timer::MaxDuration, self.now.after(most));
        State::of(self.plan, self.plan.start)
    }

    fn choose(&mut self, place: StateId) -> State {
        let Kind::Choose(choose) = &self.plan.state(place).kind else {
            unreachable!("made from a `choose`");
        };
        let open = choose.choices.iter().find(|choice| choice.guard.as_ref().is_none_or(|g| g.is_true(self)));
        match open {
            Some(choice) => self.take_plain(choice.edge, choice.to),
            None => self.fail(),
        }
    }

    /// The operator's leg is stopped first. Nothing is said: nobody is there.
    fn caller_left(&mut self) -> State {
        self.call.caller = Presence::Gone;
        self.stop_leg();
        match self.edge(Event::CallerLeft).map(|branch| (branch.edge, branch.to)) {
            Some((edge, to)) if matches!(self.plan.state(to).kind, Kind::End(_)) => {
                self.count(edge);
                State::from(Ending::silent(to, CallOutcome::CallerLeft))
            }
            _ => State::over(CallOutcome::CallerLeft),
        }
    }

    /// `call.max_duration`: the flow's way, and if that comes to no end either, ours.
    fn time_is_up(&mut self) -> State {
        let branch = if self.call.overtime { None } else { self.edge(Event::MaxDuration) };
        self.call.overtime = true;
        self.call.timers.arm(Timer::MaxDuration, self.now.after(OVERTIME));
        self.take_or_end(branch, TIME_IS_UP, CallOutcome::Completed)
    }

    fn take_or_end(&mut self, branch: Option<&Branch>, words: &'static str, outcome: CallOutcome) -> State {
        match branch {
            Some(branch) => self.take(branch),
            None => State::from(Ending::engine(Some(words), outcome)),
        }
    }

    fn edge_or_stay(&mut self, event: Event) -> Outcome<State> {
        let branch = self.edge(event);
        self.follow(branch)
    }
}
