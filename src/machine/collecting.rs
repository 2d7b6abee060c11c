//! `collect`: values, spoken or keyed, each asked for a bounded number of times.

use std::fmt;
use std::hash::Hash as _;

use super::abstraction::Fold;
use super::call::{Step, TURN_WITHIN};
use super::signal::Signal;
use super::speech::Manner;
use super::states::State;
use super::{Timer, UtteranceId};
use crate::matcher::{MOST_KEYS, Sought, keyed, spoken};
use crate::pii::Utterance;
use crate::plan::{Collect, CollectSlot, Event, Kind, Plan, StateId, VarKind};
use statig::Outcome::{self, Handled, Super, Transition};

/// Something is being asked for, or its answer awaited.
///
/// What an answer holds is kept, and what is still missing is asked for. Silence and an answer that holds
/// nothing use up a try of the question; a question that was answered in part begins anew. The digits belong
/// to the answer, `end_key` ends it, and the other of `*` and `#` takes back what was keyed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Collecting {
    state: StateId,
    /// Which slots are filled.
    filled: Vec<bool>,
    /// How often the present question was asked.
    asked: u32,
    /// The question, while it is being asked.
    question: Option<UtteranceId>,
    unspeakable: bool,
    keys: Pressed,
}

/// The keys of an answer that is not complete. Prints how many, and not which.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Pressed(String);

impl fmt::Debug for Pressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Collecting {
    pub(super) fn new(state: StateId) -> Self {
        Self {
            state,
            filled: Vec::new(),
            asked: 0,
            question: None,
            unspeakable: false,
            keys: Pressed::default(),
        }
    }

    /// For the explorer: of the keys it matters how many.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { state, filled, asked, question, unspeakable, keys } = self;
        (state, filled, asked, unspeakable, keys.0.len()).hash(fold);
        fold.sentence(*question);
    }

    fn spec<'p>(&self, plan: &'p Plan) -> &'p Collect {
        match &plan.state(self.state).kind {
            Kind::Collect(collect) => collect,
            _ => unreachable!("made from a `collect`"),
        }
    }

    pub(super) fn awaits_answer(&self) -> bool {
        self.question.is_none()
    }

    pub(super) fn enter(&mut self, step: &mut Step<'_>) {
        step.arrive(self.state);
        step.listen(true);
        step.call.way.heard = None;
        self.filled = vec![false; self.spec(step.plan).slots.len()];
        if step.call.broken.is_none() {
            self.ask(step);
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
            Signal::Dtmf(key) => self.press(*key, step),
            Signal::Due(Timer::Keys) => self.end_of_keys(step),
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
        let collect = self.spec(step.plan);
        if self.question.is_some() && !collect.interruptible {
            return Handled;
        }
        let missing = self.missing();
        let sought: Vec<_> = missing.iter().map(|&slot| sought(step.plan, collect, slot)).collect();
        let found = spoken(text.text(), &sought, self.asked_for(&missing));
        let some = missing.into_iter().zip(found).filter_map(|(slot, value)| Some((slot, value?)));
        if self.fill(some.collect(), step) {
            return self.go_on(step);
        }
        // Noise is no answer, and whoever is keying one may clear their throat.
        if (text.is_blank() && self.question.is_none()) || !self.keys.0.is_empty() {
            self.await_answer(step);
            return Handled;
        }
        self.try_again(step)
    }

    fn press(&mut self, key: char, step: &mut Step<'_>) -> Outcome<State> {
        let collect = self.spec(step.plan);
        if self.takes_keys(step.plan).is_none() || !(key.is_ascii_digit() || matches!(key, '*' | '#')) {
            return Super;
        }
        if key == collect.keys.end_key {
            step.barge_in();
            return self.end_of_keys(step);
        }
        if !key.is_ascii_digit() {
            if step.has_edge(Event::CallerDtmf(key)) {
                return Super;
            }
            self.keys.0.clear();
            step.call.timers.clear(Timer::Keys);
            self.await_answer(step);
            return Handled;
        }
        step.barge_in();
        self.keys.0.push(key);
        let complete = collect.keys.digits.is_some_and(|digits| self.keys.0.len() >= digits as usize);
        if complete || self.keys.0.len() >= MOST_KEYS {
            return self.end_of_keys(step);
        }
        step.call.timers.clear(Timer::Answer);
        step.call.timers.arm(Timer::Keys, step.now.after(collect.keys.pause));
        Handled
    }

    /// The keys are an answer now.
    fn end_of_keys(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        step.call.timers.clear(Timer::Keys);
        let keys = std::mem::take(&mut self.keys.0);
        let Some(slot) = self.takes_keys(step.plan).filter(|_| !keys.is_empty()) else {
            self.await_answer(step);
            return Handled;
        };
        let value = keyed(&keys, &sought(step.plan, self.spec(step.plan), slot));
        let found = value.map(|value| (slot, value)).into_iter().collect();
        if self.fill(found, step) { self.go_on(step) } else { self.try_again(step) }
    }

    /// The first missing slot that can be keyed.
    fn takes_keys(&self, plan: &Plan) -> Option<usize> {
        let collect = self.spec(plan);
        self.missing().into_iter().find(|&slot| sought(plan, collect, slot).can_be_keyed())
    }

    /// Keeps what was found; whether that was anything.
    fn fill(&mut self, found: Vec<(usize, String)>, step: &mut Step<'_>) -> bool {
        let collect = self.spec(step.plan);
        let mut any = false;
        for (slot, value) in found {
            if step.store(collect.slots[slot].var, &value) {
                self.filled[slot] = true;
                any = true;
            }
        }
        any
    }

    /// Something was found: what is missing is asked for, if anything is.
    fn go_on(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        self.keys.0.clear();
        step.call.timers.clear(Timer::Keys);
        if self.missing().is_empty() {
            return Transition(step.complete(&[Event::Filled]));
        }
        self.asked = 0;
        self.ask(step);
        self.carry_on(step)
    }

    fn try_again(&mut self, step: &mut Step<'_>) -> Outcome<State> {
        if self.asked >= self.spec(step.plan).tries {
            return Transition(step.complete(&[Event::Exhausted]));
        }
        self.ask(step);
        self.carry_on(step)
    }

    fn ask(&mut self, step: &mut Step<'_>) {
        let collect = self.spec(step.plan);
        let manner = if collect.interruptible { Manner::Interruptible } else { Manner::Whole };
        self.asked += 1;
        step.call.timers.clear(Timer::Answer);
        let missing = self.missing();
        let text = match missing.first() {
            Some(&slot) if missing.len() < collect.slots.len() => &collect.slots[slot].ask,
            _ => &collect.ask,
        };
        match step.sentence(text) {
            Ok(text) => self.question = Some(step.say(text, manner)),
            Err(_) => self.unspeakable = true,
        }
    }

    fn missing(&self) -> Vec<usize> {
        (0..self.filled.len()).filter(|&slot| !self.filled[slot]).collect()
    }

    /// Which of the missing ones the question is about, if about one.
    fn asked_for(&self, missing: &[usize]) -> Option<usize> {
        let about_one = missing.len() == 1 || missing.len() < self.filled.len();
        about_one.then_some(0)
    }

    fn carry_on(&self, step: &mut Step<'_>) -> Outcome<State> {
        if self.unspeakable { Transition(step.complete(&[Event::Failed])) } else { Handled }
    }

    fn await_answer(&self, step: &mut Step<'_>) {
        if self.question.is_some() || !self.keys.0.is_empty() {
            return;
        }
        let wait = if step.call.speaking { TURN_WITHIN } else { self.spec(step.plan).answer_within };
        step.call.timers.arm(Timer::Answer, step.now.after(wait));
    }
}

fn sought<'p>(plan: &'p Plan, collect: &'p Collect, slot: usize) -> Sought<'p> {
    let CollectSlot { kind, .. } = &collect.slots[slot];
    match kind {
        VarKind::Text if collect.keys.wanted => Sought::Digits(collect.keys.digits),
        VarKind::Text => Sought::Text,
        VarKind::Int => Sought::Int,
        VarKind::Number => Sought::Number,
        VarKind::Bool => Sought::Bool,
        VarKind::Enum(words) => Sought::Enum(words.iter().map(|word| &**word).collect()),
        VarKind::Phone => Sought::Phone,
        VarKind::Date => Sought::Date { month_first: &*plan.call.language == "en-US" },
        VarKind::Duration => Sought::Duration,
        VarKind::List => Sought::List,
    }
}
