//! `properties:` compiled: which state may be entered only behind which.

use super::{Event, Kind, Plan, StateId};

/// A call must not come to `state` before `first` has done its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MustPrecede {
    /// Where the call must not come before.
    pub state: StateId,
    /// What must have done its work by then.
    pub first: StateId,
    /// Which wish of the file it is, for its place there.
    pub index: usize,
}

impl Plan {
    /// Has calls begin in this state, as if they had come there. What can have been done on some way to it counts as
    /// done, so that of `properties:` those are left in which nothing of the kind can have happened yet.
    pub fn begin_in(&mut self, state: StateId) {
        self.start = state;
        let wishes = std::mem::take(&mut self.properties);
        self.properties = wishes.into_iter().filter(|wish| !self.may_follow(wish.first, state)).collect();
    }

    /// Whether some way leads to a state after another has done its work, guards and counters aside.
    fn may_follow(&self, first: StateId, state: StateId) -> bool {
        let mut pending = match self.success_of(first) {
            Some(good) => {
                let ons = self.state(first).on.iter().chain(&self.always);
                let ons = ons.filter(|on| good.contains(&on.event) || on.event == Event::Otherwise);
                ons.flat_map(|on| &on.branches).map(|branch| branch.to).collect()
            }
            None => self.ways_out(first),
        };
        let mut seen = vec![false; self.states.len()];
        while let Some(at) = pending.pop() {
            if at == state {
                return true;
            }
            if !std::mem::replace(&mut seen[at.index()], true) {
                pending.extend(self.ways_out(at));
            }
        }
        false
    }

    /// Where a state can lead. What the engine adds leads to the end.
    fn ways_out(&self, id: StateId) -> Vec<StateId> {
        let state = self.state(id);
        let always = match state.kind {
            Kind::End(_) => return Vec::new(),
            Kind::Handoff(_) => [].as_slice(),
            _ => &self.always,
        };
        let ons = state.on.iter().chain(always).flat_map(|on| &on.branches).map(|branch| branch.to);
        let of_kind = self.edges.iter().filter(|edge| edge.from == Some(id)).map(|edge| edge.to);
        ons.chain(of_kind).collect()
    }

    /// What a state comes to when it has done its work; `None` if every way out of it is as good.
    #[must_use]
    pub fn success_of(&self, id: StateId) -> Option<&'static [Event]> {
        match &self.state(id).kind {
            Kind::Say(_) => Some(&[Event::Said]),
            Kind::Confirm(_) => Some(&[Event::Accepted]),
            Kind::Collect(_) => Some(&[Event::Filled]),
            Kind::CallApi(_) => Some(&[Event::Ok]),
            Kind::Dial(_) => Some(&[Event::OperatorAnswered, Event::OperatorAccepted, Event::Transferred]),
            Kind::Converse(_) | Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_) => None,
        }
    }

    /// What it means that a state has done its work, as the end of a sentence.
    #[must_use]
    pub fn work_done(&self, id: StateId) -> &'static str {
        match &self.state(id).kind {
            Kind::Say(_) => "has been heard to its end",
            Kind::Confirm(_) => "has been accepted",
            Kind::Collect(_) => "is filled",
            Kind::CallApi(_) => "has its answer",
            Kind::Dial(_) => "has reached somebody",
            Kind::Converse(_) | Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_) => "has been gone through",
        }
    }
}
