//! F013: what is declared is used.

use std::collections::HashSet;

use super::scope::{Names, Scope};
use super::{services, walk};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::guard::ExprKind;
use crate::flow::{Document, Event, Kind};
use crate::source::Spanned;

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let used = Used::find(document, scope);
    let unread = unread(document, out);
    let mut report =
        |names: &mut dyn Iterator<Item = &Spanned<String>>, used: &HashSet<&str>, what: &str, help: &str| {
            let is_used = |name: &str| used.contains(name) || unread.contains(name);
            for name in names.filter(|name| !is_used(name.value.as_str())) {
                let message = format!("{what} `{}` is never used", name.value);
                out.push(Diagnostic::warning(Rule::Unused, name.span, message).help(help));
            }
        };
    report(
        &mut document.intents.iter().map(|i| &i.name),
        &used.intents,
        "the intent",
        "let a state listen for it: `on: {intent.…: state}`, or remove it",
    );
    report(
        &mut document.targets.iter().map(|t| &t.name),
        &used.targets,
        "the target",
        "`dial` it, or remove it",
    );
    report(
        &mut document.tools.iter().map(|t| &t.name),
        &used.tools,
        "the tool",
        "call it in a `call_api`, offer it in a `converse: {tools: […]}`, `notify` with it, or remove it",
    );
    report(
        &mut document.vars.iter().map(|v| &v.name),
        &used.names,
        "the variable",
        "use it in a text or a guard, or remove it",
    );
    report(
        &mut document.hours.iter().map(|h| &h.name),
        &used.hours,
        "the set of hours",
        "ask for it: `within(…)`, or remove it",
    );
    let phrases: HashSet<&str> = document
        .phrases
        .iter()
        .filter(|phrase| phrase.used)
        .map(|phrase| phrase.name.value.as_str())
        .collect();
    report(
        &mut document.phrases.iter().map(|p| &p.name),
        &phrases,
        "the phrase",
        "say it: `say: {phrase: …}`, or remove it",
    );
    report(
        &mut document.env.iter().map(|e| &e.name),
        &used.env,
        "the environment variable",
        "use it as `{{ env.… }}`, or remove it",
    );
}

/// Errors whose lines are looked at.
const MOST_UNREAD: usize = 50;
/// Bytes of a line that are looked at before and behind what is wrong.
const NEAR: usize = 500;

/// The words in lines with a condition that could not be read: what it uses is not known.
fn unread<'d>(document: &'d Document, found: &[Diagnostic]) -> HashSet<&'d str> {
    let text = document.source.text();
    let unread = |d: &&Diagnostic| d.id == Rule::GuardType;
    let lines = found.iter().filter(unread).take(MOST_UNREAD).map(|d| {
        let at = d.primary.span.range();
        let before = text.get(..at.start).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |end| end + 1).max(at.start.saturating_sub(NEAR));
        let line = text.get(start..).unwrap_or("").lines().next().unwrap_or("");
        line.char_indices().nth(at.len() + 2 * NEAR).map_or(line, |(end, _)| &line[..end])
    });
    lines.flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_'))).collect()
}

/// The names that are used, by sort.
#[derive(Default)]
struct Used<'d> {
    intents: HashSet<&'d str>,
    targets: HashSet<&'d str>,
    tools: HashSet<&'d str>,
    hours: HashSet<&'d str>,
    env: HashSet<&'d str>,
    /// Variables, in templates and guards.
    names: HashSet<&'d str>,
}

impl<'d> Used<'d> {
    fn find(document: &'d Document, scope: &Scope<'d>) -> Self {
        let mut used = Self::default();
        let ons = document.states.iter().flat_map(|s| &s.on).chain(&document.always);
        for on in ons {
            if let Event::Intent(name) = &on.event.value {
                note(&mut used.intents, name, &scope.intents);
            }
        }
        for state in &document.states {
            if let Kind::Dial(dial) = &state.kind.value {
                dial.to.iter().for_each(|name| note(&mut used.targets, &name.value, &scope.targets));
                dial.listen.iter().for_each(|name| note(&mut used.intents, &name.value, &scope.intents));
            }
            used.tools_of(&state.kind.value, document, scope);
        }
        for guard in walk::guards(document) {
            guard.walk(&mut |expr| match &expr.kind {
                ExprKind::Within(name) => note(&mut used.hours, &name.value, &scope.hours),
                ExprKind::Var(name) => note(&mut used.names, name, &scope.vars),
                ExprKind::IsSet(name) => note(&mut used.names, &name.value, &scope.vars),
                _ => {}
            });
        }
        let keys = document.tools.iter().filter_map(|tool| tool.idempotency.as_ref());
        let requests = document.tools.iter().filter_map(|tool| tool.http.as_ref()).flat_map(|h| h.texts());
        for name in keys.chain(requests).flat_map(|text| &text.names) {
            if let Some(var) = name.name.strip_prefix("env.") {
                note(&mut used.env, var, &scope.env);
            }
        }
        let addresses = document.targets.iter().filter_map(|target| target.address.as_ref());
        let phrases = document.phrases.iter().filter_map(|phrase| phrase.text.as_ref());
        let texts = walk::templates(document)
            .map(|(_, t)| t)
            .chain(addresses)
            .chain(phrases)
            .chain(services::templates(document));
        for name in texts.flat_map(|t| &t.names) {
            match name.name.strip_prefix("env.") {
                Some(var) => note(&mut used.env, var, &scope.env),
                None => note(&mut used.names, &name.name, &scope.vars),
            }
        }
        used
    }
}

impl<'d> Used<'d> {
    /// Tools, and the variables that their parameters take by name.
    fn tools_of(&mut self, kind: &'d Kind, document: &'d Document, scope: &Scope<'d>) {
        let offered = match kind {
            Kind::Converse(converse) => converse.tools.as_slice(),
            _ => &[],
        };
        offered.iter().for_each(|name| note(&mut self.tools, &name.value, &scope.tools));
        let (name, args) = match kind {
            Kind::CallApi(api) => (api.tool.as_ref(), api.args.as_slice()),
            Kind::Dial(dial) => (dial.notify.as_ref(), &[][..]),
            _ => return,
        };
        let Some(name) = name else { return };
        note(&mut self.tools, &name.value, &scope.tools);
        let Some(tool) = scope.tools.meant(&name.value).map(|index| &document.tools[index]) else { return };
        for param in tool.params.iter().map(|param| &param.name.value) {
            if !args.iter().any(|(arg, _)| arg.value == *param) && scope.vars.get(param).is_some() {
                note(&mut self.names, param, &scope.vars);
            }
        }
    }
}

/// A name that is written wrong uses what was meant: one typing mistake, one finding.
fn note<'d>(used: &mut HashSet<&'d str>, written: &str, names: &Names<'d>) {
    used.extend(names.declared(written).or_else(|| names.nearest(written)));
}
