//! F008, F010, F014, F027: every name that is used is declared.

use std::collections::HashSet;

use super::env::unlisted;
use super::scope::{Names, Scope};
use super::walk;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::guard::ExprKind;
use crate::flow::{Document, Event, Kind, NameUse};
use crate::source::{Span, Spanned};

/// What `call.…` has.
const CALL_PARTS: &[&str] = &["call.id", "call.from", "call.to"];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let mut names = Check { scope, out };
    names.start(document);
    for state in &document.states {
        match &state.kind.value {
            Kind::Dial(dial) => {
                for name in &dial.to {
                    names.declared(name, &scope.targets, "target", "targets");
                }
                for name in &dial.listen {
                    names.declared(name, &scope.intents, "intent", "intents");
                }
            }
            Kind::Converse(converse) => {
                for to in converse.silence.iter().flatten().filter_map(|rung| rung.to.as_ref()) {
                    names.state(to);
                }
            }
            _ => {}
        }
    }
    names.edges(document);
    names.values(document);
}

struct Check<'c, 'd> {
    scope: &'c Scope<'d>,
    out: &'c mut Vec<Diagnostic>,
}

impl Check<'_, '_> {
    fn start(&mut self, document: &Document) {
        let Some(start) = &document.start else { return };
        if self.scope.states.get(&start.value).is_none() && !document.states.is_empty() {
            let message = format!("the call cannot begin in `{}`: there is no such state", start.value);
            let help = advice(&start.value, &self.scope.states, "states");
            self.out.push(Diagnostic::error(Rule::Start, start.span, message).help(help));
        }
    }

    fn edges(&mut self, document: &Document) {
        // `next:` stands for two edges with one place: one finding is enough.
        let mut seen = HashSet::new();
        for branch in walk::branches(document) {
            if seen.insert(branch.to.span) {
                self.state(&branch.to);
            }
        }
        let ons = document.states.iter().flat_map(|s| &s.on).chain(&document.always);
        for on in ons {
            if let Event::Intent(name) = &on.event.value {
                let name = Spanned::new(name.clone(), after_dot(name, on.event.span));
                self.declared(&name, &self.scope.intents, "intent", "intents");
            }
        }
    }

    fn values(&mut self, document: &Document) {
        for guard in walk::guards(document) {
            guard.walk(&mut |expr| match &expr.kind {
                ExprKind::Var(name) => self.var(&Spanned::new(name.clone(), expr.span)),
                ExprKind::IsSet(name) => self.var(name),
                ExprKind::Attempts(name) => self.state(name),
                ExprKind::Within(name) => self.declared(name, &self.scope.hours, "set of hours", "hours"),
                _ => {}
            });
        }
        let mut seen = HashSet::new();
        for assignment in walk::assignments(document).filter(|a| seen.insert(a.var.span)) {
            self.var(&assignment.var);
        }
        let mut seen = HashSet::new();
        let phrases = document.phrases.iter().filter_map(|phrase| phrase.text.as_ref());
        for template in walk::templates(document).map(|(_, template)| template).chain(phrases) {
            for name in template.names.iter().filter(|n| seen.insert(n.span)) {
                self.template_name(name);
            }
        }
    }

    fn state(&mut self, name: &Spanned<String>) {
        if self.scope.states.get(&name.value).is_none() {
            let message = format!("there is no state `{}`", name.value);
            let help = advice(&name.value, &self.scope.states, "states");
            self.out.push(Diagnostic::error(Rule::UnknownState, name.span, message).help(help));
        }
    }

    fn var(&mut self, name: &Spanned<String>) {
        self.declared(name, &self.scope.vars, "variable", "vars");
    }

    fn declared(&mut self, name: &Spanned<String>, names: &Names<'_>, what: &str, section: &str) {
        if names.get(&name.value).is_none() {
            let message = format!("there is no {what} `{}`", name.value);
            let help = advice(&name.value, names, section);
            self.out.push(Diagnostic::error(Rule::UnknownName, name.span, message).help(help));
        }
    }

    fn template_name(&mut self, used: &NameUse) {
        if let Some(var) = used.name.strip_prefix("env.") {
            self.out.extend(unlisted(var, used.span, self.scope));
        } else if used.name.starts_with("call.") {
            if !CALL_PARTS.contains(&used.name.as_str()) {
                let message = format!("there is no `{}`", used.name);
                let help = format!("a template can use {}", CALL_PARTS.join(", "));
                self.out.push(Diagnostic::error(Rule::UnknownName, used.span, message).help(help));
            }
        } else {
            self.var(&Spanned::new(used.name.clone(), used.span));
        }
    }
}

/// The part of `intent.<name>` that names the intent, if the key is written without quotes.
fn after_dot(name: &str, key: Span) -> Span {
    let plain = key.range().len() == "intent.".len() + name.len();
    Span { start: if plain { key.start + 7 } else { key.start }, end: key.end }
}

/// The name that was meant, or what there is, or where to declare it.
fn advice(written: &str, names: &Names<'_>, section: &str) -> String {
    /// More than this is not a help but a list.
    const MOST: usize = 8;
    if let Some(meant) = names.nearest(written) {
        return format!("did you mean `{meant}`?");
    }
    let all = names.sorted();
    match all.len() {
        0 => format!("nothing is declared under `{section}:` yet"),
        1..=MOST => format!("declared under `{section}:`: {}", all.join(", ")),
        _ => format!("declare it under `{section}:`"),
    }
}
