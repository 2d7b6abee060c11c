//! The operator's leg: at most one at a time, from the dial command until it is known to be gone.
//!
//! What is told of any other attempt is stale. A stale answer is hung up, since somebody is there; nothing
//! else stale has an effect.

use std::sync::Arc;
use std::time::Duration;

use super::call::Step;
use super::{AttemptId, Effect, Known, LegCause, LegEvent, LegOutcome, Millis, Timer, TransferReport};
use crate::plan::{DialMethod, TargetId};

/// How long the vendor may take to answer a dial command.
const COMMAND_WITHIN: Duration = Duration::from_secs(10);
/// How long a leg may take to stop; then it counts as gone.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A leg that was commanded and is not known to be gone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Leg {
    pub attempt: AttemptId,
    pub target: TargetId,
    /// Whoever picks up is asked whether they take the call.
    pub gated: bool,
    pub stage: Stage,
    rang_at: Option<Millis>,
    pub picked_up_at: Option<Millis>,
    /// Its outcome is in the report.
    concluded: bool,
}

/// How far a leg has come. Only ever grows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    Commanded,
    Started,
    Ringing,
    /// Picked up, and asked whether they take the call.
    Asked,
    /// The operator is there.
    Answered,
    /// We have asked for its end.
    Cancelling,
}

/// What is news of the leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LegNews {
    /// The vendor took the command.
    Started,
    /// It rings.
    Ringing,
    /// Picked up, and the operator is there.
    Answered,
    /// Picked up, and to be asked first.
    PickedUp,
    /// The question was heard.
    Asked,
    /// A key was pressed by who was asked.
    Key(char),
    /// The caller and who was asked hear each other.
    Bridged,
    /// Who picked up cannot be asked, or not be brought together with the caller.
    GateFailed,
    /// Picked up while we were stopping it.
    AnsweredLate,
    /// It came to nothing, and not by us.
    Failed(LegOutcome),
    /// The person who had answered is gone.
    Left,
    /// What we were stopping is gone.
    Cleared,
}

impl Step<'_> {
    /// Starts an attempt. The caller of this has made sure that there is no other leg.
    pub(super) fn dial(&mut self, target: TargetId, method: DialMethod, gated: bool) {
        self.call.attempts += 1;
        let attempt = AttemptId(self.call.attempts);
        self.call.leg = Some(Leg {
            attempt,
            target,
            gated,
            stage: Stage::Commanded,
            rang_at: None,
            picked_up_at: None,
            concluded: false,
        });
        self.call.timers.arm(Timer::DialCommand, self.now.after(COMMAND_WITHIN));
        self.emit(Effect::Dial { attempt, target, method, apart: gated });
    }

    /// Notes what is told of an attempt, and says what of it is news. Stale and repeated tidings are none.
    pub(super) fn observe_leg(&mut self, attempt: AttemptId, event: &LegEvent) -> Option<LegNews> {
        let Some(leg) = self.call.leg.as_mut().filter(|leg| leg.attempt == attempt) else {
            // A leg that moved the caller away is not ours to hang up.
            let moved = self.call.handed_off && self.call.leg.is_none();
            if *event == LegEvent::Answered && attempt.0 <= self.call.attempts && !moved {
                self.emit(Effect::StopDial { attempt });
            }
            return None;
        };
        let before = leg.stage;
        let (reached, news) = match event {
            LegEvent::Started => (Stage::Started, LegNews::Started),
            LegEvent::Ringing => (Stage::Ringing, LegNews::Ringing),
            // Told again of somebody who had picked up before we gave the leg up.
            LegEvent::Answered if leg.picked_up_at.is_some() => return None,
            LegEvent::Answered if before == Stage::Cancelling => return Some(LegNews::AnsweredLate),
            LegEvent::Answered if leg.gated => (Stage::Asked, LegNews::PickedUp),
            LegEvent::Answered => (Stage::Answered, LegNews::Answered),
            LegEvent::Asked => return (before == Stage::Asked).then_some(LegNews::Asked),
            LegEvent::Key { digit } => return (before == Stage::Asked).then_some(LegNews::Key(*digit)),
            LegEvent::Bridged => return (before == Stage::Asked).then_some(LegNews::Bridged),
            LegEvent::GateFailed { cause } => {
                let matters = leg.gated && before <= Stage::Asked;
                if matters {
                    self.conclude(LegOutcome::Failed, Known::Reported, Some(cause));
                }
                return matters.then_some(LegNews::GateFailed);
            }
            LegEvent::Stopped if before == Stage::Asked => {
                return Some(self.leg_gone(LegOutcome::Rejected, None));
            }
            LegEvent::Stopped => return Some(self.leg_gone(LegOutcome::Failed, None)),
            LegEvent::Refused { cause } | LegEvent::Failed { cause } => {
                return Some(self.leg_gone(failure(cause.outcome), Some(cause)));
            }
            LegEvent::StopFailed if before == Stage::Cancelling => {
                return Some(self.leg_gone(LegOutcome::Cancelled, None));
            }
            LegEvent::StopFailed => return None,
        };
        if reached <= before {
            return None;
        }
        leg.stage = reached;
        if reached == Stage::Ringing {
            leg.rang_at = Some(self.now);
        }
        if reached >= Stage::Asked {
            leg.picked_up_at = Some(self.now);
        }
        if reached == Stage::Answered {
            self.conclude(LegOutcome::Answered, Known::Reported, None);
        }
        Some(news)
    }

    fn leg_gone(&mut self, outcome: LegOutcome, cause: Option<&LegCause>) -> LegNews {
        let known = if outcome == LegOutcome::Failed { Known::Reported } else { Known::Inferred };
        self.conclude(outcome, known, cause);
        match self.drop_leg() {
            Some(Stage::Cancelling) => LegNews::Cleared,
            Some(Stage::Answered) => LegNews::Left,
            _ => LegNews::Failed(outcome),
        }
    }

    /// A late answer is welcome after all: the leg that was to be stopped is the operator's, or is asked
    /// whether it will be.
    pub(super) fn accept_late_answer(&mut self) {
        let now = self.now;
        let Some(leg) = self.call.leg.as_mut() else { return };
        leg.concluded = false;
        leg.picked_up_at = Some(now);
        self.call.timers.clear(Timer::StopCommand);
        if leg.gated {
            leg.stage = Stage::Asked;
        } else {
            self.take_leg();
        }
    }

    /// The leg is the operator's.
    pub(super) fn take_leg(&mut self) {
        if let Some(leg) = self.call.leg.as_mut() {
            leg.stage = Stage::Answered;
        }
        self.conclude(LegOutcome::Answered, Known::Reported, None);
    }

    /// Asks again for the end of a leg that was answered while it was being stopped.
    pub(super) fn refuse_late_answer(&mut self) {
        if let Some(attempt) = self.call.leg.as_ref().map(|leg| leg.attempt) {
            self.emit(Effect::StopDial { attempt });
        }
    }

    /// Asks for the end of the leg, if there is one that was not asked already.
    pub(super) fn stop_leg(&mut self) {
        let Some(leg) = self.call.leg.as_mut().filter(|leg| leg.stage != Stage::Cancelling) else { return };
        leg.stage = Stage::Cancelling;
        let attempt = leg.attempt;
        self.call.timers.arm(Timer::StopCommand, self.now.after(STOP_WITHIN));
        self.emit(Effect::StopDial { attempt });
        self.conclude(LegOutcome::Cancelled, Known::Inferred, None);
    }

    /// The leg is gone, or no longer ours. How far it had come.
    pub(super) fn drop_leg(&mut self) -> Option<Stage> {
        self.call.timers.clear(Timer::StopCommand);
        self.call.leg.take().map(|leg| leg.stage)
    }

    /// Puts the outcome of the current attempt into the report; the first one stands.
    pub(super) fn conclude(&mut self, outcome: LegOutcome, known: Known, cause: Option<&LegCause>) {
        let Some(leg) = self.call.leg.as_mut().filter(|leg| !leg.concluded) else { return };
        leg.concluded = true;
        self.call.transfer = Some(Arc::new(TransferReport {
            target: self.plan.target(leg.target).name.clone(),
            outcome,
            known,
            raw: cause.map(|cause| cause.raw.clone()),
            fix: cause.and_then(|cause| cause.fix.clone()),
            attempts: self.call.attempts,
            ring_ms: leg.rang_at.map(|rang| leg.picked_up_at.unwrap_or(self.now).0.saturating_sub(rang.0)),
            gate_ms: leg
                .picked_up_at
                .filter(|_| leg.gated)
                .map(|picked_up| self.now.0.saturating_sub(picked_up.0)),
        }));
    }

    pub(super) fn leg_attempt(&self) -> Option<AttemptId> {
        self.call.leg.as_ref().map(|leg| leg.attempt)
    }

    pub(super) fn leg_stage(&self) -> Option<Stage> {
        self.call.leg.as_ref().map(|leg| leg.stage)
    }
}

/// Only a failure is a failure, whatever the vendor's cause was taken for.
fn failure(outcome: LegOutcome) -> LegOutcome {
    match outcome {
        LegOutcome::NoAnswer
        | LegOutcome::Busy
        | LegOutcome::Rejected
        | LegOutcome::Unreachable
        | LegOutcome::Voicemail
        | LegOutcome::Failed => outcome,
        LegOutcome::Answered | LegOutcome::Cancelled | LegOutcome::Transferred => LegOutcome::Failed,
    }
}
