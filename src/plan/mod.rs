//! The compiled flow: what the machine runs.
//!
//! Names are interned as small ids, edges are resolved, templates are parsed. There are no spans and
//! nothing here can fail to resolve. [`Plan`]s are made from a checked flow only (`plan::compile`).

mod compile;
mod compile_guard;
mod compile_states;
mod compile_tools;
mod edges;
pub mod graph;
mod guard;
mod ids;
mod kinds;
mod properties;
mod sentences;
mod text;
mod tools;
mod words;

pub use compile::compile;
pub use edges::{Branch, Edge, Event, On};
pub use guard::{Expr, GuardContext, Hours, Op, Open, Value};
pub use ids::{EdgeId, FlowHash, HoursId, IntentId, StateId, TargetId, ToolId, VarId};
pub use kinds::{
    Accept, Choice, Choose, Collect, CollectSlot, Confirm, ContextPolicy, Converse, Dial, DialMethod,
    DialRetry, End, EndCause, First, Handoff, HandoffMode, Hold, Keys, Kind, LateAnswer, RetryOn, Say,
    Sensitivity, Silence, SilenceStep,
};
pub use properties::MustPrecede;
pub use text::{Escape, RenderError, Text};
pub use tools::{
    Arg, ArgSource, BadArgument, BadRequest, BodyTemplate, CallApi, HttpMethod, JsonText, Param,
    RequestTemplate, Tool, ToolArgs, ToolRequest, answer_with, field, json_of,
};

/// A server that speaks a provider's protocol.
pub use crate::check::ModelServer;
/// Who can hear, think and speak, and which of these it is.
pub use crate::flow::{Part, Provider};

/// The type of a variable. A text that cannot be read as it leaves the variable as it was.
pub use crate::flow::ValueType as VarKind;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::matcher;
use crate::pii::Address;

/// One compiled flow. Immutable; shared by every call that runs it. Prints as a name and a hash only: it
/// holds values of the environment.
pub struct Plan {
    /// `name:` of the flow.
    pub name: Arc<str>,
    /// Hash of the source text; calls are pinned to it.
    pub hash: FlowHash,
    /// Where a call begins.
    pub start: StateId,
    /// All states; [`StateId`] is the index.
    pub states: Vec<State>,
    /// All intents; [`IntentId`] is the index.
    pub intents: Vec<Intent>,
    /// All dial targets; [`TargetId`] is the index.
    pub targets: Vec<Target>,
    /// All tools; [`ToolId`] is the index.
    pub tools: Vec<Tool>,
    /// All variables; [`VarId`] is the index.
    pub vars: Vec<Var>,
    /// All named opening hours; [`HoursId`] is the index.
    pub hours: Vec<Hours>,
    /// Every edge of the flow, flow-wide ones included; [`EdgeId`] is the index.
    pub edges: Vec<Edge>,
    /// Flow-wide edges (`always:`), tried after the state's own.
    pub always: Vec<On>,
    /// `properties:`; they change nothing in a call, the explorer proves them.
    pub properties: Vec<MustPrecede>,
    /// The recordings that the flow names: 16 kHz, mono.
    pub recordings: Vec<(Arc<str>, Arc<[i16]>)>,
    /// Environment values that templates may read: `env.NAME`.
    pub env: Vec<(Arc<str>, Arc<str>)>,
    /// `call:`.
    pub call: CallSettings,
    /// `services:`.
    pub services: Services,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} {})", self.name, self.hash)
    }
}

impl Plan {
    /// The state of an id.
    #[must_use]
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.index()]
    }

    /// The intent of an id.
    #[must_use]
    pub fn intent(&self, id: IntentId) -> &Intent {
        &self.intents[id.index()]
    }

    /// Which of these intents a text means, if no model is asked.
    #[must_use]
    pub fn meant(&self, text: &str, offered: &[IntentId]) -> Option<IntentId> {
        let index = matcher::best(text, offered.iter().map(|id| &self.intent(*id).meaning))?;
        offered.get(index).copied()
    }

    /// The dial target of an id.
    #[must_use]
    pub fn target(&self, id: TargetId) -> &Target {
        &self.targets[id.index()]
    }

    /// The tool of an id.
    #[must_use]
    pub fn tool(&self, id: ToolId) -> &Tool {
        &self.tools[id.index()]
    }

    /// A recording by the name that the flow gives it.
    #[must_use]
    pub fn recording(&self, name: &str) -> Option<Arc<[i16]>> {
        self.recordings.iter().find(|(known, _)| &**known == name).map(|(_, samples)| Arc::clone(samples))
    }

    /// The id of a state by name.
    #[must_use]
    pub fn state_named(&self, name: &str) -> Option<StateId> {
        self.states.iter().position(|s| &*s.name == name).map(StateId::from_index)
    }

    /// The id of an intent by name.
    #[must_use]
    pub fn intent_named(&self, name: &str) -> Option<IntentId> {
        self.intents.iter().position(|i| &*i.name == name).map(IntentId::from_index)
    }

    /// Intents that a state lists under `on:` (its own, then the flow-wide ones), without repeats.
    #[must_use]
    pub fn intents_of(&self, id: StateId) -> Vec<IntentId> {
        let mut found = Vec::new();
        for on in self.state(id).on.iter().chain(&self.always) {
            if let Event::Intent(intent) = on.event
                && !found.contains(&intent)
            {
                found.push(intent);
            }
        }
        found
    }
}

/// One state of the flow.
#[derive(Debug)]
pub struct State {
    /// Its name in the file.
    pub name: Arc<str>,
    /// What it does.
    pub kind: Kind,
    /// Its edges in the order written.
    pub on: Vec<On>,
    /// Bound on how long the call may stay; every waiting state has one, its own or the default.
    pub timeout: Option<Duration>,
    /// Assignments made on entry.
    pub set: Vec<(VarId, Text)>,
}

/// Something the caller may want; offered to the model as a tool.
#[derive(Debug)]
pub struct Intent {
    /// Its name; the tool has the same name.
    pub name: Arc<str>,
    /// When it applies, in words.
    pub when: Arc<str>,
    /// Sentences that mean it.
    pub examples: Vec<Arc<str>>,
    /// Both, as the matcher wants them.
    pub meaning: matcher::Candidate,
    /// What the model may fill in.
    pub slots: Vec<Slot>,
}

/// One value that comes with an intent.
#[derive(Debug)]
pub struct Slot {
    /// Its name, and the variable of that name if the flow declares one.
    pub name: Arc<str>,
    /// Its type, as the language spells it.
    pub kind: Arc<str>,
    /// Whether the model may leave it out.
    pub optional: bool,
}

/// Someone who can be dialled. The address comes from the flow or its environment, never from a call.
#[derive(Debug)]
pub struct Target {
    /// Its name in the file.
    pub name: Arc<str>,
    /// Where it is reached.
    pub address: Address,
    /// Keys sent after the answer, `w` before them for each half a second of pause (at most 20 together).
    pub extension: Option<Arc<str>>,
    /// The purchased number's id shown to the person called; Daily chooses one if absent.
    pub caller_id: Option<Arc<str>>,
}

/// A declared variable.
#[derive(Debug)]
pub struct Var {
    /// Its name.
    pub name: Arc<str>,
    /// Its type: what a slot or a rendered template must be read as before it is stored ([`VarKind::read`]).
    pub kind: VarKind,
    /// Its value until it is set.
    pub default: Option<Value>,
    /// Whether it must never be spoken or logged.
    pub secret: bool,
}

/// `call:` of the flow, defaults filled in.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// BCP 47 tag.
    pub language: Arc<str>,
    /// The longest a call may last until the handoff.
    pub max_duration: Duration,
}

/// `services:` of the flow, defaults filled in.
#[derive(Debug, Clone)]
pub struct Services {
    /// Speech to text.
    pub stt: Service,
    /// Language model.
    pub llm: Service,
    /// Text to speech.
    pub tts: Service,
}

/// One vendor choice.
#[derive(Debug, Clone)]
pub struct Service {
    /// Who.
    pub provider: Provider,
    /// The vendor's model name.
    pub model: Arc<str>,
    /// The vendor's voice id (text to speech only).
    pub voice: Option<Arc<str>>,
    /// Another server that speaks the vendor's protocol (language model only).
    pub endpoint: Option<ModelServer>,
    /// Who steps in when this one fails.
    pub fallback: Option<Box<Service>>,
}

impl Service {
    /// Itself and who steps in for it, in order.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.fallback.as_deref())
    }
}
