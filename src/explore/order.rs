//! `properties:`: what must have happened before something else (F059).
//!
//! Kept from what a call was told, where it went and what its states came to. A `say` counts only if its sentence was
//! heard to its end, even where `said` also follows when the caller has cut it.

use std::collections::HashMap;

use super::ledger::Ledger;
use super::violation::{Violation, Violations};
use crate::diagnostic::Rule;
use crate::machine::Input;
use crate::plan::{Event, Kind, Plan, StateId};

/// What must come first, and before what. None of it changes while a flow is explored.
#[derive(Debug)]
pub(super) struct Order {
    /// What must come first; the place in this list is its bit in [`Ledger::done`].
    firsts: Vec<First>,
    /// What a state needs: the bit, and which wish of the file it is.
    needs: HashMap<StateId, Vec<(usize, usize)>>,
}

#[derive(Debug)]
struct First {
    state: StateId,
    /// What it comes to when it has done its work; `None` if every way out is as good.
    good: Option<&'static [Event]>,
    /// Its sentence must have been heard.
    heard: bool,
}

/// A state that may be about to do its work, before a step is taken.
pub(super) struct Watched {
    bit: usize,
    /// How many completions there have been.
    completed: usize,
}

impl Order {
    /// `None` if the flow wishes nothing.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let mut order = Self { firsts: Vec::new(), needs: HashMap::new() };
        for wish in &plan.properties {
            let known = order.firsts.iter().position(|first| first.state == wish.first);
            let bit = known.unwrap_or_else(|| {
                order.firsts.push(First {
                    state: wish.first,
                    good: plan.success_of(wish.first),
                    heard: matches!(plan.state(wish.first).kind, Kind::Say(_)),
                });
                order.firsts.len() - 1
            });
            order.needs.entry(wish.state).or_default().push((bit, wish.index));
        }
        (!order.firsts.is_empty()).then_some(order)
    }

    /// The present state, if its work matters and is not done yet.
    pub(super) fn watch(&self, ledger: &Ledger, completed: &[(StateId, Event)]) -> Option<Watched> {
        let bit = self.bit_of(ledger)?;
        self.firsts[bit].good?;
        Some(Watched { bit, completed: completed.len() })
    }

    /// Notes whether a step that told the call this has let the state do its work.
    pub(super) fn note(
        &self,
        watched: &Watched,
        input: Option<&Input>,
        completed: &[(StateId, Event)],
        ledger: &mut Ledger,
    ) {
        let First { state, good, heard } = &self.firsts[watched.bit];
        let heard = !heard || matches!(input, Some(Input::Said { heard_all: true, .. }));
        let mut new = completed.get(watched.completed..).unwrap_or_default().iter();
        if heard && new.any(|(of, event)| of == state && good.is_some_and(|good| good.contains(event))) {
            ledger.done |= 1 << watched.bit;
        }
    }

    /// Notes that the present state is left.
    pub(super) fn leave(&self, ledger: &mut Ledger) {
        if let Some(bit) = self.bit_of(ledger).filter(|bit| self.firsts[*bit].good.is_none()) {
            ledger.done |= 1 << bit;
        }
    }

    /// Judges that a state has been entered; the ledger knows already.
    pub(super) fn enter(&self, plan: &Plan, ledger: &Ledger, violations: &mut Violations) {
        let Some(state) = ledger.state else { return };
        for (bit, wish) in self.needs.get(&state).into_iter().flatten() {
            if ledger.done & (1 << bit) == 0 {
                let first = self.firsts[*bit].state;
                let (name, earlier) = (&plan.state(state).name, &plan.state(first).name);
                violations.add(Violation {
                    rule: Rule::MustPrecede,
                    message: format!("a call comes to `{name}` before `{earlier}` {}", plan.work_done(first)),
                    from: ledger.from,
                    state: ledger.state,
                    wish: Some(*wish),
                });
            }
        }
    }

    fn bit_of(&self, ledger: &Ledger) -> Option<usize> {
        let state = ledger.state?;
        self.firsts.iter().position(|first| first.state == state).filter(|bit| ledger.done & (1 << bit) == 0)
    }
}
