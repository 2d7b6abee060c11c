//! An exploration from the middle of a call, with requirements of its own: what `explore:` of a test asks for.
//!
//! A [`Situation`] is a call so far; a [`Question`] says what does not happen from there on, and which steps
//! break a requirement. What is written in a test file and how it is judged is not known here.

use crate::machine::{CallInfo, Effect, Input, LegEvent, Millis, Timer, ToolResult};
use crate::plan::StateId;

use super::ledger::Ledger;
use super::trace::Trace;
use super::world::Happening;

/// A call so far: everything that it was told, and when.
#[derive(Clone, Debug)]
pub struct Situation {
    /// What is known of the call.
    pub info: CallInfo,
    /// What it was told, in order, [`Input::Start`] first.
    pub inputs: Vec<(Millis, Input)>,
    /// The present moment.
    pub now: Millis,
}

/// Which requirements a step breaks.
pub type Breaks<'q> = dyn Fn(&[Effect], Option<StateId>) -> Vec<usize> + 'q;

/// What is asked of everything that can follow.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// What does not happen.
    pub without: &'q [Absent],
    /// Which requirements one step breaks, by number: told its effects, and the state after it.
    pub breaks: &'q Breaks<'q>,
}

/// A requirement that does not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which, by the number that [`Question::breaks`] gave it.
    pub requirement: usize,
    /// One of the shortest ways there, from the situation on.
    pub trace: Trace,
}

macro_rules! absent {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that can happen and that a question leaves out.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Absent { $($(#[$doc])* $variant,)* }

        impl Absent {
            /// All of them by the name that tests use.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant),)*];
        }
    };
}

absent! {
    /// The caller hangs up.
    CallerLeaves = "caller.left",
    /// The caller says something.
    CallerSpeaks = "caller.says",
    /// The caller presses keys.
    CallerPresses = "caller.dtmf",
    /// Somebody picks up.
    Answered = "operator.answered",
    /// An attempt fails before somebody picks up, for whatever cause, or who picked up cannot be put through.
    LegFails = "operator.failed",
    /// Who picked up hangs up.
    OperatorLeaves = "operator.left",
    /// A dial command is refused.
    DialRefused = "operator.refused",
    /// A sentence cannot be spoken.
    SentenceFails = "say.failed",
    /// A reply of the model fails.
    ReplyFails = "reply.failed",
    /// A tool fails, or does not answer in time.
    ToolFails = "tool.failed",
    /// A vendor fails for good.
    ServiceFails = "service.failed",
    /// The room is about to close.
    RoomExpires = "room.expiring",
    /// The room is closed.
    RoomCloses = "room.closed",
    /// The program is asked to stop.
    Shutdown = "shutdown",
    /// The call lasts as long as it may.
    TimeIsUp = "call.max_duration",
    /// Nothing is heard of a command or a sentence again, and its deadline comes.
    Lost = "lost",
}

impl Absent {
    /// What people and lines do not do but machines: the name of the group, and what is in it.
    pub const FAILURES: (&'static str, &'static [Self]) = (
        "failures",
        &[
            Self::DialRefused,
            Self::SentenceFails,
            Self::ReplyFails,
            Self::ToolFails,
            Self::ServiceFails,
            Self::RoomExpires,
            Self::RoomCloses,
            Self::Shutdown,
            Self::Lost,
        ],
    );

    /// Whether something is of this kind, in this moment of a call. No wildcard over what can happen.
    pub(super) fn is(self, happening: &Happening, ledger: &Ledger) -> bool {
        let input = match happening {
            Happening::Input(input) => input,
            Happening::Timer(timer) => return self.is_deadline(*timer),
        };
        let kind = match input {
            Input::CallerLeft | Input::CallerUnreachable => Self::CallerLeaves,
            Input::SpeechStarted | Input::TurnEnded { .. } => Self::CallerSpeaks,
            Input::Dtmf { .. } => Self::CallerPresses,
            Input::SayFailed { .. } => Self::SentenceFails,
            Input::ReplyFailed { .. } => Self::ReplyFails,
            Input::ToolDone { result: ToolResult::Failed { .. }, .. } => Self::ToolFails,
            Input::ServiceFailed { .. } => Self::ServiceFails,
            Input::RoomExpiring => Self::RoomExpires,
            Input::RoomClosed => Self::RoomCloses,
            Input::Shutdown => Self::Shutdown,
            Input::Leg { attempt, event } => {
                let leg = ledger.leg(*attempt);
                match event {
                    LegEvent::Refused { .. } => Self::DialRefused,
                    LegEvent::Answered => Self::Answered,
                    LegEvent::Failed { .. } | LegEvent::GateFailed { .. } => Self::LegFails,
                    LegEvent::StopFailed => Self::Lost,
                    // What we asked for ourselves comes in any case.
                    LegEvent::Stopped if leg.is_none_or(|leg| leg.stopping) => return false,
                    LegEvent::Stopped if leg.is_some_and(|leg| leg.answered) => Self::OperatorLeaves,
                    LegEvent::Stopped => Self::LegFails,
                    LegEvent::Started
                    | LegEvent::Ringing
                    | LegEvent::Asked
                    | LegEvent::Key { .. }
                    | LegEvent::Bridged => return false,
                }
            }
            Input::Start
            | Input::CallerJoined
            | Input::IntentProposed { .. }
            | Input::ToolsProposed { .. }
            | Input::ToolDone { result: ToolResult::Ok { .. }, .. }
            | Input::ReplyDone { .. }
            | Input::Said { .. }
            | Input::Timeout => return false,
        };
        kind == self
    }

    fn is_deadline(self, timer: Timer) -> bool {
        let kind = match timer {
            Timer::MaxDuration => Self::TimeIsUp,
            Timer::Tool => Self::ToolFails,
            Timer::Speech | Timer::Reply | Timer::DialCommand | Timer::StopCommand | Timer::Announce => {
                Self::Lost
            }
            Timer::Join
            | Timer::State
            | Timer::Silence
            | Timer::Answer
            | Timer::Keys
            | Timer::Ring
            | Timer::Gate
            | Timer::Retry
            | Timer::HoldSay
            | Timer::Fill
            | Timer::Handoff => return false,
        };
        kind == self
    }
}
