//! `dial`: announce, then one attempt after the other until somebody answers.

use std::hash::Hash as _;
use std::time::Duration;

use super::abstraction::Fold;
use super::call::{Presence, Step};
use super::gate::{Gate, Verdict};
use super::leg::{LegNews, Stage};
use super::signal::Signal;
use super::speech::{Manner, time_to_say};
use super::states::State;
use super::tools::Whose;
use super::{Counter, Effect, Known, LegOutcome, Outcome as CallOutcome, Timer, UtteranceId};
use crate::plan::{Accept, Dial, DialMethod, Event, Kind, LateAnswer, Plan, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// Dial attempts of one call, over all its states.
pub(super) const ATTEMPTS: u32 = 20;
/// An announcement is waited for this much less than any other sentence: nobody should wait to be
/// connected because a voice is slow.
const ANNOUNCE_SOONER: Duration = Duration::from_secs(2);

/// Somebody is being reached.
///
/// The hold audio plays from the end of the announcement to the end of the state. The next attempt begins
/// when the leg before it is known to be gone; a failure without a next attempt is told to the caller at
/// once, while the leg is still being stopped.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Dialing {
    state: StateId,
    /// Index of the current target.
    target: usize,
    /// Attempts at the current target that have failed.
    failed: u32,
    /// The attempt under way is among them: it was answered late.
    counted: bool,
    phase: Phase,
    /// Hold audio is playing.
    on_hold: bool,
    /// Targets whose ringing was told of.
    notified: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Announcing(UtteranceId),
    /// For the pause before a repeat, or for an old leg to be gone.
    Waiting,
    /// An attempt is under way.
    Trying,
    /// Somebody picked up and is asked whether they take the call.
    Asking(Gate),
    /// Nobody is left to try.
    Done(LegOutcome),
}

impl Dialing {
    pub(super) fn new(state: StateId) -> Self {
        Self {
            state,
            target: 0,
            failed: 0,
            counted: false,
            phase: Phase::Waiting,
            on_hold: false,
            notified: 0,
        }
    }

    /// For the explorer.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { state, target, failed, counted, phase, on_hold, notified } = self;
        (state, target, failed, counted, on_hold, notified).hash(fold);
        std::mem::discriminant(phase).hash(fold);
        match phase {
            Phase::Announcing(announcement) => fold.sentence(Some(*announcement)),
            phase => phase.hash(fold),
        }
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p Dial {
        match &plan.state(self.state).kind {
            Kind::Dial(dial) => dial,
            _ => unreachable!("made from a `dial`"),
        }
    }

    pub(super) fn hears(&self, plan: &Plan) -> bool {
        !self.spec(plan).listen.is_empty() && !matches!(self.phase, Phase::Announcing(_))
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        let dial = self.spec(step.plan);
        step.arrive(self.state);
        step.listen(!dial.listen.is_empty());
        step.call.way.heard = None;
        match dial.announce.as_ref().and_then(|text| step.sentence(text).ok()) {
            Some(text) => {
                let within = time_to_say(&text).saturating_sub(ANNOUNCE_SOONER);
                let begins = step.call.speech.over_by(step.now);
                self.phase = Phase::Announcing(step.say(text, Manner::Whole));
                step.call.timers.arm(Timer::Announce, begins.after(within));
            }
            None => self.begin(step),
        }
        // After what the caller is waiting for.
        if let Some(text) = dial.accept.as_ref().and_then(|accept| step.sentence(&accept.question).ok()) {
            step.emit(Effect::Prepare { text });
        }
        step.prepare_farewells();
    }

    pub(super) fn leave(&self, step: &mut Step<'_>) {
        step.depart();
        step.call.way.spoken = false;
        if step.leg_stage() != Some(Stage::Answered) {
            step.stop_leg();
        }
        if self.on_hold {
            step.emit(Effect::Hold { on: false, audio: None });
        }
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        let gone = step.call.caller == Presence::Gone;
        if gone && self.moves_caller(step.plan) && self.phase == Phase::Trying {
            return self.learn_whether_moved(signal, step);
        }
        match signal {
            Signal::Entered => {}
            Signal::Said(id) | Signal::SayFailed(id) if self.phase == Phase::Announcing(*id) => {
                self.begin(step)
            }
            Signal::Due(Timer::Announce) => self.begin(step),
            Signal::Due(Timer::DialCommand) => self.give_up(LegOutcome::Failed, step),
            Signal::Due(Timer::Ring) => self.give_up(LegOutcome::NoAnswer, step),
            Signal::Due(Timer::Gate) => return self.at_gate(step, Gate::overdue),
            Signal::Due(Timer::Retry) => self.attempt(step),
            Signal::Due(Timer::HoldSay) => self.say_on_hold(step),
            Signal::Due(Timer::State) => match step.edge(Event::Timeout) {
                Some(branch) => return Transition(step.take(branch)),
                None => {
                    step.conclude(LegOutcome::NoAnswer, Known::Inferred, None);
                    self.phase = Phase::Done(LegOutcome::NoAnswer);
                }
            },
            Signal::TurnEnded(text) => return self.hear(text.text(), step),
            Signal::Leg(news) => return self.observe(*news, step),
            // Services are of no use to a call that rings. If it comes to nothing, the next state will fail.
            Signal::ServiceFailed => {}
            _ => return Super,
        }
        self.carry_on(step)
    }

    /// The caller's leg was being moved when it left the room: that may be the success of it.
    fn learn_whether_moved(&self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Leg(LegNews::Started | LegNews::Ringing | LegNews::Answered) => {
                self.moved(step);
                Transition(State::Over { outcome: CallOutcome::Transferred })
            }
            Signal::Leg(_)
            | Signal::Due(Timer::DialCommand | Timer::MaxDuration)
            | Signal::RoomClosed
            | Signal::Shutdown => Transition(State::Over { outcome: CallOutcome::CallerLeft }),
            _ => Handled,
        }
    }

    fn observe(&mut self, news: LegNews, step: &mut Step<'_>) -> Outcome<State> {
        let dial = self.spec(step.plan);
        if self.phase == Phase::Trying
            && matches!(news, LegNews::Ringing | LegNews::Answered | LegNews::PickedUp)
        {
            self.notify(step);
        }
        match (self.phase, news) {
            (Phase::Trying, LegNews::Started | LegNews::Ringing | LegNews::Answered)
                if self.moves_caller(step.plan) =>
            {
                self.moved(step);
                return Transition(step.complete(&[Event::Transferred]));
            }
            (Phase::Trying, LegNews::Started) => self.rings(step),
            (Phase::Trying, LegNews::Ringing) => {
                self.rings(step);
                if let Some(branch) = step.edge(Event::OperatorRinging) {
                    return Transition(step.take(branch));
                }
            }
            (Phase::Trying, LegNews::Answered) => {
                return Transition(step.complete(&[Event::OperatorAnswered]));
            }
            (Phase::Trying, LegNews::PickedUp) => return self.open_gate(step),
            (Phase::Trying, LegNews::GateFailed) => self.give_up(LegOutcome::Failed, step),
            (Phase::Asking(_), LegNews::Asked | LegNews::Key(_) | LegNews::Bridged | LegNews::GateFailed) => {
                return self.at_gate(step, |gate, accept, step| gate.observe(news, accept, step));
            }
            (Phase::Trying | Phase::Asking(_), LegNews::Failed(outcome)) => self.next(outcome, step),
            (Phase::Waiting, LegNews::AnsweredLate)
                if dial.late_answer == LateAnswer::Accept && self.leg_is_ours(step) =>
            {
                step.accept_late_answer();
                return match step.leg_stage() {
                    Some(Stage::Asked) => {
                        self.counted = true;
                        self.open_gate(step)
                    }
                    _ => Transition(step.complete(&[Event::OperatorAnswered])),
                };
            }
            (_, LegNews::AnsweredLate) => step.refuse_late_answer(),
            (Phase::Waiting, LegNews::Cleared | LegNews::Left) => self.attempt(step),
            _ => {}
        }
        self.carry_on(step)
    }

    /// It rings at a target that nobody was told of yet. Nothing waits for what becomes of it.
    fn notify(&mut self, step: &mut Step<'_>) {
        let Some((tool, args)) = &self.spec(step.plan).notify else { return };
        if self.notified > self.target {
            return;
        }
        self.notified = self.target + 1;
        if let Some((args, turns)) = step.arguments(*tool, args) {
            let within = step.plan.tool(*tool).timeout;
            step.call_tool(*tool, args, turns, within, Whose::Nobody);
        }
    }

    fn open_gate(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        let Some(accept) = &self.spec(step.plan).accept else { return self.carry_on(step) };
        step.call.timers.clear(Timer::DialCommand);
        step.call.timers.clear(Timer::Ring);
        step.call.timers.clear(Timer::Retry);
        let (gate, verdict) = Gate::open(accept, step);
        self.phase = Phase::Asking(gate);
        self.judge(verdict, step)
    }

    /// Tells the gate something, and does what comes of it.
    fn at_gate(
        &mut self,
        step: &mut Step<'_>,
        tell: impl FnOnce(&mut Gate, &Accept, &mut Step<'_>) -> Verdict,
    ) -> Outcome<State> {
        let Some(accept) = &self.spec(step.plan).accept else { return self.carry_on(step) };
        let Phase::Asking(gate) = &mut self.phase else { return self.carry_on(step) };
        let verdict = tell(gate, accept, step);
        self.judge(verdict, step)
    }

    fn judge(&mut self, verdict: Verdict, step: &mut Step<'_>) -> Outcome<State> {
        match verdict {
            Verdict::Open => {}
            Verdict::Passed => {
                step.take_leg();
                return Transition(step.complete(&[Event::OperatorAccepted]));
            }
            Verdict::Shut(outcome, known) => {
                step.conclude(outcome, known, None);
                step.stop_leg();
                self.next(outcome, step);
            }
        }
        self.carry_on(step)
    }

    /// Whether the leg that is being stopped was started in this visit of the state.
    fn leg_is_ours(&self, step: &Step<'_>) -> bool {
        (self.target > 0 || self.failed > 0) && step.leg_stage() == Some(Stage::Cancelling)
    }

    fn moves_caller(&self, plan: &Plan) -> bool {
        self.spec(plan).method != DialMethod::DialOut
    }

    fn begin(&mut self, step: &mut Step<'_>) {
        let dial = self.spec(step.plan);
        step.call.timers.clear(Timer::Announce);
        self.on_hold = true;
        step.emit(Effect::Hold { on: true, audio: dial.hold.audio.clone() });
        self.await_hold_speech(step);
        self.attempt(step);
    }

    /// Begins the next attempt, unless something must be waited for first.
    fn attempt(&mut self, step: &mut Step<'_>) {
        let dial = self.spec(step.plan);
        self.phase = Phase::Waiting;
        step.stop_leg();
        if step.call.leg.is_some() || step.call.timers.is_armed(Timer::Retry) {
            return;
        }
        step.asks(Counter::Attempts);
        match dial.targets.get(self.target) {
            Some(target) if step.call.attempts < ATTEMPTS => {
                self.phase = Phase::Trying;
                step.dial(*target, dial.method, dial.accept.is_some());
            }
            _ => self.phase = Phase::Done(LegOutcome::Failed),
        }
    }

    fn rings(&self, step: &mut Step<'_>) {
        step.call.timers.clear(Timer::DialCommand);
        step.call.timers.arm(Timer::Ring, step.now.after(self.spec(step.plan).ring));
    }

    /// Ends the attempt under way, if there is one.
    fn give_up(&mut self, outcome: LegOutcome, step: &mut Step<'_>) {
        if self.phase == Phase::Trying {
            step.conclude(outcome, Known::Inferred, None);
            step.stop_leg();
            self.next(outcome, step);
        }
    }

    /// After a failed attempt: the same target again, the next one, or nobody.
    fn next(&mut self, outcome: LegOutcome, step: &mut Step<'_>) {
        let dial = self.spec(step.plan);
        step.call.timers.clear(Timer::DialCommand);
        step.call.timers.clear(Timer::Ring);
        step.call.timers.clear(Timer::Gate);
        if !std::mem::take(&mut self.counted) {
            self.count_failure(outcome, step);
        }
        if self.target < dial.targets.len() {
            self.attempt(step);
        } else {
            self.phase = Phase::Done(outcome);
        }
    }

    fn count_failure(&mut self, outcome: LegOutcome, step: &mut Step<'_>) {
        self.failed += 1;
        match self.spec(step.plan).retry {
            Some(retry) if self.failed <= retry.times && retry.on.covers(failure_event(outcome)) => {
                let wait = pause(retry.wait, retry.backoff, self.failed);
                step.call.timers.arm(Timer::Retry, step.now.after(wait));
            }
            _ => {
                self.target += 1;
                self.failed = 0;
            }
        }
    }

    /// Leaves the state if nobody is left to try.
    fn carry_on(&self, step: &mut Step<'_>) -> Outcome<State> {
        let Phase::Done(outcome) = self.phase else { return Handled };
        let specific = failure_event(outcome);
        Transition(step.complete(&[specific, alias(specific), Event::TargetsExhausted]))
    }

    /// The vendor is moving the caller's leg. What comes of it nobody will tell.
    fn moved(&self, step: &mut Step<'_>) {
        step.conclude(LegOutcome::Transferred, Known::Unobservable, None);
        step.drop_leg();
        step.call.handed_off = true;
    }

    fn hear(&self, text: &str, step: &mut Step<'_>) -> Outcome<State> {
        let heard = step.plan.meant(text, &self.spec(step.plan).listen);
        let branch = heard.and_then(|intent| step.edge(Event::Intent(intent)));
        step.follow(branch)
    }

    fn say_on_hold(&self, step: &mut Step<'_>) {
        let text = self.spec(step.plan).hold.say.as_ref().and_then(|(text, _)| step.sentence(text).ok());
        if let Some(text) = text.filter(|_| !step.call.speech.has_hold()) {
            step.say(text, Manner::Hold);
        }
        self.await_hold_speech(step);
    }

    fn await_hold_speech(&self, step: &mut Step<'_>) {
        if let Some((_, every)) = self.spec(step.plan).hold.say {
            step.call.timers.arm(Timer::HoldSay, step.now.after(every));
        }
    }
}

fn pause(wait: Duration, backoff: f64, failed: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(120);
    let factor = backoff.max(1.0).powi(i32::try_from(failed - 1).unwrap_or(i32::MAX));
    Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(LONGEST).min(LONGEST)
}

fn failure_event(outcome: LegOutcome) -> Event {
    match outcome {
        LegOutcome::NoAnswer => Event::OperatorNoAnswer,
        LegOutcome::Busy => Event::OperatorBusy,
        LegOutcome::Rejected => Event::OperatorRejected,
        LegOutcome::Unreachable => Event::OperatorUnreachable,
        LegOutcome::Voicemail => Event::OperatorVoicemail,
        LegOutcome::Failed | LegOutcome::Answered | LegOutcome::Cancelled | LegOutcome::Transferred => {
            Event::OperatorFailed
        }
    }
}

/// In `dial`, `failed` is short for `operator.failed`.
fn alias(event: Event) -> Event {
    if event == Event::OperatorFailed { Event::Failed } else { event }
}
