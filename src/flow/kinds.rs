//! What a state does, as written: what the author left out is absent here.

use std::time::Duration;

use super::document::Branch;
use super::event::Plain;
use super::template::Template;
use super::tools::CallApi;
use super::value::ValueType;
use crate::source::Spanned;

/// The one thing a state does.
#[derive(Debug)]
pub enum Kind {
    /// `say:`.
    Say(Say),
    /// `converse:`.
    Converse(Converse),
    /// `confirm:`.
    Confirm(Confirm),
    /// `collect:`.
    Collect(Collect),
    /// `choose:`: the branches, `else` last.
    Choose(Vec<Branch>),
    /// `call_api:`.
    CallApi(Box<CallApi>),
    /// `dial:`.
    Dial(Box<Dial>),
    /// `handoff:`.
    Handoff(Handoff),
    /// `end:`.
    End(End),
    /// The state has no kind that could be read; the reason has been reported.
    Unknown,
}

impl Kind {
    /// The key of the kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Converse(_) => "converse",
            Self::Confirm(_) => "confirm",
            Self::Collect(_) => "collect",
            Self::Choose(_) => "choose",
            Self::CallApi(_) => "call_api",
            Self::Dial(_) => "dial",
            Self::Handoff(_) => "handoff",
            Self::End(_) => "end",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the dialogue is over in it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Handoff(_) | Self::End(_))
    }
}

/// `say:`.
#[derive(Debug)]
pub struct Say {
    /// What is said; what the recording says, if there is one.
    pub text: Option<Template>,
    /// A WAV file of the flow's folder, played in place of the voice.
    pub audio: Option<Spanned<String>>,
    /// Whether the caller can talk over it.
    pub interruptible: bool,
}

/// `converse:`.
#[derive(Debug)]
pub struct Converse {
    /// The system prompt.
    pub prompt: Option<Template>,
    /// Who speaks first.
    pub first: First,
    /// What the model remembers on entry.
    pub context: ContextPolicy,
    /// The silence ladder; absent means the default.
    pub silence: Option<Vec<Rung>>,
    /// The tools that the model may use.
    pub tools: Vec<Spanned<String>>,
    /// Said while a tool takes its time.
    pub fill: Option<Template>,
    /// How readily the caller is taken to speak, and to be done.
    pub sensitivity: Sensitivity,
    /// Whether the model may be asked before the caller's turn is over.
    pub guesses: bool,
}

/// `sensitivity:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Later: noise is rarely speech, pauses rarely ends.
    Low,
    /// As it is left out.
    Normal,
    /// Sooner.
    High,
}

/// One rung of the silence ladder.
#[derive(Debug)]
pub struct Rung {
    /// Quiet time before it.
    pub after: Spanned<Duration>,
    /// What is then said.
    pub say: Option<Template>,
    /// Where it then leads; on the last rung only.
    pub to: Option<Spanned<String>>,
}

/// `first:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The bot, unless the way here has just spoken.
    Auto,
    /// The bot.
    Bot,
    /// The caller.
    Caller,
}

/// `context:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextPolicy {
    /// The call so far.
    Append,
    /// Nothing.
    Reset,
    /// A summary of the call so far.
    Summary,
}

/// `confirm:`.
#[derive(Debug)]
pub struct Confirm {
    /// The question.
    pub question: Option<Template>,
    /// `tries:`.
    pub tries: Option<u32>,
    /// `timeout:` of the question.
    pub answer_within: Option<Duration>,
    /// `interruptible:`.
    pub interruptible: bool,
}

/// `collect:`.
#[derive(Debug)]
pub struct Collect {
    /// The question.
    pub ask: Option<Template>,
    /// What is asked for, in order.
    pub slots: Vec<CollectSlot>,
    /// `tries:`.
    pub tries: Option<u32>,
    /// `timeout:` of one answer.
    pub answer_within: Option<Duration>,
    /// `interruptible:`.
    pub interruptible: bool,
    /// `dtmf:`.
    pub dtmf: Option<Spanned<Keys>>,
}

/// One slot of a `collect`: it fills the variable of its name.
#[derive(Debug)]
pub struct CollectSlot {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub kind: ValueType,
    /// Asked when only this is still missing.
    pub ask: Option<Template>,
}

/// `dtmf:` of a `collect`.
#[derive(Debug, Default)]
pub struct Keys {
    /// After how many digits an answer is complete.
    pub digits: Option<u32>,
    /// The key that ends an answer.
    pub end_key: Option<char>,
}

/// `dial:`.
#[derive(Debug)]
pub struct Dial {
    /// Whom to reach, in order.
    pub to: Vec<Spanned<String>>,
    /// How.
    pub method: DialMethod,
    /// Said first.
    pub announce: Option<Template>,
    /// The longest each attempt may ring.
    pub ring: Option<Spanned<Duration>>,
    /// What the caller hears while it rings.
    pub hold: Option<Hold>,
    /// What happens to an answer that comes too late.
    pub late_answer: LateAnswer,
    /// The purchased number's id, for every target of this `dial`.
    pub caller_id: Option<Spanned<String>>,
    /// Repeats per target.
    pub retry: Option<Spanned<Retry>>,
    /// The intents heard while it rings.
    pub listen: Vec<Spanned<String>>,
    /// What the person called is asked before the caller is put through.
    pub accept: Option<Spanned<Accept>>,
    /// The tool that is called when it starts to ring.
    pub notify: Option<Spanned<String>>,
}

/// `accept:` of a `dial`.
#[derive(Debug)]
pub struct Accept {
    /// Said to the person called.
    pub say: Option<Template>,
    /// The key that takes the call.
    pub key: Option<char>,
    /// The key that declines it.
    pub decline: Option<char>,
    /// How often it is said.
    pub tries: Option<u32>,
    /// How long a key may take.
    pub answer_within: Option<Duration>,
}

/// `method:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialMethod {
    /// A new leg into the caller's room.
    DialOut,
    /// The caller's own leg is moved.
    SipTransfer,
    /// The caller's own leg leaves by SIP REFER.
    SipRefer,
}

/// `hold:`.
#[derive(Debug)]
pub struct Hold {
    /// A WAV file of the flow's folder, in place of the bundled tone.
    pub audio: Option<Spanned<String>>,
    /// A sentence over the audio.
    pub say: Option<Template>,
    /// How often it is said.
    pub every: Option<Duration>,
}

/// `late_answer:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateAnswer {
    /// The leg is hung up.
    HangUp,
    /// The transfer goes on if the state has not been left.
    Accept,
}

/// `retry:` of a `dial` or a `call_api`.
#[derive(Debug)]
pub struct Retry {
    /// Further attempts.
    pub times: u32,
    /// Pause before each.
    pub wait: Option<Duration>,
    /// Factor on the pause.
    pub backoff: Option<f64>,
    /// After which failures; after all, if empty.
    pub on: Vec<Plain>,
}

/// `handoff:`.
#[derive(Debug)]
pub struct Handoff {
    /// What the bot does.
    pub mode: HandoffMode,
    /// The longest the two may talk.
    pub max: Option<Duration>,
}

/// `mode:` of a handoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoffMode {
    /// A deaf and mute room keeper stays.
    KeepRoom,
    /// The bot leaves the room.
    Leave,
}

/// `end:`.
#[derive(Debug)]
pub struct End {
    /// The last sentence.
    pub say: Option<Template>,
    /// What the record says.
    pub cause: EndCause,
}

/// `cause:` of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndCause {
    /// The business was done.
    Completed,
    /// The caller hung up.
    CallerLeft,
    /// Something broke.
    Failed,
}
