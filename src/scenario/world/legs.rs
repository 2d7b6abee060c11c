//! The phone that is being reached, as the vendor would tell of it.

use crate::machine::{AttemptId, Effect, Input, LegCause, LegEvent, LegOutcome, Millis, ToolResult};
use crate::plan::{DialMethod, StateId, TargetId};

use super::World;

/// The vendor takes a command, and it rings, so long after it.
const TAKEN_AFTER: u64 = 300;
const RINGS_AFTER: u64 = 1_200;
/// A stopped leg is gone so long after the command.
const GONE_AFTER: u64 = 150;
/// The two hear each other so long after the command.
const BRIDGED_AFTER: u64 = 300;

/// One attempt.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Its id.
    pub attempt: AttemptId,
    /// Whom it is to reach.
    pub target: TargetId,
    /// How.
    pub method: DialMethod,
    /// Whether whoever picks up is asked first.
    pub apart: bool,
    /// Whether the two were told to hear each other since.
    pub bridged: bool,
    /// How far it has come.
    pub stage: LegStage,
    /// Whether we have asked for its end.
    pub stopping: bool,
    /// The state that dialled it.
    pub(super) state: StateId,
    /// Since when it rings.
    pub rings_since: Option<Millis>,
}

/// How far an attempt has come, by what was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegStage {
    /// Commanded.
    Commanded,
    /// It rings.
    Ringing,
    /// Picked up.
    Answered,
    /// The question of the accept gate was heard.
    Asked,
    /// It is over.
    Gone,
}

impl World {
    /// The leg of the last attempt, if it is still there.
    #[must_use]
    pub fn live_leg(&self) -> Option<&Leg> {
        self.legs.last().filter(|leg| leg.stage != LegStage::Gone)
    }

    /// All attempts.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// What follows a dial command by itself.
    pub(super) fn dial(&mut self, attempt: AttemptId, target: TargetId, method: DialMethod, apart: bool) {
        let state = self.machine.state();
        let stage = LegStage::Commanded;
        let leg = Leg {
            attempt,
            target,
            method,
            apart,
            bridged: false,
            stage,
            stopping: false,
            state,
            rings_since: None,
        };
        self.legs.push(leg);
        if !super::super::faults::on_dial(self, attempt) {
            self.taken(attempt);
        }
    }

    /// The command is taken, and it rings.
    pub(crate) fn taken(&mut self, attempt: AttemptId) {
        self.leg_later(attempt, TAKEN_AFTER, LegEvent::Started);
        let moves = self.legs.last().is_some_and(|leg| leg.method != DialMethod::DialOut);
        if !moves {
            self.leg_later(attempt, RINGS_AFTER, LegEvent::Ringing);
        }
    }

    pub(super) fn stop(&mut self, attempt: AttemptId) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.attempt == attempt) else { return };
        let first = !std::mem::replace(&mut leg.stopping, true);
        if leg.stage == LegStage::Gone {
            return;
        }
        if first || leg.stage >= LegStage::Answered {
            self.forget_leg(attempt);
            if !super::super::faults::on_stop(self, attempt) {
                self.leg_later(attempt, GONE_AFTER, LegEvent::Stopped);
            }
        }
    }

    pub(super) fn bridge(&mut self, attempt: AttemptId) {
        if !super::super::faults::on_bridge(self, attempt) {
            self.leg_later(attempt, BRIDGED_AFTER, LegEvent::Bridged);
        }
    }

    /// Something of a leg, later.
    pub(crate) fn leg_later(&mut self, attempt: AttemptId, ms: u64, event: LegEvent) {
        self.later(ms, Input::Leg { attempt, event });
    }

    /// What was to happen with a leg by itself does not.
    pub(crate) fn forget_leg(&mut self, attempt: AttemptId) {
        self.pending
            .retain(|pending| !matches!(pending.input, Input::Leg { attempt: of, .. } if of == attempt));
    }

    /// The attempt at which somebody picks up now.
    pub(super) fn answered(&self, input: &Input) -> Option<AttemptId> {
        let Input::Leg { attempt, event: LegEvent::Answered } = input else { return None };
        let leg = self.legs.iter().find(|leg| leg.attempt == *attempt)?;
        (leg.stage < LegStage::Answered && leg.method == DialMethod::DialOut).then_some(*attempt)
    }

    /// Where in what is commanded somebody is taken who picked up while being given up (`late_answer: accept`): after
    /// the last command to stop their leg, which may be of this very moment.
    pub(super) fn taken_late_at(&self, attempt: AttemptId, effects: &[Effect]) -> Option<usize> {
        let stops = |effect: &Effect| matches!(effect, Effect::StopDial { attempt: of } if *of == attempt);
        let at = effects.iter().rposition(stops).map_or(0, |last| last + 1);
        let is_late = at > 0 || self.legs.iter().any(|leg| leg.attempt == attempt && leg.stopping);
        let takes = |effect: &Effect| matches!(effect, Effect::Enter { .. } | Effect::Ask { .. });
        (is_late && effects[at..].iter().any(takes)).then_some(at)
    }

    /// The command to stop a leg has come too late for whoever picked up.
    pub(super) fn take_after_all(&mut self, attempt: AttemptId) {
        self.forget_leg(attempt);
        for leg in self.legs.iter_mut().filter(|leg| leg.attempt == attempt) {
            leg.stopping = false;
        }
    }

    /// Keeps account of what was told of sentences, legs and tools.
    pub(crate) fn observe(&mut self, input: &Input) {
        if matches!(input, Input::CallerLeft) {
            self.gone = true;
        }
        if let Input::SayFailed { utterance } = input {
            // What cannot be spoken does not sound, and ends no second time.
            self.pending.retain(
                |pending| !matches!(pending.input, Input::Said { utterance: of, .. } if of == *utterance),
            );
        }
        if let Input::ToolDone { call, result } = input {
            self.forget_answer(*call);
            if let Some(index) = self.requests.iter().position(|request| request.call == *call) {
                let request = self.requests.remove(index);
                self.tally.tools.push((request.state, matches!(result, ToolResult::Ok { .. })));
            }
        }
        let Input::Leg { attempt, event } = input else { return };
        let now = self.now;
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.attempt == *attempt) else { return };
        let reached = match event {
            LegEvent::Ringing => {
                leg.rings_since.get_or_insert(now);
                LegStage::Ringing
            }
            LegEvent::Answered => LegStage::Answered,
            LegEvent::Asked => LegStage::Asked,
            LegEvent::Refused { .. } | LegEvent::Failed { .. } | LegEvent::Stopped | LegEvent::StopFailed => {
                LegStage::Gone
            }
            LegEvent::Started | LegEvent::Key { .. } | LegEvent::Bridged | LegEvent::GateFailed { .. } => {
                leg.stage
            }
        };
        leg.stage = leg.stage.max(reached);
        leg.bridged |= *event == LegEvent::Bridged;
        if leg.stage == LegStage::Gone {
            if !super::super::faults::tells_twice(self) {
                self.forget_leg(*attempt);
            }
        } else if *event == LegEvent::Ringing {
            super::super::faults::on_ringing(self, *attempt);
        }
    }

    /// Notes how attempts end, for coverage.
    pub(super) fn note_transfer(&mut self) {
        let Some(report) = self.machine.transfer() else { return };
        let noted = self.tally.transfers.len();
        let attempts = usize::try_from(report.attempts).unwrap_or(usize::MAX);
        let state = self.legs.get(attempts.saturating_sub(1)).map(|leg| leg.state);
        let Some(state) = state else { return };
        let outcome = report.outcome;
        if attempts > noted {
            self.tally.transfers.push((state, outcome));
        } else if let Some(last) = self.tally.transfers.last_mut() {
            *last = (state, outcome);
        }
    }
}

/// A cause with the vendor's words.
pub(crate) fn cause(outcome: LegOutcome) -> LegCause {
    LegCause { outcome, raw: "as the script says".to_owned(), fix: None }
}
