//! Tools and the states that call them, with their defaults filled in.

use std::sync::Arc;

use serde_json::Value as Json;

use super::compile::{Compiler, text};
use super::{
    Arg, ArgSource, BodyTemplate, CallApi, DialRetry, Escape, HttpMethod, JsonText, Param, RequestTemplate,
    Text, Tool, ToolId, VarId,
};
use crate::check::{CheckedFlow, Endpoint};
use crate::flow;
use crate::flow::defaults::{RETRY_WAIT, TOOL_TIMEOUT};

pub(super) fn tools(flow: &CheckedFlow) -> Vec<Tool> {
    flow.document()
        .tools
        .iter()
        .zip(flow.endpoints())
        .map(|(written, endpoint)| tool(written, endpoint))
        .collect()
}

fn tool(written: &flow::Tool, endpoint: &Endpoint) -> Tool {
    let http = written.http.as_ref().expect("the parser reports a tool without a request");
    let writes = written.effect.value == flow::ToolEffect::Write;
    Tool {
        name: written.name.value.as_str().into(),
        when: written.when.as_ref().map_or("", |when| when.value.trim()).into(),
        params: written.params.iter().map(param).collect(),
        writes,
        timeout: written.timeout.as_ref().map_or(TOOL_TIMEOUT, |timeout| timeout.value),
        finishes: written.on_interrupt.map_or(writes, |policy| policy == flow::OnInterrupt::Finish),
        request: RequestTemplate {
            method: method(http),
            base: endpoint.base.as_str().into(),
            rest: escaped(&endpoint.rest, Escape::Url),
            headers: http
                .headers
                .iter()
                .map(|(name, value)| (name.value.as_str().into(), text(value)))
                .collect(),
            query: http
                .query
                .iter()
                .map(|(name, value)| (name.value.as_str().into(), json_text(written, value)))
                .collect(),
            body: http.body.as_ref().map(|body| match body {
                flow::Body::Json(json) => BodyTemplate::Json(self::json(written, json)),
                flow::Body::Text(text) => BodyTemplate::Text(escaped(&text.text.value, Escape::Json)),
            }),
            idempotency: written.idempotency.as_ref().map(text),
        },
    }
}

fn escaped(source: &str, escape: Escape) -> Text {
    Text::escaped(source, escape).expect("the parser refuses templates that cannot be read")
}

fn param(written: &flow::Param) -> Param {
    Param {
        name: written.name.value.as_str().into(),
        kind: written.kind.clone(),
        optional: written.optional,
        description: written.description.as_deref().map(Arc::from),
    }
}

fn method(http: &flow::Http) -> HttpMethod {
    match http.method {
        Some(flow::HttpMethod::Get) => HttpMethod::Get,
        Some(flow::HttpMethod::Post) => HttpMethod::Post,
        Some(flow::HttpMethod::Put) => HttpMethod::Put,
        Some(flow::HttpMethod::Patch) => HttpMethod::Patch,
        Some(flow::HttpMethod::Delete) => HttpMethod::Delete,
        None if http.body.is_some() => HttpMethod::Post,
        None => HttpMethod::Get,
    }
}

fn json(tool: &flow::Tool, written: &flow::JsonTemplate) -> JsonText {
    match written {
        flow::JsonTemplate::Bool(value) => JsonText::Fixed(Json::from(*value)),
        flow::JsonTemplate::Number(value) => {
            JsonText::Fixed(super::tools::json_of(&flow::Literal::Number(*value)))
        }
        flow::JsonTemplate::Text(text) => json_text(tool, text),
        flow::JsonTemplate::List(items) => {
            JsonText::List(items.iter().map(|item| json(tool, item)).collect())
        }
        flow::JsonTemplate::Map(entries) => {
            JsonText::Map(entries.iter().map(|(name, value)| (name.clone(), json(tool, value))).collect())
        }
    }
}

fn json_text(tool: &flow::Tool, written: &flow::Template) -> JsonText {
    let param = written.only_name().filter(|name| tool.params.iter().any(|p| p.name.value == **name));
    match param {
        Some(name) => JsonText::Param(name.into()),
        None => JsonText::Text(text(written)),
    }
}

pub(super) fn call_api(compiler: &Compiler<'_>, written: &flow::CallApi) -> CallApi {
    let name = written.tool.as_ref().expect("the parser reports a `call_api` without a tool");
    let (id, tool) = compiler.tool(&name.value);
    let args = tool.params.iter().enumerate().filter_map(|(index, param)| {
        let name = &param.name.value;
        match written.args.iter().find(|(arg, _)| arg.value == *name) {
            Some((_, value)) => Some(given(compiler, index, value)),
            None => of_variable(compiler, index, name),
        }
    });
    CallApi {
        tool: id,
        args: args.collect(),
        timeout: written
            .timeout
            .as_ref()
            .or(tool.timeout.as_ref())
            .map_or(TOOL_TIMEOUT, |timeout| timeout.value),
        retry: written.retry.as_ref().map(|retry| DialRetry {
            times: retry.value.times,
            wait: retry.value.wait.unwrap_or(RETRY_WAIT),
            backoff: retry.value.backoff.unwrap_or(1.0),
            on: super::RetryOn::default(),
        }),
        fill: written.fill.as_ref().map(text),
        save: written.save.iter().map(|s| (compiler.var(&s.var.value), s.path.value.clone())).collect(),
    }
}

fn given(compiler: &Compiler<'_>, param: usize, value: &flow::Template) -> Arg {
    if let Some(arg) = value.only_name().and_then(|name| of_variable(compiler, param, name)) {
        return arg;
    }
    let secret =
        value.names.iter().any(|used| used.name.starts_with("env.") || compiler.is_secret(&used.name));
    Arg { param, from: ArgSource::Text(text(value)), secret }
}

fn of_variable(compiler: &Compiler<'_>, param: usize, name: &str) -> Option<Arg> {
    let id = compiler.variable(name)?;
    Some(Arg { param, from: ArgSource::Var(id), secret: compiler.is_secret(name) })
}

/// A tool that is told that a phone rings: its parameters are filled by their names.
pub(super) fn notify(compiler: &Compiler<'_>, name: &str) -> (ToolId, Vec<Arg>) {
    let (id, tool) = compiler.tool(name);
    let args = tool.params.iter().enumerate().filter_map(|(param, written)| {
        let from = match written.name.value.as_str() {
            "target" => ArgSource::Target,
            "turns" => ArgSource::Turns,
            "from" => ArgSource::From,
            "to" => ArgSource::To,
            name => return of_variable(compiler, param, name),
        };
        Some(Arg { param, from, secret: false })
    });
    (id, args.collect())
}

impl<'f> Compiler<'f> {
    pub(super) fn tool(&self, name: &str) -> (ToolId, &'f flow::Tool) {
        let tools = &self.document().tools;
        let index = tools.iter().position(|tool| tool.name.value == name);
        let index = index.expect("the checker refuses flows with unresolved names");
        (ToolId::from_index(index), &tools[index])
    }

    fn variable(&self, name: &str) -> Option<VarId> {
        self.document().vars.iter().position(|var| var.name.value == name).map(VarId::from_index)
    }
}
