//! `dial:`.

use std::time::Duration;

use super::fields::Shape;
use super::reader::{Reader, is_phrase};
use crate::diagnostic::Rule;
use crate::flow::event::Plain;
use crate::flow::kinds::{Accept, Dial, DialMethod, Hold, LateAnswer, Retry};
use crate::flow::tree::{Node, Value};
use crate::source::{Span, Spanned};

const DIAL: Shape = Shape {
    what: "`dial`",
    keys: &[
        "to",
        "method",
        "announce",
        "ring",
        "hold",
        "accept",
        "late_answer",
        "caller_id",
        "retry",
        "listen",
        "notify",
    ],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `dial:`")],
};
const HOLD: Shape =
    Shape { what: "`hold`", keys: &["audio", "say", "say_every"], later: &[], elsewhere: &[] };
const ACCEPT: Shape = Shape {
    what: "`accept`",
    keys: &["say", "key", "decline", "tries", "timeout"],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `dial:`, with `accepted` and `rejected`")],
};
const RETRY: Shape =
    Shape { what: "`retry`", keys: &["times", "wait", "backoff", "on"], later: &[], elsewhere: &[] };

const METHODS: [(&str, DialMethod); 3] = [
    ("dial_out", DialMethod::DialOut),
    ("sip_transfer", DialMethod::SipTransfer),
    ("sip_refer", DialMethod::SipRefer),
];

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("Dial", DIAL.keys.to_vec()),
        ("Hold", HOLD.keys.to_vec()),
        ("Accept", ACCEPT.keys.to_vec()),
        ("Retry", RETRY.keys.to_vec()),
    ]
}

pub(super) fn dial(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Dial> {
    let mut dial = Dial {
        to: Vec::new(),
        method: DialMethod::DialOut,
        announce: None,
        ring: None,
        hold: None,
        late_answer: LateAnswer::HangUp,
        caller_id: None,
        retry: None,
        listen: Vec::new(),
        accept: None,
        notify: None,
    };
    if !matches!(node.value, Value::Mapping(_)) {
        dial.to = names(reader, node, "the name of a target");
        return Some(dial);
    }
    let fields = reader.fields(node, &DIAL)?;
    let to = fields.require(reader, "to", key, "`dial`", "name a target, declared under `targets:`");
    dial.to = to.map(|node| names(reader, node, "the name of a target")).unwrap_or_default();
    if let Some(method) = fields.get("method").and_then(|node| reader.word(node, &METHODS)) {
        dial.method = method;
    }
    dial.announce = fields.get("announce").and_then(|node| reader.template(node, "a sentence"));
    dial.ring = fields.get("ring").and_then(|node| reader.duration(node));
    dial.hold = fields.get("hold").and_then(|node| hold(reader, node));
    dial.accept = fields.get("accept").and_then(|node| accept(reader, node));
    let policies = [("hang_up", LateAnswer::HangUp), ("accept", LateAnswer::Accept)];
    if let Some(policy) = fields.get("late_answer").and_then(|node| reader.word(node, &policies)) {
        dial.late_answer = policy;
    }
    dial.caller_id = fields.get("caller_id").and_then(|node| super::sections::caller_id(reader, node));
    dial.retry =
        fields.get("retry").and_then(|node| retry(reader, node).map(|retry| Spanned::new(retry, node.span)));
    if let Some(node) = fields.get("listen") {
        let items = reader.items(node, "a list of intents");
        dial.listen = items.iter().filter_map(|item| reader.text(item, "the name of an intent")).collect();
    }
    dial.notify = fields.get("notify").and_then(|node| reader.text(node, "the name of a tool"));
    Some(dial)
}

/// One name or a list of names.
fn names(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<Spanned<String>> {
    match &node.value {
        Value::Sequence(items) => {
            if items.is_empty() {
                let help = "name a target, declared under `targets:`";
                reader.error(Rule::NoTarget, node.span, "there is nobody to dial", help);
            }
            items.iter().filter_map(|item| reader.text(item, what)).collect()
        }
        _ => reader.text(node, what).into_iter().collect(),
    }
}

fn hold(reader: &mut Reader<'_>, node: &Node) -> Option<Hold> {
    let fields = reader.fields(node, &HOLD)?;
    let (least, most) = (Duration::from_secs(5), Duration::from_secs(300));
    let every = fields.get("say_every").and_then(|node| reader.duration_within(node, least, most));
    let audio = fields.get("audio").and_then(|node| reader.text(node, "the name of a WAV file"));
    let say = fields.get("say").and_then(|node| reader.template(node, "a sentence"));
    if let (None, Some(span)) = (fields.get("say"), fields.span_of("say_every")) {
        let help = "write what is said, or leave `say_every` out";
        reader.error(Rule::MissingKey, span, "`say_every` needs `say`", help);
    }
    Some(Hold { audio, say, every: every.map(|d| d.value) })
}

/// What the person called is asked: a sentence, or a map.
fn accept(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<Accept>> {
    if !matches!(node.value, Value::Mapping(_)) || is_phrase(node) {
        let say = reader.template(node, "a sentence for the person called");
        let accept = Accept { say, key: None, decline: None, tries: None, answer_within: None };
        return Some(Spanned::new(accept, node.span));
    }
    let fields = reader.fields(node, &ACCEPT)?;
    let help = "write what the person called hears, such as \"Press 1 to take the call.\"";
    let say = fields.require(reader, "say", node.span, "`accept`", help);
    let say = say.and_then(|node| reader.template(node, "a sentence for the person called"));
    let mut key = |name: &str| fields.get(name).and_then(|node| phone_key(reader, node));
    let (take, decline) = (key("key"), key("decline"));
    let tries = fields.get("tries").and_then(|node| reader.integer(node, 1..=5)).map(|n| n.value);
    let (least, most) = (Duration::from_secs(3), Duration::from_secs(60));
    let within = fields.get("timeout").and_then(|node| reader.duration_within(node, least, most));
    let answer_within = within.map(|d| d.value);
    Some(Spanned::new(Accept { say, key: take, decline, tries, answer_within }, node.span))
}

fn phone_key(reader: &mut Reader<'_>, node: &Node) -> Option<char> {
    let text = reader.text(node, "one key in quotes")?;
    let mut keys = text.value.chars();
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Some(key),
        _ => {
            let help = "write one of 0 to 9, `*` and `#`, in quotes";
            reader.error(Rule::WrongValue, node.span, "not a key of a telephone", help);
            None
        }
    }
}

/// The failures after which an attempt is repeated.
fn failures(reader: &mut Reader<'_>, node: &Node) -> Vec<Plain> {
    const FAILURES: [(&str, Plain); 6] = [
        ("no_answer", Plain::OperatorNoAnswer),
        ("busy", Plain::OperatorBusy),
        ("rejected", Plain::OperatorRejected),
        ("unreachable", Plain::OperatorUnreachable),
        ("voicemail", Plain::OperatorVoicemail),
        ("failed", Plain::OperatorFailed),
    ];
    let items = reader.items(node, "a list of failures");
    if items.is_empty() {
        let help = "name some, such as [no_answer, busy]; left out, an attempt is repeated after any failure";
        reader.error(Rule::WrongValue, node.span, "this list names no failure", help);
    }
    items.iter().filter_map(|item| reader.word(item, &FAILURES)).collect()
}

pub(super) fn retry(reader: &mut Reader<'_>, node: &Node) -> Option<Retry> {
    let fields = reader.fields(node, &RETRY)?;
    let times = fields.require(reader, "times", node.span, "`retry`", "say how often it is tried again");
    let times = times.and_then(|node| reader.integer(node, 1..=5))?.value;
    let (least, most) = (Duration::ZERO, Duration::from_secs(60));
    let wait = fields.get("wait").and_then(|node| reader.duration_within(node, least, most)).map(|d| d.value);
    let backoff = fields.get("backoff").and_then(|node| reader.number(node, 1.0..=10.0));
    let on = fields.get("on").map(|node| failures(reader, node)).unwrap_or_default();
    Some(Retry { times, wait, backoff, on })
}
