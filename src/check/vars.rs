//! F005, F011, F024: variables are named, set and used as they are declared.

use std::collections::HashSet;

use super::scope::Scope;
use super::walk::{self, Use};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Template, ValueType};
use crate::source::Spanned;

/// Words of guards and templates.
const RESERVED: &[&str] = &[
    "and", "attempts", "call", "else", "env", "false", "hours", "if", "in", "is", "loop", "none", "not",
    "or", "self", "set", "slots", "true", "within",
];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for var in document.vars.iter().filter(|var| !var.implied) {
        reserved(&var.name, out);
    }
    for slot in document.intents.iter().flat_map(|intent| &intent.slots) {
        reserved(&slot.name, out);
        same_type(document, scope, &slot.name, &slot.kind, out);
    }
    constants(document, scope, out);
    secrets(document, out);
}

pub(super) fn reserved(name: &Spanned<String>, out: &mut Vec<Diagnostic>) {
    if RESERVED.contains(&name.value.as_str()) {
        let message = format!("`{}` is a word of the language", name.value);
        out.push(Diagnostic::error(Rule::BadName, name.span, message).help("choose another name"));
    }
}

/// A slot fills the variable of its name, so the two are of one type.
pub(super) fn same_type(
    document: &Document,
    scope: &Scope<'_>,
    slot: &Spanned<String>,
    kind: &ValueType,
    out: &mut Vec<Diagnostic>,
) {
    let Some(var) = scope.vars.get(&slot.value).map(|index| &document.vars[index]) else { return };
    if var.kind != *kind {
        let name = &slot.value;
        let message = format!("the slot `{name}` is {kind}, and the variable `{name}` is {}", var.kind);
        let error =
            Diagnostic::error(Rule::WrongValue, slot.span, message).also(var.name.span, "declared here");
        out.push(error.help("the slot fills the variable: give both the same type"));
    }
}

/// A constant that is set is of the variable's type.
fn constants(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for assignment in walk::assignments(document).filter(|a| seen.insert(a.var.span)) {
        let Some(index) = scope.vars.get(&assignment.var.value) else { continue };
        let kind = &document.vars[index].kind;
        let text = &assignment.value.text;
        let is_constant =
            assignment.value.names.is_empty() && !text.value.contains("{%") && !text.value.contains("{{");
        let unnamed_enum = matches!(kind, ValueType::Enum(words) if words.is_empty());
        if is_constant && !unnamed_enum && kind.read(&text.value).is_none() {
            let message = format!("`{}` is of type {kind}, and this is not", assignment.var.value);
            let help = format!("{kind} is {}", kind.example());
            out.push(Diagnostic::error(Rule::WrongValue, text.span, message).help(help));
        }
    }
}

/// The variables that are secret, or made from what is, and what the environment puts into the headers of tools.
pub(super) fn secret_names(document: &Document) -> HashSet<&str> {
    let mut secret: HashSet<&str> =
        document.vars.iter().filter(|var| var.secret).map(|var| var.name.value.as_str()).collect();
    // What a tool sends in its headers is a key to something.
    let headers = document.tools.iter().filter_map(|tool| tool.http.as_ref()).flat_map(|http| &http.headers);
    let keys = headers.flat_map(|(_, text)| &text.names).map(|name| name.name.as_str());
    secret.extend(keys.filter(|name| name.starts_with("env.")));
    loop {
        let before = secret.len();
        for assignment in walk::assignments(document) {
            if uses(&assignment.value, &secret).next().is_some() {
                secret.insert(&assignment.var.value);
            }
        }
        if secret.len() == before {
            return secret;
        }
    }
}

/// F024: what is secret is neither spoken nor shown to the model, also not by way of another variable.
fn secrets(document: &Document, out: &mut Vec<Diagnostic>) {
    let secret = secret_names(document);
    let mut seen = HashSet::new();
    for (what, template) in
        walk::templates(document).filter(|(what, _)| !matches!(what, Use::Set | Use::Tool))
    {
        let whom = if what == Use::Prompt { "shown to the model" } else { "spoken to the caller" };
        for name in uses(template, &secret).filter(|name| seen.insert(name.span)) {
            let message = format!("`{}` is secret, or made from what is, and would be {whom}", name.name);
            let error = Diagnostic::error(Rule::Secret, name.span, message);
            out.push(error.help(match name.name.starts_with("env.") {
                true => "leave it out: what a tool sends in its headers is a key to something",
                false => "leave it out, or take `secret: true` from the variable",
            }));
        }
    }
}

fn uses<'t>(
    template: &'t Template,
    secret: &HashSet<&str>,
) -> impl Iterator<Item = &'t crate::flow::NameUse> {
    template.names.iter().filter(|name| secret.contains(name.name.as_str()))
}
