//! Recorded calls drawn over a flow: which states they were in, and which ways they went.

use serde_json::Value;

use super::Graph;
use super::build::at;
use crate::plan::{Plan, StateId};

/// The states that recorded calls were in, call by call.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    calls: Vec<(String, Vec<StateId>)>,
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
                trace.path(call).extend(effects.iter().filter_map(|effect| entered(effect, plan)));
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

    fn path(&mut self, call: &str) -> &mut Vec<StateId> {
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
            for state in path {
                let to = at(*state);
                self.nodes[to].visits += 1;
                for link in self.ways(from, to) {
                    self.links[link].visits += 1;
                }
                from = to;
            }
        }
    }

    /// What leads there: from the state itself, or from any state. A journal names states and not edges, so where
    /// one way works out and another fails, both are meant.
    fn ways(&self, from: usize, to: usize) -> Vec<usize> {
        let between = |from| {
            let is_way = |(_, link): &(usize, &super::Link)| (link.from, link.to) == (from, to);
            self.links.iter().enumerate().filter(is_way).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let own = between(from);
        let anywhere = self.nodes.iter().position(|node| node.shape == super::Shape::Anywhere);
        match anywhere {
            Some(anywhere) if own.is_empty() => between(anywhere),
            _ => own,
        }
    }
}
