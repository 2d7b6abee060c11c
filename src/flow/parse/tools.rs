//! `tools:` and `call_api:`.

use super::edges::assigned;
use super::fields::{Fields, Shape};
use super::reader::{Reader, shortened};
use super::{dial, sections};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::template::Template;
use crate::flow::tools::{
    Body, CallApi, Http, HttpMethod, JsonTemplate, OnInterrupt, Param, Saved, Tool, ToolEffect,
};
use crate::flow::tree::{Core, Key, Node, Value};
use crate::source::{Span, Spanned};

const TOOL: Shape = Shape {
    what: "a tool",
    keys: &["when", "params", "effect", "timeout", "idempotency", "on_interrupt", "http"],
    later: &[],
    elsewhere: &[
        ("description", "the model reads `when:`"),
        ("url", "it belongs inside: `http: {url: …}`"),
        ("method", "it belongs inside: `http: {method: …}`"),
        ("headers", "it belongs inside: `http: {headers: …}`"),
        ("retry", "it belongs to the state: `call_api: {tool: …, retry: …}`"),
        ("save", "it belongs to the state: `call_api: {tool: …, save: …}`"),
    ],
};
const PARAM: Shape = Shape {
    what: "a parameter",
    keys: &["type", "values", "optional", "description"],
    later: &[],
    elsewhere: &[],
};
const HTTP: Shape = Shape {
    what: "`http`",
    keys: &["method", "url", "headers", "query", "json", "body"],
    later: &[],
    elsewhere: &[("timeout", "it belongs to the tool, beside `http:`")],
};
const CALL_API: Shape = Shape {
    what: "`call_api`",
    keys: &["tool", "args", "timeout", "retry", "fill", "save"],
    later: &[],
    elsewhere: &[("on", "it belongs to the state, beside `call_api:`")],
};

const EFFECTS: [(&str, ToolEffect); 3] =
    [("read", ToolEffect::Read), ("write", ToolEffect::Write), ("terminal", ToolEffect::Terminal)];
const POLICIES: [(&str, OnInterrupt); 2] = [("finish", OnInterrupt::Finish), ("cancel", OnInterrupt::Cancel)];
const METHODS: [(&str, HttpMethod); 5] = [
    ("GET", HttpMethod::Get),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
];

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("Tool", TOOL.keys.to_vec()),
        ("Param", PARAM.keys.to_vec()),
        ("Http", HTTP.keys.to_vec()),
        ("CallApi", CALL_API.keys.to_vec()),
    ]
}

pub(super) fn tools(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Tool> {
    let Some(node) = fields.get("tools") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of tools") {
        let name = reader.declared(key, "a tool");
        read.push(tool(reader, name, node));
    }
    read
}

fn tool(reader: &mut Reader<'_>, name: Spanned<String>, node: &Node) -> Tool {
    let at = name.span;
    let mut tool = Tool {
        name,
        when: None,
        params: Vec::new(),
        effect: Spanned::new(ToolEffect::Read, at),
        timeout: None,
        idempotency: None,
        on_interrupt: None,
        http: None,
    };
    let Some(fields) = reader.fields(node, &TOOL) else { return tool };
    tool.when = fields.get("when").and_then(|node| reader.text(node, "a sentence"));
    if let Some(node) = fields.get("params") {
        for (key, node) in reader.entries(node, "a map of parameters") {
            tool.params.extend(param(reader, key, node));
        }
    }
    if let Some(node) = fields.get("effect")
        && let Some(effect) = reader.word(node, &EFFECTS)
    {
        tool.effect = Spanned::new(effect, node.span);
    }
    tool.timeout = fields.get("timeout").and_then(|node| reader.duration(node));
    tool.idempotency = fields.get("idempotency").and_then(|node| reader.template(node, "a key"));
    tool.on_interrupt = fields.get("on_interrupt").and_then(|node| reader.word(node, &POLICIES));
    let help = "say what is asked: `http: {url: \"https://api.example.com/orders/{{ order_id }}\"}`";
    tool.http = fields.require(reader, "http", at, "a tool", help).and_then(|node| http(reader, node));
    tool
}

fn param(reader: &mut Reader<'_>, key: &Key, node: &Node) -> Option<Param> {
    let name = reader.declared(key, "a parameter");
    if node.scalar().is_some() {
        let kind = sections::value_type(reader, node)?;
        sections::words_missing(reader, &kind, node.span);
        return Some(Param { name, kind, optional: false, description: None });
    }
    let fields = reader.fields(node, &PARAM)?;
    let kind = sections::typed(reader, &fields, name.span, "a parameter");
    let optional = fields.get("optional").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let description = fields.get("description").and_then(|node| reader.text(node, "a description"));
    Some(Param { name, kind: kind?, optional, description: description.map(|text| text.value) })
}

/// Headers that say where a request goes and where it ends: a value out of the call must not.
const OF_THE_ENGINE: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "idempotency-key",
];

fn http(reader: &mut Reader<'_>, node: &Node) -> Option<Http> {
    let fields = reader.fields(node, &HTTP)?;
    let method = fields.get("method").and_then(|node| reader.word(node, &METHODS));
    let help = "say where it goes, such as `url: \"https://api.example.com/orders/{{ order_id }}\"`";
    let url = fields.require(reader, "url", node.span, "`http`", help);
    let url = url.and_then(|node| reader.template(node, "a URL"));
    let headers = fields.get("headers").map(|node| texts(reader, node, "a map of headers"));
    let headers = headers.unwrap_or_default();
    for (name, _) in &headers {
        let good = !name.value.is_empty()
            && name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !good {
            let message = format!("`{}` cannot be the name of a header", shortened(&name.value));
            reader.error(Rule::BadName, name.span, message, "letters, digits and `-`");
        } else if OF_THE_ENGINE.contains(&name.value.to_ascii_lowercase().as_str()) {
            let message = format!("`{}` is a header of the engine", name.value);
            reader.error(Rule::BadName, name.span, message, "leave it out; the address belongs into `url:`");
        }
    }
    let query = fields.get("query").map(|node| texts(reader, node, "a map of names and values"));
    let body = match (fields.get("json"), fields.get("body")) {
        (Some(_), Some(body)) => {
            let error = Diagnostic::error(Rule::WrongValue, body.span, "a request has one body");
            let first = fields.span_of("json").unwrap_or(body.span);
            reader.report(error.also(first, "the other one").help("keep `json:`, or keep `body:`"));
            None
        }
        (Some(json), None) => self::json(reader, json).map(Body::Json),
        (None, Some(body)) => reader.template(body, "JSON as text").map(Body::Text),
        (None, None) => None,
    };
    Some(Http { span: node.span, method, url, headers, query: query.unwrap_or_default(), body })
}

fn texts(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<(Spanned<String>, Template)> {
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, what) {
        if let Some(value) = assigned(reader, node) {
            read.push((Spanned::new(key.text.clone(), key.span), value));
        }
    }
    read
}

fn json(reader: &mut Reader<'_>, node: &Node) -> Option<JsonTemplate> {
    match &node.value {
        Value::Mapping(entries) => entries
            .iter()
            .map(|(key, node)| Some((key.text.clone(), json(reader, node)?)))
            .collect::<Option<_>>()
            .map(JsonTemplate::Map),
        Value::Sequence(items) => {
            items.iter().map(|item| json(reader, item)).collect::<Option<_>>().map(JsonTemplate::List)
        }
        Value::Scalar(scalar) => match scalar.core() {
            Core::Bool(value) => Some(JsonTemplate::Bool(value)),
            Core::Int | Core::Float if scalar.text.parse::<f64>().is_ok_and(f64::is_finite) => {
                scalar.text.parse().ok().map(JsonTemplate::Number)
            }
            // An empty text is a value here.
            Core::Text if scalar.text.is_empty() => {
                let text = Spanned::new(String::new(), node.span);
                Some(JsonTemplate::Text(Template { text, names: Vec::new() }))
            }
            _ => reader.template(node, "a value").map(JsonTemplate::Text),
        },
    }
}

/// A tool's name, or a map.
pub(super) fn call_api(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<CallApi> {
    let mut api =
        CallApi { tool: None, args: Vec::new(), timeout: None, retry: None, fill: None, save: Vec::new() };
    if !matches!(node.value, Value::Mapping(_)) {
        api.tool = reader.text(node, "the name of a tool");
        return Some(api);
    }
    let fields = reader.fields(node, &CALL_API)?;
    let help = "name a tool, declared under `tools:`";
    let tool = fields.require(reader, "tool", key, "`call_api`", help);
    api.tool = tool.and_then(|node| reader.text(node, "the name of a tool"));
    if let Some(node) = fields.get("args") {
        api.args = texts(reader, node, "a map of parameters and values");
    }
    api.timeout = fields.get("timeout").and_then(|node| reader.duration(node));
    api.retry = fields
        .get("retry")
        .and_then(|node| dial::retry(reader, node).map(|retry| Spanned::new(retry, node.span)));
    if let Some(retry) = api.retry.as_ref().filter(|retry| !retry.value.on.is_empty()) {
        let help = "leave it out: a request is repeated after what may pass";
        reader.error(Rule::UnknownKey, retry.span, "`on` of a `retry` names failures of a `dial`", help);
    }
    api.fill = fields.get("fill").and_then(|node| reader.template(node, "a sentence"));
    if let Some(node) = fields.get("save") {
        for (key, node) in reader.entries(node, "a map of variables and fields of the answer") {
            let var = Spanned::new(key.text.clone(), key.span);
            api.save.extend(path(reader, node).map(|path| Saved { var, path }));
        }
    }
    Some(api)
}

/// `result`, `result.status`, `result.items.0.name`.
fn path(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<Vec<String>>> {
    let text = reader.text(node, "a field of the answer")?;
    let mut parts = text.value.split('.').map(str::to_owned);
    let begins = parts.next().is_some_and(|first| first == "result");
    let path: Vec<String> = parts.collect();
    if begins && path.iter().all(|part| !part.is_empty() && !part.contains(char::is_whitespace)) {
        return Some(Spanned::new(path, text.span));
    }
    let help =
        "write `result` for all of it, `result.status` for a field, `result.items.0.name` for one in a list";
    reader.error(Rule::WrongValue, text.span, "this names nothing in the answer", help);
    None
}

/// `notify:` and the names under `tools:` of a `converse`.
pub(super) fn names(reader: &mut Reader<'_>, node: &Node) -> Vec<Spanned<String>> {
    let items = reader.items(node, "a list of tools");
    items.iter().filter_map(|item| reader.text(item, "the name of a tool")).collect()
}
