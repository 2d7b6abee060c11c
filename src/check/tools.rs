//! F005, F010, F011, F020, F027, F035, F060, F066, F067: tools are declared so that they can be called, and
//! called as they are declared.

use std::collections::HashSet;
use std::time::Duration;

use super::env::unlisted;
use super::scope::Scope;
use super::stay;
use super::vars;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::defaults::TOOL_TIMEOUT;
use crate::flow::{
    Body, CallApi, Converse, Document, Http, HttpMethod, JsonTemplate, Kind, Literal, NameUse, Param, State,
    Template, Tool, ToolEffect, ValueType,
};
use crate::source::Spanned;

/// Shorter, no server answers; longer, no caller waits.
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(60);
/// What `notify` fills in besides the variables.
pub(super) const OF_A_DIAL: &[&str] = &["target", "turns", "from", "to"];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for tool in &document.tools {
        declaration(tool, scope, out);
        if let Some(http) = &tool.http {
            request(tool, http, scope, out);
        }
    }
    for state in &document.states {
        match &state.kind.value {
            Kind::CallApi(api) => called(document, state, api, scope, out),
            Kind::Converse(converse) => offered(document, converse, scope, out),
            Kind::Dial(dial) => {
                if let Some(name) = &dial.notify
                    && let Some(tool) = find(document, name, scope, out)
                {
                    notified(document, name, tool, scope, out);
                }
            }
            _ => {}
        }
    }
}

fn declaration(tool: &Tool, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let name = &tool.name;
    if scope.intents.get(&name.value).is_some() {
        let message =
            format!("`{}` is a tool and an intent: the model could not tell them apart", name.value);
        out.push(
            Diagnostic::error(Rule::ToolOffer, name.span, message).help("give one of them another name"),
        );
    }
    if tool.effect.value == ToolEffect::Terminal {
        let message = "a tool cannot end or move the call";
        let help = "make it an intent, and let an edge lead where the call goes: `on: {intent.…: state}`";
        out.push(Diagnostic::error(Rule::ToolOffer, tool.effect.span, message).help(help));
    }
    for param in &tool.params {
        vars::reserved(&param.name, out);
    }
    if let Some(timeout) = &tool.timeout {
        self::timeout(timeout, out);
    }
    idempotency(tool, out);
}

/// F066.
fn timeout(timeout: &Spanned<Duration>, out: &mut Vec<Diagnostic>) {
    if TIMEOUT.contains(&timeout.value) {
        return;
    }
    let message = "a request may take 500ms to 60s";
    let help = if timeout.value < *TIMEOUT.start() {
        "no server answers in less; left out, it is 10s"
    } else {
        "no caller waits longer for an answer; let the server take the order and ask again later"
    };
    out.push(Diagnostic::error(Rule::ToolTimeout, timeout.span, message).help(help));
}

/// F067.
fn idempotency(tool: &Tool, out: &mut Vec<Diagnostic>) {
    if tool.effect.value != ToolEffect::Write {
        return;
    }
    let name = &tool.name.value;
    let help = "add `idempotency: \"{{ call.id }}-…\"` with what makes two requests the same one";
    match &tool.idempotency {
        None => {
            let message = format!("`{name}` writes, and nothing tells a repeated request from a second one");
            out.push(Diagnostic::error(Rule::NotIdempotent, tool.effect.span, message).help(help));
        }
        Some(key) if key.names.is_empty() => {
            let message = "this key is the same in every call: only the first would do anything";
            out.push(Diagnostic::error(Rule::NotIdempotent, key.text.span, message).help(help));
        }
        Some(_) => {}
    }
}

fn request(tool: &Tool, http: &Http, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let alone = alone(tool, http);
    let mut seen = HashSet::new();
    for template in http.texts().into_iter().chain(&tool.idempotency) {
        let copes = alone.iter().any(|text| std::ptr::eq(*text, template));
        for used in template.names.iter().filter(|used| seen.insert(used.span)) {
            name(tool, used, copes, scope, out);
        }
    }
    if matches!(http.method, Some(HttpMethod::Get)) && http.body.is_some() {
        let message = "a GET carries no body";
        let help = "leave `method` out (then it is POST), or put the values into `query:`";
        out.push(Diagnostic::error(Rule::WrongValue, http.span, message).help(help));
    }
}

/// The texts that are left out if their parameter has no value.
fn alone<'t>(tool: &Tool, http: &'t Http) -> Vec<&'t Template> {
    let json = match &http.body {
        Some(Body::Json(json)) => JsonTemplate::texts(json),
        _ => Vec::new(),
    };
    let texts = http.query.iter().map(|(_, text)| text).chain(json);
    texts.filter(|text| text.only_name().is_some_and(|name| param(tool, name).is_some())).collect()
}

fn param<'t>(tool: &'t Tool, name: &str) -> Option<&'t Param> {
    tool.params.iter().find(|param| param.name.value == name)
}

/// A tool knows its parameters, the call and the environment, and nothing else of the flow.
fn name(tool: &Tool, used: &NameUse, copes: bool, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    if let Some(var) = used.name.strip_prefix("env.") {
        out.extend(unlisted(var, used.span, scope));
        return;
    }
    if let Some(part) = used.name.strip_prefix("call.") {
        if !["id", "from", "to"].contains(&part) {
            let message = format!("there is no `{}`", used.name);
            let help = "a template can use call.id, call.from, call.to";
            out.push(Diagnostic::error(Rule::UnknownName, used.span, message).help(help));
        }
        return;
    }
    match param(tool, &used.name) {
        None => {
            let message = format!("`{}` is no parameter of `{}`", used.name, tool.name.value);
            let help =
                format!("declare it: `params: {{{}: text}}`; whoever calls the tool gives it", used.name);
            out.push(Diagnostic::error(Rule::UnknownName, used.span, message).help(help));
        }
        Some(param) if param.optional && !used.optional && !copes => {
            let message = format!("`{}` may be left out, and then has no value here", used.name);
            let help = format!(
                "write `{{{{ {} | default('…') }}}}`, or take `optional: true` from the parameter",
                used.name
            );
            out.push(Diagnostic::error(Rule::Unset, used.span, message).help(help));
        }
        Some(_) => {}
    }
}

/// F010.
fn find<'d>(
    document: &'d Document,
    name: &Spanned<String>,
    scope: &Scope<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<&'d Tool> {
    if let Some(index) = scope.tools.get(&name.value) {
        return document.tools.get(index);
    }
    let message = format!("there is no tool `{}`", name.value);
    let help = match scope.tools.nearest(&name.value) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "declare it under `tools:`".to_owned(),
    };
    out.push(Diagnostic::error(Rule::UnknownName, name.span, message).help(help));
    None
}

fn called(document: &Document, state: &State, api: &CallApi, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    if let Some(timeout) = &api.timeout {
        self::timeout(timeout, out);
    }
    for saved in &api.save {
        if scope.vars.get(&saved.var.value).is_none() {
            let message = format!("there is no variable `{}`", saved.var.value);
            let help = match scope.vars.nearest(&saved.var.value) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("declare it: `vars: {{{}: text}}`", saved.var.value),
            };
            out.push(Diagnostic::error(Rule::UnknownName, saved.var.span, message).help(help));
        }
    }
    let Some(name) = &api.tool else { return };
    let Some(tool) = find(document, name, scope, out) else { return };
    for (arg, value) in &api.args {
        match param(tool, &arg.value) {
            Some(param) => constant(param, value, out),
            None => {
                let message = format!("`{}` has no parameter `{}`", tool.name.value, arg.value);
                let names: Vec<_> = tool.params.iter().map(|param| param.name.value.as_str()).collect();
                let help = match names.as_slice() {
                    [] => "it has none".to_owned(),
                    names => format!("it has {}", super::listed(names)),
                };
                out.push(Diagnostic::error(Rule::UnknownName, arg.span, message).help(help));
            }
        }
    }
    for param in implicit(tool, api).filter(|param| !param.optional) {
        if scope.vars.get(&param.name.value).is_none() {
            missing(tool, param, name, out);
        }
    }
    budget(state, api, tool, out);
}

/// The parameters that take the variable of their name.
pub(super) fn implicit<'t>(tool: &'t Tool, api: &'t CallApi) -> impl Iterator<Item = &'t Param> {
    tool.params.iter().filter(|param| !api.args.iter().any(|(name, _)| name.value == param.name.value))
}

fn missing(tool: &Tool, param: &Param, at: &Spanned<String>, out: &mut Vec<Diagnostic>) {
    let name = &param.name.value;
    let message = format!("`{}` needs `{name}`, and nothing here gives it", tool.name.value);
    let help = format!("write `args: {{{name}: …}}`, or declare a variable `{name}`");
    let error = Diagnostic::error(Rule::MissingKey, at.span, message).also(param.name.span, "declared here");
    out.push(error.help(help));
}

/// A constant argument is of the parameter's type.
fn constant(param: &Param, value: &Template, out: &mut Vec<Diagnostic>) {
    let is_constant = value.names.is_empty() && !value.text.value.contains("{%");
    let unnamed_enum = matches!(&param.kind, ValueType::Enum(words) if words.is_empty());
    if is_constant && !unnamed_enum && param.kind.read(&value.text.value).is_none() {
        let message = format!("`{}` is of type {}, and this is not", param.name.value, param.kind);
        let help = format!("{} is {}", param.kind, param.kind.example());
        out.push(Diagnostic::error(Rule::WrongValue, value.text.span, message).help(help));
    }
}

/// F035: all attempts fit into the state's own timer.
fn budget(state: &State, api: &CallApi, tool: &Tool, out: &mut Vec<Diagnostic>) {
    let (Some(whole), Some(retry)) = (&state.timeout, &api.retry) else { return };
    let each = api.timeout.as_ref().or(tool.timeout.as_ref()).map_or(TOOL_TIMEOUT, |t| t.value);
    let needed = stay::attempts(each, Some(&retry.value));
    let help = "shorten the request's `timeout`, try less often, or give the state more time";
    out.extend(stay::cut_off(whole, retry.span, needed, help));
}

fn offered(document: &Document, converse: &Converse, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for name in &converse.tools {
        if scope.tools.get(&name.value).is_none() && scope.intents.get(&name.value).is_some() {
            let message = format!("`{}` is an intent, and intents are offered by themselves", name.value);
            let help = format!("remove it here; `on: {{intent.{}: state}}` is what offers it", name.value);
            out.push(Diagnostic::error(Rule::ToolOffer, name.span, message).help(help));
            continue;
        }
        let Some(tool) = find(document, name, scope, out) else { continue };
        if !seen.insert(&name.value) {
            let message = format!("`{}` is listed twice", name.value);
            out.push(Diagnostic::error(Rule::ToolOffer, name.span, message).help("remove one"));
        } else if tool.when.is_none() {
            let message = format!("the model is offered `{}` without being told when to use it", name.value);
            let error =
                Diagnostic::error(Rule::ToolOffer, name.span, message).also(tool.name.span, "declared here");
            out.push(error.help("add `when:` to the tool, in one sentence"));
        }
    }
}

/// What a notification is called with is filled in by name.
fn notified(
    document: &Document,
    at: &Spanned<String>,
    tool: &Tool,
    scope: &Scope<'_>,
    out: &mut Vec<Diagnostic>,
) {
    for param in tool.params.iter().filter(|param| !param.optional) {
        let name = &param.name.value;
        if OF_A_DIAL.contains(&name.as_str()) {
            continue;
        }
        match scope.vars.get(name).map(|index| &document.vars[index]) {
            Some(var) if has_value(var.default.as_ref()) => {}
            Some(var) => {
                let message = format!("`{name}` may have no value when it rings");
                let error = Diagnostic::error(Rule::Unset, at.span, message);
                let error = error.also(var.name.span, "it has no default");
                out.push(error.help("give it a `default:`, or make the parameter `optional: true`"));
            }
            None => missing(tool, param, at, out),
        }
    }
}

fn has_value(default: Option<&Literal>) -> bool {
    default.is_some()
}
