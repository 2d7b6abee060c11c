//! One call and the world around it: what happens next, and what that leads to.

use std::hash::Hash as _;
use std::sync::Arc;

use super::ledger::{Caller, Ledger};
use super::order::Order;
use super::subject::Subject;
use super::violation::{Violation, Violations};
use crate::diagnostic::Rule;
use crate::machine::{AttemptId, Bounds, Counter, Effect, Input, LegEvent, Millis, Parts, Timer};
use crate::plan::Plan;

/// One thing that can happen.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// The machine is told something, at once.
    Input(Input),
    /// A timer comes next. If it is the earliest, time passes until then; else it comes now, before those that
    /// would have been earlier: it stands for a call in which it was set earlier.
    Timer(Timer),
}

/// A call at one moment.
#[derive(Clone)]
pub(super) struct World<S> {
    pub subject: S,
    pub now: Millis,
    pub ledger: Ledger,
    /// What the flow itself wishes of every call, if it wishes anything.
    wishes: Option<Arc<Wishes>>,
}

/// What a flow itself wishes of every call.
pub(super) struct Wishes {
    plan: Arc<Plan>,
    order: Order,
}

impl Wishes {
    pub(super) fn of(plan: &Arc<Plan>) -> Option<Arc<Self>> {
        Order::of(plan).map(|order| Arc::new(Self { plan: Arc::clone(plan), order }))
    }
}

impl<S: Subject> World<S> {
    pub(super) fn new(subject: S, wishes: Option<Arc<Wishes>>) -> Self {
        Self { subject, now: Millis(0), ledger: Ledger::new(), wishes }
    }

    /// A copy of this moment, in the memory of another one of the same exploration if there is one.
    pub(super) fn copied<'s>(&self, scratch: &'s mut Option<Self>) -> &'s mut Self {
        if let Some(Self { subject, now, ledger, wishes: _ }) = scratch {
            subject.clone_from(&self.subject);
            *now = self.now;
            ledger.copy_from(&self.ledger);
        }
        scratch.get_or_insert_with(|| self.clone())
    }

    /// Lets something happen; effects and what is wrong with them are appended. What it returns are the counters that
    /// were asked for.
    pub(super) fn step(
        &mut self,
        happening: &Happening,
        effects: &mut Vec<Effect>,
        violations: &mut Violations,
    ) -> Vec<Counter> {
        let first = effects.len();
        let wishes = self.wishes.clone();
        let order = wishes.as_ref().map(|wishes| &wishes.order);
        let watched = order.and_then(|order| order.watch(&self.ledger, self.subject.completed()));
        let (late, asked) = match happening {
            Happening::Input(input) => {
                let late = self.late_answer(input);
                self.ledger.learn(input);
                let asked = self.subject.handle(self.now, input.clone(), effects);
                self.note_proposal(input, &effects[first..]);
                (late, asked)
            }
            Happening::Timer(timer) => (None, self.fire(*timer, effects)),
        };
        if let (Some(order), Some(watched)) = (order, watched) {
            let input = match happening {
                Happening::Input(input) => Some(input),
                Happening::Timer(_) => None,
            };
            order.note(&watched, input, self.subject.completed(), &mut self.ledger);
        }
        for effect in &effects[first..] {
            let wishes = wishes.as_ref().filter(|_| matches!(effect, Effect::Enter { .. }));
            if let Some(wishes) = wishes {
                wishes.order.leave(&mut self.ledger);
            }
            self.ledger.watch(effect, violations);
            if let Some(wishes) = wishes {
                wishes.order.enter(&wishes.plan, &self.ledger, violations);
            }
        }
        if let Some(attempt) = late {
            self.judge_late_answer(attempt, &effects[first..], violations);
        }
        self.ledger.settle(&self.subject, violations);
        asked
    }

    /// Tells the call at a moment what it was told then. Deadlines that have passed come first, as in the machine.
    pub(super) fn replay(&mut self, at: Millis, input: &Input) {
        self.now = at;
        for (due, timer) in self.subject.armed() {
            if due <= at {
                self.ledger.expire(timer);
            }
        }
        let happening = Happening::Input(input.clone());
        self.step(&happening, &mut Vec::new(), &mut Violations::default());
    }

    fn fire(&mut self, timer: Timer, effects: &mut Vec<Effect>) -> Vec<Counter> {
        let armed = self.subject.armed();
        match armed.first() {
            Some((at, first)) if *first == timer => self.now = *at,
            _ => self.subject.move_deadline(timer, self.now),
        }
        for (at, other) in armed {
            if other == timer || at <= self.now {
                self.ledger.expire(other);
            }
        }
        self.subject.handle(self.now, Input::Timeout, effects)
    }

    /// A reply that has led on proposes nothing more.
    fn note_proposal(&mut self, input: &Input, effects: &[Effect]) {
        let Input::IntentProposed { reply, .. } = input else { return };
        if effects.iter().any(|effect| matches!(effect, Effect::Enter { .. })) {
            for known in self.ledger.replies.iter_mut().filter(|known| known.id == *reply) {
                known.live = false;
            }
        }
    }

    /// The attempt whose answer this is, if it comes while the attempt is being stopped.
    fn late_answer(&self, input: &Input) -> Option<AttemptId> {
        match input {
            Input::Leg { attempt, event: LegEvent::Answered } => {
                let leg = self.ledger.leg(*attempt)?;
                (leg.stopping && !leg.answered && !leg.moves_caller()).then_some(*attempt)
            }
            _ => None,
        }
    }

    /// Somebody picked up while being given up: they are hung up, or taken after all.
    fn judge_late_answer(&mut self, attempt: AttemptId, effects: &[Effect], violations: &mut Violations) {
        let stopped = effects.iter().any(|e| matches!(e, Effect::StopDial { attempt: a } if *a == attempt));
        let taken = effects.iter().any(|e| matches!(e, Effect::Enter { .. } | Effect::Ask { .. }));
        match (stopped, taken) {
            // Told once more, it is the same once more: that it was told need not be known.
            (true, _) => {
                for leg in self.ledger.legs.iter_mut().filter(|leg| leg.attempt == attempt) {
                    leg.answered = false;
                }
            }
            (false, true) => {
                for leg in self.ledger.legs.iter_mut().filter(|leg| leg.attempt == attempt) {
                    leg.stopping = false;
                }
            }
            (false, false) => violations.add(Violation {
                rule: Rule::Crossing,
                message: "somebody answers while the attempt is being stopped, and is left on the line"
                    .into(),
                from: self.ledger.from,
                state: self.ledger.state,
                wish: None,
            }),
        }
    }

    /// What makes this moment different from others. Whatever was in `parts` is gone.
    pub(super) fn fingerprint(&self, bounds: &Bounds, parts: &mut Parts) -> u128 {
        parts.clear();
        if self.ledger.ended {
            // Nothing follows: one call that ended in a state stands for all.
            let end = (self.ledger.state, self.ledger.caller, self.ledger.handed_off, self.ledger.legs.len());
            end.hash(parts);
            return parts.fingerprint();
        }
        self.ledger.fold(bounds.counting(), parts);
        self.subject.fold(self.now, bounds, parts);
        parts.fingerprint()
    }

    /// Whether the caller is there and the bot answers for them.
    pub(super) fn has_caller(&self) -> bool {
        self.ledger.caller == Caller::Here && self.ledger.handed_off.is_none() && !self.ledger.moved
    }
}
