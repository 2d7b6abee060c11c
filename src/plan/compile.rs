//! From a checked flow to a plan: names become ids, edges are numbered, defaults are filled in.
//!
//! Nothing here can fail: the checker has looked at every name and every template.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

use super::{
    Branch, CallSettings, Edge, EdgeId, Event, FlowHash, Hours, Intent, IntentId, MustPrecede, On, Open,
    Plan, Service, Services, Slot, StateId, Target, TargetId, Text, Value, Var, VarId,
};
use super::{compile_states, compile_tools};
use crate::check::{CheckedFlow, ModelServer};
use crate::flow::defaults::MAX_DURATION;
use crate::flow::{self, Part};
use crate::matcher;

/// `call.language` of a flow that does not say.
const LANGUAGE: &str = "en-US";

/// Compiles a checked flow.
///
/// A flow that was checked without its environment compiles as well, to a plan whose numbers are
/// fictional: for looking at, not for calling.
#[must_use]
pub fn compile(flow: impl Borrow<CheckedFlow>) -> Arc<Plan> {
    let flow = flow.borrow();
    let document = flow.document();
    let states =
        document.states.iter().enumerate().map(|(i, s)| (s.name.value.as_str(), StateId::from_index(i)));
    let mut compiler = Compiler {
        flow,
        states: states.collect(),
        edges: Vec::new(),
        shared: HashMap::new(),
        targets: targets(flow),
    };
    let states =
        document.states.iter().enumerate().map(|(i, s)| compile_states::state(&mut compiler, i, s)).collect();
    let always = compiler.ons(None, &document.always);
    let properties = compiler.properties();
    let start = document.start.as_ref().map_or(StateId::from_index(0), |name| compiler.state(&name.value));
    let Compiler { edges, targets, .. } = compiler;
    let stem = document.source.path().file_stem().map(|s| s.to_string_lossy().into_owned());
    let name = document.name.as_ref().map(|n| n.value.clone()).or(stem).unwrap_or_else(|| "flow".to_owned());
    Arc::new(Plan {
        name: name.into(),
        hash: FlowHash::of(document.source.text()),
        start,
        states,
        intents: document.intents.iter().map(intent).collect(),
        targets,
        tools: compile_tools::tools(flow),
        vars: document.vars.iter().map(|written| var(written, flow)).collect(),
        hours: document.hours.iter().map(hours).collect(),
        edges,
        always,
        properties,
        recordings: flow
            .recordings()
            .iter()
            .map(|(name, samples)| (name.as_str().into(), Arc::clone(samples)))
            .collect(),
        env: flow.env().iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect(),
        call: CallSettings {
            language: document.call.language.as_ref().map_or(LANGUAGE, |l| &l.value).into(),
            max_duration: document.call.max_duration.as_ref().map_or(MAX_DURATION, |d| d.value),
        },
        services: services(&document.services, flow.model_servers()),
    })
}

/// What the parts of the compilation share.
pub(super) struct Compiler<'f> {
    flow: &'f CheckedFlow,
    states: HashMap<&'f str, StateId>,
    edges: Vec<Edge>,
    /// The edges of groups, by where they are written.
    shared: HashMap<crate::source::Span, EdgeId>,
    targets: Vec<Target>,
}

/// The index of a name that the checker has resolved.
fn index<'n>(mut names: impl Iterator<Item = &'n crate::source::Spanned<String>>, name: &str) -> usize {
    names.position(|n| n.value == name).expect("the checker refuses flows with unresolved names")
}

impl<'f> Compiler<'f> {
    pub(super) fn document(&self) -> &'f flow::Document {
        self.flow.document()
    }

    pub(super) fn state(&self, name: &str) -> StateId {
        *self.states.get(name).expect("the checker refuses flows with unresolved names")
    }

    pub(super) fn intent(&self, name: &str) -> IntentId {
        IntentId::from_index(index(self.document().intents.iter().map(|i| &i.name), name))
    }

    pub(super) fn var(&self, name: &str) -> VarId {
        VarId::from_index(index(self.document().vars.iter().map(|v| &v.name), name))
    }

    /// Whether a variable is secret, or made from what is.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.flow.is_secret(name)
    }

    pub(super) fn hours(&self, name: &str) -> super::HoursId {
        super::HoursId::from_index(index(self.document().hours.iter().map(|h| &h.name), name))
    }

    /// A target, with the caller id of the `dial` if it has one.
    pub(super) fn target(&mut self, name: &str, caller_id: Option<&str>) -> TargetId {
        let declared = index(self.document().targets.iter().map(|t| &t.name), name);
        let plain = &self.targets[declared];
        if caller_id.is_none() || plain.caller_id.as_deref() == caller_id {
            return TargetId::from_index(declared);
        }
        let (name, address, extension) = (plain.name.clone(), plain.address.clone(), plain.extension.clone());
        self.targets.push(Target { name, address, extension, caller_id: caller_id.map(Arc::from) });
        TargetId::from_index(self.targets.len() - 1)
    }

    /// Numbers an edge.
    pub(super) fn edge(&mut self, from: Option<StateId>, event: Option<Event>, to: StateId) -> EdgeId {
        self.edges.push(Edge { from, event, to });
        EdgeId::from_index(self.edges.len() - 1)
    }

    pub(super) fn ons(&mut self, from: Option<StateId>, ons: &[flow::On]) -> Vec<On> {
        ons.iter()
            .map(|on| {
                let event = self.event(&on.event.value);
                let branch = |b: &flow::Branch| match on.of_group {
                    true => self.shared_branch(from, event, b),
                    false => self.branch(from, event, b),
                };
                On { event, branches: on.branches.iter().map(branch).collect() }
            })
            .collect()
    }

    /// An edge of a group is one edge, whichever of its states it is taken from.
    fn shared_branch(&mut self, from: Option<StateId>, event: Event, branch: &flow::Branch) -> Branch {
        let known = self.shared.get(&branch.to.span).copied();
        let mut compiled = self.branch(from, event, branch);
        match known {
            Some(edge) => {
                self.edges.pop();
                compiled.edge = edge;
            }
            None => {
                self.shared.insert(branch.to.span, compiled.edge);
            }
        }
        compiled
    }

    fn branch(&mut self, from: Option<StateId>, event: Event, branch: &flow::Branch) -> Branch {
        let to = self.state(&branch.to.value);
        Branch {
            edge: self.edge(from, Some(event), to),
            to,
            guard: branch.guard.as_ref().map(|guard| super::compile_guard::expr(self, guard)),
            max_visits: branch.max_visits.as_ref().map(|n| n.value),
            say: branch.say.as_ref().map(text),
            set: self.assignments(&branch.set),
        }
    }

    pub(super) fn assignments(&self, set: &[flow::Assignment]) -> Vec<(VarId, Text)> {
        set.iter().map(|a| (self.var(&a.var.value), text(&a.value))).collect()
    }

    /// A name that is a kind and a state means both.
    fn properties(&self) -> Vec<MustPrecede> {
        let mut all = Vec::new();
        for (index, wish) in self.document().properties.iter().enumerate() {
            let first = self.state(&wish.first.value);
            let later = self.document().states.iter().enumerate().filter(|(_, state)| {
                state.name.value == wish.what.value || state.kind.value.name() == wish.what.value
            });
            all.extend(later.map(|(i, _)| MustPrecede { state: StateId::from_index(i), first, index }));
        }
        all
    }

    fn event(&self, event: &flow::Event) -> Event {
        match event {
            flow::Event::CallerDtmf(key) => Event::CallerDtmf(*key),
            flow::Event::CallerSilent(after) => Event::CallerSilent(*after),
            flow::Event::Intent(name) => Event::Intent(self.intent(name)),
            flow::Event::Plain(plain) => plain_event(*plain),
        }
    }
}

pub(super) fn plain_event(event: flow::Plain) -> Event {
    use flow::Plain as P;
    match event {
        P::CallerJoined => Event::CallerJoined,
        P::CallerLeft => Event::CallerLeft,
        P::CallerInterrupted => Event::CallerInterrupted,
        P::Said => Event::Said,
        P::Accepted => Event::Accepted,
        P::Declined => Event::Declined,
        P::Filled => Event::Filled,
        P::Exhausted => Event::Exhausted,
        P::Ok => Event::Ok,
        P::Failed => Event::Failed,
        P::OperatorRinging => Event::OperatorRinging,
        P::OperatorAnswered => Event::OperatorAnswered,
        P::OperatorAccepted => Event::OperatorAccepted,
        P::OperatorNoAnswer => Event::OperatorNoAnswer,
        P::OperatorBusy => Event::OperatorBusy,
        P::OperatorRejected => Event::OperatorRejected,
        P::OperatorUnreachable => Event::OperatorUnreachable,
        P::OperatorVoicemail => Event::OperatorVoicemail,
        P::OperatorFailed => Event::OperatorFailed,
        P::OperatorLeft => Event::OperatorLeft,
        P::Transferred => Event::Transferred,
        P::TargetsExhausted => Event::TargetsExhausted,
        P::Otherwise => Event::Otherwise,
        P::Timeout => Event::Timeout,
        P::MaxDuration => Event::MaxDuration,
        P::ServiceFailed => Event::ServiceFailed,
        P::RoomExpiring => Event::RoomExpiring,
        P::Shutdown => Event::Shutdown,
    }
}

/// A text whose template the parser has read.
pub(super) fn text(template: &flow::Template) -> Text {
    Text::new(template.text.value.trim()).expect("the parser refuses templates that cannot be read")
}

fn targets(flow: &CheckedFlow) -> Vec<Target> {
    let declared = flow.document().targets.iter().zip(flow.targets());
    let target = |(target, address): (&flow::Target, &crate::pii::Address)| Target {
        name: target.name.value.as_str().into(),
        address: address.clone(),
        extension: target.extension.as_ref().map(|e| e.value.as_str().into()),
        caller_id: target.caller_id.as_ref().map(|c| c.value.as_str().into()),
    };
    declared.map(target).collect()
}

fn intent(intent: &flow::Intent) -> Intent {
    let slot = |slot: &flow::Slot| Slot {
        name: slot.name.value.as_str().into(),
        kind: slot.kind.name().into(),
        optional: slot.optional,
    };
    let when = intent.when.as_ref().map_or("", |w| w.value.trim());
    let examples = || intent.examples.iter().map(|e| e.value.trim());
    Intent {
        name: intent.name.value.as_str().into(),
        when: when.into(),
        examples: examples().map(Into::into).collect(),
        meaning: matcher::Candidate::new(when, examples()),
        slots: intent.slots.iter().map(slot).collect(),
    }
}

fn var(var: &flow::Var, flow: &CheckedFlow) -> Var {
    Var {
        name: var.name.value.as_str().into(),
        kind: var.kind.clone(),
        default: var.default.clone().map(Value::from),
        secret: flow.is_secret(&var.name.value),
    }
}

fn hours(hours: &flow::Hours) -> Hours {
    let open = |open: &flow::Open| Open { days: open.days, from: open.from, until: open.until };
    Hours {
        name: hours.name.value.as_str().into(),
        zone: hours.zone.clone().unwrap_or(jiff::tz::TimeZone::UTC),
        open: hours.open.iter().map(open).collect(),
        closed: hours.closed.clone(),
    }
}

impl Default for Services {
    /// Those of a flow that chooses nothing.
    fn default() -> Self {
        services(&flow::Services::default(), &[None, None])
    }
}

fn services(chosen: &flow::Services, models: &[Option<ModelServer>; 2]) -> Services {
    Services {
        stt: service(&chosen.stt, Part::Stt, &[None, None]),
        llm: service(&chosen.llm, Part::Llm, models),
        tts: service(&chosen.tts, Part::Tts, &[None, None]),
    }
}

fn service(service: &flow::Service, part: Part, endpoints: &[Option<ModelServer>; 2]) -> Service {
    let [own, other] = endpoints;
    let fallback = service.fallback.as_deref();
    let fallback = fallback.map(|fallback| Box::new(one_service(fallback, part, other.clone())));
    Service { fallback, ..one_service(service, part, own.clone()) }
}

fn one_service(service: &flow::Service, part: Part, endpoint: Option<ModelServer>) -> Service {
    let model = service.model.as_ref().map(|model| model.value.as_str());
    let provider = service.provider.as_ref().map_or_else(|| part.provider_for(model), |p| p.value);
    let voice = service.voice.as_ref().map(|voice| voice.value.as_str());
    Service {
        provider,
        model: model.unwrap_or(provider.default_model(part)).into(),
        voice: voice.or(provider.default_voice(part)).map(Arc::from),
        endpoint,
        fallback: None,
    }
}
