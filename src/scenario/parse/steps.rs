//! The steps of a script.

use std::time::Duration;

use crate::diagnostic::Rule;
use crate::flow::{Core, Node, ScalarStyle, Value};
use crate::flow::{Reader, Shape, did_you_mean, listed, shortened};
use crate::machine::{LegOutcome, Service, ToolFailure};
use crate::source::{Span, Spanned};

use super::super::document::{Action, Answer, Part, Phone, Step};
use super::{assigned, expect, tools};

/// Steps of one script.
const MOST_STEPS: usize = 500;
/// Steps that can race each other, and orders of all races of a script together.
const MOST_RACERS: usize = 4;
const MOST_ORDERS: usize = 120;
/// The longest that one step lets pass.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
pub(in super::super) const PART: Shape =
    Shape { what: "`caller.plays`", keys: &["as", "turns", "until"], later: &[], elsewhere: &[] };
/// Turns of a part that is played.
const MOST_TURNS: u32 = 30;
const USUAL_TURNS: u32 = 8;
/// Keys of one step.
const MOST_KEYS: usize = 32;

/// What stands alone, as a plain word.
const EVENTS: &[(&str, Action)] = &[
    ("caller.joined", Action::Joins),
    ("caller.left", Action::Leaves),
    ("said", Action::Said),
    ("quiet", Action::Quiet),
    ("operator.ringing", Action::Phone(Phone::Ringing)),
    ("operator.answered", Action::Phone(Phone::Answered)),
    ("operator.accepted", Action::Phone(Phone::Accepted)),
    ("operator.declined", Action::Phone(Phone::Declined)),
    ("operator.no_answer", Action::Phone(Phone::NoAnswer)),
    ("operator.busy", Action::Phone(Phone::Fails(LegOutcome::Busy))),
    ("operator.rejected", Action::Phone(Phone::Fails(LegOutcome::Rejected))),
    ("operator.unreachable", Action::Phone(Phone::Fails(LegOutcome::Unreachable))),
    ("operator.voicemail", Action::Phone(Phone::Fails(LegOutcome::Voicemail))),
    ("operator.failed", Action::Phone(Phone::Fails(LegOutcome::Failed))),
    ("operator.refused", Action::Phone(Phone::Refused)),
    ("operator.left", Action::Phone(Phone::Left)),
    ("transferred", Action::Phone(Phone::Transferred)),
    ("say.failed", Action::SayFails),
    ("room.expiring", Action::RoomExpires),
    ("room.closed", Action::RoomCloses),
    ("shutdown", Action::Shutdown),
    ("call.max_duration", Action::TimeIsUp),
];

/// What has a value.
const WITH_VALUE: &[&str] = &[
    "caller.says",
    "caller.interrupts",
    "caller.plays",
    "caller.dtmf",
    "caller.silent",
    "operator.key",
    "service.failed",
    "reply.failed",
    "intent",
    "tool",
    "tool.answers",
    "tool.failed",
    "after",
    "wait",
    "expect",
    "race",
];

const SERVICES: &[(&str, Service)] = &[("stt", Service::Stt), ("llm", Service::Llm), ("tts", Service::Tts)];

/// The names that a step can have.
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name).chain(WITH_VALUE.iter().copied())
}

pub(super) fn script(reader: &mut Reader<'_>, node: &Node) -> Vec<Step> {
    let items = reader.items(node, "a list of steps");
    if items.len() > MOST_STEPS {
        let message = format!("more than {MOST_STEPS} steps in one script");
        reader.error(Rule::WrongValue, node.span, message, "a call is shorter than that");
    }
    let steps: Vec<_> = items.iter().take(MOST_STEPS).filter_map(|item| step(reader, item)).collect();
    let orders = |step: &Step| match &step.action {
        Action::Race(racers) => (1..=racers.len()).product(),
        _ => 1,
    };
    if steps.iter().map(orders).fold(1_usize, usize::saturating_mul) > MOST_ORDERS {
        let message = format!("the races of this script have more than {MOST_ORDERS} orders together");
        reader.error(Rule::WrongValue, node.span, message, "divide them among several tests");
    }
    steps
}

fn step(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    let action = match &node.value {
        Value::Scalar(_) => alone(reader, node),
        Value::Mapping(entries) => match entries.as_slice() {
            [(key, value)] => with_value(reader, &key.text, key.span, value),
            _ => {
                reader.error(Rule::WrongValue, node.span, "a step is one thing", "begin each step with `- `");
                None
            }
        },
        Value::Sequence(_) => {
            reader.wrong(node, "a step", "what happens at once is a `race: [first, second]`");
            None
        }
    }?;
    Some(Step { span: node.span, action })
}

/// An event by its name, or what the caller says. In quotes it is always said.
fn alone(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let scalar = node.scalar()?;
    if scalar.style == ScalarStyle::Plain {
        if let Some((_, action)) = EVENTS.iter().find(|(name, _)| *name == scalar.text) {
            return Some(action.clone());
        }
        let word = !scalar.text.contains(char::is_whitespace);
        let looks_like_event =
            word && scalar.text.trim_end_matches('.').contains('.') || scalar.text.contains('(');
        if WITH_VALUE.contains(&scalar.text.as_str()) {
            let message = format!("`{}` needs a value", scalar.text);
            reader.error(Rule::WrongValue, node.span, message, example(&scalar.text));
            return None;
        }
        if word && looks_like_event {
            unknown(reader, &scalar.text, node.span);
            return None;
        }
        if matches!(scalar.core(), Core::Int) {
            let help = format!(
                "a key is `caller.dtmf: \"{0}\"`, a spoken number is in quotes: \"{0}\"",
                scalar.text
            );
            reader.wrong(node, "a step", help);
            return None;
        }
    }
    reader.text(node, "what the caller says").map(|text| Action::Says(text.value))
}

fn unknown(reader: &mut Reader<'_>, name: &str, span: Span) {
    let message = format!("there is no event `{}`", shortened(name));
    let all: Vec<_> = names().collect();
    let help = did_you_mean(name, all.iter().copied())
        .unwrap_or_else(|| format!("what the caller says stands in quotes; events are {}", listed(&all)));
    reader.error(Rule::UnknownEvent, span, message, help);
}

fn example(name: &str) -> &'static str {
    match name {
        "caller.plays" => {
            "write `caller.plays: You want a person`, or `caller.plays: {as: …, turns: 6, until: state}`"
        }
        "caller.dtmf" => "write `caller.dtmf: \"0\"`",
        "caller.silent" | "after" | "wait" => "write `after: 4s`",
        "operator.key" => "write `operator.key: \"1\"`",
        "service.failed" => "write `service.failed: tts` (or stt, llm)",
        "reply.failed" => "write `reply.failed: llm` (or tts)",
        "intent" => "write `intent: name`, or `intent: {name: {slot: value}}`",
        "tool" => "write `tool: name`, or `tool: {name: {parameter: value}}`",
        "tool.answers" => "write `tool.answers: {field: value}`",
        "tool.failed" => {
            "write `tool.failed: timeout` (or unreachable, unavailable, refused, redirected, garbage, too_long)"
        }
        "expect" => "write `expect: {state: name}`",
        "race" => "write `race: [caller.left, operator.answered]`",
        _ => "write what is said behind it",
    }
}

fn with_value(reader: &mut Reader<'_>, name: &str, span: Span, node: &Node) -> Option<Action> {
    match name {
        "caller.says" => reader.text(node, "what the caller says").map(|text| Action::Says(text.value)),
        "caller.interrupts" => {
            reader.text(node, "what the caller says").map(|text| Action::Interrupts(text.value))
        }
        "caller.plays" => part(reader, node).map(Action::Plays),
        "caller.dtmf" => keys(reader, node).map(Action::Presses),
        "caller.silent" | "after" | "wait" => {
            let wait = reader.duration_within(node, Duration::from_millis(1), LONGEST)?;
            Some(Action::Wait(wait.value))
        }
        "operator.key" => {
            let keys = keys(reader, node)?;
            let key = keys.chars().next().filter(|_| keys.len() == 1);
            if key.is_none() {
                reader.error(Rule::WrongValue, node.span, "more than one key", "write a step for each key");
            }
            key.map(|key| Action::Phone(Phone::Key(key)))
        }
        "service.failed" => reader.word(node, SERVICES).map(Action::ServiceFails),
        "reply.failed" => reader.word(node, SERVICES).map(Action::ReplyFails),
        "intent" => intent(reader, node),
        "tool" => tools::asked(reader, node),
        "tool.answers" => Some(tools::answers(node)),
        "tool.failed" => tools::fails(reader, node),
        "expect" => Some(Action::Expect(expect::expect(reader, node))),
        "race" => race(reader, node),
        known if EVENTS.iter().any(|(event, _)| *event == known) => {
            reader.error(
                Rule::WrongValue,
                span,
                format!("`{known}` has no value"),
                format!("write `- {known}`"),
            );
            None
        }
        _ => {
            unknown(reader, name, span);
            None
        }
    }
}

/// A part as a text, or as a map.
fn part(reader: &mut Reader<'_>, node: &Node) -> Option<Part> {
    if !matches!(node.value, Value::Mapping(_)) {
        let role = reader.text(node, "who calls, and what they want")?;
        return Some(Part { role, turns: USUAL_TURNS, until: None });
    }
    let fields = reader.fields(node, &PART)?;
    let help = "say who calls, and what they want";
    let role = fields.require(reader, "as", node.span, "`caller.plays`", help);
    let role = role.and_then(|node| reader.text(node, "who calls, and what they want"));
    let turns = fields.get("turns").and_then(|node| reader.integer(node, 1..=MOST_TURNS));
    let until = fields.get("until").and_then(|node| reader.text(node, "the name of a state"));
    Some(Part { role: role?, turns: turns.map_or(USUAL_TURNS, |turns| turns.value), until })
}

fn keys(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = node.scalar().map_or("", |scalar| scalar.text.as_str());
    let all_keys = text.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#'));
    if !text.is_empty() && text.len() <= MOST_KEYS && all_keys {
        return Some(text.to_owned());
    }
    let help = "write the keys in quotes: \"0\", \"1234#\" (0 to 9, * and #; at most 32)";
    reader.error(Rule::WrongValue, node.span, "these are not keys of a telephone", help);
    None
}

fn intent(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    match &node.value {
        Value::Mapping(entries) => match entries.as_slice() {
            [(key, value)] => {
                let slots = reader.entries(value, "a map of slots and values");
                let slots = slots.iter().filter_map(|(key, node)| assigned(reader, key, node)).collect();
                Some(Action::Intent { name: Spanned::new(key.text.clone(), key.span), slots })
            }
            _ => {
                reader.wrong(node, "one intent", "write `intent: {name: {slot: value}}`");
                None
            }
        },
        _ => {
            reader.text(node, "the name of an intent").map(|name| Action::Intent { name, slots: Vec::new() })
        }
    }
}

fn race(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let items = reader.items(node, "a list of two to four steps");
    let before = reader.diagnostics.len();
    let racers: Vec<_> = items.iter().take(MOST_RACERS + 1).filter_map(|item| step(reader, item)).collect();
    let fits = (2..=MOST_RACERS).contains(&racers.len());
    if !fits && reader.diagnostics.len() == before {
        reader.error(
            Rule::WrongValue,
            node.span,
            "two to four steps can race",
            "write each as a step of the list",
        );
    }
    let waits = racers.iter().filter(|racer| matches!(racer.action, Action::Wait(_))).count();
    for racer in &racers {
        let why = match racer.action {
            Action::Said
            | Action::Quiet
            | Action::Expect(_)
            | Action::Race(_)
            | Action::Plays(_)
            | Action::ReplyFails(_)
            | Action::TimeIsUp => "this does not happen at one moment",
            Action::ToolAnswers(Answer::Fails(ToolFailure::Timeout)) => {
                "this takes as long as the tool may: write `after: 10s` in its place"
            }
            Action::Intent { .. } | Action::ToolAsked { .. } => {
                "this comes with a turn of the caller: let `caller.says` race"
            }
            Action::Phone(Phone::NoAnswer) => {
                "nobody answering is the ring limit: write `after: 30s` in its place"
            }
            Action::Phone(Phone::Accepted | Phone::Declined) => {
                "pick up before the race, and let `operator.key` race"
            }
            Action::Wait(_) if waits > 1 => "only one wait can race",
            _ => continue,
        };
        reader.error(Rule::WrongValue, racer.span, "this cannot race", why);
    }
    Some(Action::Race(racers))
}
