//! Recorded calls drawn over a flow: which states they were in, and which ways they went.

use serde_json::Value;

use super::Graph;
use super::build::at;
use crate::plan::{EdgeId, Plan, StateId};

/// The states that recorded calls were in, call by call.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    calls: Vec<(String, Vec<Hop>)>,
}

/// One state that a call came to.
#[derive(Debug, Clone)]
struct Hop {
    to: StateId,
    /// The edges of which one led there; none if that is not known.
    by: Vec<EdgeId>,
}

/// Why a journal cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A line is not a step.
    #[error("line {0} is not a step of a journal (written by --record)")]
    NotAStep(usize),
    /// There is nothing in it.
    #[error("there is no call in it")]
    Empty,
    /// It was recorded with another flow, or another version of it.
    #[error(
        "no step of it was taken with this version of the flow ({0}); draw the version it was recorded with"
    )]
    OtherFlow(String),
}

impl Trace {
    /// Reads a journal; steps that were taken with another version of the flow are passed over.
    ///
    /// # Errors
    /// See [`TraceError`].
    pub fn read(journal: &str, plan: &Plan) -> Result<Self, TraceError> {
        let (mut trace, mut steps) = (Self::default(), 0);
        for (index, line) in journal.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let step: Value = serde_json::from_str(line).map_err(|_| TraceError::NotAStep(index + 1))?;
            if step["journal"].is_u64() {
                continue;
            }
            let (Some(call), Some(hash), Some(effects)) =
                (step["call"].as_str(), step["flow_hash"].as_str(), step["effects"].as_array())
            else {
                return Err(TraceError::NotAStep(index + 1));
            };
            steps += 1;
            if hash == plan.hash.to_string() {
                trace.path(call).extend(
                    effects
                        .iter()
                        .filter_map(|effect| Some(Hop { to: entered(effect, plan)?, by: Vec::new() })),
                );
            }
        }
        if steps == 0 {
            return Err(TraceError::Empty);
        }
        if trace.calls.is_empty() {
            return Err(TraceError::OtherFlow(plan.hash.to_string()));
        }
        Ok(trace)
    }

    /// Adds by which edges a call went: a journal does not say it, but the flow does when the call is replayed. What
    /// is told of another way than the recorded one is passed over.
    pub fn tell(&mut self, call: &str, ways: Vec<(StateId, Vec<EdgeId>)>) {
        for (_, path) in self.calls.iter_mut().filter(|(name, _)| name == call) {
            if path.iter().map(|hop| hop.to).eq(ways.iter().map(|(to, _)| *to)) {
                *path = ways.iter().map(|(to, by)| Hop { to: *to, by: by.clone() }).collect();
            }
        }
    }

    fn path(&mut self, call: &str) -> &mut Vec<Hop> {
        let known = self.calls.iter().position(|(name, _)| name == call);
        let index = known.unwrap_or_else(|| {
            self.calls.push((call.to_owned(), Vec::new()));
            self.calls.len() - 1
        });
        &mut self.calls[index].1
    }
}

/// The state that an effect enters.
fn entered(effect: &Value, plan: &Plan) -> Option<StateId> {
    let index = usize::try_from(effect["state"].as_u64()?).ok()?;
    (effect["do"] == "enter" && index < plan.states.len()).then(|| StateId::from_index(index))
}

impl Graph {
    /// Draws recorded calls over the flow.
    pub fn overlay(&mut self, trace: &Trace) {
        self.traced = true;
        for (_, path) in &trace.calls {
            let mut from = 0;
            self.nodes[from].visits += 1;
            for Hop { to, by } in path {
                let to = at(*to);
                self.nodes[to].visits += 1;
                for link in self.ways(from, to, by) {
                    self.links[link].visits += 1;
                }
                from = to;
            }
        }
    }

    /// What leads there: from the state itself, or from any state. Where it is not known by which edge, and one way
    /// works out and another fails, both are meant.
    fn ways(&self, from: usize, to: usize, by: &[EdgeId]) -> Vec<usize> {
        let between = |from| {
            let is_way = |(_, link): &(usize, &super::Link)| (link.from, link.to) == (from, to);
            self.links.iter().enumerate().filter(is_way).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let own = between(from);
        let anywhere = self.nodes.iter().position(|node| node.shape == super::Shape::Anywhere);
        let any = anywhere.map(between).unwrap_or_default();
        let is_known = |link: &usize| self.links[*link].edges.iter().flatten().any(|edge| by.contains(edge));
        let known: Vec<_> = own.iter().chain(&any).copied().filter(is_known).collect();
        match (known.is_empty(), own.is_empty()) {
            (false, _) => known,
            (true, true) => any,
            (true, false) => own,
        }
    }
}
