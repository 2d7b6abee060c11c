//! The accept gate of a `dial`: who picks up is asked to press a key before the caller is put through.
//!
//! A machine that picks up presses nothing. Until the key, nothing of this leg is the operator's: leaving the
//! `dial` stops it like one that rings.

use std::time::Duration;

use super::call::Step;
use super::leg::LegNews;
use super::speech::time_to_say;
use super::{Effect, Known, LegOutcome, Timer};
use crate::plan::Accept;

/// Time for everything before the question: an extension is dialled, the two are kept apart.
const ASK_SLACK: Duration = Duration::from_secs(30);
/// How long it may take to bring the two together.
const BRIDGE_WITHIN: Duration = Duration::from_secs(10);

/// How far the asking has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Gate {
    /// How often the question was put.
    asked: u32,
    awaits: Awaited,
}

/// What is waited for. Each has the same timer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Awaited {
    /// The end of the question.
    Question,
    /// A key.
    Answer,
    /// That the two hear each other.
    Bridge,
}

/// What came of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// The operator is there.
    Passed,
    /// This leg is of no use.
    Shut(LegOutcome, Known),
}

impl Gate {
    /// Somebody picked up.
    pub(super) fn open(accept: &Accept, step: &mut Step<'_>) -> (Self, Verdict) {
        let mut gate = Self { asked: 0, awaits: Awaited::Question };
        let verdict = gate.ask(accept, step);
        (gate, verdict)
    }

    /// Something of the leg.
    pub(super) fn observe(&mut self, news: LegNews, accept: &Accept, step: &mut Step<'_>) -> Verdict {
        match (self.awaits, news) {
            (Awaited::Question, LegNews::Asked) => self.await_answer(accept, step),
            (Awaited::Question | Awaited::Answer, LegNews::Key(key)) if key == accept.key => {
                self.bridge(step)
            }
            (Awaited::Question | Awaited::Answer, LegNews::Key(key)) if key == accept.decline => {
                Verdict::Shut(LegOutcome::Rejected, Known::Reported)
            }
            (Awaited::Bridge, LegNews::Bridged) => Verdict::Passed,
            (_, LegNews::GateFailed) => Verdict::Shut(LegOutcome::Failed, Known::Reported),
            _ => Verdict::Open,
        }
    }

    /// What was waited for has not come.
    pub(super) fn overdue(&mut self, accept: &Accept, step: &mut Step<'_>) -> Verdict {
        match self.awaits {
            Awaited::Question => self.await_answer(accept, step),
            Awaited::Answer if self.asked < accept.tries => self.ask(accept, step),
            Awaited::Answer => Verdict::Shut(LegOutcome::Voicemail, Known::Inferred),
            Awaited::Bridge => Verdict::Shut(LegOutcome::Failed, Known::Inferred),
        }
    }

    fn ask(&mut self, accept: &Accept, step: &mut Step<'_>) -> Verdict {
        let (Some(attempt), Ok(text)) = (step.leg_attempt(), step.sentence(&accept.question)) else {
            return Verdict::Shut(LegOutcome::Failed, Known::Inferred);
        };
        self.asked += 1;
        self.wait_for(Awaited::Question, time_to_say(&text).saturating_add(ASK_SLACK), step);
        step.emit(Effect::Ask { attempt, text });
        Verdict::Open
    }

    fn await_answer(&mut self, accept: &Accept, step: &mut Step<'_>) -> Verdict {
        self.wait_for(Awaited::Answer, accept.answer_within, step);
        Verdict::Open
    }

    fn bridge(&mut self, step: &mut Step<'_>) -> Verdict {
        self.wait_for(Awaited::Bridge, BRIDGE_WITHIN, step);
        if let Some(attempt) = step.leg_attempt() {
            step.emit(Effect::Bridge { attempt });
        }
        Verdict::Open
    }

    fn wait_for(&mut self, awaited: Awaited, within: Duration, step: &mut Step<'_>) {
        self.awaits = awaited;
        step.call.timers.arm(Timer::Gate, step.now.after(within));
    }
}
