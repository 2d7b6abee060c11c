//! Tools: what may be asked of a server, what is taken as an argument, and the request that comes of it.
//!
//! Making a request touches no network. Nothing that is said in a call reaches the scheme, the host or the
//! shape of the path: values are encoded where they stand.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::{RenderError, Text, ToolId, VarId, VarKind};
use crate::flow::Literal;
use crate::pii::Payload;

/// Something that may be asked of a server.
#[derive(Debug)]
pub struct Tool {
    /// Its name, also for the model.
    pub name: Arc<str>,
    /// When the model should use it.
    pub when: Arc<str>,
    /// What it is called with.
    pub params: Vec<Param>,
    /// Whether it changes something.
    pub writes: bool,
    /// The longest one request may take.
    pub timeout: Duration,
    /// Whether it is finished when the caller goes on talking or the state is left.
    pub finishes: bool,
    /// The request.
    pub request: RequestTemplate,
}

/// One parameter of a tool.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub kind: VarKind,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it is, for the model.
    pub description: Option<Arc<str>>,
}

/// A request whose values are not known yet.
#[derive(Debug)]
pub struct RequestTemplate {
    /// The method.
    pub method: HttpMethod,
    /// Scheme and host, and what of the path the environment brings with them.
    pub base: Arc<str>,
    /// The rest of the URL; values are percent-encoded.
    pub rest: Text,
    /// Headers.
    pub headers: Vec<(Arc<str>, Text)>,
    /// What is added to the URL behind its `?`.
    pub query: Vec<(Arc<str>, JsonText)>,
    /// What is sent.
    pub body: Option<BodyTemplate>,
    /// What makes two requests the same one.
    pub idempotency: Option<Text>,
}

/// What is sent with a request.
#[derive(Debug)]
pub enum BodyTemplate {
    /// JSON, value by value.
    Json(JsonText),
    /// JSON as text; values are written as JSON.
    Text(Text),
}

/// JSON whose values are not known yet.
#[derive(Debug)]
pub enum JsonText {
    /// The same in every request.
    Fixed(Json),
    /// A parameter with its type; left out if it has no value.
    Param(Arc<str>),
    /// A text.
    Text(Text),
    /// A list.
    List(Vec<JsonText>),
    /// A map.
    Map(Vec<(String, JsonText)>),
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// `call_api:`.
#[derive(Debug)]
pub struct CallApi {
    /// The tool.
    pub tool: ToolId,
    /// What each parameter is called with.
    pub args: Vec<Arg>,
    /// The longest one request may take.
    pub timeout: Duration,
    /// Further attempts.
    pub retry: Option<super::DialRetry>,
    /// Said if it takes longer than a second.
    pub fill: Option<Text>,
    /// Which variables take what from the answer.
    pub save: Vec<(VarId, Vec<String>)>,
}

/// Where the value of a parameter comes from.
#[derive(Debug)]
pub struct Arg {
    /// Index of the parameter.
    pub param: usize,
    /// The value.
    pub from: ArgSource,
    /// Whether it must not be written down.
    pub secret: bool,
}

/// Where an argument comes from.
#[derive(Debug)]
pub enum ArgSource {
    /// A variable.
    Var(VarId),
    /// A text of the flow.
    Text(Text),
    /// The name of the target that rings.
    Target,
    /// The caller's number.
    From,
    /// The number called.
    To,
    /// What was said last; filled in by whoever heard it.
    Turns,
}

/// What a tool is called with. Prints without the values; serializes without those that are secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ToolArgs {
    /// The values by parameter.
    pub values: Map<String, Json>,
    /// Names of those that must not be written down.
    pub hidden: Vec<Arc<str>>,
}

impl fmt::Debug for ToolArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolArgs({} values)", self.values.len())
    }
}

impl Serialize for ToolArgs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = self.values.iter().map(|(name, value)| {
            let hidden = self.hidden.iter().any(|hidden| **hidden == **name);
            (name, if hidden { Json::from("…") } else { value.clone() })
        });
        serializer.collect_map(shown)
    }
}

/// Why arguments do not fit a tool. Names parameters, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadArgument {
    /// There is no value.
    #[error("`{0}` is missing")]
    Missing(Arc<str>),
    /// The value is of another type.
    #[error("`{0}` must be {1}")]
    WrongType(Arc<str>, String),
}

/// Why a request cannot be made of its arguments.
#[derive(Debug, thiserror::Error)]
pub enum BadRequest {
    /// A text of the request could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A value would lead to another place of the server.
    #[error("a value does not fit into the URL")]
    Url,
    /// The body is no JSON.
    #[error("the body is no JSON")]
    Body,
}

/// A request, ready to be sent. Prints without what is in it.
pub struct ToolRequest {
    /// The method.
    pub method: HttpMethod,
    /// Where it goes.
    pub url: Url,
    /// Headers.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The body: JSON.
    pub body: Option<String>,
    /// What makes two requests the same one.
    pub idempotency: Option<Arc<str>>,
}

impl fmt::Debug for ToolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolRequest({:?})", self.method)
    }
}

impl Param {
    /// A text as a value of this parameter.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Json> {
        if text.trim().is_empty() && !self.optional {
            return None;
        }
        Some(json_of(&self.kind.read(text)?))
    }

    /// What the model gives for this parameter, as a value of its type.
    #[must_use]
    pub fn take(&self, value: &Json) -> Option<Json> {
        match (value, &self.kind) {
            (Json::String(text), _) => self.read(text),
            (Json::Bool(_), VarKind::Bool) => Some(value.clone()),
            (Json::Number(n), VarKind::Number) => n.as_f64().filter(|n| n.is_finite()).map(|_| value.clone()),
            (Json::Number(_) | Json::Bool(_), _) => self.read(&value.to_string()),
            (Json::Array(items), VarKind::List) if items.iter().all(Json::is_string) => Some(value.clone()),
            _ => None,
        }
    }
}

/// A constant of the language as JSON; whole numbers without a point.
#[must_use]
pub fn json_of(value: &Literal) -> Json {
    match value {
        Literal::Bool(value) => Json::from(*value),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough for an i64")]
        Literal::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => Json::from(*value as i64),
        Literal::Number(value) => Json::from(*value),
        Literal::Text(value) => Json::from(&**value),
        Literal::List(items) => items.iter().map(json_of).collect(),
    }
}

impl Tool {
    /// The parameter of a name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| *param.name == *name)
    }

    /// What the model wants to call it with, checked; what it has no parameter for is left out.
    ///
    /// # Errors
    /// [`BadArgument`]: the first that does not fit.
    pub fn arguments(&self, given: &Map<String, Json>) -> Result<ToolArgs, BadArgument> {
        let mut args = ToolArgs::default();
        for param in &self.params {
            match given.get(&*param.name).filter(|value| !value.is_null()) {
                Some(value) => {
                    let wrong = || BadArgument::WrongType(Arc::clone(&param.name), param.kind.example());
                    args.values.insert(param.name.to_string(), param.take(value).ok_or_else(wrong)?);
                }
                None if param.optional => {}
                None => return Err(BadArgument::Missing(Arc::clone(&param.name))),
            }
        }
        Ok(args)
    }

    /// The request that these arguments make. `values` is a map with `call` and `env`.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn request(
        &self,
        args: &Map<String, Json>,
        values: Vec<(String, minijinja::Value)>,
    ) -> Result<ToolRequest, BadRequest> {
        let given = args
            .iter()
            .map(|(name, value)| (name.clone(), minijinja::Value::from(minijinja::value::Serde(value))));
        let values: minijinja::Value =
            values.into_iter().chain(given).collect::<std::collections::BTreeMap<_, _>>().into();
        let template = &self.request;
        let mut url = url(&template.base, &template.rest.render(&values)?)?;
        for (name, value) in &template.query {
            if let Some(value) = value.render(args, &values)? {
                url.query_pairs_mut().append_pair(name, &text_of(&value));
            }
        }
        let headers =
            template.headers.iter().map(|(name, text)| Ok((Arc::clone(name), text.render(&values)?)));
        let body = match &template.body {
            None => None,
            Some(BodyTemplate::Json(json)) => json.render(args, &values)?.map(|json| json.to_string()),
            Some(BodyTemplate::Text(text)) => {
                let text = text.render(&values)?;
                serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|_| BadRequest::Body)?;
                Some(text.to_string())
            }
        };
        Ok(ToolRequest {
            method: template.method,
            url,
            headers: headers.collect::<Result<_, RenderError>>()?,
            body,
            idempotency: template.idempotency.as_ref().map(|key| key.render(&values)).transpose()?,
        })
    }
}

/// A value as it stands behind a `?`.
fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl JsonText {
    fn render(
        &self,
        args: &Map<String, Json>,
        values: &minijinja::Value,
    ) -> Result<Option<Json>, RenderError> {
        Ok(Some(match self {
            Self::Fixed(value) => value.clone(),
            Self::Param(name) => return Ok(args.get(&**name).cloned()),
            Self::Text(text) => Json::from(&*text.render(values)?),
            Self::List(items) => {
                let items = items.iter().filter_map(|item| item.render(args, values).transpose());
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let mut map = Map::new();
                for (name, value) in entries {
                    if let Some(value) = value.render(args, values)? {
                        map.insert(name.clone(), value);
                    }
                }
                Json::Object(map)
            }
        }))
    }
}

/// The whole URL. Encoded values cannot hold `/` or `?`, but two dots would lead up, and behind an encoded slash they
/// do at servers that decode a path before they look at it.
fn url(base: &str, rest: &str) -> Result<Url, BadRequest> {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let path = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    if path.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
        return Err(BadRequest::Url);
    }
    let server = Url::parse(base).map_err(|_| BadRequest::Url)?;
    let url = Url::parse(&format!("{base}{rest}")).map_err(|_| BadRequest::Url)?;
    let same = url.origin() == server.origin() && url.username().is_empty();
    if same { Ok(url) } else { Err(BadRequest::Url) }
}

/// An answer in which everything that is to be saved can be found.
#[must_use]
pub fn answer_with(save: &[(VarId, Vec<String>)], value: impl Fn(VarId) -> String) -> Payload {
    let mut answer = Json::Null;
    for (var, path) in save {
        put(&mut answer, path, Json::from(value(*var)));
    }
    Payload(answer)
}

fn put(at: &mut Json, path: &[String], value: Json) {
    let Some((part, rest)) = path.split_first() else {
        *at = value;
        return;
    };
    /// An entry further behind is not made up.
    const MOST: usize = 64;
    match part.parse::<usize>() {
        Ok(index) if index < MOST && !at.is_object() => {
            if !at.is_array() {
                *at = Json::Array(Vec::new());
            }
            if let Json::Array(items) = at {
                items.resize(items.len().max(index + 1), Json::Null);
                put(&mut items[index], rest, value);
            }
        }
        _ => {
            if !at.is_object() {
                *at = Json::Object(Map::new());
            }
            put(&mut at[part.as_str()], rest, value);
        }
    }
}

/// A field of an answer as a text that a variable can take.
#[must_use]
pub fn field(answer: &Payload, path: &[String]) -> Option<String> {
    let mut at = &answer.0;
    for part in path {
        at = match at {
            Json::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            other => other.get(part)?,
        };
    }
    match at {
        Json::Null => None,
        Json::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            Some(items.iter().map(text_of).collect::<Vec<_>>().join(", "))
        }
        other => Some(text_of(other)),
    }
}
