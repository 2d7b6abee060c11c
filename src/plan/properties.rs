//! `properties:` compiled: which state may be entered only behind which.

use super::{EdgeId, Event, Kind, Plan, StateId};

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
    /// The edges that leave a state when it has done its work; `None` if every way out of it is as good.
    #[must_use]
    pub fn success_of(&self, id: StateId) -> Option<Vec<EdgeId>> {
        let good: &[Event] = match &self.state(id).kind {
            Kind::Say(_) => &[Event::Said],
            Kind::Confirm(_) => &[Event::Accepted],
            Kind::Collect(_) => &[Event::Filled],
            Kind::CallApi(_) => &[Event::Ok],
            Kind::Dial(_) => &[Event::OperatorAnswered, Event::OperatorAccepted, Event::Transferred],
            Kind::Converse(_) | Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_) => return None,
        };
        let ons = self.state(id).on.iter().chain(&self.always).filter(|on| good.contains(&on.event));
        Some(ons.flat_map(|on| &on.branches).map(|branch| branch.edge).collect())
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
