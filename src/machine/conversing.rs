//! `converse`: turns between the model and the caller, and the ladder of silence.

use std::hash::Hash as _;

use super::abstraction::Fold;
use super::call::{Step, TURN_WITHIN};
use super::consulting::Consulting;
use super::ending::Ending;
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Counter, Effect, Millis, ReplyId, Timer};
use crate::pii::Utterance;
use crate::plan::{ContextPolicy, Converse, Event, First, IntentId, Kind, On, Plan, SilenceStep, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// Said when a reply has failed; if the next one fails as well, the service counts as failed.
pub const ONCE_MORE: &str = "I'm sorry, I didn't catch that. Could you say that again?";

/// The model and the caller are talking.
///
/// Every turn of the caller supersedes the reply that is on its way. The ladder of silence counts from
/// the last sound of either side. `caller.silent(…)` counts on while the ladder's own prompts are said.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Conversing {
    state: StateId,
    /// No reply has been asked for since the state was entered.
    fresh: bool,
    /// The prompt could not be rendered.
    unspeakable: bool,
    /// The next rung of the ladder.
    rung: usize,
    quiet_since: Option<Millis>,
    silent_since: Option<Millis>,
    /// The model's tools.
    pub(super) consulting: Consulting,
}

impl Conversing {
    pub(super) fn new(state: StateId) -> Self {
        Self {
            state,
            fresh: true,
            unspeakable: false,
            rung: 0,
            quiet_since: None,
            silent_since: None,
            consulting: Consulting::default(),
        }
    }

    /// For the explorer.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        // `fresh` matters to the model's memory only.
        let Self { state, fresh: _, unspeakable, rung, quiet_since, silent_since, consulting } = self;
        (state, unspeakable, rung, quiet_since.is_some()).hash(fold);
        consulting.fold(fold);
        fold.since(*silent_since);
    }

    pub(super) fn spec<'p>(&self, plan: &'p Plan) -> &'p Converse {
        match &plan.state(self.state).kind {
            Kind::Converse(converse) => converse,
            _ => unreachable!("made from a `converse`"),
        }
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        step.arrive(self.state);
        step.listen(true);
        let way = std::mem::take(&mut step.call.way);
        let begins = match self.spec(step.plan).first {
            First::Bot => true,
            First::Auto => !way.spoken || way.heard.is_some(),
            First::Caller => false,
        };
        if begins && step.call.broken.is_none() {
            self.reply(way.heard, step);
        }
        self.settle(step);
    }

    pub(super) fn leave(&self, step: &mut Step<'_>) {
        step.depart();
        step.leave_tools();
        step.call.way.spoken = false;
        if let Some(heard) = &self.consulting.heard {
            step.call.way.heard = Some(heard.clone());
        }
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Entered => match step.call.broken {
                Some(_) => Transition(step.fail()),
                None => self.carry_on(step),
            },
            Signal::SpeechStarted => {
                let thinking = step.call.speech.has_reply();
                let branch = step.interrupt();
                self.cut_off(thinking, step);
                self.settle(step);
                step.follow(branch)
            }
            Signal::TurnEnded(text) => {
                if text.is_blank() {
                    self.resume(step);
                } else {
                    self.rung = 0;
                    step.barge_in();
                    step.cancel_live_reply();
                    self.take_turn(text, step);
                }
                self.settle(step);
                self.carry_on(step)
            }
            Signal::IntentProposed { reply, intent, slots } => self.propose(*reply, *intent, slots, step),
            Signal::ToolsProposed { reply, calls } => {
                self.consult(*reply, calls, step);
                self.settle(step);
                self.carry_on(step)
            }
            Signal::ToolDone(_) => {
                self.resume(step);
                self.settle(step);
                self.carry_on(step)
            }
            Signal::Due(Timer::Fill) => {
                self.fill_in(step);
                self.settle(step);
                Handled
            }
            Signal::ReplyDone => {
                step.call.failed_replies = 0;
                self.resume(step);
                self.settle(step);
                self.carry_on(step)
            }
            Signal::ReplyFailed => self.reply_failed(step),
            // Nobody heard it, and nothing else would be heard: the caller is asked, as for a reply that failed.
            Signal::SayFailed(_) if !step.call.speaking && step.call.speech.is_silent() => {
                self.reply_failed(step)
            }
            Signal::Said(_) | Signal::SayFailed(_) => {
                // What could not be cut is over; if the caller is talking, the rest can be.
                if step.call.speaking {
                    let thinking = step.call.speech.has_reply();
                    step.barge_in();
                    self.cut_off(thinking, step);
                }
                self.settle(step);
                Handled
            }
            Signal::Due(Timer::Silence) => self.silence(step),
            Signal::Due(Timer::State) => {
                match step.edge(Event::Timeout).or_else(|| step.edge(Event::Otherwise)) {
                    Some(branch) => Transition(step.take(branch)),
                    None => Transition(self.end_of_ladder(step)),
                }
            }
            _ => Super,
        }
    }

    fn carry_on(&self, step: &mut Step<'_>) -> Outcome<State> {
        if self.unspeakable { Transition(step.fail()) } else { Handled }
    }

    pub(super) fn reply(&mut self, user: Option<Utterance>, step: &mut Step<'_>) {
        let converse = self.spec(step.plan);
        let Ok(prompt) = step.render(&converse.prompt) else {
            self.unspeakable = true;
            return;
        };
        let context = if self.fresh { converse.context } else { ContextPolicy::Append };
        self.fresh = false;
        let mut intents = step.plan.intents_of(self.state);
        intents.retain(|intent| step.has_edge(Event::Intent(*intent)));
        let tools = self.consulting.offer(&user, &converse.tools);
        step.call.speech.spend_all();
        let reply = step.new_reply();
        let prompt = Utterance::new(&*prompt);
        step.emit(Effect::Reply { reply, state: self.state, prompt, context, user, intents, tools });
    }

    /// The model proposes, the flow disposes: an intent counts if the state has an open edge for it.
    fn propose(
        &self,
        reply: ReplyId,
        intent: IntentId,
        slots: &[(String, Utterance)],
        step: &mut Step<'_>,
    ) -> Outcome<State> {
        let event = Event::Intent(intent);
        if !self.edges(step.plan).any(|on| on.event == event) {
            return Handled;
        }
        step.fill_slots(intent, slots);
        let Some(branch) = step.edge(event) else { return Handled };
        step.call.failed_replies = 0;
        step.call.speech.spend(reply);
        step.note(event);
        Transition(step.take(branch))
    }

    fn reply_failed(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        step.asks(Counter::FailedReplies);
        step.call.failed_replies += 1;
        if step.call.failed_replies > 1 {
            return Transition(step.fail());
        }
        if !step.call.tools.model_waits() {
            self.consulting.answered();
        }
        step.say(Utterance::new(ONCE_MORE), Manner::Interruptible);
        self.settle(step);
        Handled
    }

    fn edges<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p On> {
        plan.state(self.state).on.iter().chain(&plan.always)
    }
}

/// The ladder of silence.
impl Conversing {
    /// Something began or ceased to sound: silence counts anew, or not at all.
    fn settle(&mut self, step: &mut Step<'_>) {
        if step.call.speaking {
            self.quiet_since = None;
            self.silent_since = None;
            step.call.timers.arm(Timer::Silence, step.now.after(TURN_WITHIN));
        } else if step.call.speech.is_silent() && !step.call.tools.model_waits() {
            self.quiet_since = Some(step.now);
            self.silent_since.get_or_insert(step.now);
            self.arm(step);
        } else {
            self.quiet_since = None;
            if step.call.tools.model_waits() || !step.call.speech.is_only(Manner::Prompt) {
                self.silent_since = None;
            }
            self.arm(step);
        }
    }

    fn arm(&self, step: &mut Step<'_>) {
        let ladder = &self.spec(step.plan).silence.steps;
        let rung = ladder.get(self.rung).zip(self.quiet_since).map(|(rung, since)| since.after(rung.after));
        let silent = self.silent_deadlines(step).filter(|at| *at > step.now).min();
        step.call.timers.set(Timer::Silence, [rung, silent].into_iter().flatten().min());
    }

    /// When each `caller.silent(…)` edge is due.
    fn silent_deadlines(&self, step: &Step<'_>) -> impl Iterator<Item = Millis> {
        let since = self.silent_since;
        self.edges(step.plan).filter_map(move |on| match on.event {
            Event::CallerSilent(wait) => since.map(|since| since.after(wait)),
            _ => None,
        })
    }

    fn silence(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        if step.call.speaking {
            // The end of the turn was lost.
            step.call.speaking = false;
            self.resume(step);
            self.settle(step);
            return self.carry_on(step);
        }
        let overdue = self.edges(step.plan).find_map(|on| match (on.event, self.silent_since) {
            (Event::CallerSilent(wait), Some(since)) if since.after(wait) <= step.now => step.edge(on.event),
            _ => None,
        });
        if let Some(branch) = overdue {
            return Transition(step.take(branch));
        }
        self.climb(step)
    }

    fn climb(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        let ladder = &self.spec(step.plan).silence.steps;
        let due =
            |rung: &&SilenceStep| self.quiet_since.is_some_and(|since| since.after(rung.after) <= step.now);
        if let Some(rung) = ladder.get(self.rung).filter(due) {
            self.rung += 1;
            if let Some(text) = rung.say.as_ref().and_then(|say| step.sentence(say).ok()) {
                step.say(text, Manner::Prompt);
            }
            self.quiet_since = step.call.speech.is_silent().then_some(step.now);
        }
        let at_its_end = !ladder.is_empty() && self.rung == ladder.len();
        if at_its_end && self.silent_deadlines(step).all(|at| at <= step.now) {
            return Transition(self.end_of_ladder(step));
        }
        self.arm(step);
        Handled
    }

    fn end_of_ladder(&self, step: &mut Step<'_>) -> State {
        match self.spec(step.plan).silence.then {
            Some((edge, to)) => step.take_plain(edge, to),
            None => State::from(Ending::engine(None, super::Outcome::Completed)),
        }
    }
}
