//! What happened in a call, to be told to whoever reads a failed test.

use std::fmt::Write as _;

use crate::machine::{Input, LegEvent, Millis, ToolResult};
use crate::plan::StateId;

use super::World;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Millis,
    /// Who did it.
    pub who: Who,
    /// What.
    pub what: String,
}

/// Who does something in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The caller.
    Caller,
    /// The bot, aloud.
    Bot,
    /// The phone that is being reached.
    Phone,
    /// The flow: a state is entered.
    Flow,
    /// The engine and its vendors.
    Engine,
}

impl Who {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Bot => "bot",
            Self::Phone => "phone",
            Self::Flow => "→",
            Self::Engine => "engine",
        }
    }
}

/// A story as text, one line each.
#[must_use]
pub fn tell(story: &[Line]) -> String {
    story.iter().fold(String::new(), |mut text, line| {
        let (seconds, tenths) = (line.at.0 / 1000, line.at.0 % 1000 / 100);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{minutes:>3}:{seconds:02}.{tenths}  {:<7} {}", line.who.name(), line.what);
        text
    })
}

impl World {
    pub(super) fn note(&mut self, who: Who, what: impl Into<String>) {
        self.story.push(Line { at: self.now, who, what: what.into() });
    }

    pub(super) fn note_state(&mut self, state: StateId) {
        let name = self.plan.state(state).name.to_string();
        self.note(Who::Flow, name);
    }

    pub(super) fn note_input(&mut self, input: &Input) {
        let (who, what) = match input {
            Input::CallerJoined => (Who::Caller, "joins".to_owned()),
            Input::CallerLeft => (Who::Caller, "hangs up".to_owned()),
            Input::CallerUnreachable => (Who::Caller, "cannot be reached".to_owned()),
            Input::Dtmf { digit } => (Who::Caller, format!("presses {digit}")),
            Input::TurnEnded { text } => (Who::Caller, format!("“{}”", text.text())),
            Input::IntentProposed { intent, .. } => {
                (Who::Engine, format!("the model understands `{}`", self.plan.intent(*intent).name))
            }
            Input::ReplyFailed { .. } => (Who::Engine, "a reply fails".to_owned()),
            Input::SayFailed { .. } => (Who::Engine, "a sentence cannot be spoken".to_owned()),
            Input::Leg { event, .. } => (Who::Phone, leg(event).to_owned()),
            Input::ServiceFailed { service } => {
                (Who::Engine, format!("{} is gone", format!("{service:?}").to_lowercase()))
            }
            Input::RoomExpiring => (Who::Engine, "the room will close".to_owned()),
            Input::RoomClosed => (Who::Engine, "the room is closed".to_owned()),
            Input::Shutdown => (Who::Engine, "the program is asked to stop".to_owned()),
            Input::ToolsProposed { .. } => (Who::Engine, "the model asks for its tools".to_owned()),
            Input::ToolDone { result, .. } => match result {
                ToolResult::Ok { .. } => (Who::Engine, "the tool answers".to_owned()),
                ToolResult::Failed { cause } => (Who::Engine, format!("the tool fails: {cause}")),
            },
            Input::Start
            | Input::SpeechStarted
            | Input::ReplyDone { .. }
            | Input::Said { .. }
            | Input::Timeout => return,
        };
        self.note(who, what);
    }
}

fn leg(event: &LegEvent) -> &'static str {
    match event {
        LegEvent::Started => "the command is taken",
        LegEvent::Refused { .. } => "the command is refused",
        LegEvent::Ringing => "rings",
        LegEvent::Answered => "is picked up",
        LegEvent::Asked => "the question was heard",
        LegEvent::Key { .. } => "a key is pressed",
        LegEvent::Bridged => "the two hear each other",
        LegEvent::GateFailed { .. } => "the two cannot be brought together",
        LegEvent::Stopped => "the leg is gone",
        LegEvent::Failed { .. } => "the attempt fails",
        LegEvent::StopFailed => "there is nothing to stop",
    }
}
