//! What can be explored: the machine, or in tests a machine with something taken out of it.

use crate::machine::{Bounds, Counter, Effect, Input, Machine, Millis, Parts, Timer};
use crate::plan::{Event, StateId};

/// One call that can be stepped, copied and compared. [`Machine`] is the only one outside tests.
pub trait Subject: Clone + PartialEq {
    /// See [`Machine::handle_noting`].
    fn handle(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) -> Vec<Counter>;
    /// See [`Machine::armed`].
    fn armed(&self) -> Vec<(Millis, Timer)>;
    /// See [`Machine::move_deadline`].
    fn move_deadline(&mut self, timer: Timer, at: Millis);
    /// See [`Machine::state`].
    fn state(&self) -> StateId;
    /// See [`Machine::completed`].
    fn completed(&self) -> &[(StateId, Event)];
    /// See [`Machine::is_over`].
    fn is_over(&self) -> bool;
    /// See [`Machine::is_armed`].
    fn is_armed(&self, timer: Timer) -> bool;
    /// See [`Machine::fold`].
    fn fold(&self, now: Millis, bounds: &Bounds, parts: &mut Parts);
    /// See [`Machine::count`].
    fn count(&self, counter: Counter) -> u32;
    /// See [`Machine::set_count`].
    fn set_count(&mut self, counter: Counter, count: u32);
    /// See [`Machine::forget_counts`].
    fn forget_counts(&mut self);
}

impl Subject for Machine {
    fn handle(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) -> Vec<Counter> {
        self.handle_noting(now, input, effects)
    }

    fn armed(&self) -> Vec<(Millis, Timer)> {
        Self::armed(self)
    }

    fn move_deadline(&mut self, timer: Timer, at: Millis) {
        Self::move_deadline(self, timer, at);
    }

    fn state(&self) -> StateId {
        Self::state(self)
    }

    fn completed(&self) -> &[(StateId, Event)] {
        Self::completed(self)
    }

    fn is_over(&self) -> bool {
        Self::is_over(self)
    }

    fn is_armed(&self, timer: Timer) -> bool {
        Self::is_armed(self, timer)
    }

    fn fold(&self, now: Millis, bounds: &Bounds, parts: &mut Parts) {
        Self::fold(self, now, bounds, parts);
    }

    fn count(&self, counter: Counter) -> u32 {
        Self::count(self, counter)
    }

    fn set_count(&mut self, counter: Counter, count: u32) {
        Self::set_count(self, counter, count);
    }

    fn forget_counts(&mut self) {
        Self::forget_counts(self);
    }
}
