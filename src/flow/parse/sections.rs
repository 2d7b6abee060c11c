//! The declarations at the top of a flow.

use std::time::Duration;

use super::fields::{Fields, Shape, listed};
use super::reader::Reader;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::{Call, EnvVar, Intent, Service, Services, Slot, Target, Var};
use crate::flow::provider::Part;
use crate::flow::suggest::did_you_mean;
use crate::flow::tree::{Key, Node, Value};
use crate::flow::value::{Literal, ValueType};
use crate::source::{Span, Spanned};

const CALL: Shape = Shape { what: "`call`", keys: &["language", "max_duration"], later: &[], elsewhere: &[] };
const SERVICES: Shape =
    Shape { what: "`services`", keys: &["stt", "llm", "tts"], later: &[], elsewhere: &[] };
const STT: [&str; 3] = ["provider", "model", "fallback"];
const LLM: [&str; 5] = ["provider", "model", "base_url", "key", "fallback"];
const TTS: [&str; 4] = ["provider", "model", "voice", "fallback"];
const TARGET: Shape =
    Shape { what: "a target", keys: &["phone", "sip", "extension", "caller_id"], later: &[], elsewhere: &[] };
const INTENT: Shape =
    Shape { what: "an intent", keys: &["when", "examples", "slots"], later: &[], elsewhere: &[] };
const SLOT: Shape =
    Shape { what: "a slot", keys: &["type", "values", "optional"], later: &[], elsewhere: &[] };
const VAR: Shape =
    Shape { what: "a variable", keys: &["type", "values", "default", "secret"], later: &[], elsewhere: &[] };

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("Call", CALL.keys.to_vec()),
        ("Services", SERVICES.keys.to_vec()),
        ("SpeechToText", STT.to_vec()),
        ("LanguageModel", LLM.to_vec()),
        ("TextToSpeech", TTS.to_vec()),
        ("OtherSpeechToText", STT[..2].to_vec()),
        ("OtherLanguageModel", LLM[..4].to_vec()),
        ("OtherTextToSpeech", TTS[..3].to_vec()),
        ("Target", TARGET.keys.to_vec()),
        ("Intent", INTENT.keys.to_vec()),
        ("Slot", SLOT.keys.to_vec()),
        ("Var", VAR.keys.to_vec()),
    ]
}

pub(super) fn env(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<EnvVar> {
    let Some(node) = fields.get("env") else { return Vec::new() };
    if matches!(node.value, Value::Sequence(_)) {
        reader.wrong(node, "a map", "give each variable its type: `OPERATOR_NUMBER: phone`");
        return Vec::new();
    }
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of variables and types") {
        let name = reader.declared(key, "an environment variable");
        let kind = value_type(reader, node).unwrap_or(ValueType::Text);
        if matches!(kind, ValueType::Enum(_)) {
            reader.error(
                Rule::WrongValue,
                node.span,
                "an environment variable cannot be an enum",
                "write `text`",
            );
        }
        read.push(EnvVar { name, kind });
    }
    read
}

pub(super) fn call(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Call {
    let Some(fields) = fields.get("call").and_then(|node| reader.fields(node, &CALL)) else {
        return Call::default();
    };
    let language = fields.get("language").and_then(|node| language(reader, node));
    let most = Duration::from_secs(24 * 3600);
    let max_duration = fields
        .get("max_duration")
        .and_then(|node| reader.duration_within(node, Duration::from_secs(10), most));
    Call { language, max_duration }
}

fn language(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<String>> {
    let text = reader.text(node, "a language")?;
    let part = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
    if text.value.split('-').all(part) && text.value.as_bytes()[0].is_ascii_alphabetic() {
        return Some(text);
    }
    reader.error(
        Rule::WrongValue,
        node.span,
        "not a language tag",
        "write it as BCP 47 has it: en-US, de, pt-BR",
    );
    None
}

pub(super) fn services(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Services {
    let Some(fields) = fields.get("services").and_then(|node| reader.fields(node, &SERVICES)) else {
        return Services::default();
    };
    Services {
        stt: service(reader, fields.get("stt"), Part::Stt, &STT),
        llm: service(reader, fields.get("llm"), Part::Llm, &LLM),
        tts: service(reader, fields.get("tts"), Part::Tts, &TTS),
    }
}

fn service(
    reader: &mut Reader<'_>,
    node: Option<&Node>,
    part: Part,
    keys: &'static [&'static str],
) -> Service {
    let shape = Shape { what: "a service", keys, later: &[], elsewhere: &[] };
    let Some(fields) = node.and_then(|node| reader.fields(node, &shape)) else { return Service::default() };
    let provider = fields.get("provider").and_then(|node| {
        reader.word(node, part.providers()).map(|provider| Spanned::new(provider, node.span))
    });
    let fallback = fields.get("fallback").map(|node| {
        // The last key is `fallback`: one that steps in has nobody behind it.
        Box::new(service(reader, Some(node), part, &keys[..keys.len() - 1]))
    });
    Service {
        provider,
        model: fields.get("model").and_then(|node| reader.text(node, "the name of a model")),
        voice: fields.get("voice").and_then(|node| reader.text(node, "the id of a voice")),
        base_url: fields.get("base_url").and_then(|node| reader.template(node, "a base URL")),
        key: fields.get("key").and_then(|node| reader.template(node, "a key")),
        fallback,
    }
}

pub(super) fn targets(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Target> {
    let Some(node) = fields.get("targets") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of targets") {
        let name = reader.declared(key, "a target");
        read.push(target(reader, name, node));
    }
    read
}

fn target(reader: &mut Reader<'_>, name: Spanned<String>, node: &Node) -> Target {
    let mut target = Target { name, address: None, is_sip: false, extension: None, caller_id: None };
    let Some(fields) = reader.fields(node, &TARGET) else { return target };
    let help = "write `phone:` with `+` and digits, or `sip:` with a SIP address";
    let address = match (fields.get("phone"), fields.get("sip")) {
        (Some(_), Some(sip)) => {
            let error =
                Diagnostic::error(Rule::WrongValue, sip.span, "a target has one address, this one has two");
            let first = fields.span_of("phone").unwrap_or(sip.span);
            reader
                .report(error.also(first, "the other one").help("make two targets and dial them as a list"));
            None
        }
        (Some(node), None) | (None, Some(node)) => Some(node),
        (None, None) => {
            reader.error(Rule::MissingKey, target.name.span, "a target needs `phone` or `sip`", help);
            None
        }
    };
    target.is_sip = fields.get("sip").is_some();
    target.address = address.and_then(|node| reader.template(node, "an address"));
    target.extension = fields.get("extension").and_then(|node| extension(reader, node));
    target.caller_id = fields.get("caller_id").and_then(|node| caller_id(reader, node));
    target
}

/// As it is written: nothing of a call decides how it is shown to the person called.
pub(super) fn caller_id(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<String>> {
    let text = reader.text(node, "the id of a purchased number")?;
    let good = (1..=64).contains(&text.value.len())
        && text.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+'));
    if !good {
        let help =
            "the id that `callflow phone list` shows, as it is: letters, digits and `-`, and no template";
        reader.error(Rule::WrongValue, node.span, "not the id of a purchased number", help);
    }
    good.then_some(text)
}

/// Daily takes at most 20 keys, and waits once before them; `w` is half a second of that.
fn extension(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<String>> {
    /// Daily's limit, pauses included.
    const MOST: usize = 20;
    let text = reader.text(node, "an extension")?;
    let keys = text.value.trim_start_matches('w');
    let is_key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
    let help = "0 to 9, `*` and `#`; before them `w` for each half a second of pause; at most 20";
    let message = match keys.chars().find(|c| !is_key(*c)) {
        _ if keys.is_empty() => "an extension needs a key to press".to_owned(),
        Some('w' | 'W' | ',' | ';' | 'p' | 'P') => {
            "a pause is a `w`, and stands before the first key: Daily waits once".to_owned()
        }
        Some(other) => format!("`{other}` is no key of a telephone"),
        None if text.value.len() > MOST => format!("an extension has at most {MOST} keys and pauses"),
        None => return Some(text),
    };
    reader.error(Rule::Extension, node.span, &message, help);
    None
}

pub(super) fn intents(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Intent> {
    let Some(node) = fields.get("intents") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of intents") {
        let name = reader.declared(key, "an intent");
        read.push(intent(reader, name, node));
    }
    read
}

fn intent(reader: &mut Reader<'_>, name: Spanned<String>, node: &Node) -> Intent {
    let mut intent = Intent { name, when: None, examples: Vec::new(), slots: Vec::new() };
    let Some(fields) = reader.fields(node, &INTENT) else { return intent };
    let help = "say in one sentence when it applies; the model reads it";
    let when = fields.require(reader, "when", intent.name.span, "an intent", help);
    intent.when = when.and_then(|node| reader.text(node, "a sentence"));
    if let Some(node) = fields.get("examples") {
        let items = reader.items(node, "a list of sentences");
        intent.examples = items.iter().filter_map(|item| reader.text(item, "a sentence")).collect();
    }
    if let Some(node) = fields.get("slots") {
        for (key, node) in reader.entries(node, "a map of slots") {
            intent.slots.extend(slot(reader, key, node));
        }
    }
    intent
}

fn slot(reader: &mut Reader<'_>, key: &Key, node: &Node) -> Option<Slot> {
    let name = reader.declared(key, "a slot");
    if node.scalar().is_some() {
        let kind = value_type(reader, node)?;
        words_missing(reader, &kind, node.span);
        return Some(Slot { name, kind, optional: false });
    }
    let fields = reader.fields(node, &SLOT)?;
    let kind = typed(reader, &fields, name.span, "a slot");
    let optional = fields.get("optional").and_then(|node| reader.boolean(node)).unwrap_or(false);
    Some(Slot { name, kind: kind?, optional })
}

pub(super) fn vars(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Var> {
    let Some(node) = fields.get("vars") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of variables") {
        let name = reader.declared(key, "a variable");
        read.push(var(reader, name, node));
    }
    read
}

fn var(reader: &mut Reader<'_>, name: Spanned<String>, node: &Node) -> Var {
    let mut var = Var { name, kind: ValueType::Text, default: None, secret: false, implied: false };
    if node.scalar().is_some() {
        if let Some(kind) = value_type(reader, node) {
            words_missing(reader, &kind, node.span);
            var.kind = kind;
        }
        return var;
    }
    let Some(fields) = reader.fields(node, &VAR) else { return var };
    let kind = typed(reader, &fields, var.name.span, "a variable");
    var.secret = fields.get("secret").and_then(|node| reader.boolean(node)).unwrap_or(false);
    if let (Some(node), Some(kind)) = (fields.get("default"), &kind) {
        var.default = default_value(reader, node, kind);
    }
    var.kind = kind.unwrap_or(ValueType::Text);
    var
}

fn default_value(reader: &mut Reader<'_>, node: &Node, kind: &ValueType) -> Option<Literal> {
    let literal = reader.literal(node)?;
    // Plain text is what a template would yield, so one reading serves both.
    let read = match (&literal, kind) {
        (Literal::List(_), ValueType::List) => Some(literal),
        (Literal::List(_), _) => None,
        (Literal::Text(text), _) => kind.read(text),
        (Literal::Bool(_), ValueType::Bool) | (Literal::Number(_), ValueType::Number) => Some(literal),
        (Literal::Number(n), ValueType::Int) if n.fract() == 0.0 => Some(literal),
        (Literal::Bool(_) | Literal::Number(_), _) => None,
    };
    if read.is_none() {
        let message = format!("this is not of type {kind}");
        reader.error(Rule::WrongValue, node.span, message, format!("{kind} is {}", kind.example()));
    }
    read
}

/// `type:` and, for an enum, `values:`.
pub(super) fn typed(reader: &mut Reader<'_>, fields: &Fields<'_>, at: Span, what: &str) -> Option<ValueType> {
    let help = format!("one of {}", listed(ValueType::NAMES));
    let node = fields.require(reader, "type", at, what, &help)?;
    let kind = value_type(reader, node)?;
    match (kind, fields.get("values")) {
        (ValueType::Enum(_), Some(values)) => {
            let items = reader.items(values, "a list of words");
            let words: Vec<_> = items.iter().filter_map(|item| reader.text(item, "a word")).collect();
            if items.is_empty() {
                reader.error(
                    Rule::WrongValue,
                    values.span,
                    "an enum needs at least one word",
                    "list its words",
                );
            }
            Some(ValueType::Enum(words.into_iter().map(|w| w.value.into()).collect()))
        }
        (kind, None) => {
            words_missing(reader, &kind, at);
            Some(kind)
        }
        (kind, Some(_)) => {
            let span = fields.span_of("values").unwrap_or(at);
            reader.error(Rule::UnknownKey, span, format!("{kind} has no `values`"), "only an enum has");
            Some(kind)
        }
    }
}

pub(super) fn words_missing(reader: &mut Reader<'_>, kind: &ValueType, at: Span) {
    if matches!(kind, ValueType::Enum(_)) {
        reader.error(
            Rule::MissingKey,
            at,
            "an enum needs `values`",
            "write {type: enum, values: [sales, support]}",
        );
    }
}

pub(super) fn value_type(reader: &mut Reader<'_>, node: &Node) -> Option<ValueType> {
    let names = listed(ValueType::NAMES);
    let Some(scalar) = node.scalar() else {
        reader.wrong(node, "a type", format!("one of {names}"));
        return None;
    };
    let kind = ValueType::named(&scalar.text);
    if kind.is_none() {
        let message = format!("`{}` is not a type", super::reader::shortened(&scalar.text));
        let help = did_you_mean(&scalar.text, ValueType::NAMES.iter().copied());
        reader.error(Rule::WrongValue, node.span, message, help.unwrap_or(format!("one of {names}")));
    }
    kind
}
