//! What each kind of state does, every default filled in.

use std::sync::Arc;
use std::time::Duration;

use super::{Arg, CallApi, EdgeId, Event, Expr, IntentId, StateId, TargetId, Text, ToolId, VarId};

/// The one thing a state does.
#[derive(Debug)]
pub enum Kind {
    /// Speaks fixed text.
    Say(Say),
    /// Lets the model talk with the caller.
    Converse(Converse),
    /// Asks a yes/no question.
    Confirm(Confirm),
    /// Asks for values.
    Collect(Collect),
    /// Decides by guards, at once.
    Choose(Choose),
    /// Asks a server.
    CallApi(CallApi),
    /// Reaches a person.
    Dial(Dial),
    /// The cold transfer itself; final for the dialogue.
    Handoff(Handoff),
    /// Ends the call.
    End(End),
}

/// `say:`.
#[derive(Debug)]
pub struct Say {
    /// What is said; with a recording, what stands in the transcript.
    pub text: Text,
    /// A recording of the flow's folder, played in place of the voice.
    pub audio: Option<Arc<str>>,
    /// Whether the caller can talk over it.
    pub interruptible: bool,
}

/// `converse:`.
#[derive(Debug)]
pub struct Converse {
    /// The system prompt.
    pub prompt: Text,
    /// Who speaks first.
    pub first: First,
    /// What the model remembers on entry.
    pub context: ContextPolicy,
    /// What happens when the caller says nothing.
    pub silence: Silence,
    /// The tools that the model may use.
    pub tools: Vec<ToolId>,
    /// Said while a tool takes its time.
    pub fill: Text,
    /// How readily the caller is taken to speak, and to be done.
    pub sensitivity: Sensitivity,
    /// Whether the model may be asked before the caller's turn is over.
    pub guesses: bool,
}

/// How readily the caller is taken to speak, and to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Later: noise is rarely speech, pauses rarely ends.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Sooner.
    High,
}

/// Who speaks first on entering a `converse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The bot, unless the path that led here has just spoken.
    Auto,
    /// The bot.
    Bot,
    /// The caller.
    Caller,
}

/// What the model remembers when a `converse` is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextPolicy {
    /// The call so far.
    Append,
    /// Nothing.
    Reset,
    /// A summary of the call so far.
    Summary,
}

/// The silence ladder of a `converse`: prompts with waits before them, and where it ends.
#[derive(Debug)]
pub struct Silence {
    /// The rungs, in order.
    pub steps: Vec<SilenceStep>,
    /// Taken when the last rung's wait has passed; the engine's silent end if absent.
    pub then: Option<(EdgeId, StateId)>,
}

/// One rung of the silence ladder: after this long, say this. A rung without text only waits.
#[derive(Debug)]
pub struct SilenceStep {
    /// Quiet time before it, counted from the last sound of either side.
    pub after: Duration,
    /// What is then said.
    pub say: Option<Text>,
}

/// `confirm:`. Yes and no are understood by a deterministic grammar, or DTMF 1 and 2.
#[derive(Debug)]
pub struct Confirm {
    /// The question.
    pub question: Text,
    /// How often it is asked before `exhausted`.
    pub tries: u32,
    /// How long an answer may take after the question was heard.
    pub answer_within: Duration,
    /// Whether the caller can answer before it is finished.
    pub interruptible: bool,
}

/// `collect:`. Values are found by a deterministic reading of what is said, or keyed.
#[derive(Debug)]
pub struct Collect {
    /// The question.
    pub ask: Text,
    /// What is asked for, in order.
    pub slots: Vec<CollectSlot>,
    /// How often one question is asked before `exhausted`.
    pub tries: u32,
    /// How long an answer may take after the question was heard.
    pub answer_within: Duration,
    /// Whether the caller can answer before it is finished.
    pub interruptible: bool,
    /// How an answer on the keys ends.
    pub keys: Keys,
}

/// One value that a `collect` asks for.
#[derive(Debug)]
pub struct CollectSlot {
    /// The variable that it fills.
    pub var: VarId,
    /// Its type, which is the variable's.
    pub kind: super::VarKind,
    /// Asked when only this is still missing.
    pub ask: Text,
    /// It was said for the flow: the flow itself has no such question.
    pub ask_is_default: bool,
}

/// How an answer on the keys of a telephone ends, besides by a pause.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// `dtmf:` is there: a `text` slot is a string of digits.
    pub wanted: bool,
    /// After so many digits.
    pub digits: Option<u32>,
    /// At this key.
    pub end_key: char,
    /// After this pause.
    pub pause: Duration,
}

/// `choose:`. Tried in order; the last one is unguarded.
#[derive(Debug)]
pub struct Choose {
    /// The choices.
    pub choices: Vec<Choice>,
}

/// One line of a `choose`.
#[derive(Debug)]
pub struct Choice {
    /// Its identity.
    pub edge: EdgeId,
    /// `if:`; absent for `else`.
    pub guard: Option<Expr>,
    /// The next state.
    pub to: StateId,
}

/// `dial:`. Targets are tried one after the other.
#[derive(Debug)]
pub struct Dial {
    /// Whom to reach, in order.
    pub targets: Vec<TargetId>,
    /// How.
    pub method: DialMethod,
    /// Said before the first attempt.
    pub announce: Option<Text>,
    /// The longest each attempt may ring.
    pub ring: Duration,
    /// What the caller hears while it rings.
    pub hold: Hold,
    /// What happens to an answer that comes too late.
    pub late_answer: LateAnswer,
    /// Repeats per target.
    pub retry: Option<DialRetry>,
    /// The only intents that are heard while it rings.
    pub listen: Vec<IntentId>,
    /// What the person called is asked before the caller is put through.
    pub accept: Option<Accept>,
    /// The tool that is called when a target's phone starts to ring, and with what.
    pub notify: Option<(ToolId, Vec<Arg>)>,
}

/// `accept:` of a `dial`: who picked up must press a key before the caller is put through.
#[derive(Debug)]
pub struct Accept {
    /// What they hear. The caller does not.
    pub question: Text,
    /// The key that takes the call.
    pub key: char,
    /// The key that declines it.
    pub decline: char,
    /// How often the question is put before it counts as unanswered.
    pub tries: u32,
    /// How long an answer may take after the question was heard.
    pub answer_within: Duration,
}

/// How a `dial` reaches its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DialMethod {
    /// A new leg into the caller's room.
    DialOut,
    /// Daily's `sipCallTransfer`: the caller's leg moves.
    SipTransfer,
    /// SIP REFER: the caller's leg leaves Daily.
    SipRefer,
}

/// What the caller hears while it rings.
#[derive(Debug)]
pub struct Hold {
    /// An audio file of the flow's folder; the bundled tone if absent.
    pub audio: Option<Arc<str>>,
    /// A sentence said now and then.
    pub say: Option<(Text, Duration)>,
}

/// What happens to an answer of an attempt that is being cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateAnswer {
    /// The leg hears one fixed sentence at most and is hung up.
    HangUp,
    /// The transfer goes on if the state has not been left.
    Accept,
}

/// `retry:` of a `dial` or a `call_api`.
#[derive(Debug, Clone, Copy)]
pub struct DialRetry {
    /// Further attempts after the first (of a `dial`: for each target).
    pub times: u32,
    /// Pause before each.
    pub wait: Duration,
    /// Factor on the pause for each further attempt.
    pub backoff: f64,
    /// After which failures; after all, if empty.
    pub on: RetryOn,
}

/// The failures after which an attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetryOn(u8);

impl RetryOn {
    const ALL: [Event; 6] = [
        Event::OperatorNoAnswer,
        Event::OperatorBusy,
        Event::OperatorRejected,
        Event::OperatorUnreachable,
        Event::OperatorVoicemail,
        Event::OperatorFailed,
    ];

    /// After these, if any is named; else after all.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let bits = Self::ALL.iter().enumerate().filter(|(_, event)| events.contains(event));
        Self(bits.fold(0, |bits, (index, _)| bits | 1 << index))
    }

    /// Whether an attempt that failed so is repeated.
    #[must_use]
    pub fn covers(self, event: Event) -> bool {
        self.0 == 0 || self.events().contains(&event)
    }

    /// Those that are named.
    #[must_use]
    pub fn events(self) -> Vec<Event> {
        let named = Self::ALL.iter().enumerate().filter(|(index, _)| self.0 & (1 << index) != 0);
        named.map(|(_, event)| *event).collect()
    }
}

/// `handoff:`.
#[derive(Debug)]
pub struct Handoff {
    /// What the bot does.
    pub mode: HandoffMode,
    /// The longest the two may talk.
    pub max: Duration,
}

/// What the bot does when the operator has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffMode {
    /// Its pipeline is gone; a deaf and mute room keeper stays.
    KeepRoom,
    /// It leaves the room.
    Leave,
}

/// `end:`.
#[derive(Debug)]
pub struct End {
    /// The last sentence, played to its end.
    pub say: Option<Text>,
    /// What the record says.
    pub cause: EndCause,
}

/// How an `end` counts in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The business was done.
    Completed,
    /// The caller hung up.
    CallerLeft,
    /// Something broke.
    Failed,
}
