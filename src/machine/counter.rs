//! What a call counts and decides by, for explorers that look at every count at once.
//!
//! A machine can say which of its counts a step asked for, and be given others. No call uses that.

use std::cell::RefCell;
use std::sync::Arc;

use super::call::Step;
use super::{Effect, Input, Machine, Millis};
use crate::plan::{EdgeId, StateId};

/// Something that a call counts, and that what it does may depend on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Counter {
    /// How often an edge with `max_visits` was taken.
    Taken(EdgeId),
    /// How often a state was entered that a guard asks for (`attempts(…)`).
    Entered(StateId),
    /// Replies that failed since the last one that did not.
    FailedReplies,
    /// Attempts to reach somebody.
    Attempts,
}

/// The counters that a step asks for, each once; nothing is noted in calls.
pub(super) type Asked<'a> = Option<&'a RefCell<Vec<Counter>>>;

impl Step<'_> {
    /// Notes that what follows depends on a counter.
    pub(super) fn asks(&self, counter: Counter) {
        if let Some(asked) = self.asked {
            let mut asked = asked.borrow_mut();
            if !asked.contains(&counter) {
                asked.push(counter);
            }
        }
    }
}

impl Machine {
    /// [`Machine::handle`], and which counters it asked for, in that order. For explorers.
    pub fn handle_noting(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) -> Vec<Counter> {
        let asked = RefCell::new(Vec::new());
        self.handle_asking(now, input, effects, Some(&asked));
        asked.into_inner()
    }

    /// A count.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u32 {
        let call = self.call();
        let count = match counter {
            Counter::Taken(edge) => call.record.taken.get(edge.index()),
            Counter::Entered(state) => call.record.entered.get(state.index()),
            Counter::FailedReplies => Some(&call.failed_replies),
            Counter::Attempts => Some(&call.attempts),
        };
        count.copied().unwrap_or(0)
    }

    /// Changes a count. For explorers.
    pub fn set_count(&mut self, counter: Counter, count: u32) {
        let call = self.call_mut();
        let place = match counter {
            Counter::Taken(edge) => Arc::make_mut(&mut call.record).taken.get_mut(edge.index()),
            Counter::Entered(state) => Arc::make_mut(&mut call.record).entered.get_mut(state.index()),
            Counter::FailedReplies => Some(&mut call.failed_replies),
            Counter::Attempts => Some(&mut call.attempts),
        };
        if let Some(place) = place {
            *place = count;
        }
    }

    /// Begins to count anew, but for [`Counter::Attempts`], which are ids as well. For explorers.
    pub fn forget_counts(&mut self) {
        let call = self.call_mut();
        call.failed_replies = 0;
        if call.record.entered.iter().chain(&call.record.taken).any(|count| *count > 0) {
            let record = Arc::make_mut(&mut call.record);
            record.entered.fill(0);
            record.taken.fill(0);
        }
    }
}
