//! What of a flow its tests reach: states, edges, and outcomes by kind of state. F070 and F071 are what is
//! left.
//!
//! What counts is what happened until a test was judged: a call that goes on by itself afterwards proves
//! nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Kind as WrittenKind, State as Written};
use crate::plan::{Dial, DialMethod, EdgeId, Event, Kind, Plan, StateId};
use crate::source::Span;

use super::Subject;
use super::judge::leg_outcome_name;
use super::world::World;

/// What was reached, added up over tests.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    states: Vec<u32>,
    edges: Vec<u32>,
    outcomes: BTreeMap<(&'static str, &'static str), u32>,
}

/// One kind of thing: how many there are, and how many were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Reached.
    pub reached: usize,
    /// There are.
    pub all: usize,
}

impl Share {
    /// In whole percent, rounded down; of nothing, 100.
    #[must_use]
    pub fn percent(self) -> usize {
        (self.reached * 100).checked_div(self.all).unwrap_or(100)
    }
}

impl Coverage {
    /// Nothing reached yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let outcomes = possible(plan).into_iter().map(|outcome| (outcome, 0)).collect();
        Self { states: vec![0; plan.states.len()], edges: vec![0; plan.edges.len()], outcomes }
    }

    /// Adds a call.
    pub fn add(&mut self, world: &World) {
        for state in world.machine().path() {
            if let Some(count) = self.states.get_mut(state.index()) {
                *count += 1;
            }
        }
        for (count, taken) in self.edges.iter_mut().zip(world.machine().taken()) {
            *count += taken;
        }
        for outcome in happened(world) {
            if let Some(count) = self.outcomes.get_mut(&outcome) {
                *count += 1;
            }
        }
    }

    /// Adds what other tests of the same flow reach.
    pub fn merge(&mut self, other: &Self) {
        let counts = self.states.iter_mut().zip(&other.states).chain(self.edges.iter_mut().zip(&other.edges));
        counts.for_each(|(count, more)| *count += more);
        for (outcome, more) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += more;
        }
    }

    /// Whether adding a call would reach something new.
    #[must_use]
    pub fn is_extended_by(&self, world: &World) -> bool {
        let missing = |counts: &[u32], index: usize| counts.get(index).is_some_and(|count| *count == 0);
        let taken = world.machine().taken().iter().enumerate();
        world.machine().path().iter().any(|state| missing(&self.states, state.index()))
            || taken.filter(|(_, count)| **count > 0).any(|(index, _)| missing(&self.edges, index))
            || happened(world).iter().any(|outcome| self.outcomes.get(outcome) == Some(&0))
    }

    /// How often each state was entered and each edge taken, by their ids.
    #[must_use]
    pub fn counts(&self) -> (&[u32], &[u32]) {
        (&self.states, &self.edges)
    }

    /// States reached.
    #[must_use]
    pub fn states(&self) -> Share {
        share(self.states.iter())
    }

    /// Edges taken.
    #[must_use]
    pub fn edges(&self) -> Share {
        share(self.edges.iter())
    }

    /// Outcomes seen, by kind of state.
    #[must_use]
    pub fn outcomes(&self) -> Share {
        share(self.outcomes.values())
    }

    /// The least of the three, in percent.
    #[must_use]
    pub fn least(&self) -> usize {
        [self.states(), self.edges(), self.outcomes()].into_iter().map(Share::percent).min().unwrap_or(100)
    }

    /// Whether no test takes an edge.
    #[must_use]
    pub fn is_missing(&self, edge: EdgeId) -> bool {
        self.edges.get(edge.index()) == Some(&0)
    }

    /// Edges that no test takes.
    pub fn missing_edges(&self) -> impl Iterator<Item = EdgeId> {
        let missing = self.edges.iter().enumerate().filter(|(_, count)| **count == 0);
        missing.map(|(index, _)| EdgeId::from_index(index))
    }

    /// What is not reached, with its place in the flow.
    #[must_use]
    pub fn findings(&self, subject: &Subject) -> Vec<Diagnostic> {
        let (plan, document) = (subject.plan(), subject.document());
        let mut found = Vec::new();
        for (state, _) in document.states.iter().zip(&self.states).filter(|(_, count)| **count == 0) {
            let message = format!("no test enters `{}`", state.name.value);
            found.push(Diagnostic::warning(Rule::Uncovered, state.name.span, message).help(GENERATE));
        }
        let places = edge_places(document);
        for edge in self.missing_edges() {
            let message = format!("no test takes {}", edge_words(plan, edge));
            let place = places.get(edge.index()).copied().unwrap_or_default();
            let warning = Diagnostic::warning(Rule::Uncovered, place, message).help(GENERATE);
            // An edge of a group stands in none of its states: it may be waived in any of them.
            let sharing = sharing(plan, edge);
            let sharing = if sharing.len() > 1 { sharing.as_slice() } else { &[] };
            let states = sharing.iter().filter_map(|state| document.states.get(state.index()));
            if !states.clone().any(|state| waives(state, Rule::Uncovered)) {
                found.push(warning);
            }
        }
        for ((kind, outcome), _) in self.outcomes.iter().filter(|(_, count)| **count == 0) {
            let message = format!("no test has a `{kind}` end as `{outcome}`");
            let of_kind = document.states.iter().find(|state| state.kind.value.name() == *kind);
            let place = of_kind.map_or(Span::default(), |state| state.kind.span);
            found.push(Diagnostic::warning(Rule::UntestedOutcome, place, message).help(GENERATE));
        }
        found.retain(|found| !is_waived(document, found));
        found.sort_by_key(|found| (found.primary.span, found.id));
        found
    }

    /// As one JSON object.
    #[must_use]
    pub fn json(&self, subject: &Subject) -> Value {
        let (plan, source) = (subject.plan(), subject.source());
        // Lines are those of the flow's own file, unless another is named.
        let placed = |mut one: Value, span: Option<&Span>| {
            if let Some(span) = span {
                one["line"] = source.position(span.start).0.into();
                let path = source.path_at(span.start);
                if path != source.path() {
                    one["path"] = json!(path);
                }
            }
            one
        };
        let document = subject.document();
        let states = document.states.iter().zip(&self.states);
        let places = edge_places(document);
        let share =
            |share: Share| json!({"reached": share.reached, "all": share.all, "percent": share.percent()});
        json!({
            "flow": source.path().display().to_string(),
            "hash": plan.hash.to_string(),
            "summary": {
                "states": share(self.states()),
                "edges": share(self.edges()),
                "outcomes": share(self.outcomes()),
            },
            "states": states.map(|(state, count)| placed(
                json!({"name": state.name.value, "count": count}),
                Some(&state.name.span),
            )).collect::<Vec<_>>(),
            "edges": plan.edges.iter().enumerate().map(|(index, edge)| placed(
                json!({
                    "from": edge.from.map(|from| plan.state(from).name.to_string()),
                    "event": edge.event.map(|event| plan.event_text(event)),
                    "to": plan.state(edge.to).name.to_string(),
                    "count": self.edges.get(index),
                }),
                places.get(index),
            )).collect::<Vec<_>>(),
            "outcomes": self.outcomes.iter().map(|((kind, outcome), count)| json!({
                "kind": kind, "outcome": outcome, "count": count,
            })).collect::<Vec<_>>(),
        })
    }
}

/// Whether a state says that it is meant to be like this.
fn is_waived(document: &Document, found: &Diagnostic) -> bool {
    let place = found.primary.span;
    document.states.iter().any(|state| {
        let inside = state.span.start <= place.start && place.end <= state.span.end;
        inside && waives(state, found.id)
    })
}

fn waives(state: &Written, rule: Rule) -> bool {
    state.allow.iter().any(|waiver| waiver.code.value == rule.code())
}

const GENERATE: &str = "`callflow test --generate` writes the missing tests";

fn share<'c>(counts: impl Iterator<Item = &'c u32>) -> Share {
    let (mut reached, mut all) = (0, 0);
    for count in counts {
        all += 1;
        reached += usize::from(*count > 0);
    }
    Share { reached, all }
}

/// An edge in the words of its flow.
#[must_use]
pub fn edge_words(plan: &Plan, id: EdgeId) -> String {
    let Some(edge) = plan.edges.get(id.index()) else { return "an edge".to_owned() };
    let to = &plan.state(edge.to).name;
    match (edge.from, edge.event) {
        (Some(_), Some(event)) => {
            let names: Vec<_> =
                sharing(plan, id).into_iter().map(|state| format!("`{}`", plan.state(state).name)).collect();
            format!("`{}` of {} to `{to}`", plan.event_text(event), names.join(" or "))
        }
        (Some(from), None) => format!("the way from `{}` to `{to}`", plan.state(from).name),
        (None, Some(event)) => format!("`{}` of the whole flow to `{to}`", plan.event_text(event)),
        (None, None) => format!("a way to `{to}`"),
    }
}

/// The states from which an edge of an `on:` can be taken: one, or those of a group.
fn sharing(plan: &Plan, edge: EdgeId) -> Vec<StateId> {
    let has = |state: &crate::plan::State| {
        state.on.iter().flat_map(|on| &on.branches).any(|branch| branch.edge == edge)
    };
    (0..plan.states.len()).map(StateId::from_index).filter(|state| has(plan.state(*state))).collect()
}

/// Where each edge stands, in the order in which the compiler numbers them: of each state what belongs to its
/// kind, then its `on:`; last the flow-wide ones. What a group shares is one edge, of the first of its states.
fn edge_places(document: &Document) -> Vec<Span> {
    let mut places = Vec::new();
    let mut shared = std::collections::HashSet::new();
    for state in &document.states {
        match &state.kind.value {
            WrittenKind::Converse(converse) => {
                let last = converse.silence.iter().flatten().last();
                places.extend(last.and_then(|rung| rung.to.as_ref()).map(|to| to.span));
            }
            WrittenKind::Choose(branches) => places.extend(branches.iter().map(|branch| branch.to.span)),
            _ => {}
        }
        for on in &state.on {
            let branches = on.branches.iter().map(|branch| branch.to.span);
            places.extend(branches.filter(|place| !on.of_group || shared.insert(*place)));
        }
    }
    let always = document.always.iter().flat_map(|on| &on.branches);
    places.extend(always.map(|branch| branch.to.span));
    places
}

/// The name of a kind, as states write it.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Say(_) => "say",
        Kind::Converse(_) => "converse",
        Kind::Confirm(_) => "confirm",
        Kind::Collect(_) => "collect",
        Kind::Choose(_) => "choose",
        Kind::CallApi(_) => "call_api",
        Kind::Dial(_) => "dial",
        Kind::Handoff(_) => "handoff",
        Kind::End(_) => "end",
    }
}

/// Outcomes of a tool that the model asks for.
const TOOL_OK: &str = "tool answered";
const TOOL_FAILED: &str = "tool failed";

/// Every outcome that a state of each kind of this flow can have.
fn possible(plan: &Plan) -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for state in &plan.states {
        let kind = kind_name(&state.kind);
        let names: &[&str] = match &state.kind {
            Kind::Say(_) => &["said"],
            Kind::Confirm(_) => &["accepted", "declined", "exhausted"],
            Kind::Collect(_) => &["filled", "exhausted"],
            Kind::Converse(converse) => {
                if !converse.tools.is_empty() {
                    all.extend([(kind, TOOL_OK), (kind, TOOL_FAILED)]);
                }
                let intents = !plan.intents_of(state_id(plan, state)).is_empty();
                match (intents, converse.silence.then.is_some()) {
                    (true, true) => &["intent", "silent"],
                    (true, false) => &["intent"],
                    (false, true) => &["silent"],
                    (false, false) => &[],
                }
            }
            Kind::Dial(dial) => dial_outcomes(dial),
            Kind::CallApi(_) => &["ok", "failed"],
            Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_) => &[],
        };
        all.extend(names.iter().map(|name| (kind, *name)));
    }
    all
}

fn state_id(plan: &Plan, state: &crate::plan::State) -> StateId {
    let index = plan.states.iter().position(|known| std::ptr::eq(known, state));
    index.map_or(plan.start, StateId::from_index)
}

fn dial_outcomes(dial: &Dial) -> &'static [&'static str] {
    match (dial.method, dial.accept.is_some()) {
        (DialMethod::DialOut, false) => {
            &["answered", "no_answer", "busy", "rejected", "unreachable", "failed", "cancelled"]
        }
        (DialMethod::DialOut, true) => {
            &["answered", "no_answer", "busy", "rejected", "unreachable", "voicemail", "failed", "cancelled"]
        }
        _ => &["transferred", "failed"],
    }
}

/// The outcomes that a call has shown.
fn happened(world: &World) -> Vec<(&'static str, &'static str)> {
    let plan = world.plan();
    let mut all = Vec::new();
    let attempts = world.tally().transfers.iter();
    all.extend(attempts.map(|(_, outcome)| ("dial", leg_outcome_name(*outcome))));
    let asked = world.tally().tools.iter();
    let by_model = asked.filter(|(state, _)| matches!(plan.state(*state).kind, Kind::Converse(_)));
    all.extend(by_model.map(|(_, well)| ("converse", if *well { TOOL_OK } else { TOOL_FAILED })));
    // What takes an edge of another name (`otherwise`, or one of the whole flow) has happened all the same.
    for (state, event) in world.machine().completed() {
        let kind = &plan.state(*state).kind;
        let outcome = match (kind, event) {
            (Kind::Say(_), Event::Said) => "said",
            (Kind::Confirm(_), Event::Accepted) => "accepted",
            (Kind::Confirm(_), Event::Declined) => "declined",
            (Kind::Confirm(_), Event::Exhausted) => "exhausted",
            (Kind::Converse(_), Event::Intent(_)) => "intent",
            (Kind::Collect(_), Event::Filled) => "filled",
            (Kind::Collect(_), Event::Exhausted) => "exhausted",
            (Kind::CallApi(_), Event::Ok) => "ok",
            (Kind::CallApi(_), Event::Failed) => "failed",
            _ => continue,
        };
        all.push((kind_name(kind), outcome));
    }
    // The ladder of silence has an edge of its own.
    let taken = plan.edges.iter().zip(world.machine().taken()).filter(|(_, count)| **count > 0);
    let silent = taken.filter(|(edge, _)| {
        let from = edge.from.map(|from| &plan.state(from).kind);
        edge.event.is_none() && matches!(from, Some(Kind::Converse(_)))
    });
    all.extend(silent.map(|_| ("converse", "silent")));
    all
}
