//! The world: everything that can happen at one moment of a call.
//!
//! The order is fixed, what usually happens first, so that of two shortest stories the plainer one is told.

use super::ledger::{Caller, Ledger, Leg};
use super::subject::Subject;
use super::world::{Happening, World};
use crate::machine::{
    Input, LegCause, LegEvent, LegOutcome, ProposedCall, Service, Timer, ToolFailure, ToolResult,
};
use crate::pii::{Payload, Utterance};
use crate::plan::{
    Accept, CallApi, Collect, CollectSlot, Event, Expr, IntentId, Kind, Plan, StateId, ToolId, Value, VarId,
    VarKind, answer_with,
};

/// Services that may fail.
pub(super) const SERVICES: &[Service] = &[Service::Llm, Service::Tts, Service::Stt];
/// How often services may fail in one call.
const FAILED_SERVICES: u8 = 1;

/// What of a flow the world must know.
pub(super) struct Environment<'p> {
    plan: &'p Plan,
    services: &'static [Service],
    /// What may happen in each state beside what can happen in all.
    states: Vec<Here>,
    /// Values that a slot may be filled with, by intent.
    slots: Vec<Vec<Vec<(String, Utterance)>>>,
}

#[derive(Default)]
struct Here {
    keys: Vec<char>,
    turns: Vec<&'static str>,
    phrases: Vec<String>,
    causes: Vec<LegOutcome>,
    /// Answers of the tool that is called here.
    answers: Vec<Payload>,
}

impl<'p> Environment<'p> {
    /// `services` are those that may fail.
    pub(super) fn new(plan: &'p Plan, services: &'static [Service]) -> Self {
        let states = (0..plan.states.len()).map(|i| here(plan, StateId::from_index(i))).collect();
        let slots = (0..plan.intents.len()).map(|i| fillings(plan, IntentId::from_index(i))).collect();
        Self { plan, services, states, slots }
    }

    /// Everything that can happen now.
    pub(super) fn happenings<S: Subject>(&self, world: &World<S>, out: &mut Vec<Happening>) {
        let ledger = &world.ledger;
        let mut tell = |input| out.push(Happening::Input(input));
        match ledger.caller {
            Caller::Awaited => {
                if !ledger.started {
                    tell(Input::Start);
                }
                tell(Input::CallerJoined);
                tell(Input::CallerLeft);
                tell(Input::CallerUnreachable);
            }
            Caller::Here | Caller::Gone => {}
        }
        self.speech(ledger, &mut tell);
        self.requests(world, &mut tell);
        let accept = self.accept(world.subject.state());
        for leg in &ledger.legs {
            self.leg(leg, accept, world.subject.state(), &mut tell);
        }
        if ledger.caller == Caller::Here {
            self.caller(world, &mut tell);
        }
        // Deadlines before what hardly ever happens.
        let crowded = ledger.is_crowded();
        let armed = world.subject.armed().into_iter().map(|(_, timer)| timer);
        out.extend(armed.filter(|timer| !crowded || makes_room(*timer)).map(Happening::Timer));
        if crowded {
            return;
        }
        let mut tell = |input| out.push(Happening::Input(input));
        if ledger.broken < FAILED_SERVICES {
            self.services.iter().for_each(|service| tell(Input::ServiceFailed { service: *service }));
        }
        tell(Input::RoomExpiring);
        tell(Input::Shutdown);
        if !ledger.room_gone {
            tell(Input::RoomClosed);
        }
    }

    fn speech(&self, ledger: &Ledger, tell: &mut impl FnMut(Input)) {
        if let Some(first) = ledger.sentences.first() {
            tell(Input::Said { utterance: first.id, heard_all: !first.cut });
            tell(Input::SayFailed { utterance: first.id });
        }
        for reply in &ledger.replies {
            if reply.live && !ledger.is_crowded() {
                for intent in &*reply.offered {
                    for slots in &self.slots[intent.index()] {
                        let slots = slots.clone();
                        tell(Input::IntentProposed { reply: reply.id, intent: *intent, slots });
                    }
                }
                if !reply.consulted && !reply.tools.is_empty() {
                    let calls = reply.tools.iter().map(|tool| self.proposed(*tool));
                    tell(Input::ToolsProposed { reply: reply.id, calls: calls.collect() });
                    tell(Input::ToolsProposed {
                        reply: reply.id,
                        calls: vec![ProposedCall { tool: None, args: None }],
                    });
                }
            }
            tell(Input::ReplyDone { reply: reply.id, heard_all: true });
            tell(Input::ReplyFailed { reply: reply.id, service: Service::Llm });
        }
    }

    /// Requests that are under way end well, or badly for now, or badly for good.
    fn requests<S: Subject>(&self, world: &World<S>, tell: &mut impl FnMut(Input)) {
        let answers = &self.states[world.subject.state().index()].answers;
        for (call, _) in &world.ledger.requests {
            for value in answers {
                tell(Input::ToolDone { call: *call, result: ToolResult::Ok { value: value.clone() } });
            }
            if answers.is_empty() {
                tell(Input::ToolDone { call: *call, result: ToolResult::Ok { value: Payload::default() } });
            }
            for cause in [ToolFailure::Unreachable, ToolFailure::Refused { status: 404 }] {
                tell(Input::ToolDone { call: *call, result: ToolResult::Failed { cause } });
            }
        }
    }

    /// A call whose arguments fit.
    fn proposed(&self, tool: ToolId) -> ProposedCall {
        let params = &self.plan.tool(tool).params;
        let args = params.iter().map(|param| (param.name.to_string(), usual(&param.kind).into()));
        ProposedCall { tool: Some(tool), args: Some(Payload(serde_json::Value::Object(args.collect()))) }
    }

    fn leg(&self, leg: &Leg, accept: Option<&Accept>, state: StateId, tell: &mut impl FnMut(Input)) {
        let mut event = |event| tell(Input::Leg { attempt: leg.attempt, event });
        if leg.answered && !leg.stopping {
            if leg.apart && !leg.bridged {
                if leg.bridging {
                    event(LegEvent::Bridged);
                } else {
                    event(LegEvent::Asked);
                    for key in accept.iter().flat_map(|accept| [accept.key, accept.decline]) {
                        event(LegEvent::Key { digit: key });
                    }
                    let other =
                        ('3'..='9').find(|key| accept.is_none_or(|a| *key != a.key && *key != a.decline));
                    other.into_iter().for_each(|digit| event(LegEvent::Key { digit }));
                }
                event(LegEvent::GateFailed { cause: cause(LegOutcome::Failed) });
            }
        } else if !leg.answered {
            if !leg.started {
                event(LegEvent::Started);
                event(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
            }
            if !leg.ringing {
                event(LegEvent::Ringing);
            }
            event(LegEvent::Answered);
        }
        event(LegEvent::Stopped);
        for outcome in &self.states[state.index()].causes {
            event(LegEvent::Failed { cause: cause(*outcome) });
        }
        if leg.stopping {
            event(LegEvent::StopFailed);
        }
    }

    fn caller<S: Subject>(&self, world: &World<S>, tell: &mut impl FnMut(Input)) {
        tell(Input::CallerLeft);
        if world.ledger.is_crowded() {
            return;
        }
        let here = &self.states[world.subject.state().index()];
        for digit in &here.keys {
            tell(Input::Dtmf { digit: *digit });
        }
        if world.ledger.listening {
            let fixed = here.turns.iter().map(|text| Utterance::new(*text));
            let phrases = here.phrases.iter().map(|text| Utterance::new(text.as_str()));
            for text in fixed.chain(phrases) {
                tell(Input::TurnEnded { text });
            }
            if world.ledger.speaking {
                tell(Input::TurnEnded { text: Utterance::new("") });
            } else {
                tell(Input::SpeechStarted);
            }
        }
    }

    fn accept(&self, state: StateId) -> Option<&Accept> {
        match &self.plan.state(state).kind {
            Kind::Dial(dial) => dial.accept.as_ref(),
            _ => None,
        }
    }
}

/// Whether a deadline is for what is being said or is gone, so that it comes also while a lot is to be heard.
fn makes_room(timer: Timer) -> bool {
    matches!(timer, Timer::Speech | Timer::Reply | Timer::StopCommand | Timer::Tool)
}

/// A cause of which nothing but the outcome matters.
pub(super) fn cause(outcome: LegOutcome) -> LegCause {
    LegCause { outcome, raw: String::new(), fix: None }
}

fn here(plan: &Plan, state: StateId) -> Here {
    let mut here = Here::default();
    let events = plan.state(state).on.iter().chain(&plan.always).map(|on| on.event);
    for event in events {
        match event {
            Event::CallerDtmf(key) if !here.keys.contains(&key) => here.keys.push(key),
            Event::OperatorBusy => here.causes.push(LegOutcome::Busy),
            Event::OperatorRejected => here.causes.push(LegOutcome::Rejected),
            Event::OperatorUnreachable => here.causes.push(LegOutcome::Unreachable),
            Event::OperatorNoAnswer => here.causes.push(LegOutcome::NoAnswer),
            Event::OperatorVoicemail => here.causes.push(LegOutcome::Voicemail),
            _ => {}
        }
    }
    here.causes.push(LegOutcome::Failed);
    match &plan.state(state).kind {
        Kind::Confirm(_) => {
            here.turns.extend(["yes", "no", "maybe"]);
            here.keys.extend(['1', '2'].iter().filter(|key| !here.keys.contains(key)).collect::<Vec<_>>());
        }
        Kind::Collect(collect) => {
            here.turns.push("I don't know");
            here.phrases.extend(collect.slots.iter().flat_map(|slot| fillers(plan, collect, slot)));
            here.keys.extend(
                ['1', collect.keys.end_key].iter().filter(|key| !here.keys.contains(key)).collect::<Vec<_>>(),
            );
        }
        Kind::Converse(_) | Kind::Say(_) => here.turns.push("I have a question"),
        Kind::Dial(dial) => {
            here.turns.push("I have a question");
            here.phrases.extend(dial.listen.iter().filter_map(|intent| phrase(plan, &dial.listen, *intent)));
        }
        Kind::CallApi(api) => {
            here.turns.push("I have a question");
            here.answers = answers(plan, api);
        }
        Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_) => {}
    }
    // One key that means nothing here.
    here.keys.extend(('3'..='9').find(|key| !here.keys.contains(key)));
    here
}

/// What a caller may say to fill a slot: something of its type, and every value that some guard asks for.
#[must_use]
pub fn fillers(plan: &Plan, collect: &Collect, slot: &CollectSlot) -> Vec<String> {
    if slot.kind == VarKind::Text && collect.keys.wanted {
        return vec!["1".repeat(collect.keys.digits.unwrap_or(4) as usize)];
    }
    let spoken = |value: String| match (&slot.kind, value.as_str()) {
        (VarKind::Bool, "true") => "yes".to_owned(),
        (VarKind::Bool, _) => "no".to_owned(),
        (VarKind::Duration, seconds) => format!("{} seconds", seconds.trim_end_matches('s')),
        (VarKind::Enum(_), word) => word.replace('_', " "),
        _ => value,
    };
    values(plan, slot.var.index()).into_iter().map(spoken).collect()
}

/// A sentence that is understood as this intent and no other.
fn phrase(plan: &Plan, listen: &[IntentId], wanted: IntentId) -> Option<String> {
    let mut examples = plan.intent(wanted).examples.iter();
    examples.find(|example| plan.meant(example, listen) == Some(wanted)).map(ToString::to_string)
}

/// What a model may fill in: nothing, and every slot with each value that some guard asks for.
#[must_use]
pub fn fillings(plan: &Plan, intent: IntentId) -> Vec<Vec<(String, Utterance)>> {
    let mut fillings = vec![Vec::new()];
    for slot in &plan.intent(intent).slots {
        let Some(index) = plan.vars.iter().position(|var| var.name == slot.name) else { continue };
        for value in values(plan, index) {
            fillings.push(vec![(slot.name.to_string(), Utterance::new(value))]);
        }
    }
    fillings
}

/// Answers in which everything that is wanted is found: with usual values, and each variable with each value that
/// some guard asks for.
fn answers(plan: &Plan, api: &CallApi) -> Vec<Payload> {
    let usual_of = |var: VarId| usual(&plan.vars[var.index()].kind);
    let mut answers = vec![answer_with(&api.save, usual_of)];
    for (wanted, _) in &api.save {
        let others = values(plan, wanted.index()).into_iter().skip(1);
        answers.extend(others.map(|value| {
            answer_with(&api.save, |var| if var == *wanted { value.clone() } else { usual_of(var) })
        }));
    }
    answers
}

/// A usual value of a type.
#[must_use]
pub fn usual(kind: &VarKind) -> String {
    match kind {
        VarKind::Text | VarKind::List => "something".to_owned(),
        VarKind::Int | VarKind::Number => "7".to_owned(),
        VarKind::Bool => "true".to_owned(),
        VarKind::Phone => "+15550100177".to_owned(),
        VarKind::Date => "2026-12-24".to_owned(),
        VarKind::Duration => "20s".to_owned(),
        VarKind::Enum(choices) => choices.first().map(ToString::to_string).unwrap_or_default(),
    }
}

/// A usual value of a variable, and those beside and on the values that guards compare it with.
fn values(plan: &Plan, var: usize) -> Vec<String> {
    let mut values = vec![usual(&plan.vars[var].kind)];
    for guard in guards(plan) {
        collect(guard, var, &mut values);
    }
    match &plan.vars[var].kind {
        VarKind::Bool => values.push("false".to_owned()),
        VarKind::Enum(choices) => values.extend(choices.iter().map(ToString::to_string)),
        // Guards see seconds.
        VarKind::Duration => values[1..].iter_mut().for_each(|value| value.push('s')),
        _ => {}
    }
    let mut seen = std::collections::HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
    values
}

fn guards(plan: &Plan) -> impl Iterator<Item = &Expr> {
    let ons = plan.states.iter().flat_map(|state| &state.on).chain(&plan.always);
    let of_edges = ons.flat_map(|on| &on.branches).filter_map(|branch| branch.guard.as_ref());
    let of_choices = plan.states.iter().filter_map(|state| match &state.kind {
        Kind::Choose(choose) => Some(&choose.choices),
        _ => None,
    });
    of_edges.chain(of_choices.flatten().filter_map(|choice| choice.guard.as_ref()))
}

fn collect(guard: &Expr, var: usize, values: &mut Vec<String>) {
    match guard {
        Expr::Not(inner) => collect(inner, var, values),
        Expr::Binary(_, left, right) => {
            collect(left, var, values);
            collect(right, var, values);
            for (one, other) in [(left, right), (right, left)] {
                if let (Expr::Var(id), Expr::Literal(literal)) = (&**one, &**other)
                    && id.index() == var
                {
                    add(literal, values);
                }
            }
        }
        _ => {}
    }
}

fn add(literal: &Value, values: &mut Vec<String>) {
    match literal {
        Value::Text(text) => values.push(text.to_string()),
        Value::Number(number) => values.extend([-1.0, 0.0, 1.0].map(|d| (number + d).to_string())),
        Value::List(items) => items.iter().for_each(|item| add(item, values)),
        Value::Bool(_) => {}
    }
}
