//! What stands behind a state's kind: a short form or a map.

use std::time::Duration;

use super::fields::{Fields, Shape};
use super::reader::{Reader, is_phrase};
use super::{collect, dial, edges, taken_in, tools};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::kinds::{
    Confirm, ContextPolicy, Converse, End, EndCause, First, Handoff, HandoffMode, Kind, Rung, Say,
    Sensitivity,
};
use crate::flow::tree::{Node, Value};
use crate::source::Span;

const SAY: Shape = Shape {
    what: "`say`",
    keys: &["text", "audio", "interruptible"],
    later: &[],
    elsewhere: &[
        ("next", "it belongs to the state, beside `say:`"),
        ("on", "it belongs to the state, beside `say:`"),
    ],
};
const CONVERSE: Shape = Shape {
    what: "`converse`",
    keys: &[
        "prompt",
        "prompt_file",
        "first",
        "context",
        "silence",
        "sensitivity",
        "guesses",
        "tools",
        "fill",
    ],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `converse:`")],
};
const RUNG: Shape =
    Shape { what: "a step of `silence`", keys: &["after", "say", "to"], later: &[], elsewhere: &[] };
const CONFIRM: Shape = Shape {
    what: "`confirm`",
    keys: &["question", "tries", "timeout", "interruptible"],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `confirm:`")],
};
const HANDOFF: Shape = Shape {
    what: "`handoff`",
    keys: &["mode", "max"],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `handoff:`")],
};
const END: Shape = Shape { what: "`end`", keys: &["say", "cause"], later: &[], elsewhere: &[] };

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("Say", SAY.keys.to_vec()),
        ("Converse", CONVERSE.keys.to_vec()),
        ("Rung", RUNG.keys.to_vec()),
        ("Confirm", CONFIRM.keys.to_vec()),
        ("Handoff", HANDOFF.keys.to_vec()),
        ("End", END.keys.to_vec()),
    ]
}

/// Reads a kind; `None` if it is not even the right sort of value.
pub(super) fn read(reader: &mut Reader<'_>, kind: &str, node: &Node, key: Span) -> Option<Kind> {
    let is_map = matches!(node.value, Value::Mapping(_)) && !is_phrase(node);
    Some(match kind {
        "say" => Kind::Say(if is_map {
            say(reader, node, key)?
        } else {
            Say { text: reader.template(node, "the words to say"), audio: None, interruptible: false }
        }),
        "converse" => {
            Kind::Converse(if is_map { converse(reader, node, key)? } else { short_converse(reader, node) })
        }
        "confirm" => {
            Kind::Confirm(if is_map { confirm(reader, node, key)? } else { short_confirm(reader, node) })
        }
        "collect" => Kind::Collect(collect::collect(reader, node, key)?),
        "choose" => Kind::Choose(edges::choices(reader, node, key)),
        "call_api" => Kind::CallApi(Box::new(tools::call_api(reader, node, key)?)),
        "dial" => Kind::Dial(Box::new(dial::dial(reader, node, key)?)),
        "handoff" => {
            Kind::Handoff(if is_map { handoff(reader, node, key)? } else { short_handoff(reader, node)? })
        }
        "end" => Kind::End(if is_map { end(reader, node)? } else { short_end(reader, node)? }),
        _ => return None,
    })
}

fn say(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Say> {
    let fields = reader.fields(node, &SAY)?;
    let audio = fields.get("audio").and_then(|node| reader.text(node, "the name of a WAV file"));
    let text = match (fields.get("text"), fields.get("audio")) {
        (None, Some(_)) => None,
        _ => fields.require(reader, "text", key, "`say`", "write the words to say"),
    };
    let text = text.and_then(|node| reader.template(node, "the words to say"));
    Some(Say { text, audio, interruptible: flag(reader, &fields, "interruptible", false) })
}

fn flag(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str, default: bool) -> bool {
    fields.get(key).and_then(|node| reader.boolean(node)).unwrap_or(default)
}

fn short_converse(reader: &mut Reader<'_>, node: &Node) -> Converse {
    let prompt = reader.template(node, "a prompt");
    let (first, context) = (First::Auto, ContextPolicy::Append);
    Converse {
        prompt,
        first,
        context,
        silence: None,
        tools: Vec::new(),
        fill: None,
        sensitivity: Sensitivity::Normal,
        guesses: true,
    }
}

fn converse(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Converse> {
    let fields = reader.fields(node, &CONVERSE)?;
    let prompt = match (fields.get("prompt"), fields.get("prompt_file")) {
        (None, Some(file)) => taken_in::prompt(reader, file),
        (written, file) => {
            if let (Some(first), Some(_)) = (fields.span_of("prompt"), file) {
                let at = fields.span_of("prompt_file").unwrap_or(key);
                let error =
                    Diagnostic::error(Rule::WrongValue, at, "a `converse` has one prompt, this one has two");
                reader.report(error.also(first, "the other one").help("keep one of them"));
            }
            let help = "write the model's instructions as `prompt: |`, or name a file with `prompt_file`";
            let written = written.or_else(|| fields.require(reader, "prompt", key, "`converse`", help));
            written.and_then(|node| reader.template(node, "a prompt"))
        }
    };
    let speakers = [("auto", First::Auto), ("bot", First::Bot), ("caller", First::Caller)];
    let first = fields.get("first").and_then(|node| reader.word(node, &speakers));
    let policies = [
        ("append", ContextPolicy::Append),
        ("reset", ContextPolicy::Reset),
        ("summary", ContextPolicy::Summary),
    ];
    let context = fields.get("context").and_then(|node| reader.word(node, &policies));
    let silence = fields.get("silence").map(|node| silence(reader, node));
    let levels = [("low", Sensitivity::Low), ("normal", Sensitivity::Normal), ("high", Sensitivity::High)];
    let sensitivity = fields.get("sensitivity").and_then(|node| reader.word(node, &levels));
    let sensitivity = sensitivity.unwrap_or(Sensitivity::Normal);
    let (first, context) = (first.unwrap_or(First::Auto), context.unwrap_or(ContextPolicy::Append));
    let tools = fields.get("tools").map(|node| tools::names(reader, node)).unwrap_or_default();
    let fill = fields.get("fill").and_then(|node| reader.template(node, "a sentence"));
    let guesses = flag(reader, &fields, "guesses", true);
    Some(Converse { prompt, first, context, silence, tools, fill, sensitivity, guesses })
}

fn silence(reader: &mut Reader<'_>, node: &Node) -> Vec<Rung> {
    let items = reader.items(node, "a list of steps");
    if items.is_empty() {
        let help = "write [{after: 8s, say: \"Are you still there?\"}, {after: 8s, to: goodbye}], or leave `silence` out";
        reader.error(Rule::Silence, node.span, "silence needs at least one step", help);
    }
    let mut rungs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(fields) = reader.fields(item, &RUNG) else { continue };
        let help = "say how long the quiet before it lasts, such as `after: 8s`";
        let after = fields.require(reader, "after", item.span, "a step of `silence`", help);
        let after =
            after.and_then(|n| reader.duration_within(n, Duration::from_secs(1), Duration::from_secs(600)));
        let say = fields.get("say").and_then(|node| reader.template(node, "a sentence"));
        let to = fields.get("to").and_then(|node| reader.reference(node, "the name of a state"));
        if let (Some(span), true) = (fields.span_of("to"), index + 1 < items.len()) {
            let help = "the steps behind it are never reached: put it last";
            reader.error(Rule::WrongValue, span, "only the last step of `silence` leads on", help);
        }
        rungs.extend(after.map(|after| Rung { after, say, to }));
    }
    rungs
}

fn short_confirm(reader: &mut Reader<'_>, node: &Node) -> Confirm {
    let question = reader.template(node, "a question");
    Confirm { question, tries: None, answer_within: None, interruptible: true }
}

fn confirm(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Confirm> {
    let fields = reader.fields(node, &CONFIRM)?;
    let question = fields.require(reader, "question", key, "`confirm`", "write what the caller is asked");
    let question = question.and_then(|node| reader.template(node, "a question"));
    let tries = fields.get("tries").and_then(|node| reader.integer(node, 1..=10)).map(|n| n.value);
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(120));
    let answer_within = fields.get("timeout").and_then(|node| reader.duration_within(node, least, most));
    let interruptible = flag(reader, &fields, "interruptible", true);
    Some(Confirm { question, tries, answer_within: answer_within.map(|d| d.value), interruptible })
}

const MODES: [(&str, HandoffMode); 2] = [("keep_room", HandoffMode::KeepRoom), ("leave", HandoffMode::Leave)];

fn short_handoff(reader: &mut Reader<'_>, node: &Node) -> Option<Handoff> {
    Some(Handoff { mode: reader.word(node, &MODES)?, max: None })
}

fn handoff(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Handoff> {
    let fields = reader.fields(node, &HANDOFF)?;
    let mode = fields.require(reader, "mode", key, "`handoff`", "write `mode: keep_room` or `mode: leave`");
    let mode = mode.and_then(|node| reader.word(node, &MODES)).unwrap_or(HandoffMode::KeepRoom);
    let (least, most) = (Duration::from_secs(60), Duration::from_secs(12 * 3600));
    let max = fields.get("max").and_then(|node| reader.duration_within(node, least, most));
    Some(Handoff { mode, max: max.map(|d| d.value) })
}

fn short_end(reader: &mut Reader<'_>, node: &Node) -> Option<End> {
    if node.scalar().is_some_and(|scalar| scalar.text == "silent") {
        return Some(End { say: None, cause: EndCause::Completed });
    }
    let say = reader.template(node, "the last sentence, or `silent`")?;
    Some(End { say: Some(say), cause: EndCause::Completed })
}

fn end(reader: &mut Reader<'_>, node: &Node) -> Option<End> {
    let fields = reader.fields(node, &END)?;
    let say = fields.get("say").and_then(|node| reader.template(node, "the last sentence"));
    let causes = [
        ("completed", EndCause::Completed),
        ("caller_left", EndCause::CallerLeft),
        ("failed", EndCause::Failed),
    ];
    let cause = fields.get("cause").and_then(|node| reader.word(node, &causes));
    Some(End { say, cause: cause.unwrap_or(EndCause::Completed) })
}
