//! The tests that are missing: shortest ways to every state, edge and outcome that no test reaches.
//!
//! A breadth-first search over what a caller, a phone and the clock can do next, in the same world that runs
//! the tests; so what is written passes. It is bounded, and what it does not reach it does not claim.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::explore::{fillers, fillings, usual};
use crate::flow::show_duration;
use crate::pii::{Payload, Utterance};
use crate::plan::{DialMethod, Event, IntentId, Kind, Plan, ToolId};
use crate::source::{Span, Spanned};

use super::coverage::{Coverage, edge_words};
use super::document::{Action, Answer, Assigned, Phone, Step};
use super::judge::{leg_outcome_name, outcome_name};
use super::run::perform;
use super::world::{Circumstances, LegStage, Who, World};
use crate::machine::{Input, LegOutcome, Service, ToolFailure};

/// Calls that are looked at, and steps of one.
const MOST_CALLS: usize = 6_000;
const MOST_STEPS: usize = 14;
/// What is on its way comes within this.
const LOOKS_AHEAD: Duration = Duration::from_secs(60);
/// Sunday 4 January 2026, 3:00 in New York: nobody is open.
const AT_NIGHT: (i64, &str) = (1_767_513_600, "2026-01-04T03:00-05:00");

/// A test that was found.
#[derive(Debug)]
struct Found {
    name: String,
    given: &'static str,
    steps: Vec<String>,
    world: World,
}

/// A call so far.
struct Node {
    given: &'static str,
    steps: Vec<String>,
    world: World,
    waits: u8,
}

/// A step, and how it is written.
struct Move {
    written: String,
    action: Action,
    /// It happens when everything else is over, which the script then says.
    when_quiet: bool,
}

/// The missing tests as the text of a test file, and how many they are. `covered` is what other tests reach.
#[must_use]
pub fn generate(plan: &Arc<Plan>, mut covered: Coverage) -> (String, usize) {
    let before = covered.clone();
    let found = search(plan, &mut covered);
    let needed = needed(found, &before);
    let mut text = String::new();
    for found in &needed {
        write(&mut text, found);
    }
    let head = if needed.is_empty() { "tests: []\n" } else { "tests:\n" };
    (format!("{head}{text}"), needed.len())
}

fn search(plan: &Arc<Plan>, covered: &mut Coverage) -> Vec<Found> {
    let mut open: VecDeque<Node> = roots(plan).into();
    let mut seen = HashSet::new();
    let mut found: Vec<Found> = Vec::new();
    let mut calls = 0;
    for root in &open {
        note(plan, covered, root, &mut found);
    }
    while let Some(node) = open.pop_front() {
        calls += 1;
        let mut settled = node.world.clone();
        settled.settle();
        if calls > MOST_CALLS || node.steps.len() >= MOST_STEPS {
            continue;
        }
        // A call that ends by itself may still go another way on the way there.
        let later = if settled.machine().is_over() { Vec::new() } else { moves(&settled, covered) };
        let next_moves = moves_at_once(&node.world).into_iter().chain(later);
        for Move { written, action, when_quiet } in next_moves {
            let waits = if matches!(action, Action::Wait(_)) { (node.waits + 1).min(3) } else { 0 };
            let mut world = if when_quiet { settled.clone() } else { node.world.clone() };
            if perform(&mut world, &Step { span: Span::default(), action }).is_err() {
                continue;
            }
            let pause = (when_quiet && !node.world.is_settled()).then(|| "quiet".to_owned());
            let steps = node.steps.iter().cloned().chain(pause).chain([written]).collect();
            let next = Node { given: node.given, steps, world, waits };
            note(plan, covered, &next, &mut found);
            if seen.insert(likeness(&next.world, waits)) {
                open.push_back(next);
            }
        }
    }
    found
}

/// Keeps a call that reaches something new.
fn note(plan: &Arc<Plan>, covered: &mut Coverage, node: &Node, found: &mut Vec<Found>) {
    let mut world = node.world.clone();
    world.settle();
    if covered.is_extended_by(&world) {
        let name = unique(name(plan, covered, &world), found);
        covered.add(&world);
        found.push(Found { name, given: node.given, steps: node.steps.clone(), world });
    }
}

fn roots(plan: &Arc<Plan>) -> Vec<Node> {
    let root = |given: Circumstances, written| {
        let mut world = World::new(Arc::clone(plan), &given, Vec::new());
        world.begin();
        world.deliver(Input::CallerJoined);
        Node { given: written, steps: Vec::new(), world, waits: 0 }
    };
    let mut roots = vec![root(Circumstances::default(), "")];
    if !plan.hours.is_empty() {
        let night = Circumstances { at: Some(AT_NIGHT.0), ..Circumstances::default() };
        roots.push(root(night, "at: \"2026-01-04T03:00-05:00\""));
    }
    roots.push(root(Circumstances { from: Some(None), ..Circumstances::default() }, "from: withheld"));
    roots
}

/// What tells one call from another, as far as the search cares.
fn likeness(world: &World, waits: u8) -> String {
    let plan = world.plan();
    let machine = world.machine();
    let bounded = plan.states.iter().flat_map(|s| &s.on).chain(&plan.always).flat_map(|on| &on.branches);
    let bounded = bounded.filter(|branch| branch.max_visits.is_some());
    let taken: Vec<_> = bounded.map(|branch| machine.taken().get(branch.edge.index())).collect();
    let dials = plan.states.iter().filter(|state| matches!(state.kind, Kind::Dial(_)));
    let dialled: Vec<_> =
        dials.map(|state| world.path().filter(|name| *name == &*state.name).count().min(3)).collect();
    let since = world.story().iter().rev().take_while(|line| line.who != Who::Flow);
    let said = since.filter(|line| line.who == Who::Bot).count().min(4);
    // What is asked for next tells what is filled already.
    let asks = matches!(plan.state(machine.state()).kind, Kind::Collect(_));
    let question =
        world.story().iter().rev().find(|line| asks && line.who == Who::Bot).map(|line| &line.what);
    let leg = world.live_leg().map(|leg| (leg.target, leg.stage, leg.stopping));
    let given = world.machine().is_over();
    let out = world.tally().count(super::document::Command::Handoff);
    let asked = (world.requests().len(), world.tally().tools.len().min(2));
    format!(
        "{:?}",
        (
            world.path().next(),
            world.state_name(),
            taken,
            dialled,
            said,
            leg,
            given,
            out,
            waits,
            (asked, question)
        )
    )
}

/// What can happen while something is still being said.
fn moves_at_once(world: &World) -> Vec<Move> {
    let mut moves = Vec::new();
    if world.machine().is_over() {
        return moves;
    }
    // It may be the reply that is on its way that asks.
    let mut ahead = world.clone();
    ahead.pass_while(LOOKS_AHEAD, |world| world.requests().is_empty() && !world.is_settled());
    if !ahead.requests().is_empty() {
        let refused = Answer::Fails(ToolFailure::Refused { status: 404 });
        moves.push(event("tool.failed: refused", Action::ToolAnswers(refused)));
    }
    if !world.is_sounding() {
        return moves;
    }
    if has_edge(world, Event::Failed) && world.sentences().next().is_some() {
        moves.push(event("say.failed", Action::SayFails));
    }
    if has_edge(world, Event::CallerInterrupted) {
        let words = "wait a moment";
        let written = format!("caller.interrupts: \"{words}\"");
        moves.push(Move { written, action: Action::Interrupts(words.to_owned()), when_quiet: false });
    }
    moves
}

/// What can happen when everything that had begun is over.
fn moves(settled: &World, covered: &Coverage) -> Vec<Move> {
    let mut moves = Vec::new();
    let plan = settled.plan();
    let state = plan.state(settled.machine().state());
    if settled.machine().accepts_speech() {
        match &state.kind {
            Kind::Confirm(_) => ["yes", "no", "purple"].iter().for_each(|words| moves.push(says(words))),
            Kind::Collect(collect) => {
                let phrases = collect.slots.iter().flat_map(|slot| fillers(plan, collect, slot));
                moves.extend(phrases.map(|words| says(&words)));
                moves.push(says("purple"));
            }
            Kind::Dial(dial) => dial.listen.iter().for_each(|intent| moves.extend(example(plan, *intent))),
            _ => {
                let offered = plan.intents_of(settled.machine().state());
                offered.iter().for_each(|intent| moves.push(means(plan, *intent, &offered)));
                offered.iter().for_each(|intent| moves.extend(filled(plan, *intent)));
                moves.extend(tools(plan, &state.kind));
            }
        }
    }
    for on in state.on.iter().chain(&plan.always) {
        match on.event {
            Event::CallerDtmf(key) => {
                let written = format!("caller.dtmf: \"{key}\"");
                moves.push(Move { written, action: Action::Presses(key.to_string()), when_quiet: false });
            }
            Event::CallerLeft => moves.push(event("caller.left", Action::Leaves)),
            Event::ServiceFailed => moves.push(Move {
                written: "service.failed: llm".to_owned(),
                action: Action::ServiceFails(Service::Llm),
                when_quiet: true,
            }),
            Event::RoomExpiring => moves.push(event("room.expiring", Action::RoomExpires)),
            Event::Shutdown => moves.push(event("shutdown", Action::Shutdown)),
            // A whole call's worth of small talk is not cheap.
            Event::MaxDuration if on.branches.iter().any(|b| covered.is_missing(b.edge)) => {
                moves.push(event("call.max_duration", Action::TimeIsUp))
            }
            _ => {}
        }
    }
    moves.extend(phone_moves(settled));
    if let Some((at, _)) = settled.machine().next_deadline() {
        let wait = Duration::from_millis(at.0.saturating_sub(settled.now().0));
        // A step lets at most a day pass.
        if !wait.is_zero() && wait <= Duration::from_secs(24 * 3600) {
            moves.push(Move {
                written: format!("after: {}", show_duration(wait)),
                action: Action::Wait(wait),
                when_quiet: true,
            });
        }
    }
    moves
}

fn phone_moves(world: &World) -> Vec<Move> {
    let phone = |name, phone| event(name, Action::Phone(phone));
    let Some(leg) = world.live_leg().filter(|leg| !leg.stopping) else { return Vec::new() };
    if leg.method != DialMethod::DialOut {
        return vec![
            phone("transferred", Phone::Transferred),
            phone("operator.failed", Phone::Fails(LegOutcome::Failed)),
        ];
    }
    if leg.stage >= LegStage::Answered {
        return vec![phone("operator.left", Phone::Left), event("caller.left", Action::Leaves)];
    }
    let mut moves = if leg.apart {
        vec![phone("operator.accepted", Phone::Accepted), phone("operator.declined", Phone::Declined)]
    } else {
        vec![phone("operator.answered", Phone::Answered)]
    };
    moves.extend([
        phone("operator.no_answer", Phone::NoAnswer),
        phone("operator.busy", Phone::Fails(LegOutcome::Busy)),
        phone("operator.rejected", Phone::Fails(LegOutcome::Rejected)),
        phone("operator.unreachable", Phone::Fails(LegOutcome::Unreachable)),
        phone("operator.voicemail", Phone::Fails(LegOutcome::Voicemail)),
        phone("operator.failed", Phone::Fails(LegOutcome::Failed)),
        event("caller.left", Action::Leaves),
    ]);
    moves
}

fn event(name: &str, action: Action) -> Move {
    let when_quiet = matches!(action, Action::Leaves | Action::RoomExpires | Action::Shutdown);
    Move { written: name.to_owned(), action, when_quiet }
}

fn says(words: &str) -> Move {
    Move { written: quoted(words), action: Action::Says(words.to_owned()), when_quiet: false }
}

fn example(plan: &Plan, intent: IntentId) -> Option<Move> {
    plan.intent(intent).examples.first().map(|words| says(words))
}

/// An intent by an example of it, if that is understood; else by its name.
fn means(plan: &Plan, intent: IntentId, offered: &[IntentId]) -> Move {
    let words = plan.intent(intent).examples.first();
    let understood = words.and_then(|words| plan.meant(words, offered));
    match (words, understood == Some(intent)) {
        (Some(words), true) => says(words),
        _ => {
            let name = plan.intent(intent).name.to_string();
            let written = format!("intent: {name}");
            let name = Spanned::new(name, Span::default());
            Move { written, action: Action::Intent { name, slots: Vec::new() }, when_quiet: false }
        }
    }
}

/// An intent with each value of its slots that a guard can tell from others.
fn filled(plan: &Plan, intent: IntentId) -> Vec<Move> {
    let name = plan.intent(intent).name.to_string();
    let values = fillings(plan, intent).into_iter().filter(|slots| !slots.is_empty());
    let step = |slots: Vec<(String, Utterance)>| {
        let written: Vec<_> =
            slots.iter().map(|(slot, value)| format!("{slot}: {}", quoted(value.text()))).collect();
        let spanned = |text: &str| Spanned::new(text.to_owned(), Span::default());
        let slots = slots
            .iter()
            .map(|(slot, value)| Assigned { name: spanned(slot), value: spanned(value.text()) })
            .collect();
        let action = Action::Intent { name: spanned(&name), slots };
        let written = format!("intent: {{{name}: {{{}}}}}", written.join(", "));
        Move { written, action, when_quiet: false }
    };
    values.map(step).collect()
}

/// The tools that the model may ask for, with usual values.
fn tools(plan: &Plan, kind: &Kind) -> Vec<Move> {
    let Kind::Converse(converse) = kind else { return Vec::new() };
    let step = |tool: &ToolId| {
        let known = plan.tool(*tool);
        let args: serde_json::Map<_, _> = known
            .params
            .iter()
            .map(|param| (param.name.to_string(), serde_json::Value::from(usual(&param.kind))))
            .collect();
        let args = serde_json::Value::Object(args);
        let written = format!("tool: {{{}: {args}}}", known.name);
        let name = Spanned::new(known.name.to_string(), Span::default());
        Move { written, action: Action::ToolAsked { name, args: Payload(args) }, when_quiet: false }
    };
    converse.tools.iter().map(step).collect()
}

fn has_edge(world: &World, event: Event) -> bool {
    let plan = world.plan();
    plan.state(world.machine().state()).on.iter().any(|on| on.event == event)
}

/// A test is named after the first new thing that it reaches.
fn name(plan: &Plan, covered: &Coverage, world: &World) -> String {
    let taken = world.machine().taken();
    let edge = covered.missing_edges().find(|edge| taken.get(edge.index()).is_some_and(|count| *count > 0));
    if let Some(edge) = edge {
        return edge_words(plan, edge).replace('`', "");
    }
    match world.tally().transfers.last() {
        Some((state, outcome)) => {
            format!("{} ends as {}", plan.state(*state).name, leg_outcome_name(*outcome))
        }
        None => format!("the call comes to {}", world.state_name()),
    }
}

fn unique(name: String, found: &[Found]) -> String {
    let taken = |name: &str| found.iter().any(|found| found.name == name);
    if !taken(&name) {
        return name;
    }
    let numbered = (2..).map(|n| format!("{name} ({n})"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}

/// Without what the others reach as well: the long ones go first.
fn needed(mut found: Vec<Found>, before: &Coverage) -> Vec<Found> {
    for index in (0..found.len()).rev() {
        let mut others = before.clone();
        found.iter().enumerate().filter(|(i, _)| *i != index).for_each(|(_, found)| others.add(&found.world));
        if !others.is_extended_by(&found[index].world) {
            found.remove(index);
        }
    }
    found
}

fn write(text: &mut String, found: &Found) {
    let machine = found.world.machine();
    let mut expect = match machine.outcome() {
        Some(outcome) => format!("outcome: {}, final: {}", outcome_name(outcome), found.world.state_name()),
        None => format!("state: {}", found.world.state_name()),
    };
    // What is still under way has no outcome yet.
    if let Some(report) = machine.transfer() {
        expect += &format!(", transfer: {}", leg_outcome_name(report.outcome));
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  - name: {}", quoted(&found.name));
    if !found.given.is_empty() {
        let _ = writeln!(text, "    given: {{{}}}", found.given);
    }
    if found.steps.is_empty() {
        let _ = writeln!(text, "    script: []");
    } else {
        let _ = writeln!(text, "    script:");
        found.steps.iter().for_each(|step| {
            let _ = writeln!(text, "      - {step}");
        });
    }
    let _ = writeln!(text, "    expect: {{{expect}}}");
}

/// A text in quotes that YAML reads as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
