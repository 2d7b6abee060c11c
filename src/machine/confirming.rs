//! `confirm`: a yes/no question, asked a bounded number of times.

use std::hash::Hash as _;

use super::abstraction::Fold;
use super::call::{Step, TURN_WITHIN};
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Timer, UtteranceId};
use crate::matcher::yes_no;
use crate::pii::Utterance;
use crate::plan::{Confirm, Event, Kind, Plan, StateId};
use statig::Outcome::{self, Handled, Super, Transition};

/// A question is being asked, or its answer awaited.
///
/// An answer over an interruptible question counts; over any other it does not. Silence and what is
/// neither yes nor no use up a try. The answer is kept for the `converse` that may follow, so that "no,
/// what about my bill?" is answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Confirming {
    state: StateId,
    asked: u32,
    /// The question, while it is being asked.
    question: Option<UtteranceId>,
    unspeakable: bool,
}

impl Confirming {
    pub(super) fn new(state: StateId) -> Self {
        Self { state, asked: 0, question: None, unspeakable: false }
    }

    /// For the explorer.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { state, asked, question, unspeakable } = self;
        (state, asked, unspeakable).hash(fold);
        fold.sentence(*question);
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p Confirm {
        match &plan.state(self.state).kind {
            Kind::Confirm(confirm) => confirm,
            _ => unreachable!("made from a `confirm`"),
        }
    }

    pub(super) fn awaits_answer(&self) -> bool {
        self.question.is_none()
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        step.arrive(self.state);
        step.listen(true);
        step.call.way.heard = None;
        if step.call.broken.is_none() {
            self.ask(step);
        }
    }

    fn ask(&mut self, step: &mut Step<'_>) {
        let confirm = self.spec(step.plan);
        let manner = if confirm.interruptible { Manner::Interruptible } else { Manner::Whole };
        self.asked += 1;
        step.call.timers.clear(Timer::Answer);
        match step.sentence(&confirm.question) {
            Ok(text) => self.question = Some(step.say(text, manner)),
            Err(_) => self.unspeakable = true,
        }
    }

    pub(super) fn leave(&self, step: &mut Step<'_>) {
        step.depart();
        step.call.way.spoken = false;
    }

    pub(super) fn handle(&mut self, signal: &Signal<'_>, step: &mut Step<'_>) -> Outcome<State> {
        match signal {
            Signal::Entered => match step.call.broken {
                Some(_) => Transition(step.fail()),
                None => self.carry_on(step),
            },
            Signal::Said(utterance) if Some(*utterance) == self.question => {
                self.question = None;
                self.await_answer(step);
                Handled
            }
            Signal::SayFailed(utterance) if Some(*utterance) == self.question => {
                Transition(step.complete(&[Event::Failed]))
            }
            Signal::SpeechStarted => {
                let branch = step.interrupt();
                if self.question.is_none() {
                    self.await_answer(step);
                }
                step.follow(branch)
            }
            Signal::TurnEnded(text) => self.hear(text, step),
            Signal::Dtmf(digit @ ('1' | '2')) if !step.has_edge(Event::CallerDtmf(*digit)) => {
                step.barge_in();
                let event = if *digit == '1' { Event::Accepted } else { Event::Declined };
                Transition(step.complete(&[event]))
            }
            Signal::Due(Timer::Answer) => {
                step.call.speaking = false;
                self.try_again(step)
            }
            Signal::Due(Timer::State) => Transition(step.complete(&[Event::Timeout, Event::Exhausted])),
            _ => Super,
        }
    }

    fn hear(&mut self, text: &Utterance, step: &mut Step<'_>) -> Outcome<State> {
        step.barge_in();
        if self.question.is_some() && !self.spec(step.plan).interruptible {
            return Handled;
        }
        if text.is_blank() && self.question.is_none() {
            self.await_answer(step);
            return Handled;
        }
        step.call.way.heard = (!text.is_blank()).then(|| text.clone());
        match yes_no(text.text()) {
            Some(true) => Transition(step.complete(&[Event::Accepted])),
            Some(false) => Transition(step.complete(&[Event::Declined])),
            None => self.try_again(step),
        }
    }

    fn try_again(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        if self.asked >= self.spec(step.plan).tries {
            return Transition(step.complete(&[Event::Exhausted]));
        }
        step.call.way.heard = None;
        self.ask(step);
        self.carry_on(step)
    }

    fn carry_on(&self, step: &mut Step<'_>) -> Outcome<State> {
        if self.unspeakable { Transition(step.complete(&[Event::Failed])) } else { Handled }
    }

    fn await_answer(&self, step: &mut Step<'_>) {
        let wait = if step.call.speaking { TURN_WITHIN } else { self.spec(step.plan).answer_within };
        step.call.timers.arm(Timer::Answer, step.now.after(wait));
    }
}
