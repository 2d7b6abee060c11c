//! The flow as written: every part that a rule may speak about carries its place.

use std::time::Duration;

use super::event::Event;
use super::guard::Expr;
use super::kinds::Kind;
use super::provider::Provider;
use super::template::Template;
use super::tools::Tool;
use super::value::{Literal, ValueType};
use crate::source::{SourceFile, Span, Spanned};

/// One flow file.
#[derive(Debug)]
pub struct Document {
    /// The file.
    pub source: SourceFile,
    /// `name:`.
    pub name: Option<Spanned<String>>,
    /// `start:`.
    pub start: Option<Spanned<String>>,
    /// `env:`.
    pub env: Vec<EnvVar>,
    /// `call:`.
    pub call: Call,
    /// `services:`.
    pub services: Services,
    /// `targets:`.
    pub targets: Vec<Target>,
    /// `tools:`.
    pub tools: Vec<Tool>,
    /// `intents:`.
    pub intents: Vec<Intent>,
    /// `vars:`.
    pub vars: Vec<Var>,
    /// `hours:`.
    pub hours: Vec<Hours>,
    /// `phrases:`.
    pub phrases: Vec<Phrase>,
    /// `groups:`.
    pub groups: Vec<Group>,
    /// `always:`.
    pub always: Vec<On>,
    /// `properties:`, a wish each.
    pub properties: Vec<MustPrecede>,
    /// `states:`.
    pub states: Vec<State>,
    /// Something that leads from state to state could not be read: what can be reached is not known.
    pub has_gaps: bool,
}

/// One entry of `env:`.
#[derive(Debug)]
pub struct EnvVar {
    /// The variable.
    pub name: Spanned<String>,
    /// Its type.
    pub kind: ValueType,
}

/// `call:`.
#[derive(Debug, Default)]
pub struct Call {
    /// BCP 47 tag.
    pub language: Option<Spanned<String>>,
    /// The longest a call may last until the handoff.
    pub max_duration: Option<Spanned<Duration>>,
}

/// `services:`.
#[derive(Debug, Default)]
pub struct Services {
    /// Speech to text.
    pub stt: Service,
    /// Language model.
    pub llm: Service,
    /// Text to speech.
    pub tts: Service,
}

/// One vendor choice; what is absent has a default.
#[derive(Debug, Default)]
pub struct Service {
    /// The vendor.
    pub provider: Option<Spanned<Provider>>,
    /// The vendor's model.
    pub model: Option<Spanned<String>>,
    /// The vendor's voice.
    pub voice: Option<Spanned<String>>,
    /// Another server that speaks the vendor's protocol.
    pub base_url: Option<Template>,
    /// That server's key.
    pub key: Option<Template>,
    /// Who steps in when this one fails.
    pub fallback: Option<Box<Service>>,
}

/// One entry of `targets:`.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: Spanned<String>,
    /// `phone:` or `sip:`; absent if it could not be read.
    pub address: Option<Template>,
    /// Whether the key was `sip:`.
    pub is_sip: bool,
    /// Digits sent after the answer.
    pub extension: Option<Spanned<String>>,
    /// The purchased number's id.
    pub caller_id: Option<Spanned<String>>,
}

/// One entry of `intents:`.
#[derive(Debug)]
pub struct Intent {
    /// Its name.
    pub name: Spanned<String>,
    /// When it applies.
    pub when: Option<Spanned<String>>,
    /// Sentences that mean it.
    pub examples: Vec<Spanned<String>>,
    /// What the model may fill in.
    pub slots: Vec<Slot>,
}

/// One slot of an intent.
#[derive(Debug)]
pub struct Slot {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub kind: ValueType,
    /// Whether it may be left out.
    pub optional: bool,
}

/// One entry of `vars:`.
#[derive(Debug)]
pub struct Var {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub kind: ValueType,
    /// Its value until it is set.
    pub default: Option<Literal>,
    /// Whether it must not be spoken.
    pub secret: bool,
    /// It is not declared: a `collect` has a slot of its name.
    pub implied: bool,
}

/// One entry of `hours:`.
#[derive(Debug)]
pub struct Hours {
    /// Its name.
    pub name: Spanned<String>,
    /// The time zone; absent if it could not be read.
    pub zone: Option<jiff::tz::TimeZone>,
    /// When it is open.
    pub open: Vec<Open>,
    /// Days on which it is not.
    pub closed: Vec<jiff::civil::Date>,
}

/// One entry of `phrases:`.
#[derive(Debug)]
pub struct Phrase {
    /// Its name.
    pub name: Spanned<String>,
    /// The words; absent if they could not be read.
    pub text: Option<Template>,
    /// Whether a text of the flow is this one.
    pub used: bool,
}

/// One line of opening hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Days, Monday first.
    pub days: [bool; 7],
    /// Minutes after midnight at which it opens.
    pub from: u16,
    /// Minutes after midnight at which it closes, at most 1440.
    pub until: u16,
}

/// One entry of `groups:`.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: Spanned<String>,
    /// The ways out of its states, behind their own.
    pub on: Vec<On>,
}

/// One wish of a `before:`: what must have happened before something else, on every way.
#[derive(Debug)]
pub struct MustPrecede {
    /// A kind of state, or a state: where the call must not come before.
    pub what: Spanned<String>,
    /// The state that must have done its work by then.
    pub first: Spanned<String>,
}

/// One entry of `states:`.
#[derive(Debug)]
pub struct State {
    /// Its name.
    pub name: Spanned<String>,
    /// All of it, for waivers.
    pub span: Span,
    /// What it does.
    pub kind: Spanned<Kind>,
    /// `group:`.
    pub group: Option<Spanned<String>>,
    /// Its ways out, `next:` resolved; those of its group behind them once the flow is checked.
    pub on: Vec<On>,
    /// `timeout:`.
    pub timeout: Option<Spanned<Duration>>,
    /// `set:`.
    pub set: Vec<Assignment>,
    /// `allow:`.
    pub allow: Vec<Waiver>,
}

/// One entry of `on:`.
#[derive(Debug, Clone)]
pub struct On {
    /// The event; the place is that of the key (of `next` if it came from there).
    pub event: Spanned<Event>,
    /// Where it leads, tried in order.
    pub branches: Vec<Branch>,
    /// It is its group's: `max_visits` counts for all states of the group together.
    pub of_group: bool,
}

/// One way an event can lead.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The next state.
    pub to: Spanned<String>,
    /// `if:`.
    pub guard: Option<Expr>,
    /// `max_visits:`.
    pub max_visits: Option<Spanned<u32>>,
    /// `say:`.
    pub say: Option<Template>,
    /// `set:`.
    pub set: Vec<Assignment>,
}

impl Branch {
    /// A branch that leads there and nothing else.
    #[must_use]
    pub fn plain(to: Spanned<String>) -> Self {
        Self { to, guard: None, max_visits: None, say: None, set: Vec::new() }
    }

    /// Whether it may be passed over.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.guard.is_some() || self.max_visits.is_some()
    }
}

/// One entry of `set:`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub var: Spanned<String>,
    /// Its new value.
    pub value: Template,
}

/// One entry of `allow:`.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The rule's code.
    pub code: Spanned<String>,
}
