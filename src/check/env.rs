//! F025, F027, F028, F040: the environment, and the addresses that are made from it.
//!
//! A dial target is what the flow's author wrote or what stands in the environment, nothing else. Values of
//! the environment never appear in a message.

use std::fmt;

use super::endpoints::{self, Endpoint};
use super::scope::Scope;
use super::services::{self, ModelServer};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, EnvVar, Target, ValueType};
use crate::pii::Address;

/// Whether the environment is looked at.
#[derive(Clone, Copy)]
pub enum EnvMode<'e> {
    /// The flow is only inspected: variables of the environment may have any value, or none.
    Unknown,
    /// The same, with values for some of them; what is reached with them is fictional all the same.
    Given(&'e dyn Fn(&str) -> Option<String>),
    /// The flow is to be run with these values.
    Known(&'e dyn Fn(&str) -> Option<String>),
}

impl fmt::Debug for EnvMode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Unknown",
            Self::Given(_) => "Given",
            Self::Known(_) => "Known",
        })
    }
}

/// What `env:`, `targets:` and the URLs of `tools:` come to.
pub(super) struct Resolved {
    pub env: Vec<(String, String)>,
    pub targets: Vec<Address>,
    pub endpoints: Vec<Endpoint>,
    pub model_servers: [Option<ModelServer>; 2],
}

/// A number that cannot exist (there is no area 555 with an exchange 010): reaches nobody.
const NOBODY: &str = "+15550100100";

/// Looks up the environment and makes the addresses. `None` if anything is wrong.
pub(super) fn resolve(
    document: &Document,
    scope: &Scope<'_>,
    mode: EnvMode<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<Resolved> {
    let values: Vec<_> = document.env.iter().map(|var| value(var, mode, out)).collect();
    let mut targets = Vec::new();
    for target in &document.targets {
        let usable = names_are_allowed(target, scope, out);
        targets.push(if usable { address(document, target, &values, mode, out) } else { None });
    }
    let endpoints = endpoints::resolve(document, &values, mode, out);
    let model_servers = services::resolve(document, scope, mode, &values, out);
    let named = |(var, value): (&EnvVar, Option<String>)| Some((var.name.value.clone(), value?));
    let env = document.env.iter().zip(values).map(named).collect::<Option<_>>()?;
    Some(Resolved {
        env,
        targets: targets.into_iter().collect::<Option<_>>()?,
        endpoints: endpoints?,
        model_servers: model_servers?,
    })
}

fn value(var: &EnvVar, mode: EnvMode<'_>, out: &mut Vec<Diagnostic>) -> Option<String> {
    let lookup = match mode {
        EnvMode::Unknown => return Some(fictional(&var.kind)),
        EnvMode::Given(lookup) | EnvMode::Known(lookup) => lookup,
    };
    let name = &var.name.value;
    let Some(value) = lookup(name).filter(|value| !value.trim().is_empty()) else {
        if matches!(mode, EnvMode::Given(_)) {
            return Some(fictional(&var.kind));
        }
        let message = format!("`{name}` is not set in the environment");
        let help = format!("set it, for example in a file `.env`: {name}={}", fictional(&var.kind));
        out.push(Diagnostic::error(Rule::EnvMissing, var.name.span, message).help(help));
        return None;
    };
    if var.kind.read(&value).is_none() {
        let message = format!("the value of `{name}` in the environment is not of type {}", var.kind);
        let help = format!("{} is {}", var.kind, var.kind.example());
        out.push(Diagnostic::error(Rule::EnvMissing, var.name.span, message).help(help));
        return None;
    }
    Some(value)
}

/// A value of the right type that means nothing.
fn fictional(kind: &ValueType) -> String {
    match kind {
        ValueType::Phone => NOBODY,
        ValueType::Int | ValueType::Number => "1",
        ValueType::Bool => "true",
        ValueType::Date => "2026-01-01",
        ValueType::Duration => "1s",
        ValueType::Text | ValueType::Enum(_) | ValueType::List => "text",
    }
    .to_owned()
}

/// F025 and F027: only the environment may reach an address.
fn names_are_allowed(target: &Target, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) -> bool {
    let Some(address) = &target.address else { return false };
    let before = out.len();
    for name in &address.names {
        match name.name.strip_prefix("env.") {
            Some(var) => out.extend(unlisted(var, name.span, scope)),
            None => {
                let message = format!("`{}` would decide who is dialled", name.name);
                let help = "a target's address is written here or comes from `env.`; to choose between people, declare \
                            several targets and use a `choose`";
                out.push(
                    Diagnostic::error(Rule::DialTargetInput, name.span, message)
                        .label("comes from the call")
                        .help(help),
                );
            }
        }
    }
    out.len() == before
}

/// F027 for one use of `env.…`.
pub(super) fn unlisted(var: &str, span: crate::source::Span, scope: &Scope<'_>) -> Option<Diagnostic> {
    if scope.env.get(var).is_some() {
        return None;
    }
    let message = format!("`{var}` is not listed under `env:`");
    let listed = format!("a flow sees only what it lists: add `{var}: phone` or `{var}: text` under `env:`");
    let help = scope.env.nearest(var).map_or(listed, |name| format!("did you mean `{name}`?"));
    Some(Diagnostic::error(Rule::EnvUnlisted, span, message).help(help))
}

/// F040: the address of a target.
fn address(
    document: &Document,
    target: &Target,
    values: &[Option<String>],
    mode: EnvMode<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<Address> {
    let template = target.address.as_ref()?;
    let from_env = !template.names.is_empty();
    let text = match with_values(document, &template.text.value, values) {
        Ok(text) => text,
        Err(NotPlain::Unknown) => return None,
        Err(NotPlain::Tag) => {
            let message = "an address is text and `{{ env.NAME }}`, nothing else";
            let help = "put the whole address into the environment, or declare several targets";
            out.push(Diagnostic::error(Rule::Address, template.text.span, message).help(help));
            return None;
        }
    };
    match Address::parse(&text) {
        Ok(address) if target.is_sip && !from_env && matches!(address, Address::Phone(_)) => {
            let error = Diagnostic::error(Rule::Address, template.text.span, "this is not a SIP address");
            out.push(error.help("write `phone:` for a telephone number"));
            None
        }
        Ok(address) => Some(address),
        Err(_) if from_env && !matches!(mode, EnvMode::Known(_)) => Address::parse(NOBODY).ok(),
        Err(_) if from_env => {
            let name = &target.name.value;
            let message = format!("with the values of the environment, `{name}` is not an address");
            let error = Diagnostic::error(Rule::Address, template.text.span, message);
            out.push(error.help("it must come to `+` and 8 to 15 digits, or to sip:user@host"));
            None
        }
        Err(error) => {
            let (message, help) = match error {
                crate::pii::AddressError::NotSip => {
                    ("this is not a SIP address", "write it as sip:user@host")
                }
                crate::pii::AddressError::NotAnAddress => (
                    "this is neither a telephone number nor a SIP address",
                    "write `+` and 8 to 15 digits with the country first (E.164), such as \"+15550100123\", or sip:user@host",
                ),
            };
            out.push(Diagnostic::error(Rule::Address, template.text.span, message).help(help));
            None
        }
    }
}

/// The text with the values of its `{{ env.NAME }}`. Nothing else may stand in an address: a template that a
/// stranger wrote could take all memory when it is rendered, and flows are checked before they are trusted.
pub(super) fn with_values(
    document: &Document,
    text: &str,
    values: &[Option<String>],
) -> Result<String, NotPlain> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once("{{") {
        let (name, after) = tag.split_once("}}").ok_or(NotPlain::Tag)?;
        let name = name.trim().strip_prefix("env.").ok_or(NotPlain::Tag)?;
        let var = document.env.iter().position(|var| var.name.value == name).ok_or(NotPlain::Tag)?;
        out.push_str(before);
        out.push_str(values[var].as_ref().ok_or(NotPlain::Unknown)?);
        rest = after;
    }
    out.push_str(rest);
    if ["{%", "{#"].iter().any(|tag| text.contains(tag)) { Err(NotPlain::Tag) } else { Ok(out) }
}

/// Why an address has no text.
pub(super) enum NotPlain {
    /// There is more in it than names of the environment.
    Tag,
    /// A value is missing, which was told.
    Unknown,
}
