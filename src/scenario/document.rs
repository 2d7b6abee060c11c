//! A test file as written: every test, step and expectation with its place.

use std::time::Duration;

use crate::explore::Absent;
use crate::machine::{Effect, LegOutcome, Outcome, Service, ToolFailure};
use crate::pii::{Payload, PhoneNumber};
use crate::source::{SourceFile, Span, Spanned};

/// One test file.
#[derive(Debug)]
pub struct Suite {
    /// The file.
    pub source: SourceFile,
    /// `flow:`; the file beside it of the same name if absent.
    pub flow: Option<Spanned<String>>,
    /// `tests:`.
    pub tests: Vec<Test>,
}

/// One test: a call, told step by step, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Test {
    /// `name:`.
    pub name: Spanned<String>,
    /// `given:`.
    pub given: Given,
    /// `start_in:`.
    pub start_in: Option<Spanned<String>>,
    /// `script:`.
    pub script: Vec<Step>,
    /// `explore:`.
    pub explore: Option<Explore>,
    /// `expect:`, and `never:` of the test itself.
    pub expect: Vec<Expected>,
    /// `judge:`, what a model says of the call.
    pub judge: Vec<Spanned<String>>,
    /// `faults:`, ids of the catalogue.
    pub faults: Vec<Spanned<String>>,
    /// `tags:`.
    pub tags: Vec<Spanned<String>>,
}

impl Test {
    /// Whether a real model is to be asked.
    #[must_use]
    pub fn needs_model(&self) -> bool {
        let plays = |step: &Step| matches!(step.action, Action::Plays(_));
        self.has_tag("llm") || !self.judge.is_empty() || self.script.iter().any(plays)
    }

    /// Whether it has a tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known.value == tag)
    }
}

/// What is required of everything that can follow the script.
#[derive(Debug, Clone)]
pub struct Explore {
    /// Where it stands.
    pub span: Span,
    /// `never:`: in no call that can follow.
    pub never: Option<Expected>,
    /// `ends_in:`: in one of these states every call ends.
    pub ends_in: Vec<Spanned<String>>,
    /// `ends_as:`: with one of these outcomes.
    pub ends_as: Vec<Spanned<Outcome>>,
    /// `reaches:`: some call comes to each of these states.
    pub reaches: Vec<Spanned<String>>,
    /// `silence:`: the longest that a caller may hear nothing.
    pub silence: Option<Spanned<Duration>>,
    /// `ends_within:`: the longest until the end if nobody does anything any more.
    pub ends_within: Option<Spanned<Duration>>,
    /// `without:`: what does not happen.
    pub without: Vec<Absent>,
    /// `max_states:`: configurations after which it gives up.
    pub max_states: usize,
}

/// What is so before the call begins.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Values of variables, by name.
    pub vars: Vec<Assigned>,
    /// Values of the environment, by name. What is not given has a fictional value of its type.
    pub env: Vec<Assigned>,
    /// When it is, in seconds since 1970.
    pub at: Option<i64>,
    /// The caller's number; `Some(None)` if it is withheld.
    pub from: Option<Option<PhoneNumber>>,
    /// The number called.
    pub to: Option<PhoneNumber>,
}

/// A name and its value.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// The name.
    pub name: Spanned<String>,
    /// The value, as a text.
    pub value: Spanned<String>,
}

/// One thing that happens in a test, or is looked at.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// The caller says this when it is their turn.
    Says(String),
    /// The caller says this now, whatever the bot is doing.
    Interrupts(String),
    /// `caller.joined`.
    Joins,
    /// `caller.left`.
    Leaves,
    /// `caller.dtmf: "0"`: these keys, one after the other.
    Presses(String),
    /// `said`: everything that is being spoken is heard to its end.
    Said,
    /// `quiet`: everything that has begun is over, sentences and replies and what phones do by themselves.
    Quiet,
    /// The model understands this, whatever the words.
    Intent {
        /// The intent.
        name: Spanned<String>,
        /// What the model fills in.
        slots: Vec<Assigned>,
    },
    /// The model asks for this tool, whatever the words.
    ToolAsked {
        /// The tool.
        name: Spanned<String>,
        /// What it is to be called with.
        args: Payload,
    },
    /// `tool.answers`, `tool.failed`: what comes of the request that is under way, or of the next one.
    ToolAnswers(Answer),
    /// `caller.plays`: a model plays the caller for some turns.
    Plays(Part),
    /// Something of the telephone that is being reached.
    Phone(Phone),
    /// `after: 4s`: time passes.
    Wait(Duration),
    /// `service.failed: tts`.
    ServiceFails(Service),
    /// `reply.failed: llm`: the reply that is asked for next fails.
    ReplyFails(Service),
    /// `say.failed`: what is being said cannot be spoken.
    SayFails,
    /// `room.expiring`.
    RoomExpires,
    /// `room.closed`.
    RoomCloses,
    /// `shutdown`.
    Shutdown,
    /// `call.max_duration`: the caller talks on until the call's time is up.
    TimeIsUp,
    /// `expect:` on the way.
    Expect(Vec<Expected>),
    /// `race:`: these at once, in every order.
    Race(Vec<Step>),
}

/// A part that a model plays.
#[derive(Debug, Clone)]
pub struct Part {
    /// Who they are, and what they want.
    pub role: Spanned<String>,
    /// How often they speak, at most.
    pub turns: u32,
    /// The state in which it is no longer theirs.
    pub until: Option<Spanned<String>>,
}

/// What comes of a tool's request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The server answers this.
    Ok(Payload),
    /// It fails.
    Fails(ToolFailure),
}

/// What the telephone does that is being reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phone {
    /// It rings.
    Ringing,
    /// Somebody picks up.
    Answered,
    /// Somebody picks up and presses the key that takes the call.
    Accepted,
    /// Somebody picks up and presses the key that declines it.
    Declined,
    /// Who picked up presses this key.
    Key(char),
    /// It rings until nobody waits for it any longer.
    NoAnswer,
    /// The vendor refuses to dial.
    Refused,
    /// It fails, with what the vendor says of it.
    Fails(LegOutcome),
    /// The vendor takes the caller's leg (`sip_transfer`, `sip_refer`).
    Transferred,
    /// Who had answered hangs up.
    Left,
}

/// One thing that is expected.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub what: Expectation,
}

/// What can be expected.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// The call is in this state.
    State(String),
    /// The call has ended, and this was its last state.
    Final(String),
    /// The call has ended like this.
    Outcome(Outcome),
    /// These states were entered in this order, others perhaps in between.
    States(Vec<String>),
    /// The bot has said something that contains this text.
    Said(String),
    /// A command was given so many times.
    Count(Command, u32),
    /// These targets were dialled, or stopped, in this order and no others.
    Targets(Command, Vec<String>),
    /// How the last attempt to reach somebody ended.
    Transfer(LegOutcome),
    /// None of these has happened.
    Never(Vec<Expected>),
    /// All expectations of one of these lists hold.
    OneOf(Vec<Vec<Expected>>),
}

impl Expectation {
    /// Whether it can be judged only when the call is over.
    #[must_use]
    pub fn is_of_the_end(&self) -> bool {
        match self {
            Self::Final(_) | Self::Outcome(_) => true,
            Self::OneOf(lists) => lists.iter().flatten().any(|expected| expected.what.is_of_the_end()),
            Self::State(_)
            | Self::States(_)
            | Self::Said(_)
            | Self::Count(..)
            | Self::Targets(..)
            | Self::Transfer(_)
            | Self::Never(_) => false,
        }
    }
}

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What the engine can be seen to command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Command { $($(#[$doc])* $variant,)* }

        impl Command {
            /// All of them by the name that tests use.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant),)*];

            /// As written.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

commands! {
    /// A sentence is spoken.
    Say = "say",
    /// The model is asked.
    Reply = "reply",
    /// Everything that is spoken is cut.
    StopSpeaking = "stop_speaking",
    /// Somebody is dialled.
    Dial = "dial",
    /// A leg is stopped.
    StopDial = "stop_dial",
    /// Hold audio begins.
    Hold = "hold",
    /// Who picked up is asked whether they take the call.
    Ask = "ask",
    /// A tool is asked.
    CallTool = "call_tool",
    /// The two are brought together.
    Bridge = "bridge",
    /// The caller is handed over.
    Handoff = "handoff",
    /// The call is torn down.
    End = "end",
}

impl Command {
    /// The command that an effect is, if tests have a name for it. No wildcard.
    #[must_use]
    pub fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Say { .. } => Self::Say,
            Effect::Reply { .. } => Self::Reply,
            Effect::StopSpeaking => Self::StopSpeaking,
            Effect::Dial { .. } => Self::Dial,
            Effect::StopDial { .. } => Self::StopDial,
            Effect::Hold { on: true, .. } => Self::Hold,
            Effect::Ask { .. } => Self::Ask,
            Effect::CallTool { .. } => Self::CallTool,
            Effect::Bridge { .. } => Self::Bridge,
            Effect::Handoff { .. } => Self::Handoff,
            Effect::End { .. } => Self::End,
            Effect::Enter { .. }
            | Effect::Prepare { .. }
            | Effect::Hold { on: false, .. }
            | Effect::CancelReply { .. }
            | Effect::CancelTool { .. }
            | Effect::ToolResult { .. }
            | Effect::Listen { .. }
            | Effect::Sensitivity { .. } => return None,
        })
    }
}
