//! `tools:` and `call_api:` as written: what may be asked of a server, with what, and for how long.

use std::time::Duration;

use super::kinds::Retry;
use super::template::Template;
use super::value::ValueType;
use crate::source::{Span, Spanned};

/// One entry of `tools:`.
#[derive(Debug)]
pub struct Tool {
    /// Its name.
    pub name: Spanned<String>,
    /// When the model should use it.
    pub when: Option<Spanned<String>>,
    /// What it is called with.
    pub params: Vec<Param>,
    /// What it does to the world.
    pub effect: Spanned<ToolEffect>,
    /// The longest one request may take.
    pub timeout: Option<Spanned<Duration>>,
    /// What makes two requests the same one.
    pub idempotency: Option<Template>,
    /// What becomes of it when the caller goes on talking.
    pub on_interrupt: Option<OnInterrupt>,
    /// The request; absent if it could not be read.
    pub http: Option<Http>,
}

/// One parameter of a tool.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub kind: ValueType,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it is, for the model.
    pub description: Option<String>,
}

/// `effect:` of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolEffect {
    /// It only looks.
    Read,
    /// It changes something.
    Write,
    /// It would end or move the call, which only an intent may.
    Terminal,
}

/// `on_interrupt:` of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInterrupt {
    /// It is finished all the same.
    Finish,
    /// It is given up.
    Cancel,
}

/// `http:` of a tool.
#[derive(Debug)]
pub struct Http {
    /// Where it stands.
    pub span: Span,
    /// The method; absent if left out.
    pub method: Option<HttpMethod>,
    /// Where the request goes.
    pub url: Option<Template>,
    /// Headers, by name.
    pub headers: Vec<(Spanned<String>, Template)>,
    /// What is added to the URL behind its `?`.
    pub query: Vec<(Spanned<String>, Template)>,
    /// What is sent.
    pub body: Option<Body>,
}

/// `method:` of a request.
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

/// What is sent with a request.
#[derive(Debug)]
pub enum Body {
    /// `json:`.
    Json(JsonTemplate),
    /// `body:`: JSON as text.
    Text(Template),
}

/// JSON whose texts may hold `{{ … }}`.
#[derive(Debug)]
pub enum JsonTemplate {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// A map.
    Map(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// All texts in it.
    #[must_use]
    pub fn texts(&self) -> Vec<&Template> {
        match self {
            Self::Bool(_) | Self::Number(_) => Vec::new(),
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Map(entries) => entries.iter().flat_map(|(_, value)| value.texts()).collect(),
        }
    }
}

impl Http {
    /// The texts of the request but for the URL and the headers.
    #[must_use]
    pub fn sent(&self) -> Vec<&Template> {
        let body = match &self.body {
            Some(Body::Json(json)) => json.texts(),
            Some(Body::Text(text)) => vec![text],
            None => Vec::new(),
        };
        self.query.iter().map(|(_, text)| text).chain(body).collect()
    }

    /// All texts of the request.
    #[must_use]
    pub fn texts(&self) -> Vec<&Template> {
        let headers = self.headers.iter().map(|(_, text)| text);
        self.url.iter().chain(headers).chain(self.sent()).collect()
    }
}

/// `call_api:`.
#[derive(Debug)]
pub struct CallApi {
    /// The tool; absent if it could not be read.
    pub tool: Option<Spanned<String>>,
    /// What it is called with.
    pub args: Vec<(Spanned<String>, Template)>,
    /// The longest one request may take.
    pub timeout: Option<Spanned<Duration>>,
    /// Further attempts.
    pub retry: Option<Spanned<Retry>>,
    /// Said if it takes longer than a second.
    pub fill: Option<Template>,
    /// Which variables take what from the answer.
    pub save: Vec<Saved>,
}

/// One entry of `save:`.
#[derive(Debug)]
pub struct Saved {
    /// The variable.
    pub var: Spanned<String>,
    /// The way into the answer: names of fields and numbers of list entries.
    pub path: Spanned<Vec<String>>,
}
