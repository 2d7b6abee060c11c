//! Replays the steps of a recorded call through a flow: the same, or from where on not.
//!
//! The machine is pure, so the inputs of a journal and their times are all it takes. A journal names what it
//! counts (states, intents, targets), so it can be replayed through a later version of its flow as well.
//! Nothing is spoken, dialled or asked of anybody here.

mod names;
mod read;

use std::sync::Arc;

use serde_json::Value;

pub use read::{Begin, JournalError, Recording, Step, broken_off, read};

use crate::machine::{CallInfo, Input, Machine, Millis, Outcome};
use crate::pii::PhoneNumber;
use crate::plan::{EdgeId, Plan, StateId};
use names::Names;

/// What came of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// Steps that went as recorded.
    pub same: usize,
    /// The first that did not.
    pub divergence: Option<Divergence>,
    /// Names of the states in the order entered, until then.
    pub states: Vec<String>,
    /// The same states, each with the edges that were taken in the step that entered it.
    pub ways: Vec<(StateId, Vec<EdgeId>)>,
    /// How the call ended, if it came so far.
    pub outcome: Option<Outcome>,
}

/// The first step that went another way.
#[derive(Debug)]
pub struct Divergence {
    /// Its line in the journal.
    pub line: usize,
    /// When it was, since the call began.
    pub at: Millis,
    /// What is different.
    pub difference: Difference,
}

/// What is different in a step.
#[derive(Debug, PartialEq)]
pub enum Difference {
    /// The call is in another state: (recorded, now).
    State(String, String),
    /// Something else is to be done: (recorded, now), each with names in place of numbers.
    Effects(Vec<Value>, Vec<Value>),
    /// The input names something that this flow does not have.
    Unknown(String),
}

/// Numbers for guards that compare them: a journal keeps only their last digits.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    /// The caller's.
    pub from: Option<PhoneNumber>,
    /// The number called.
    pub to: Option<PhoneNumber>,
}

/// Replays one recorded call until its end, or until it goes another way.
#[must_use]
pub fn replay(recording: &Recording, plan: &Arc<Plan>, numbers: Numbers) -> Replayed {
    let info = CallInfo {
        id: recording.begin.call.as_str().into(),
        from: numbers.from,
        to: numbers.to,
        started_at: recording.begin.started_at,
    };
    let mut machine = Machine::new(Arc::clone(plan), info);
    let now = Names::of_plan(plan);
    let mut same = 0;
    let mut divergence = None;
    let mut ways = Vec::new();
    for step in &recording.steps {
        let (been, taken) = (machine.path().len(), machine.taken().to_vec());
        if let Some(difference) = take(&mut machine, step, &recording.begin.names, &now) {
            divergence = Some(Divergence { line: step.line, at: step.t, difference });
            break;
        }
        same += 1;
        let more = machine.taken().iter().zip(&taken).enumerate().filter(|(_, (now, before))| now > before);
        let edges: Vec<_> = more.map(|(index, _)| EdgeId::from_index(index)).collect();
        ways.extend(machine.path()[been..].iter().map(|state| (*state, edges.clone())));
    }
    let states = machine.path().iter().map(|state| plan.state(*state).name.to_string()).collect();
    Replayed { same, divergence, states, ways, outcome: machine.outcome() }
}

/// Takes one step; what was different, if anything.
fn take(machine: &mut Machine, step: &Step, then: &Names, now: &Names) -> Option<Difference> {
    let state = now.state(machine.state()).to_owned();
    if state != step.state {
        return Some(Difference::State(step.state.clone(), state));
    }
    let named = then.name(step.input.clone());
    let input: Input = match now.number(named.clone()).map(serde_json::from_value) {
        Ok(Ok(input)) => input,
        Ok(Err(_)) => return Some(Difference::Unknown(named.to_string())),
        Err(missing) => return Some(Difference::Unknown(missing)),
    };
    let mut effects = Vec::new();
    machine.handle(step.t, input, &mut effects);
    let done: Vec<Value> =
        effects.iter().map(|effect| now.name(serde_json::to_value(effect).unwrap_or_default())).collect();
    let recorded: Vec<Value> = step.effects.iter().map(|effect| then.name(effect.clone())).collect();
    (done != recorded).then_some(Difference::Effects(recorded, done))
}
