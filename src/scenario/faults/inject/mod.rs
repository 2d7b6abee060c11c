//! How a fault disturbs the world: each function is called at one moment, and says whether what would have
//! happened by itself is replaced.

mod end;
mod phone;
mod words;

pub(in crate::scenario) use end::{on_end, on_handoff};
pub(in crate::scenario) use phone::{on_ask, on_bridge, on_dial, on_ringing, on_stop};
pub(in crate::scenario) use words::{on_reply, on_say};

use std::sync::Arc;

use super::super::world::World;
use super::Fault;
use crate::machine::{Input, LegEvent, ToolCallId, ToolFailure, ToolResult};
use crate::pii::Utterance;
use crate::plan::{Kind, Plan};

/// Opening hours are looked at every half hour, for two weeks.
const HALF_HOUR: i64 = 30 * 60;
const HALF_HOURS: i64 = 14 * 48;

impl World {
    fn suffers(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn has_one(&self, faults: &[Fault]) -> bool {
        faults.iter().any(|fault| self.suffers(*fault))
    }

    fn is_dialing(&self) -> bool {
        matches!(self.plan().state(self.machine().state()).kind, Kind::Dial(_))
    }

    fn caller_talks(&mut self, after: u64) {
        self.caller_says(after, "hello, are you there?");
    }

    fn caller_says(&mut self, after: u64, text: &str) {
        self.later(after, Input::SpeechStarted);
        self.later(after + 400, Input::TurnEnded { text: Utterance::new(text) });
    }

    /// The caller no longer wants what is being done for them, if the flow listens to that.
    fn caller_takes_it_back(&mut self, after: u64) {
        let plan = Arc::clone(self.plan());
        let Kind::Dial(dial) = &plan.state(self.machine().state()).kind else { return };
        if let Some(intent) = dial.listen.first().map(|intent| plan.intent(*intent)) {
            self.caller_says(after, intent.examples.first().unwrap_or(&intent.when));
        }
    }
}

/// Whether more is told of a leg that is known to be gone.
pub(in crate::scenario) fn tells_twice(world: &World) -> bool {
    world.has_one(&[Fault::StoppedTwice, Fault::RefusedAndFailed])
}

/// Whether something does not happen, whatever a script says: the caller says nothing, does not come, or nobody
/// picks up.
pub(in crate::scenario) fn is_prevented(world: &World, input: &Input) -> bool {
    let is_of_caller = matches!(input, Input::SpeechStarted | Input::TurnEnded { .. } | Input::Dtmf { .. });
    let is_answer = matches!(input, Input::Leg { event: LegEvent::Answered, .. });
    let joins = matches!(input, Input::CallerJoined);
    (is_of_caller && world.suffers(Fault::SaysNothing))
        || (is_answer && world.suffers(Fault::NobodyAnswers))
        || (joins && world.suffers(Fault::CallerUnreachable))
}

/// When the call comes, if it would come at this moment (seconds since 1970): the next at which everything is
/// closed that the flow can ask for, for an hour and more. A flow that asks for nothing, or that is never closed,
/// is called as it would be.
pub(in crate::scenario) fn begins_at(plan: &Plan, faults: &[Fault], at: i64) -> i64 {
    if plan.hours.is_empty() || !faults.contains(&Fault::OutOfHours) {
        return at;
    }
    let is_closed = |at: i64| plan.hours.iter().all(|hours| !hours.is_open(at));
    let moments = (0..HALF_HOURS).map(|half_hours| at.saturating_add(half_hours * HALF_HOUR));
    let mut moments =
        moments.filter(|at| (0..3).all(|later: i64| is_closed(at.saturating_add(later * HALF_HOUR))));
    moments.next().unwrap_or(at)
}

/// Before the bot is there.
pub(in crate::scenario) fn before(world: &mut World) {
    if world.suffers(Fault::JoinsBefore) {
        world.deliver(Input::CallerJoined);
    }
    if world.suffers(Fault::GoneBefore) {
        world.deliver(Input::CallerLeft);
    }
}

/// The bot is there.
pub(in crate::scenario) fn after_start(world: &mut World) {
    if world.suffers(Fault::CallerUnreachable) {
        world.deliver(Input::CallerUnreachable);
    }
}

/// A tool is asked.
pub(in crate::scenario) fn on_tool(world: &mut World, call: ToolCallId) -> bool {
    if world.suffers(Fault::ToolHangs) {
        return true;
    }
    let faults = [
        (Fault::ToolFails, ToolFailure::Failed { status: 503 }),
        (Fault::ToolTalksGarbage, ToolFailure::NotJson),
    ];
    let cause = faults.iter().find(|(fault, _)| world.suffers(*fault)).map(|(_, cause)| *cause);
    if let Some(cause) = cause {
        world.later(300, Input::ToolDone { call, result: ToolResult::Failed { cause } });
    }
    cause.is_some()
}
