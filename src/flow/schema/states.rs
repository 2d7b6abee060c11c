//! States and edges.
#![expect(dead_code, reason = "mirror types: only their shape is used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::events::Edges;
use super::kinds::{
    Choice, Collect, ConfirmOrText, ConverseOrText, DialOrTargets, EndOrText, HandoffOrMode, SayOrText,
};
use super::tools::ToolOrCall;
use super::words::{Assigned, Duration, Guard, Plain, StateName, Text};

/// A state does one thing: it has exactly one of `say`, `converse`, `confirm`, `collect`, `choose`,
/// `call_api`, `dial`, `handoff` and `end`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [
    {"required": ["say"]}, {"required": ["converse"]}, {"required": ["confirm"]}, {"required": ["collect"]},
    {"required": ["choose"]}, {"required": ["call_api"]}, {"required": ["dial"]}, {"required": ["handoff"]}, {"required": ["end"]}
]))]
pub(super) struct State {
    /// Speaks fixed text, then goes on to `next`.
    #[schemars(extend("examples" = ["Hello, how can I help?"]))]
    say: Option<SayOrText>,
    /// Lets the model talk with the caller until an intent, a key or silence leads on.
    #[schemars(extend("examples" = ["You are Hailey, a friendly support agent. Your answers are spoken aloud."]))]
    converse: Option<ConverseOrText>,
    /// Asks a yes/no question: `accepted`, `declined` or `exhausted`.
    #[schemars(extend("examples" = ["Shall I connect you now?"]))]
    confirm: Option<ConfirmOrText>,
    /// Asks for values, spoken or keyed: `filled` or `exhausted`.
    #[schemars(extend("examples" = [{"slots": {"order": "int"}, "ask": "What is your order number?"}]))]
    collect: Option<Collect>,
    /// Decides by conditions, at once; the last entry is `else`.
    #[schemars(extend("examples" = [[{"if": "within(office)", "to": "welcome"}, {"else": "closed"}]]))]
    choose: Option<Vec<Choice>>,
    /// Asks a server, with a tool of the flow: `ok`, or `failed`.
    #[schemars(extend("examples" = [{"tool": "order_status", "args": {"order_id": "{{ order_id }}"}, "save": {"status": "result.status"}}]))]
    call_api: Option<ToolOrCall>,
    /// Reaches a person: `answered`, or one of the ways it can fail.
    #[schemars(extend("examples" = [{"to": "operator", "announce": "Please hold.", "ring": "30s"}]))]
    dial: Option<DialOrTargets>,
    /// The cold transfer: caller and operator talk, the bot is gone.
    #[schemars(extend("examples" = ["keep_room"]))]
    handoff: Option<HandoffOrMode>,
    /// Ends the call, with a last sentence or `silent`.
    #[schemars(extend("examples" = ["Thank you for calling. Goodbye.", "silent"]))]
    end: Option<EndOrText>,
    /// What the state is for, for its readers.
    #[schemars(extend("examples" = ["Asks before anybody is called."]))]
    description: Option<Plain>,
    /// The group whose edges it shares.
    #[schemars(extend("examples" = ["talking"]))]
    group: Option<StateName>,
    /// Where each event leads.
    #[schemars(extend("examples" = [{"intent.goodbye": "bye", "caller.dtmf(\"0\")": "dialing"}]))]
    on: Option<Edges>,
    /// What follows a `say`: short for `on: {said: …, failed: …}`.
    next: Option<Destination>,
    /// How long the call may stay here before the event `timeout`.
    timeout: Option<Duration>,
    /// Variables set on entry.
    #[schemars(extend("examples" = [{"topic": "billing"}]))]
    set: Option<BTreeMap<String, Assigned>>,
    /// Warnings that are meant to be there, each with its reason.
    #[schemars(extend("examples" = [[{"F023": "kept for the summer"}]]))]
    allow: Option<Vec<BTreeMap<String, String>>>,
}

/// Where an event leads: a state, an edge with more to it, or a list tried in order whose last entry has no
/// condition.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Destination {
    /// A state.
    State(StateName),
    /// An edge.
    Branch(Branch),
    /// A list, tried in order.
    List(#[schemars(length(min = 1))] Vec<StateOrBranch>),
}

/// A state, or an edge with more to it.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum StateOrBranch {
    /// A state.
    State(StateName),
    /// An edge.
    Branch(Branch),
}

/// An edge.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Branch {
    /// The state it leads to.
    #[schemars(extend("examples" = ["goodbye"]))]
    to: StateName,
    /// Taken only if this holds.
    r#if: Option<Guard>,
    /// Variables set on the way.
    #[schemars(extend("examples" = [{"topic": "billing"}]))]
    set: Option<BTreeMap<String, Assigned>>,
    /// Said on the way, before the next state begins.
    #[schemars(extend("examples" = ["I am sorry, nobody is free right now."]))]
    say: Option<Text>,
    /// How often it may be taken in one call.
    #[schemars(range(min = 1, max = 1000), extend("examples" = [2]))]
    max_visits: Option<u32>,
}
